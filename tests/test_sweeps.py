"""Sweeps: resume after being killed, in processes, and on a Dask cluster over TCP."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from blemore import runs, sweeps
from blemore.errors import InputError, UnknownNameError
from blemore.runs import Task
from blemore.training import Settings
from tests.conftest import ROOT
from tests.test_runs import QUICK, small_data

TASKS = [
    Task("mine", Settings(model=model, learning_rate=1e-2, epochs=epochs), train, (val,))
    for model, epochs in (("linear", 20), ("mlp-256", 20))
    for val, train in ((0, (1, 2, 3, 4)), (1, (0, 2, 3, 4)), (2, (0, 1, 3, 4)))
]

STACKED = [replace(task, settings=replace(task.settings, mode="stacked")) for task in TASKS]
ALL = TASKS + STACKED


def contents(folder: Path) -> dict[str, object]:
    """Every file by name: bytes, or the JSON document without its timing."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".json":
            document = json.loads(path.read_text())
            del document["timing"]
            found[str(path.relative_to(folder))] = document
        elif path.is_file():
            found[str(path.relative_to(folder))] = path.read_bytes()
    return found


def sweep_in_a_process(folder: Path) -> subprocess.Popen:
    code = (
        "import sys; from pathlib import Path; from tests.test_sweeps import ALL, small_data, sweeps;"
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
        if running(process, rng.uniform(0, 0.15)):
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.wait()
    assert kills  # else nothing was tested
    assert sweep_in_a_process(killed).wait() == 0
    assert contents(killed) == contents(whole)
    assert len(contents(whole)) == 2 * len(ALL)


def test_nothing_is_done_twice(tmp_path: Path, monkeypatch) -> None:
    data = {"mine": small_data()}
    before = sweeps.sweep(data, TASKS[:2], folder=tmp_path, jobs=1)
    monkeypatch.setattr(sweeps, "train", lambda *_: pytest.fail("trained again"))
    after = sweeps.sweep(data, [TASKS[1], TASKS[0], TASKS[1]], folder=tmp_path, jobs=1)
    assert [run.epochs for run in after] == [before[1].epochs, before[0].epochs, before[1].epochs]


def test_an_interrupt_keeps_what_is_finished(tmp_path: Path, monkeypatch) -> None:
    real, calls = sweeps.train, []

    def interrupted(data: runs.Data, *tasks: Task) -> list[runs.Run]:
        calls.append(tasks)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(data, *tasks)

    monkeypatch.setattr(sweeps, "train", interrupted)
    with pytest.raises(KeyboardInterrupt):
        sweeps.sweep({"mine": small_data()}, TASKS, folder=tmp_path, jobs=1)
    assert len(list(tmp_path.rglob("*.json"))) == 2


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


def test_a_dask_cluster_gives_the_same_files(tmp_path: Path, scheduler: str) -> None:
    assert scheduler.startswith("tcp://")
    data = {"mine": small_data()}
    sweeps.sweep(data, ALL, folder=tmp_path / "here", jobs=2)
    sweeps.sweep(data, ALL, folder=tmp_path / "there", scheduler=scheduler)
    assert contents(tmp_path / "here") == contents(tmp_path / "there")


def test_wrong_requests_are_refused() -> None:
    data = {"mine": small_data()}
    with pytest.raises(InputError, match="processes; expected 1 or more"):
        sweeps.sweep(data, TASKS, jobs=0)
    with pytest.raises(UnknownNameError, match="did you mean 'mine'"):
        sweeps.sweep(data, [Task("mime", QUICK, (0,), (1,))])
    assert sweeps.sweep(data, []) == []
