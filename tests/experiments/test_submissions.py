"""Submissions: from features to an archive that the challenge takes, by the commands a challenger uses."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from blemore.challenge import predictions
from blemore.errors import InputError, UnknownNameError
from blemore.experiments import from_files, stored_runs, submissions, sweeps, test_set
from blemore.experiments.stored_runs import Task
from blemore.features import feature_files, feature_table
from tests.cli.test_cli import blemore, document, refused
from tests.conftest import real
from tests.experiments.test_protocols import SETTINGS
from tests.experiments.test_stored_runs import small_clips, small_features

NAMES = [name.removesuffix(".mov") for name in submissions.CLIPS]
SETTLED = ["--model", "linear", "--learning-rate", "3e-2", "--epochs", "4", "--jobs", "1"]
TEMPLATE = "mirror/BlEmoRe/blemore-common/98e6236d55311643ce48a3e57fe29abd1d7810f6/data/submission_template"


def table_of_test_clips(names: list[str]) -> feature_table.Features:
    x = np.random.default_rng(3).normal(size=(len(names), 4))
    return feature_table.table("there", names, x, encoder="mine")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Features of training and test clips, and metadata."""
    folder, table = tmp_path_factory.mktemp("files"), small_clips()
    feature_files.write(folder / "mine.npz", replace(small_features(table), origin="measured"))
    feature_files.write(folder / "test.npz", table_of_test_clips(NAMES))
    table.table[["filename", "fold"]].to_csv(folder / "metadata.csv", index=False)
    return {
        "--features": str(folder / "mine.npz"),
        "--metadata": str(folder / "metadata.csv"),
        "--test-features": str(folder / "test.npz"),
    }


def options(files: dict[str, str]) -> list[str]:
    return [word for pair in files.items() for word in pair]


@pytest.mark.parametrize("protocol", ["released-code", "paper-text", "nested"])
def test_features_become_a_submission_in_two_commands(files: dict[str, str], tmp_path: Path, protocol: str) -> None:
    asked = [*options(files), *SETTLED, "--runs", str(tmp_path / "runs"), "--protocol", protocol]
    trained = document("train", *asked)["test"]
    out = tmp_path / "mine.zip"
    said = document("submit", trained["run"], "--out", str(out), "--protocol", protocol)
    assert (said["alpha"], said["beta"], said["epochs"]) == (trained["alpha"], trained["beta"], trained["epochs"])
    assert said["clips"] == sum(said["decisions"].values()) == 594
    with zipfile.ZipFile(out) as archive:
        (member,) = archive.namelist()
        read = json.loads(archive.read(member))
    submissions.check("here", read["predictions"])
    path = tmp_path / member
    path.write_text(json.dumps(read))
    assert len(predictions.read_decisions(path)) == 594  # as blemore score reads it
    again = tmp_path / "again.zip"
    document("submit", str(tmp_path / "runs"), "--out", str(again), "--protocol", protocol)  # a folder that holds one
    assert again.read_bytes() == out.read_bytes()


def test_decisions_are_those_of_the_test_protocol(files: dict[str, str], tmp_path: Path) -> None:
    done = from_files.train(
        files["--features"], files["--metadata"], test_features=files["--test-features"], folder=tmp_path,
        protocol="nested", model="linear", learning_rate=3e-2, epochs=4, jobs=1,
    )  # fmt: skip
    assert done.test is not None and done.test_run is not None
    got, note = submissions.answer(done.test_run, "nested")
    assert not note
    assert got.document() == done.test.document()
    other, note = submissions.answer(done.test_run, "paper-text")
    assert other.settings.epochs != 4  # else there would be nothing to note
    assert note == f"trained for {other.settings.epochs} epochs; paper-text would take 4"


