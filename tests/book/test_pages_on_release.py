"""Pages on a folder in the release's layout, with ready features: the same pages, and the label is measured."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import nbformat
import numpy as np
import pytest
from click.testing import CliRunner

from blemore.book import execution
from blemore.cli import main
from blemore.errors import InputError
from blemore.experiments.protocols import settings_for
from blemore.features.feature_table import Features
from blemore.features.release_folder import RELEASE_FOLDERS
from blemore.results import one_encoder, trained_tables
from blemore.show import drawing
from blemore.show.html import DATA_TYPE, Fragment, Prose
from blemore.sources import lookup
from blemore.training.loop import Settings
from tests.conftest import ROOT
from tests.show.test_page_tables import fragments_of, page

COLUMNS = "emotion_index,gaze_yaw,gaze_pitch,action_units"
"""Of the CSV files of OpenFace 3; the last holds a list of eight numbers in a cell."""


def write_features(folder: Path, names: list[str], encoder: str, random: np.random.Generator) -> None:
    """One file a clip, as the release has them: (T, D); for VideoMAEv2 (T, 1, D), for OpenFace 3 CSV with lists in cells."""
    folder.mkdir(parents=True)
    for name in names:
        x = random.normal(size=(random.integers(2, 4), 11 if encoder == "openface3" else 6)).astype(np.float32)
        if encoder == "openface3":
            lines = [f'{row[0]:.0f},{row[1]:.4f},{row[2]:.4f},"{row[3:].round(4).tolist()}"' for row in x]
            (folder / f"{name}.csv").write_text("\n".join([COLUMNS, *lines, ""]))
        else:
            np.save(folder / f"{name}.npy", x[:, None] if encoder == "videomaev2" else x)


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A release of all training clips, with every kind of features that the real one has; few frames, few columns."""
    folder, random = tmp_path_factory.mktemp("release"), np.random.default_rng(0)
    table = lookup.clips("standin")[0].of("train").table
    table[["filename", "fold"]].to_csv(folder / "train_metadata.csv", index=False)
    for encoder, name in RELEASE_FOLDERS.items():
        names = {"train": table["filename"].tolist(), "test": ["test_0001", "test_0002", "test_0003"]}
        for partition in names:
            where = folder / f"pre_extracted_{partition}_data" / f"{name}_{partition}"
            write_features(where, names[partition], encoder, random)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BLEMORE_DATA", str(folder))
        patch.delenv("BLEMORE_MIRROR", raising=False)
        patch.setenv("BLEMORE_CACHE", str(folder / "cache"))
        patch.setenv("BLEMORE_OFFLINE", "1")
        patch.chdir(tmp_path_factory.mktemp("work"))  # runs are kept there
        patch.setattr(trained_tables, "settings_for", two_epochs)
        yield folder


def two_epochs(features: Features, profile: str, **changes: Any) -> Settings:
    """Return the profile's settings for two epochs, so that all pages train the same."""
    return settings_for(features, profile, **{"epochs": 2, **changes})


@pytest.fixture(scope="module")
def executed(release: Path) -> dict[str, str]:
    """The results page as papermill leaves it: each table or figure by the beginning of its plain form."""
    done = execution.run(ROOT / "notebooks" / "results.ipynb", Path("out.ipynb"), {"epochs": 2, "encoder": "openface3"})
    nbformat.validate(done)
    outputs = [one["data"] for cell in done.cells for one in cell.get("outputs", []) if "data" in one]
    (card,) = (one[DATA_TYPE] for one in outputs if DATA_TYPE in one)
    return {one["text/plain"].splitlines()[0]: one["text/plain"] for one in outputs} | {"card": json.dumps(card)}


LACKED = ("CLIP", "VideoSwin", "OpenFace", "VideoSwin subsampled")
"""Rows of Table 2 that the release has no features of."""


def of(executed: dict[str, str], beginning: str) -> dict[str, list[str]]:
    """Lines of a table by their heading."""
    (text,) = (text for first, text in executed.items() if first.startswith(beginning))
    return {line.split(" | ")[0]: line.split(" | ") for line in text.splitlines()[1:]}


