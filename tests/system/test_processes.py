"""Processes below joblib: they end with their parent, and what killed ones left is deleted."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from blemore.errors import WorkError
from blemore.system import processes
from tests.conftest import ROOT

CODE = """
import os, sys, time
import joblib, numpy as np
from blemore.system import processes

def stay(array):
    os.write(1, f"{os.getpid()}\\n".encode())  # in one piece: two processes write
    time.sleep(600)

with processes.parallel(inner_threads=1):
    joblib.Parallel(n_jobs=2)(joblib.delayed(stay)(np.zeros(300_000)) for _ in range(2))
"""
"""Two processes that would work for ten minutes on an array large enough to be handed over in a file."""


@pytest.fixture
def busy(tmp_path: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "JOBLIB_TEMP_FOLDER": str(tmp_path)}
    command = [sys.executable, "-c", CODE]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        start_new_session=True,
    ) as process:  # fmt: skip
        yield process
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def gone(pid: int) -> bool:
    """Whether a process has ended, be it that nobody has asked for its exit code yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def within(seconds: float, condition) -> bool:
    """Whether something becomes true before a deadline."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="asks /proc which processes run")
def test_workers_of_a_process_that_is_killed_end_although_they_are_busy(busy: subprocess.Popen[str]) -> None:
    workers = {int(busy.stdout.readline()) for _ in range(2)}
    assert len(workers) == 2 and busy.pid not in workers and not any(map(gone, workers))
    busy.kill()
    assert within(60, lambda: all(map(gone, workers)))


def test_arrays_that_killed_processes_left_are_deleted_by_the_next(
    busy: subprocess.Popen[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        busy.stdout.readline()
    os.killpg(busy.pid, signal.SIGKILL)
    busy.wait()
    (left,) = tmp_path.iterdir()
    assert sum(path.stat().st_size for path in left.rglob("*.pkl")) > 2_000_000
    monkeypatch.setenv("JOBLIB_TEMP_FOLDER", str(tmp_path))
    monkeypatch.setattr(processes, "_arrays", processes._arrays.__wrapped__)
    with processes.parallel():
        assert left not in set(tmp_path.iterdir())


def test_folder_for_arrays_that_cannot_be_written_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("JOBLIB_TEMP_FOLDER", str(tmp_path / "file"))
    monkeypatch.setattr(processes, "_arrays", processes._arrays.__wrapped__)
    with pytest.raises(WorkError, match="file: cannot be written"), processes.parallel():
        pass