def test_of_several_runs_the_one_of_the_present_code_is_submitted(saved: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(saved, tmp_path / "runs")
    (present,) = folder.rglob("*-test-*.json")
    present.with_name(f"._{present.name}").write_bytes(b"what a Mac leaves beside it")
    assert submissions.find(folder) == present
    about = json.loads(present.read_text())
    for name in ("other", "earlier"):
        path = present.with_name(f"train01234-test-{name}.json")
        path.write_text(json.dumps({**about, "code": name}))
        shutil.copy(present.with_suffix(".npz"), path.with_suffix(".npz"))
    assert submissions.find(folder) == present
    present.unlink()
    with pytest.raises(InputError, match=r"all of them trained by other code; expected one; got .*earlier.*other"):
        submissions.find(folder)
    for path in folder.rglob("*-test-*.json"):
        path.write_text(json.dumps(about))
    with pytest.raises(InputError, match=r"runs on test clips; expected one; got .*earlier.*other.*name its JSON"):
        submissions.find(folder)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cross-validation and a run on test clips, on disk."""
    folder = tmp_path_factory.mktemp("runs")
    data = stored_runs.gather(small_clips(), small_features(small_clips()), table_of_test_clips(NAMES))
    test_set.predict_test(data, SETTINGS, epochs=2, folder=folder, jobs=1)
    return folder


def test_what_cannot_be_submitted_is_one_clear_line(saved: Path, tmp_path: Path) -> None:
    out = str(tmp_path / "mine.zip")
    (run,) = saved.rglob("*-test-*.json")
    fold = next(saved.rglob("*-val0-*.json"))
    assert "predicts training clips" in refused("submit", str(fold), "--out", out)
    assert "ends in .zip" in refused("submit", str(run), "--out", str(tmp_path / "mine.json"))
    assert "check the folder" in refused("submit", str(run), "--out", str(tmp_path / "absent" / "mine.zip"))
    assert "got none; make it" in refused("submit", str(tmp_path), "--out", out)
    assert "no such file" in refused("submit", str(tmp_path / "absent.json"), "--out", out)
    assert "did you mean 'nested'" in refused("submit", str(run), "--protocol", "nestd", "--out", out)
    assert not list(tmp_path.iterdir())


PROBABILITIES = np.full((3, 6), 1 / 6)


@pytest.mark.parametrize("kind", ["probabilities", "decisions", "settings", "archive", "text", "a pipe"])
def test_a_file_that_is_no_run_is_told_to_go_to_another_command(tmp_path: Path, kind: str) -> None:
    path = tmp_path / {"probabilities": "probs.npz", "archive": "sub.zip"}.get(kind, "file.json")
    if kind == "probabilities":
        np.savez(path, filenames=np.array(NAMES[:3]), probabilities=PROBABILITIES)
    elif kind == "decisions":
        path.write_text(json.dumps({"predictions": {"test_0001.mov": [{"emotion": "sad", "salience": 100}]}}))
    elif kind == "settings":
        path.write_text(json.dumps({"settings": {"epochs": 9}}))
    elif kind == "archive":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(submissions.MEMBER, "{}")
    elif kind == "text":
        path.write_text("no JSON")
    else:
        os.mkfifo(path)
    line = refused("submit", str(path), "--out", str(tmp_path / "out.zip"))
    assert "delete" not in line and "codec" not in line and ".npz; check the path" not in line
    if kind != "a pipe":
        assert "blemore train --test-features writes; blemore tune reads probabilities, blemore score decisions" in line
    if kind in ("probabilities", "archive", "a pipe"):
        line = refused("score", str(path))
        assert "codec" not in line
        assert {"probabilities": "blemore tune", "archive": "unpack it"}.get(kind, "a pipe") in line


def damage(folder: Path, saved: Path, **changed: object) -> Path:
    """Copy the run on test clips with other values in its two files."""
    (run,) = saved.rglob("*-test-*.json")
    about = json.loads(run.read_text())
    with np.load(run.with_suffix(".npz")) as arrays:
        content = {**arrays, **{name: value for name, value in changed.items() if name not in about}}
    (folder / run.name).write_text(json.dumps({**about, **{k: v for k, v in changed.items() if k in about}}))
    np.savez(folder / f"{run.stem}.npz", **content)
    return folder / run.name


@pytest.mark.parametrize(
    "changed",
    [{"epochs": {}}, {"last": np.full((593, 6), 1 / 6, "f4")}, {"last": np.full((594, 6), 7, "f4")}, {"last": np.full((594, 6), "x")},
     {"best": np.full((594, 6), np.nan, "f4")}, {"last": np.full((594, 5), 0.2, "f4")}, {"filenames": np.array(NAMES[:9])}],
    ids=["no epochs", "too few", "sum to 42", "texts", "NaN", "five columns", "too few names"],
)  # fmt: skip
def test_a_damaged_run_is_refused(saved: Path, tmp_path: Path, changed: dict[str, object]) -> None:
    path = damage(tmp_path, saved, **changed)
    line = refused("submit", str(path), "--out", str(tmp_path / "out.zip"))
    assert "a damaged run" in line and "delete it, and run again" in line
    assert not (tmp_path / "out.zip").exists()


def test_a_part_of_the_test_clips_is_told_before_anything_is_trained(
    files: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(from_files, "sweep", lambda *_, **__: pytest.fail("trained"))
    feature_files.write(tmp_path / "few.npz", table_of_test_clips(NAMES[:6] + NAMES[7:]))
    feature_files.write(tmp_path / "more.npz", table_of_test_clips([*NAMES, "A9001_ang_int1_ver1"]))
    for name, says in (
        ("few", "1 of 594 test clips are missing; got no test_0007.mov"),
        ("more", "1 clips are not test"),
    ):
        given = {**files, "--test-features": str(tmp_path / f"{name}.npz")}
        line = refused("train", *options(given), *SETTLED, "--runs", str(tmp_path / "runs"))
        assert says in line and f"{name}.npz" in line and "give features of all test clips" in line
    assert not (tmp_path / "runs").exists()


def test_another_test_set_may_be_of_any_size_but_is_not_to_be_submitted(files: dict[str, str], tmp_path: Path) -> None:
    feature_files.write(tmp_path / "own.npz", table_of_test_clips(["my_1", "my_2"]))
    given = {**files, "--test-features": str(tmp_path / "own.npz")}
    result = blemore("train", *options(given), *SETTLED, "--runs", str(tmp_path / "runs"))
    assert result.exit_code == 0, result.stderr
    assert "2 test clips predicted" in result.stdout and "blemore submit" not in result.stdout


@pytest.mark.parametrize("protocol", ["released-code", "paper-text", "nested"])
def test_thresholds_are_those_of_the_runs_own_folds(files: dict[str, str], tmp_path: Path, protocol: str) -> None:
    table = pd.read_csv(files["--metadata"])
    actor = table["filename"].str.split("_").str[0]
    fold = table["fold"].groupby(actor).first()
    trained = []
    for seed in (1, 2, 3):  # other folds for the same clips, trained into the same folder
        table["fold"] = actor.map(dict(zip(fold.index, np.random.default_rng(seed).permutation(fold), strict=True)))
        table.to_csv(metadata := tmp_path / f"metadata{seed}.csv", index=False)
        how = {"model": "linear", "learning_rate": 3e-2, "epochs": 4, "jobs": 1}
        trained += [from_files.train(files["--features"], metadata, test_features=files["--test-features"],
                                    folder=tmp_path / "runs", protocol=protocol, **how)]  # fmt: skip
    own = [one.test.document() for one in trained]
    assert any(one != own[0] for one in own), "thresholds of other folds would do as well"
    assert [submissions.answer(one.test_run, protocol)[0].document() for one in trained] == own


def test_lost_run_that_thresholds_come_from_is_one_clear_line(saved: Path, tmp_path: Path) -> None:
    shutil.copytree(saved, tmp_path / "runs")
    (run,) = tmp_path.rglob("*-test-*.json")
    assert "expected 8 epochs; got 9; leave --epochs out" in refused(
        "submit", str(run), "--epochs", "9", "--out", str(tmp_path / "mine.zip")
    )
    next(run.parent.glob("*-val3-*.json")).unlink()
    said = refused("submit", str(run), "--out", str(tmp_path / "mine.zip"))
    assert (
        "the validation runs that provide the thresholds are missing; got no train0124-val3-" in said
        and "train again" in said
    )


def earlier(saved: Path, folder: Path) -> Path:
    """Copy runs to one folder as an earlier version wrote them, the one on test clips without the names of others."""
    for path in saved.rglob("*.*"):
        (folder / path.name).write_bytes(path.read_bytes())
    (run,) = folder.glob("*-test-*.json")
    about = json.loads(run.read_text())
    assert [name.split("-")[1] for name in about.pop("validation")] == ["val0", "val1", "val2", "val3", "val4"]
    run.write_text(json.dumps({"format": 1, **about}))
    return run


def test_run_of_an_earlier_version_beside_two_cross_validations_is_refused(saved: Path, tmp_path: Path) -> None:
    run = earlier(saved, tmp_path)
    data = stored_runs.gather(small_clips(), small_features(small_clips()))
    (other,) = sweeps.train(replace(data, fold=np.roll(data.fold, 1)), Task("mine", SETTINGS, (1, 2, 3, 4), (0,)))
    for path in [made := stored_runs.save(tmp_path / "new", other), made.with_suffix(".npz")]:
        path.replace(tmp_path / path.name)
    with pytest.raises(InputError, match=r"got 6 runs of 8 epochs; train again with --test-features"):
        submissions.answer(run, "paper-text")


def test_run_of_an_earlier_version_takes_the_one_whole_cross_validation(saved: Path, tmp_path: Path) -> None:
    run = earlier(saved, tmp_path)
    assert submissions.answer(run, "paper-text")[1] == "trained for 2 epochs; paper-text would take 8"
    data = stored_runs.gather(small_clips(), small_features(small_clips()))
    longer = replace(SETTINGS, epochs=9)
    for k in data.folds:
        (other,) = sweeps.train(data, Task("mine", longer, tuple(f for f in data.folds if f != k), (k,)))
        stored_runs.save(tmp_path / "new", other)
    for path in (tmp_path / "new").rglob("*.*"):
        path.replace(tmp_path / path.name) if path.is_file() else None
    with pytest.raises(InputError, match=r"got 5 runs of 8 epochs, 5 runs of 9 epochs; choose one with --epochs"):
        submissions.answer(run, "paper-text")
    assert submissions.answer(run, "paper-text", 8)[0].alpha > 0
    next(tmp_path.glob("*-val3-*.json")).unlink()
    assert len(list(tmp_path.glob("*-val3-*.json"))) == 1
    submissions.answer(run, "paper-text")  # of the two, one is whole


def test_what_the_challenge_would_reject_is_not_written(tmp_path: Path) -> None:
    data = stored_runs.gather(small_clips(), small_features(small_clips()), table_of_test_clips(NAMES[:-2]))
    few = test_set.predict_test(data, SETTINGS, epochs=2, jobs=1)
    with pytest.raises(InputError, match=r"2 of 594 test clips are missing; got no test_0593\.mov, test_0594\.mov"):
        submissions.write(tmp_path / "few.zip", few)
    assert not list(tmp_path.iterdir())
    fine = {name: [{"emotion": "sad", "salience": 100}] for name in submissions.CLIPS}
    with pytest.raises(InputError, match="1 clips are not test clips"):
        submissions.check("here", {**fine, "test_0595.mov": fine["test_0001.mov"]})


@pytest.mark.parametrize(
    "wrong",
    [[], [("sad", 70)], [("sad", 60), ("hap", 40)], [("sad", 50), ("sad", 50)], [("neu", 50), ("sad", 50)],
     [("joy", 100)], [("sad", 50), ("hap", 30), ("ang", 20)]],
)  # fmt: skip
def test_each_clip_has_one_emotion_or_a_blend_of_two(wrong: list[tuple[str, int]]) -> None:
    fine = {name: [{"emotion": "sad", "salience": 100}] for name in submissions.CLIPS}
    entries = [{"emotion": emotion, "salience": share} for emotion, share in wrong]
    with pytest.raises(InputError, match=r"clip test_0007\.mov; expected one emotion at 100"):
        submissions.check("here", {**fine, "test_0007.mov": entries})


def test_the_organisers_template_passes_and_names_the_member() -> None:
    with zipfile.ZipFile(real(f"{TEMPLATE}_codabench.zip")) as archive:
        assert archive.namelist() == [submissions.MEMBER]
        template = json.loads(archive.read(submissions.MEMBER))["predictions"]
    submissions.check("template", template)
    assert tuple(template) == submissions.CLIPS


def test_training_for_the_test_needs_all_folds_and_a_folder(files: dict[str, str], tmp_path: Path) -> None:
    assert "give --runs" in refused("train", *options(files), *SETTLED)
    assert "not --folds" in refused("train", *options(files), *SETTLED, "--runs", str(tmp_path), "--folds", "0")
    assert "unknown protocol" in refused(
        "train", *options(files), *SETTLED, "--runs", str(tmp_path), "--protocol", "both"
    )
    with pytest.raises(UnknownNameError):
        test_set.choose([], [], "both")


def test_the_command_says_what_it_wrote(saved: Path, tmp_path: Path) -> None:
    result = blemore("submit", str(saved), "--out", str(tmp_path / "mine.zip"))
    assert result.exit_code == 0
    assert "594 clips, alpha" in result.stdout
    assert "note: trained for 2 epochs; released-code would take 100" in result.stderr
    assert "simulated" in result.stderr