def test_every_row_that_the_release_has_is_measured_on_all_clips_and_compared(executed: dict[str, str]) -> None:
    table = of(executed, "Table 2, trained here: real features of 2,456 clips, 2 epochs")
    trained = {name for name, cells in table.items() if "measured" in cells[-1]}
    assert len(table) == 1 + 13 + 1 and set(table) - trained == {"encoder", *LACKED}
    for name in trained - {"OpenFace 3"}:
        assert table[name][-1].startswith("unchecked measured other settings: 2 epochs") and "±" in table[name][2]


def test_rows_that_the_release_lacks_say_so(executed: dict[str, str]) -> None:
    table = of(executed, "Table 2, trained here")
    for name in LACKED:
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


@pytest.fixture
def part(release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The release with VideoMAEv2 as its only features, of which one clip is lost."""
    kept = tmp_path / "pre_extracted_train_data" / "VideoMAEv2_train"
    shutil.copytree(release / "pre_extracted_train_data" / "VideoMAEv2_train", kept)
    shutil.copy(release / "train_metadata.csv", tmp_path)
    next(kept.iterdir()).unlink()
    monkeypatch.setenv("BLEMORE_DATA", str(tmp_path))
    return tmp_path


def test_aggregation_on_a_part_of_the_release_simulates_the_rest_and_says_so(part: Path) -> None:
    *shown, card = fragments_of(page("aggregation"))
    assert any('label-measured"' in one.html for one in shown)
    assert any('label-stand-in"' in one.html for one in shown)
    assert "WavLM_large_train is not here" in card.html and "simulated" in card.html
    assert "zenodo/WavLM_large_train" in card.data["inputs"]  # the page runs again once it is here


def test_projection_on_a_part_of_the_release_leaves_the_rest_out_and_says_so(part: Path) -> None:
    *shown, card = fragments_of(page("pca"))
    assert any('label-measured"' in one.html for one in shown)
    assert not any('label-stand-in"' in one.html for one in shown)
    assert "WavLM is left out: WavLM_large_train is not here" in card.html and "2,455 clips" in card.html


def test_projection_of_what_the_release_lacks_is_simulated_and_says_so(part: Path) -> None:
    *shown, card = fragments_of(page("pca", encoder="wavlm", beside="clip"))
    assert any('label-stand-in"' in one.html for one in shown) and not any(
        'label-measured"' in one.html for one in shown
    )
    assert "WavLM is simulated: WavLM_large_train is not here" in card.html


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are not drawn, which takes most of a page's time; their captions stay."""
    monkeypatch.setattr(drawing, "_fragment", lambda name, drawn: Fragment("", f"{name}: {drawn.caption}"))


def user_features(folder: Path, names: list[str]) -> str:
    """A table of a user's features; gives its path."""
    x = np.random.default_rng(1).normal(size=(len(names), 3)).astype(np.float32)
    np.savez(folder / "mine.npz", X=x, filenames=np.array(names))
    return str(folder / "mine.npz")


def test_features_of_a_user_are_a_row_with_a_caption_of_their_own(
    release: Path, executed: dict[str, str], undrawn: None, tmp_path: Path
) -> None:
    names = lookup.clips()[0].names[::4]
    given = {"features": user_features(tmp_path, names), "metadata": str(release / "train_metadata.csv")}
    shown = fragments_of(page("results", encoder="mine", epochs=5, learning_rate=1e-3, **given))
    (table,) = (one.text for one in shown if one.text.startswith("Table 2, trained here"))
    rest = "real features of 2,456 clips, 2 epochs, learning rate 2e-05"
    assert f"{rest}; mine: real features of {len(names)} clips, 5 epochs, learning rate 0.001" in table
    assert table.splitlines()[-1].startswith("mine | – | 0.")


def test_features_of_a_user_are_read_before_anything_is_trained(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trained(*_: object, **__: object) -> NoReturn:
        raise AssertionError("trained before the file was read")

    monkeypatch.setattr(trained_tables, "cross_validate_all", trained)
    given = {"features": user_features(tmp_path, ["A1_ang_int1_ver1"]), "metadata": str(release / "train_metadata.csv")}
    with pytest.raises(InputError, match="none of its clips is in the clip table"):
        page("results", encoder="mine", **given)


@pytest.fixture
def broken(release: Path, executed: dict[str, str], undrawn: None) -> Iterator[str]:
    """The same release, one file of HuBERT cut short; gives the file's place."""
    path = sorted((release / "pre_extracted_train_data" / "HuBERT_large_train").iterdir())[1000]
    whole = path.read_bytes()
    path.write_bytes(whole[:-5])
    yield str(path.relative_to(release))
    path.write_bytes(whole)


MEASURED = {"imagebind", "videomaev2", "videomaev2:sub", "hubert", "wavlm", "imagebind+wavlm", "imagebind+hubert",
            "videomaev2+wavlm", "videomaev2+hubert"}  # fmt: skip
"""Rows of Table 2 that the release has features of."""

HUBERTS = {"HuBERT", "ImageBind + HuBERT", "VideoMAEv2 + HuBERT"}


def test_broken_file_costs_its_rows_of_the_results_page(broken: str) -> None:
    shown = {one.text.splitlines()[0]: one.text for one in fragments_of(page("results", epochs=2, encoder="openface3"))}
    table = of(shown, "Table 2, trained here")
    empty = {name for name, cells in table.items() if cells[2] == "–"}
    assert empty == {*HUBERTS, *LACKED} and all(broken in table[name][-1] for name in HUBERTS)


def test_broken_file_costs_its_rows_of_the_command(broken: str) -> None:
    result = CliRunner().invoke(main, ["table", "2", "--trained", "--epochs", "2", "--json"])
    assert result.exit_code == 0
    measured = {row["id"] for row in json.loads(result.stdout)["rows"] if row["label"] == "measured"}
    assert measured == {row for row in MEASURED if "hubert" not in row}
    notes = result.stderr.splitlines()
    assert notes[0].startswith("note: trained on real features of 2,456 clips, 2 epochs, ")
    assert sum(broken in note for note in notes) == len(HUBERTS) and "features=" not in result.stderr


def test_broken_file_is_named_on_the_page_of_its_encoder(broken: str) -> None:
    text = "\n".join(one.text for one in page("encoder", encoder="hubert") if isinstance(one, Fragment | Prose))
    assert broken in text and "of 2,456 clips, 2 epochs" not in text


def test_broken_file_is_left_out_of_the_projection_and_the_other_encoder_stays_measured(broken: str) -> None:
    for given in ({"encoder": "hubert", "beside": "videomaev2"}, {"encoder": "videomaev2", "beside": "hubert"}):
        shown = fragments_of(page("pca", **given))
        (said,) = (one for one in shown if "HuBERT is left out" in one.text and not one.data)
        assert broken in said.text and not any('label-stand-in"' in one.html for one in shown)


def test_report_of_an_encoder_of_a_whole_release_has_every_row_measured(executed: dict[str, str]) -> None:
    subject = one_encoder.gather("openface3")
    assert (subject.title, subject.origin, subject.lacking) == ("OpenFace 3", "measured", "")
    assert subject.chosen is not None and len(subject.chosen.truth) == 2456
    labels = subject.everyone.table.set_index("id")["label"]
    assert set(labels.index[labels == "measured"]) == {*MEASURED, "hicmae", "openface3"}


def test_unreadable_release_is_one_clear_line(release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder := tmp_path / "pre_extracted_train_data" / "WavLM_large_train").mkdir(parents=True)
    (folder / "A102_ang_int1_ver1.npy").write_bytes(b"")
    shutil.copy(release / "train_metadata.csv", tmp_path)
    monkeypatch.setenv("BLEMORE_DATA", str(tmp_path))
    result = CliRunner().invoke(main, ["table", "2", "--trained"])
    assert result.exit_code == 2 and result.stdout == "" and len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("error: no row can be trained: ")


def test_row_of_its_own_that_cannot_be_read_says_so_in_the_table(part: Path, undrawn: None) -> None:
    (folder := part / "pre_extracted_train_data" / "HiCMAE_train").mkdir()
    (folder / "A102_ang_int1_ver1.npy").write_bytes(b"\x93NUMPY")
    shown = {one.text.splitlines()[0]: one.text for one in fragments_of(page("results", epochs=2, encoder="hicmae"))}
    row = of(shown, "Table 2, trained here")["HiCMAE"]
    assert set(row[1:5]) == {"–"} and row[-1].startswith("unchecked") and "HiCMAE_train" in row[-1]
