"""The thirteen rows, trained anew: how, on what, and what is left out."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blemore.challenge.clips import Clips, from_names
from blemore.errors import InputError, SourceError, WorkError
from blemore.experiments.protocols import settings_for
from blemore.results import one_encoder, trained_tables
from blemore.simulation import generator
from blemore.sources import lookup
from blemore.training.loop import Settings
from blemore.training.models import MODELS


def from_names_of_both_partitions() -> Clips:
    """A few invented clips: one actor a fold, and two of the test."""
    table = lookup.clips("standin")[0].table
    few = [table[table["fold"] == fold].head(1)["actor"].item() for fold in range(5)]
    few += table[table["partition"] == "test"]["actor"].unique()[:2].tolist()
    return Clips(table[table["actor"].isin(few)].reset_index(drop=True), "stand-in")


def test_rows_are_the_papers_without_the_trivial_ones() -> None:
    assert len(trained_tables.ROWS) == 13
    assert not any(row.startswith("trivial") for row in trained_tables.ROWS)


def test_simulated_row_is_labelled_and_found_again(tmp_path: Path) -> None:
    clips = lookup.clips("standin")[0]
    wanted = {"rows": ["openface"], "models": ["linear"], "test": False, "folder": tmp_path, "jobs": 1}
    first, again = (trained_tables.train(clips, "standin", **wanted) for _ in range(2))
    assert first.origin == "stand-in"
    assert first.table2().origin == "stand-in"
    assert first.table2().table.equals(again.table2().table)
    assert len(list(tmp_path.rglob("*.json"))) == 5


@pytest.mark.parametrize("epochs", [1, 300])
def test_given_epochs_are_those_of_the_folds_and_shorten_the_test_alike(epochs: int, tmp_path: Path) -> None:
    clips = from_names_of_both_partitions()
    done = trained_tables.train(
        clips, "standin", rows=["openface"], models=["mlp-512"], folder=None, jobs=1, epochs=epochs
    )
    assert {len(run.epochs) for one in done.validation.values() for run in one.runs} == {epochs}
    assert done.answers["openface"].settings.epochs == max(1, epochs // 2)  # 100 for 200
    assert done.table3().table["id"].tolist() == ["openface"]


def test_features_of_a_clip_do_not_depend_on_the_other_clips() -> None:
    clips = lookup.clips("standin")[0]
    few = from_names(clips.names[:3], origin="stand-in")
    every = generator.features("wavlm", from_names(clips.names[:9], origin="stand-in"))
    assert np.array_equal(generator.features("wavlm", few).x, every.x[:3])
    assert not np.array_equal(generator.features("wavlm", few, seed=1).x, every.x[:3])


def test_release_gives_measured_features_and_names_what_it_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = lookup.clips("standin")[0].of("train")
    folder = tmp_path / "pre_extracted_train_data" / "ImageBind_train"
    folder.mkdir(parents=True)
    (other := tmp_path / "pre_extracted_test_data" / "ImageBind_test").mkdir(parents=True)
    random = np.random.default_rng(0)
    for path in [*(folder / name for name in clips.names[::20]), other / "test_0001", other / "test_0002"]:
        np.save(path.with_name(f"{path.name}.npy"), random.normal(size=(3, 4)).astype(np.float32))
    monkeypatch.setenv("BLEMORE_DATA", str(tmp_path))
    done = trained_tables.train(clips, rows=["imagebind", "clip"], folder=None, jobs=1, epochs=1)
    assert done.origin == "measured"
    assert list(done.absent) == ["clip"]
    assert "no features of clip" in done.absent["clip"]
    assert done.inputs[0].name == "zenodo/ImageBind_train"
    assert done.inputs[0].sha256 != "absent"
    assert done.answers["imagebind"].names == ("test_0001", "test_0002")
    assert done.answers["imagebind"].scores is None and done.table3().table.empty  # their labels are withheld


def test_real_clips_with_simulated_features_have_no_test() -> None:
    clips = from_names_of_both_partitions().of("train")
    done = trained_tables.train(clips, "standin", rows=["openface"], models=["mlp-512"], folder=None, jobs=1, epochs=1)
    assert done.origin == "stand-in" and not done.answers


def trained_by(trained: trained_tables.Trained) -> set[Settings]:
    return {one.settings for one in trained.validation.values()}


@pytest.mark.parametrize("profile", ["quick", "paper"])
def test_the_same_features_are_trained_the_same_way_on_every_route(profile: str) -> None:
    clips = from_names_of_both_partitions().of("train")
    table, _ = lookup.features("openface", clips, "standin", profile=profile)
    how = {"profile": profile, "folder": None, "jobs": 1, "epochs": 1}
    row = trained_tables.train(clips, "standin", rows=["openface"], **how)
    own = trained_tables.own(table, clips, **how)
    assert (
        trained_by(row) == trained_by(own) == {settings_for(table, profile, model=model, epochs=1) for model in MODELS}
    )
    assert row.how() == own.how()


def test_caption_tells_settings_and_clips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("blemore.experiments.protocols.precision_here", lambda: "highest")
    clips = from_names_of_both_partitions()
    done = trained_tables.train(clips, "standin", rows=["openface"], models=["mlp-512"], folder=None, jobs=1, epochs=2)
    n = len(clips.of("train"))
    assert done.how() == f"simulated features of {n} clips, 2 epochs, learning rate 2e-05"
    assert done.how(3) == f"simulated features of {n} clips, 1 epoch, learning rate 2e-05"


def write_release(
    root: Path, names: list[str], encoders: dict[str, str], partition: str = "train"
) -> dict[str, list[Path]]:
    """Ready features of some encoders, (3, 4) a clip."""
    random, written = np.random.default_rng(0), {}
    for encoder, folder in encoders.items():
        where = root / f"pre_extracted_{partition}_data" / f"{folder}_{partition}"
        where.mkdir(parents=True)
        written[encoder] = [where / f"{name}.npy" for name in names]
        for path in written[encoder]:
            np.save(path, random.normal(size=(3, 4)).astype(np.float32))
    return written


PARTS = {"imagebind": "ImageBind", "wavlm": "WavLM_large"}


@pytest.fixture
def release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Path]]:
    names = lookup.clips("standin")[0].of("train").names[::20]
    monkeypatch.setenv("BLEMORE_DATA", str(tmp_path / "release"))
    return write_release(tmp_path / "release", names, PARTS)


def of_release(**more: Any) -> trained_tables.Trained:
    clips = lookup.clips("standin")[0].of("train")
    given = {"rows": ["imagebind", "wavlm", "imagebind+wavlm"], "models": ["mlp-512"], "epochs": 1}
    return trained_tables.train(clips, folder=None, jobs=1, **{**given, **more})


def spoil(path: Path, how: str) -> None:
    """Truncate a file, make it a word, or give it another width."""
    if how == "width":
        np.save(path, np.zeros((3, 5), np.float32))
    else:
        path.write_bytes(path.read_bytes()[:-7] if how == "truncated" else b"version https://git-lfs")


@pytest.mark.parametrize("how", ["truncated", "text", "width"])
def test_a_broken_file_costs_the_rows_of_its_encoder_and_is_named(
    how: str, release: dict[str, list[Path]], tmp_path: Path
) -> None:
    spoil(release["wavlm"][1], how)
    done = of_release()
    assert [row for row, _ in done.validation] == ["imagebind"] and done.origin == "measured"
    assert set(done.absent) == {"wavlm", "imagebind+wavlm"}
    for why in done.absent.values():  # that of the fusion names its part
        assert "WavLM_large_train" in why and str(tmp_path) not in why
    assert "zenodo/WavLM_large_train" in {one.name for one in done.inputs}  # a page runs again once it is mended


def test_an_encoder_of_other_clips_or_kept_twice_costs_its_rows_alone(release: dict[str, list[Path]]) -> None:
    for path in release["wavlm"]:
        path.rename(path.with_name(f"another_{path.name}"))
    assert set(of_release().absent) == {"wavlm", "imagebind+wavlm"}
    shutil.copytree(release["imagebind"][0].parent, release["imagebind"][0].parents[2] / "copy" / "ImageBind_train")
    with pytest.raises(SourceError, match=r"^no row can be trained: .*ImageBind_train more than once"):
        of_release()


def test_values_that_cannot_be_trained_on_cost_their_row_alone(release: dict[str, list[Path]]) -> None:
    huge, *others = release["wavlm"]
    np.save(huge, np.full((3, 4), 3e38, np.float32))
    for path in others:  # so that it is infinite once scaled by the clips of the other folds
        np.save(path, np.load(path) * np.float32(1e-20))
    done = of_release(rows=["imagebind", "wavlm"])
    assert [row for row, _ in done.validation] == ["imagebind"] and "features wavlm" in done.absent["wavlm"]


def test_broken_test_features_leave_validation_and_say_why_there_is_no_test(
    release: dict[str, list[Path]], tmp_path: Path
) -> None:
    written = write_release(tmp_path / "release", ["test_0001", "test_0002"], PARTS, "test")
    spoil(written["wavlm"][0], "truncated")
    done = of_release()
    assert len(done.validation) == 3 and list(done.answers) == ["imagebind"]
    for row in ("wavlm", "imagebind+wavlm"):
        assert "WavLM_large_test" in done.missing(3)[row] and row not in done.missing(2)


def test_test_features_that_cannot_be_scaled_cost_the_test_of_their_row_alone(
    release: dict[str, list[Path]], tmp_path: Path
) -> None:
    written = write_release(tmp_path / "release", ["test_0001", "test_0002"], PARTS, "test")
    np.save(written["wavlm"][0], np.full((3, 4), 3e38, np.float32))
    for path in release["wavlm"]:  # so that it is infinite once scaled by these
        np.save(path, np.load(path) * np.float32(1e-3))
    done = of_release(rows=["imagebind", "wavlm"])
    assert len(done.validation) == 2 and list(done.answers) == ["imagebind"]
    assert "infinite after standardisation" in done.missing(3)["wavlm"] and not done.absent


def test_work_that_fails_is_no_fault_of_a_row(release: dict[str, list[Path]], monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object, **__: object) -> None:
        raise WorkError("jobs: a process was killed")

    clips = lookup.clips("standin")[0]
    monkeypatch.setattr("blemore.experiments.protocols.sweep", killed)
    with pytest.raises(WorkError):
        of_release()
    with pytest.raises(WorkError):
        one_encoder._from_source("imagebind", clips, "zenodo", "quick", 0, "runs")
    assert not issubclass(WorkError, InputError | SourceError)


def test_damaged_run_does_not_cost_its_row(release: dict[str, list[Path]], tmp_path: Path) -> None:
    how = {"rows": ["imagebind", "wavlm"], "test": False}
    clips = lookup.clips("standin")[0].of("train")
    trained_tables.train(clips, folder=tmp_path, jobs=1, epochs=1, models=["linear"], **how)
    path = next((tmp_path / "wavlm").rglob("*.json"))
    path.write_text(path.read_text()[:50])
    with pytest.raises(WorkError, match="not a run"):
        trained_tables.train(clips, folder=tmp_path, jobs=1, epochs=1, models=["linear"], **how)


def test_fusion_of_three_encoders_has_the_columns_of_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = lookup.clips("standin")[0].of("train").names[::20]
    monkeypatch.setenv("BLEMORE_DATA", str(tmp_path))
    write_release(tmp_path, names, {**PARTS, "hubert": "HuBERT_large"})
    row = "imagebind+wavlm+hubert"
    seen: list[int] = []
    together = trained_tables.cross_validate_all
    monkeypatch.setattr(
        trained_tables,
        "cross_validate_all",
        lambda data, *a, **k: seen.append(data[row].features.x.shape[1]) or together(data, *a, **k),
    )
    of_release(rows=[row])
    assert seen == [3 * 7 * 4] == [lookup.features(row, lookup.clips()[0])[0].x.shape[1]]
