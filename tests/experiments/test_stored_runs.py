"""Runs on disk: written at once, found by content, never by accident."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from blemore.challenge import clips
from blemore.errors import InputError
from blemore.experiments import stored_runs, sweeps
from blemore.experiments.stored_runs import Task
from blemore.features import feature_table
from blemore.training.loop import Settings
from tests.conftest import name_of_a_part_of_a_dead_process

QUICK = Settings(model="linear", learning_rate=1e-2, epochs=3)


def small_clips(per_fold: int = 12) -> clips.Clips:
    """Stand-in clips of all five folds, some single and some blended."""
    table = clips.standin().of("train").table
    picked = table.groupby("fold").sample(per_fold, random_state=0)
    return clips.from_names(picked["filename"], picked["fold"].astype(int).tolist(), origin="stand-in")


def small_features(
    table: clips.Clips, *, encoder: str = "mine", width: int = 4, subsampled: bool = False, seed: int = 0
) -> feature_table.Features:
    """Features that tell something of the clips' labels."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, 4, size=len(table)) if subsampled else None
    signal = np.repeat(table.truth / 100, 1 if counts is None else counts, axis=0) @ rng.normal(size=(6, width))
    x = signal + rng.normal(size=signal.shape)
    return feature_table.table("here", table.names, x, counts, encoder=encoder, origin="stand-in")


def small_data(**more) -> stored_runs.Data:
    table = small_clips()
    return stored_runs.gather(table, small_features(table, **more))


TASK = Task("mine", QUICK, (1, 2, 3, 4), (0,))


def test_a_saved_run_comes_back(tmp_path: Path) -> None:
    data = small_data()
    (run,) = sweeps.train(data, TASK)
    path = stored_runs.save(tmp_path, run)
    back = stored_runs.find(tmp_path, TASK, stored_runs.digests(data, TASK))
    assert back is not None
    assert (back.task, back.inputs, back.epochs, back.names) == (run.task, run.inputs, run.epochs, run.names)
    assert (back.origin, back.n_train, back.best_epoch) == ("stand-in", 48, run.best_epoch)
    np.testing.assert_array_equal(back.best, run.best)
    np.testing.assert_array_equal(back.last, run.last)
    assert {p.name for p in path.parent.iterdir()} == {path.name, path.with_suffix(".npz").name}


@pytest.mark.parametrize("subsampled", [False, True])
def test_a_run_is_found_only_for_the_same_settings_and_content(tmp_path: Path, subsampled: bool) -> None:
    data = small_data(subsampled=subsampled)
    stored_runs.save(tmp_path, sweeps.train(data, TASK)[0])

    def found(data: stored_runs.Data = data, task: Task = TASK) -> bool:
        return stored_runs.find(tmp_path, task, stored_runs.digests(data, task)) is not None

    assert found() and found(small_data(subsampled=subsampled))
    assert not found(task=replace(TASK, settings=replace(QUICK, seed=43)))
    assert not found(task=replace(TASK, settings=replace(QUICK, mode="exact")))
    assert not found(task=replace(TASK, blind=True))
    assert not found(task=replace(TASK, train_folds=(1, 2, 3)))
    changed = data.features.x.copy()
    changed[-1, -1] += 1
    assert not found(replace(data, features=replace(data.features, x=changed)))
    relabelled = data.truth.copy()
    relabelled[0] = [0, 0, 0, 0, 0, 100]
    assert not found(replace(data, truth=relabelled))
    assert not found(replace(data, fold=np.roll(data.fold, 1)))


def test_run_of_other_code_is_trained_again_but_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = {"mine": small_data()}
    (before,) = sweeps.sweep(data, [TASK], folder=tmp_path, jobs=1)
    sweeps.sweep(data, [TASK], folder=tmp_path, jobs=1)
    (old,) = tmp_path.rglob("*.json")
    monkeypatch.setattr(stored_runs, "CODE", "another")
    assert stored_runs.find(tmp_path, TASK, before.inputs) is None
    sweeps.sweep(data, [TASK], folder=tmp_path, jobs=1)
    assert len(list(tmp_path.rglob("*.json"))) == 2
    assert stored_runs.read(old).epochs == before.epochs


