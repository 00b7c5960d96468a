"""Processes of this machine below joblib: they end with the process that started them, and leave nothing behind."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import threading
import time
import warnings
from collections.abc import Iterable, Iterator
from concurrent.futures import CancelledError
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from pickle import PicklingError
from typing import Any

import joblib

from blemore.errors import InputError, WorkError, first
from blemore.system import files

_SHARED_MEMORY = Path("/dev/shm")
_ENOUGH = 2 << 30
"""Bytes that must be free in the shared memory for arrays to be handed over there; joblib's own limit."""

_POLL = 0.5
"""Seconds between two looks at whether the parent still runs."""


@contextmanager
def parallel(inner_threads: int | None = None) -> Iterator[None]:
    """Let joblib compute in processes of this machine.

    joblib's own would run on for minutes when the process that started them is killed, and the arrays that it
    hands over would stay in the shared memory. These end within a second, and what killed processes left there is
    deleted before anything new is handed over.

    Parameters
    ----------
    inner_threads : int, optional
        Threads of each process; by default joblib shares the cores out.

    Raises
    ------
    WorkError
        If the folder of the arrays, ``JOBLIB_TEMP_FOLDER`` where that is set, cannot be written.
    """
    with (
        warnings.catch_warnings(),
        joblib.parallel_config(
            "loky", temp_folder=_arrays(), inner_max_num_threads=inner_threads,
            initializer=_end_with, initargs=(os.getpid(),),
        ),
    ):  # fmt: skip
        warnings.filterwarnings("ignore", module="joblib")  # what is wrong is said by one error
        yield


class WorkerLost(WorkError):
    """A process was killed; whoever handed out the work can add what was lost, and what to do."""

    def __init__(self) -> None:
        super().__init__("a process was killed, perhaps because the memory is short")


def results(calls: Iterable[Any], n_jobs: int) -> Iterator[Any]:
    """Yield what ``joblib.delayed`` calls return, as they end, in whatever processes joblib is configured to use.

    Raises
    ------
    WorkerLost
        If a process was killed, of this machine or of a cluster.
    WorkError
        If what the calls take cannot be handed over.
    """
    try:
        yield from joblib.Parallel(n_jobs=n_jobs, batch_size=1, return_as="generator_unordered")(calls)
    except (BrokenProcessPool, CancelledError):
        raise WorkerLost from None
    except PicklingError as error:
        got = first(str(error.__cause__ or error).splitlines(), 1)
        fix = "free memory, or set JOBLIB_TEMP_FOLDER to a folder with space, or run with --jobs 1"
        raise WorkError(f"jobs: inputs cannot be handed to other processes; got {got}; {fix}") from None
    except Exception as error:
        if type(error).__name__ == "KilledWorker":  # Dask's, which need not be installed
            raise WorkerLost from None
        raise


def _end_with(parent: int) -> None:
    """Let this process end when its parent has ended, however that came about."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_POLL)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@cache
def _arrays() -> str:
    """Return the folder of this process for the arrays that it hands over."""
    parent = _memory()
    try:
        files.make_folder(parent)
        files.clear(parent, "blemore-arrays")
        folder = parent / files.passing("blemore-arrays")
        folder.mkdir(mode=0o700)
    except (OSError, InputError) as error:
        unusable = files.unusable(parent, error) if isinstance(error, OSError) else error
        raise WorkError(str(unusable)) from None
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return str(folder)


def _memory() -> Path:
    if named := os.environ.get("JOBLIB_TEMP_FOLDER"):
        return Path(named).absolute()
    try:
        roomy = os.access(_SHARED_MEMORY, os.W_OK) and shutil.disk_usage(_SHARED_MEMORY).free > _ENOUGH
    except OSError:
        roomy = False
    return _SHARED_MEMORY if roomy else Path(tempfile.gettempdir())
