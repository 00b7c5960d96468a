"""Pages on a folder in the release's layout, with ready features: the same pages, and the label is measured."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import nbformat
import numpy as np
import pytest

from blemore import notebook, sources
from blemore.feature_files import RELEASE_FOLDERS
from blemore.fragments import DATA_TYPE
from tests.conftest import ROOT
from tests.test_report import fragments_of, page

WIDTH = {"hicmae": 8, "openface3": 4}
"""Columns of the small release's features, else 6."""


def write_features(folder: Path, names: list[str], encoder: str, random: np.random.Generator) -> None:
    """One file a clip: (T, D), a single row (D,) for HiCMAE, CSV for OpenFace 3."""
    folder.mkdir(parents=True)
    width = WIDTH.get(encoder, 6)
    for name in names:
        x = random.normal(size=(random.integers(3, 6), width)).astype(np.float32)
        if encoder == "openface3":
            header = ",".join(f"AU{i}" for i in range(width))
            np.savetxt(folder / f"{name}.csv", x, delimiter=",", header=header, comments="")
        else:
            np.save(folder / f"{name}.npy", x[0] if encoder == "hicmae" else x)


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A release of two invented actors a fold, with every kind of features that the real one has."""
    folder, random = tmp_path_factory.mktemp("release"), np.random.default_rng(0)
    table = sources.clips("standin")[0].of("train").table
    few = table[table.groupby("fold")["actor"].transform(lambda actor: actor.isin(actor.unique()[:2]))].iloc[::2]
    few[["filename", "fold"]].to_csv(folder / "train_metadata.csv", index=False)
    for encoder, name in RELEASE_FOLDERS.items():
        names = {"train": few["filename"].tolist(), "test": ["test_0001", "test_0002", "test_0003"]}
        for partition in names:
            where = folder / f"pre_extracted_{partition}_data" / f"{name}_{partition}"
            write_features(where, names[partition], encoder, random)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BLEMORE_DATA", str(folder))
        patch.delenv("BLEMORE_MIRROR", raising=False)
        patch.setenv("BLEMORE_CACHE", str(folder / "cache"))
        patch.setenv("BLEMORE_OFFLINE", "1")
        patch.chdir(tmp_path_factory.mktemp("work"))  # runs are kept there
        yield folder


@pytest.fixture(scope="module")
def executed(release: Path) -> dict[str, str]:
    """The results page as papermill leaves it: each table or figure by the beginning of its plain form."""
    done = notebook.run(ROOT / "notebooks" / "results.ipynb", Path("out.ipynb"), {"epochs": 2, "encoder": "openface3"})
    nbformat.validate(done)
    outputs = [one["data"] for cell in done.cells for one in cell.get("outputs", []) if "data" in one]
    (card,) = (one[DATA_TYPE] for one in outputs if DATA_TYPE in one)
    return {one["text/plain"].splitlines()[0]: one["text/plain"] for one in outputs} | {"card": json.dumps(card)}


def of(executed: dict[str, str], beginning: str) -> dict[str, list[str]]:
    """Lines of a table by their heading."""
    (text,) = (text for first, text in executed.items() if first.startswith(beginning))
    return {line.split(" | ")[0]: line.split(" | ") for line in text.splitlines()[1:]}


def test_rows_of_the_release_are_measured_and_compared(executed: dict[str, str]) -> None:
    table = of(executed, "Table 2, trained here: real features")
    trained = {name for name, cells in table.items() if cells[-1].endswith("measured")}
    assert {"ImageBind", "VideoMAEv2", "WavLM", "HuBERT", "VideoMAEv2 subsampled", "ImageBind + WavLM"} <= trained
    assert all(table[name][-1].split()[0] in ("reproduced", "differs") for name in trained - {"OpenFace 3"})


def test_rows_that_the_release_lacks_say_so(executed: dict[str, str]) -> None:
    table = of(executed, "Table 2, trained here")
    for name in ("CLIP", "VideoSwin", "OpenFace", "VideoSwin subsampled"):
        assert table[name][2] == "–" and "unchecked the release has no features of" in table[name][-1]


def test_openface_3_is_a_row_of_its_own(executed: dict[str, str]) -> None:
    row = of(executed, "Table 2, trained here")["OpenFace 3"]
    assert row[1] == row[3] == "–" and row[-1] == "measured" and "±" in row[2]


def test_test_clips_are_decided_and_their_scores_left_empty(executed: dict[str, str]) -> None:
    table = of(executed, "Table 3, trained here")
    assert "3 test clips decided; their labels are withheld" in table["WavLM"][-1]
    assert table["WavLM"][2] == "–" and all(0 < float(cell) < 1 for cell in table["WavLM"][5:7])


def test_nothing_of_it_is_simulated_and_every_input_is_named(executed: dict[str, str]) -> None:
    assert not [first for first in executed if "stand-in" in first]
    inputs = json.loads(executed["card"])["inputs"]
    assert {
        "zenodo/train_metadata.csv",
        "zenodo/WavLM_large_train",
        "zenodo/WavLM_large_test",
        "zenodo/OpenFace_3_train",
    } <= set(inputs)


@pytest.mark.parametrize(("name", "label"), [("aggregation", "measured"), ("pca", "measured"), ("dataset", "released")])
def test_other_pages_run_on_it_too(name: str, label: str, release: Path) -> None:
    shown = "".join(one.html for one in fragments_of(page(name)))
    assert f'label-{label}"' in shown


@pytest.mark.parametrize(("name", "absent"), [("aggregation", "WavLM_large"), ("pca", "WavLM_large")])
def test_pages_on_a_part_of_the_release_simulate_the_rest_and_say_so(
    name: str, absent: str, release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = shutil.copytree(release, tmp_path / "part", ignore=shutil.ignore_patterns(f"{absent}_train", "cache"))
    next((part / "pre_extracted_train_data").glob("V*/*.npy")).unlink()  # and one clip
    monkeypatch.setenv("BLEMORE_DATA", str(part))
    *shown, card = fragments_of(page(name))
    assert any('label-measured"' in one.html for one in shown) is (name == "aggregation")  # pca shows two side by side
    assert any('label-stand-in"' in one.html for one in shown)
    assert f"{absent}_train is not here" in card.html and "simulated" in card.html