def test_run_of_an_earlier_version_can_be_read(tmp_path: Path) -> None:
    (run,) = sweeps.train(small_data(), TASK)
    about = json.loads((path := stored_runs.save(tmp_path, run)).read_text())
    del about["code"], about["validation"]
    path.write_text(json.dumps({"format": 1, **about}))
    assert stored_runs.read(path).task == TASK


def test_what_a_killed_writer_left_is_cleared(tmp_path: Path) -> None:
    (run,) = sweeps.train(small_data(), TASK)
    path = stored_runs.save(tmp_path, run)
    stale = path.with_name(name_of_a_part_of_a_dead_process(path.name))
    stale.write_text("half")
    path.unlink()
    stored_runs.save(tmp_path, run)
    assert path.exists() and not stale.exists()


def test_a_run_that_lost_its_probabilities_is_not_done_and_is_trained_again(tmp_path: Path) -> None:
    data = small_data()
    path = stored_runs.save(tmp_path, sweeps.train(data, TASK)[0])
    path.with_suffix(".npz").unlink()
    assert stored_runs.find(tmp_path, TASK, stored_runs.digests(data, TASK)) is None
    sweeps.sweep({"mine": data}, [TASK], folder=tmp_path, jobs=1)
    assert stored_runs.find(tmp_path, TASK, stored_runs.digests(data, TASK)) is not None


def test_a_broken_run_is_one_clear_line(tmp_path: Path) -> None:
    path = stored_runs.save(tmp_path, sweeps.train(small_data(), TASK)[0])
    path.write_text(path.read_text()[:100])
    with pytest.raises(InputError, match=r"not a run.*delete it"):
        stored_runs.read(path)
    with pytest.raises(InputError, match="no such file"):
        stored_runs.read(tmp_path / "absent.json")


def test_a_run_names_no_host_and_no_path(tmp_path: Path) -> None:
    about = json.loads(stored_runs.save(tmp_path, sweeps.train(small_data(), TASK)[0]).read_text())
    assert set(about) == {
        "code", "encoder", "origin", "settings", "train_folds", "val_folds", "blind", "validation", "subsampled", "inputs",
        "n_train", "n_val", "best_epoch", "epochs", "timing",
    }  # fmt: skip


def test_an_empty_fold_is_one_clear_line() -> None:
    table = small_clips()
    kept = table.table["filename"][~table.in_fold(3)].tolist()
    some = small_features(table).select(kept)
    with pytest.raises(InputError, match="no clip of fold 3 has features"):
        stored_runs.gather(table, some)
    with pytest.raises(InputError, match="no clip has a fold"):
        stored_runs.gather(clips.from_names(table.names), small_features(table))


@pytest.mark.parametrize(("fold", "others"), [(0, 1e-3), (3, -3e38)])
def test_values_too_large_to_be_scaled_name_their_clip_and_column(fold: int, others: float) -> None:
    data = small_data()
    name = data.names((fold,))[0]
    x = data.features.x.copy()
    x[:, 2] = others if fold else x[:, 2] * others
    x[data.features.names.index(name), 2] = 3e38
    with pytest.raises(InputError, match=rf"after standardisation: 2; got such values in {name};"):
        stored_runs.split(replace(data, features=replace(data.features, x=x)), TASK)


def test_test_features_must_fit() -> None:
    table = small_clips()
    one = small_features(table)
    wide = feature_table.table("here", ["test_0001"], np.zeros((1, 9)), encoder="mine")
    with pytest.raises(InputError, match="width; expected 4; got 9"):
        stored_runs.gather(table, one, wide)
    with pytest.raises(InputError, match="give their features"):
        stored_runs.split(stored_runs.gather(table, one), replace(TASK, val_folds=()))


def test_training_clips_are_no_test_clips() -> None:
    table = small_clips()
    one = small_features(table)
    with pytest.raises(InputError, match="2 of its clips are training clips; got A"):
        stored_runs.gather(table, one, one.select(one.names[:2]))


def test_encoder_ids_make_safe_file_names() -> None:
    name = stored_runs.name_of(replace(TASK, encoder="../a:sub+b"), {})
    assert name.startswith(".._a_sub+b/linear/train1234-val0-")


def test_a_git_lfs_pointer_in_the_place_of_a_run_is_named_as_one(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n")
    with pytest.raises(InputError, match="is a Git LFS pointer, not the file itself; run git lfs pull"):
        stored_runs.read(tmp_path / "run.json")
