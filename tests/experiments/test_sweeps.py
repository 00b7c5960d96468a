"""Sweeps: resume after being killed, in processes, and on a Dask cluster over TCP."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import CancelledError
from dataclasses import replace
from pathlib import Path
from pickle import PicklingError

import joblib
import pytest

from blemore.errors import InputError, Interrupted, UnknownNameError, WorkError
from blemore.experiments import stored_runs, sweeps
from blemore.experiments.stored_runs import Task
from blemore.system import files
from blemore.training import precision
from blemore.training.loop import Settings
from tests.conftest import ROOT
from tests.experiments.test_stored_runs import QUICK, small_data

TASKS = [
    Task("mine", Settings(model=model, learning_rate=1e-2, epochs=epochs), train, (val,))
    for model, epochs in (("linear", 20), ("mlp-256", 20))
    for val, train in ((0, (1, 2, 3, 4)), (1, (0, 2, 3, 4)), (2, (0, 1, 3, 4)))
]

STACKED = [replace(task, settings=replace(task.settings, mode="stacked")) for task in TASKS]
ALL = TASKS + STACKED

SECONDS = re.compile(rb'^  "seconds": [0-9.]+\n', re.MULTILINE)
"""The line of a run's JSON file that differs when it is done again."""


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a run by name: its bytes, without the line that says how long it took."""
    files = (path for path in sorted(set(folder.rglob("*")) - {folder / ".lock"}) if path.is_file())
    return {str(path.relative_to(folder)): SECONDS.sub(b"", path.read_bytes()) for path in files}


def sweep_in_a_process(folder: Path) -> subprocess.Popen:
    code = (
        "import sys; from pathlib import Path; from tests.experiments.test_sweeps import ALL, small_data, sweeps;"
        "sweeps.sweep({'mine': small_data()}, ALL, folder=Path(sys.argv[1]), jobs=1)"
    )
    return subprocess.Popen([sys.executable, "-c", code, str(folder)], cwd=ROOT)


def running(process: subprocess.Popen, seconds: float) -> bool:
    """Whether a process still runs after some time."""
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        return True
    return False


def test_a_sweep_killed_at_random_moments_leaves_what_an_uninterrupted_one_leaves(tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    sweeps.sweep({"mine": small_data()}, ALL, folder=whole, jobs=1)
    rng = random.Random(0)
    kills = 0
    for done in range(1, len(ALL), 3):  # a moment after this many runs are on disk
        process = sweep_in_a_process(killed)
        while running(process, 0.01) and len(list(killed.rglob("*.json"))) < done:
            pass
        if running(process, rng.uniform(0, 0.05)):
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.wait()
    print("KILLS", kills)
    assert kills >= 2  # else little was tested
    assert sweep_in_a_process(killed).wait() == 0
    assert contents(killed) == contents(whole)
    assert len(contents(whole)) == 2 * len(ALL)


def test_a_sweep_of_two_processes_killed_while_it_writes_is_taken_up_again(tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    sweeps.sweep({"mine": small_data()}, ALL, folder=whole, jobs=1)
    code = (
        "import itertools, os, signal, sys; from tests.experiments.test_sweeps import ALL, small_data, sweeps; files = itertools.count()\n"
        "sweeps.files.os.fsync = lambda _: next(files) < 6 or os.kill(os.getpid(), signal.SIGKILL)\n"
        "sweeps.sweep({'mine': small_data()}, ALL, folder=sys.argv[1], jobs=2)"
    )
    command = [sys.executable, "-c", code, str(killed)]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL, start_new_session=True)
    assert process.wait() == -signal.SIGKILL
    assert sorted(Path(name).suffix for name in contents(killed)) == [".json"] * 3 + [".npz"] * 3 + [".part"]
    sweeps.sweep({"mine": small_data()}, ALL, folder=killed, jobs=1)
    assert contents(killed) == contents(whole)


WAITS = "another sweep is using"
"""What a sweep says that waits for another."""


def second_sweep(folder: Path, before: str = "pass") -> subprocess.Popen:
    """A sweep in a process of its own, which says when it waits."""
    code = (
        "import sys; from pathlib import Path; from tests.experiments.test_sweeps import ALL, pytest, small_data, sweeps;"
        f"{before}; sweeps.sweep({{'mine': small_data()}}, ALL, folder=Path(sys.argv[1]), jobs=1, progress=True)"
    )
    return subprocess.Popen([sys.executable, "-c", code, str(folder)], cwd=ROOT, stderr=subprocess.PIPE, text=True)


def test_what_two_sweeps_ask_for_is_trained_once(tmp_path: Path) -> None:
    never = "sweeps.train = lambda *_: pytest.fail('trained again')"
    with files.alone(tmp_path, "sweep"):
        other = second_sweep(tmp_path, never)
        assert WAITS in other.stderr.readline()
        data = small_data()
        sweeps._do({"mine": data}, ALL, tmp_path, 1, None, False)
    _, said = other.communicate()
    assert other.returncode == 0, said


def test_a_wait_for_another_sweep_can_be_interrupted(tmp_path: Path) -> None:
    with files.alone(tmp_path, "sweep"):
        other = second_sweep(tmp_path)
        assert WAITS in other.stderr.readline()
        other.send_signal(signal.SIGINT)
        _, said = other.communicate()
        assert other.returncode != 0 and said.splitlines()[-1] == "KeyboardInterrupt"
    assert contents(tmp_path) == {}


def test_a_killed_sweep_holds_nobody_up_even_while_its_workers_live(tmp_path: Path) -> None:
    code = (
        "import os, sys, joblib; from pathlib import Path; from tests.experiments.test_sweeps import sweeps\n"
        "with sweeps.files.alone(Path(sys.argv[1]), 'sweep'):\n"
        "    print(*joblib.Parallel(2)(joblib.delayed(os.getpid)() for _ in range(9)), flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        workers = {int(pid) for pid in holder.stdout.readline().split()}
        assert workers and holder.pid not in workers
        holder.kill()
    try:
        assert len(sweeps.sweep({"mine": small_data()}, TASKS[:1], folder=tmp_path, jobs=1)) == 1
    finally:
        for worker in workers:  # they would wait for work for minutes
            os.kill(worker, signal.SIGKILL)


def test_who_finds_everything_waits_for_nobody(tmp_path: Path) -> None:
    data = {"mine": small_data()}
    before = sweeps.sweep(data, TASKS[:2], folder=tmp_path, jobs=1)
    with files.alone(tmp_path, "sweep"):  # else this would wait for itself
        assert [run.epochs for run in sweeps.sweep(data, TASKS[:2], folder=tmp_path)] == [one.epochs for one in before]


def test_where_the_file_system_has_no_locks_sweeps_go_on(tmp_path: Path, monkeypatch) -> None:
    def missing(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSYS, "no locks here")

    monkeypatch.setattr(files.FileLock, "acquire", missing)
    assert len(sweeps.sweep({"mine": small_data()}, TASKS[:1], folder=tmp_path, jobs=1)) == 1


@pytest.mark.parametrize("place", ["file", "file/below", "/proc/x"])
def test_folder_that_cannot_be_written_is_told(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(WorkError, match=f"{place}: cannot be written; got (File exists|Not a dir|No such file)"):
        sweeps.sweep({"mine": small_data()}, TASKS[:1], folder=tmp_path / place, jobs=1)


def test_folder_where_no_lock_may_be_made_is_told(tmp_path: Path, monkeypatch) -> None:
    def denied(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "not yours")

    monkeypatch.setattr(files.FileLock, "acquire", denied)
    with pytest.raises(WorkError, match=f"{tmp_path}: cannot be written; got not yours"):
        sweeps.sweep({"mine": small_data()}, TASKS[:1], folder=tmp_path, jobs=1)


def test_nothing_is_done_twice(tmp_path: Path, monkeypatch) -> None:
    data = {"mine": small_data()}
    before = sweeps.sweep(data, TASKS[:2], folder=tmp_path, jobs=1)
    monkeypatch.setattr(sweeps, "train", lambda *_: pytest.fail("trained again"))
    after = sweeps.sweep(data, [TASKS[1], TASKS[0], TASKS[1]], folder=tmp_path, jobs=1)
    assert [run.epochs for run in after] == [before[1].epochs, before[0].epochs, before[1].epochs]


def test_an_interrupt_keeps_what_is_finished(tmp_path: Path, monkeypatch) -> None:
    real, calls = sweeps.train, []

    def interrupted(data: stored_runs.Data, *tasks: Task) -> list[stored_runs.Run]:
        calls.append(tasks)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(data, *tasks)

    monkeypatch.setattr(sweeps, "train", interrupted)
    said = f"interrupted; 2 of 6 trainings are kept in {tmp_path}; the same command goes on from there"
    with pytest.raises(Interrupted, match=f"^{re.escape(said)}$"):
        sweeps.sweep({"mine": small_data()}, TASKS, folder=tmp_path, jobs=1)
    assert len(list(tmp_path.rglob("*.json"))) == 2
    calls.clear()
    with pytest.raises(Interrupted, match=r"^interrupted; nothing is kept: .*--runs"):
        sweeps.sweep({"mine": small_data()}, TASKS, jobs=1)


def test_an_interrupt_while_a_run_is_written_counts_only_what_is_on_disk(tmp_path: Path, monkeypatch) -> None:
    real, calls = sweeps.save, []

    def interrupted(folder: Path, run: stored_runs.Run) -> Path:
        calls.append(run)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(folder, run)

    monkeypatch.setattr(sweeps, "save", interrupted)
    with pytest.raises(Interrupted, match=r"^interrupted; 2 of 6 trainings are kept"):
        sweeps.sweep({"mine": small_data()}, TASKS, folder=tmp_path, jobs=1)
    assert len(list(tmp_path.rglob("*.json"))) == 2


@pytest.mark.parametrize("suffix", [".json", ".npz"])
def test_damage_to_a_kept_run_is_no_fault_of_the_features(suffix: str, tmp_path: Path) -> None:
    sweeps.sweep({"mine": small_data()}, TASKS[:1], folder=tmp_path, jobs=1)
    (path,) = tmp_path.rglob(f"*{suffix}")
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(WorkError, match="delete it, and run again"):
        sweeps.sweep({"mine": small_data()}, TASKS[:1], folder=tmp_path, jobs=1)


def killed_during_a_sweep(data: stored_runs.Data, *tasks: Task) -> list[stored_runs.Run]:
    """Train, but in a process that is killed for fold 2, as by a system that lacks memory."""
    if tasks[0].val_folds == (2,) and tasks[0].settings.model == "linear":
        os.kill(os.getpid(), signal.SIGKILL)
    return TRAIN(data, *tasks)


TRAIN = sweeps.train


@pytest.mark.parametrize("kept", [True, False])
def test_a_process_that_is_killed_is_one_line_that_names_the_training_and_what_is_kept(
    kept: bool, tmp_path: Path, monkeypatch, capfd
) -> None:
    monkeypatch.setattr(sweeps, "train", killed_during_a_sweep)
    with pytest.raises(WorkError, match=r"^jobs: a process was killed, perhaps because the memory is short") as caught:
        sweeps.sweep({"mine": small_data()}, TASKS[:3], folder=tmp_path if kept else None, jobs=2)
    text = str(caught.value)
    assert "mine linear for fold 2" in text and "try fewer --jobs" in text and "\n" not in text
    found = len(list(tmp_path.rglob("*.json")))
    assert (f"{found} of 3 trainings are kept in {tmp_path}" if kept else "nothing is kept") in text
    assert capfd.readouterr().err == ""


def test_arrays_that_do_not_fit_the_shared_memory_are_one_line(tmp_path: Path, monkeypatch) -> None:
    def full(*_: object) -> None:
        raise PicklingError("Could not pickle the task to send to the workers.") from OSError(28, "No space left")

    monkeypatch.setattr(joblib, "Parallel", lambda **_: full)
    with pytest.raises(
        WorkError, match=r"^jobs: inputs cannot be handed to other processes; got .*No space.*JOBLIB_TEMP"
    ):
        sweeps.sweep({"mine": small_data()}, TASKS[:3], folder=tmp_path, jobs=2)


@pytest.mark.parametrize("kind", ["FutureCancelledError", "KilledWorker"])
def test_a_worker_of_a_cluster_that_is_lost_is_one_line(kind: str, tmp_path: Path, monkeypatch) -> None:
    error = type(kind, (CancelledError if "Cancelled" in kind else Exception,), {})("clip-0")

    @contextlib.contextmanager
    def cluster(*_: object, **__: object) -> Iterator[int]:
        yield 2

    def lost(*_: object) -> None:
        raise error

    monkeypatch.setattr(sweeps.clusters, "connected", cluster)
    monkeypatch.setattr(joblib, "Parallel", lambda **_: lost)
    with pytest.raises(WorkError, match=r"^tcp://here:1: a process was killed.*mine linear.*more memory.*0 of 3"):
        sweeps.sweep({"mine": small_data()}, TASKS[:3], folder=tmp_path, scheduler="tcp://here:1")


def test_processes_give_the_same_files(tmp_path: Path, capsys) -> None:
    data = {"mine": small_data()}
    sweeps.sweep(data, ALL, folder=tmp_path / "one", jobs=1)
    sweeps.sweep(data, ALL, folder=tmp_path / "two", jobs=2, progress=True)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    captured = capsys.readouterr()
    assert "12 trainings: 100%" in captured.err and "left" in captured.err and not captured.out


def test_what_differs_in_folds_and_epochs_alone_is_one_stack() -> None:
    data = {"mine": small_data()}
    shorter = [replace(task, settings=replace(task.settings, epochs=3)) for task in STACKED[3:]]
    units = sweeps._units(data, [*STACKED, *TASKS[:2], *shorter], workers=1)
    assert sorted(len(unit) for unit in units) == [1, 1, 3, 6]
    assert units[0] == [*STACKED[3:], *shorter]  # the most work first
    assert sorted(len(unit) for unit in sweeps._units(data, STACKED[:3], workers=2)) == [1, 2]


def test_on_a_gpu_all_folds_of_an_encoder_are_one_stack(monkeypatch) -> None:
    data = {"mine": small_data()}
    folds = [replace(task, settings=replace(task.settings, device="cuda")) for task in STACKED[:3]]
    assert [len(unit) for unit in sweeps._units(data, folds, workers=8)] == [3]
    monkeypatch.setattr(sweeps, "train", lambda _, *tasks: list(tasks))
    monkeypatch.setattr(sweeps.joblib, "cpu_count", lambda: 8)
    monkeypatch.setattr(sweeps, "_parallel", lambda *_, **how: pytest.fail(f"{how}: one process is enough"))
    assert list(sweeps._execute(data, folds, jobs=None, scheduler=None)) == folds


def test_a_dask_cluster_gives_the_same_files(tmp_path: Path, scheduler: str) -> None:
    assert scheduler.startswith("tcp://")
    data, asked = {"mine": small_data()}, ALL
    if precision.precision_here() == "medium":  # else this machine's workers are refused
        asked = [*ALL, replace(TASKS[0], settings=replace(TASKS[0].settings, precision="medium"))]
    sweeps.sweep(data, asked, folder=tmp_path / "here", jobs=2)
    sweeps.sweep(data, asked, folder=tmp_path / "there", scheduler=scheduler)
    assert contents(tmp_path / "here") == contents(tmp_path / "there")


def test_wrong_requests_are_refused() -> None:
    data = {"mine": small_data()}
    with pytest.raises(InputError, match="processes; expected 1 or more"):
        sweeps.sweep(data, TASKS, jobs=0)
    with pytest.raises(UnknownNameError, match="did you mean 'mine'"):
        sweeps.sweep(data, [Task("mime", QUICK, (0,), (1,))])
    assert sweeps.sweep(data, []) == []
