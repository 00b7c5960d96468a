"""The thirteen rows, trained anew: how, on what, and what is left out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from blemore import rows, sources, standin
from blemore.clips import Clips, from_names


def from_names_of_both_partitions() -> Clips:
    """A few invented clips: one actor a fold, and two of the test."""
    table = sources.clips("standin")[0].table
    few = [table[table["fold"] == fold].head(1)["actor"].item() for fold in range(5)]
    few += table[table["partition"] == "test"]["actor"].unique()[:2].tolist()
    return Clips(table[table["actor"].isin(few)].reset_index(drop=True), "stand-in")


def test_rows_are_the_papers_without_the_trivial_ones() -> None:
    assert len(rows.ROWS) == 13
    assert not any(row.startswith("trivial") for row in rows.ROWS)


def test_paper_profile_has_the_papers_settings() -> None:
    chosen = rows.settings("imagebind", profile="paper")
    assert (chosen.learning_rate, chosen.epochs, chosen.batch_size) == (5e-6, 200, 32)
    assert rows.settings("videoswin:sub", profile="paper").epochs == 300


def test_quick_profile_travels_as_far_in_fewer_epochs_and_faster_where_features_are_narrower() -> None:
    paper, quick, real = (
        rows.settings("clip", profile="paper"),
        rows.settings("clip"),
        rows.settings("clip", simulated=False),
    )
    assert real.epochs * real.learning_rate == pytest.approx(paper.epochs * paper.learning_rate)
    assert quick.learning_rate == pytest.approx(real.learning_rate * 4)


def test_simulated_row_is_labelled_and_found_again(tmp_path: Path) -> None:
    clips = sources.clips("standin")[0]
    wanted = {"rows": ["openface"], "models": ["linear"], "test": False, "folder": tmp_path, "jobs": 1}
    first, again = (rows.train(clips, "standin", **wanted) for _ in range(2))
    assert first.origin == "stand-in"
    assert first.table2().origin == "stand-in"
    assert first.table2().table.equals(again.table2().table)
    assert len(list(tmp_path.rglob("*.json"))) == 5


@pytest.mark.parametrize("epochs", [1, 300])
def test_given_epochs_are_those_of_the_folds_and_shorten_the_test_alike(epochs: int, tmp_path: Path) -> None:
    clips = from_names_of_both_partitions()
    done = rows.train(clips, "standin", rows=["openface"], models=["mlp-512"], folder=None, jobs=1, epochs=epochs)
    assert {len(run.epochs) for one in done.validation.values() for run in one.runs} == {epochs}
    assert done.answers["openface"].settings.epochs == max(1, epochs // 2)  # 100 for 200
    assert done.table3().table["id"].tolist() == ["openface"]


def test_features_of_a_clip_do_not_depend_on_the_other_clips() -> None:
    clips = sources.clips("standin")[0]
    few = from_names(clips.names[:3], origin="stand-in")
    every = standin.features("wavlm", from_names(clips.names[:9], origin="stand-in"))
    assert np.array_equal(standin.features("wavlm", few).x, every.x[:3])
    assert not np.array_equal(standin.features("wavlm", few, seed=1).x, every.x[:3])


def test_release_gives_measured_features_and_names_what_it_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = sources.clips("standin")[0].of("train")
    folder = tmp_path / "pre_extracted_train_data" / "ImageBind_train"
    folder.mkdir(parents=True)
    (other := tmp_path / "pre_extracted_test_data" / "ImageBind_test").mkdir(parents=True)
    random = np.random.default_rng(0)
    for path in [*(folder / name for name in clips.names[::20]), other / "test_0001", other / "test_0002"]:
        np.save(path.with_name(f"{path.name}.npy"), random.normal(size=(3, 4)).astype(np.float32))
    monkeypatch.setenv("BLEMORE_DATA", str(tmp_path))
    done = rows.train(clips, rows=["imagebind", "clip"], folder=None, jobs=1, epochs=1)
    assert done.origin == "measured"
    assert list(done.absent) == ["clip"]
    assert "no features of clip" in done.absent["clip"]
    assert done.inputs[0].name == "zenodo/ImageBind_train"
    assert done.inputs[0].sha256 != "absent"
    assert done.answers["imagebind"].names == ("test_0001", "test_0002")
    assert done.answers["imagebind"].scores is None and done.table3().table.empty  # their labels are withheld


def test_real_clips_with_simulated_features_have_no_test() -> None:
    clips = from_names_of_both_partitions().of("train")
    done = rows.train(clips, "standin", rows=["openface"], models=["mlp-512"], folder=None, jobs=1, epochs=1)
    assert done.origin == "stand-in" and not done.answers
