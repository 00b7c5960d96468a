"""Many trainings: here, on all cores, or on a cluster; each is on disk as soon as it is done.

The unit of work is one training on one thread, or a stack of those that differ in folds and epochs alone;
tasks that differ only in the clips predicted are one training.
With joblib, loky's processes share one machine; its Dask backend spreads the same work over a cluster. An
interrupted sweep loses at most the trainings that were running: asked again, it finds the others by content.
Of sweeps that share a folder one works at a time, so what two ask for is trained once.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import joblib
from tqdm import tqdm

from blemore.errors import InputError, Interrupted, UnknownNameError, WorkError, first
from blemore.experiments.one_training import alike, train
from blemore.experiments.stored_runs import Data, Run, Task, digests, find, save
from blemore.system import clusters, files, processes
from blemore.training import folds_together
from blemore.training.models import n_parameters
from blemore.training.precision import check_precision


def sweep(
    data: Mapping[str, Data],
    tasks: Sequence[Task],
    *,
    folder: str | Path | None = None,
    jobs: int | None = None,
    scheduler: str | None = None,
    progress: bool = False,
) -> list[Run]:
    """Do what is not yet done of some trainings.

    Parameters
    ----------
    data : mapping
        Data by encoder.
    tasks : sequence of Task
    folder : path, optional
        Where runs are found and written; nothing is found or kept without it.
    jobs : int, optional
        Processes on this machine, by default one for each core; one in all where trainings are on a GPU.
    scheduler : str, optional
        Address of a Dask scheduler, ``tcp://host:8786``, whose workers do the work instead.
    progress : bool
        Show what is done, and the time that is left, on stderr.

    Returns
    -------
    list of Run
        One for each task, in their order.

    Raises
    ------
    InputError
        If some features cannot be trained on.
    WorkError
        If the work fails for another reason: a process is killed, a run is damaged, the folder cannot be written.
    """
    if jobs is not None and jobs < 1:
        raise InputError("jobs", "number of processes", expected="1 or more", got=str(jobs))
    for task in tasks:
        if task.encoder not in data:
            raise UnknownNameError("encoder", task.encoder, list(data))
    place = Path(folder) if folder is not None else None
    done = _found(data, tasks, place)
    if len(done) < len(set(tasks)):
        with _alone(place, progress):
            done |= _found(data, [task for task in tasks if task not in done], place)  # another may have been at it
            todo = [task for task in dict.fromkeys(tasks) if task not in done]
            done |= _do(data, todo, place, jobs, scheduler, progress)
    return [done[task] for task in tasks]


@contextlib.contextmanager
def _keeping() -> Iterator[None]:
    """Tell what is wrong with the folder of runs from what is wrong with features."""
    try:
        yield
    except InputError as error:
        raise WorkError(str(error)) from None


@contextlib.contextmanager
def _alone(place: Path | None, progress: bool) -> Iterator[None]:
    with contextlib.ExitStack() as held:
        if place:
            with _keeping():
                held.enter_context(files.alone(place, "sweep", _say if progress else None))
        yield


def _say(line: str) -> None:
    tqdm.write(line, file=sys.stderr)


def _found(data: Mapping[str, Data], tasks: Sequence[Task], place: Path | None) -> dict[Task, Run]:
    if place is None:
        return {}
    with _keeping():
        found = {task: find(place, task, digests(data[task.encoder], task)) for task in dict.fromkeys(tasks)}
    return {task: run for task, run in found.items() if run}


def _do(
    data: Mapping[str, Data],
    todo: Sequence[Task],
    place: Path | None,
    jobs: int | None,
    scheduler: str | None,
    progress: bool,
) -> dict[Task, Run]:
    """Train, and save each run as it ends."""
    done: dict[Task, Run] = {}
    bar = tqdm(
        total=sum(_cost(data, task) for task in todo) or 1,
        desc=f"{len(todo)} trainings",
        bar_format="{desc}: {percentage:3.0f}% |{bar}| {elapsed} gone, {remaining} left",
        disable=not progress or not todo,
    )
    try:
        with bar:
            for run in _execute(data, todo, jobs, scheduler):
                if place:
                    with _keeping():
                        save(place, run)
                done[run.task] = run  # only now: what is counted as kept is on disk
                bar.update(_cost(data, run.task))
    except KeyboardInterrupt:
        raise Interrupted(f"interrupted; {_kept(done, todo, place)}") from None
    except _TrainingLost as lost:
        where, advice = (scheduler, "more memory for its workers") if scheduler else ("jobs", "fewer --jobs")
        raise WorkError(f"{where}: {lost}; try {advice}; {_kept(done, todo, place)}") from None
    return done


def _kept(done: Mapping[Task, Run], todo: Sequence[Task], place: Path | None) -> str:
    """Say what an early end leaves, and how to go on."""
    if place is None:
        return "nothing is kept: finished trainings are kept only in a folder of runs (--runs)"
    return f"{len(done)} of {len(todo)} trainings are kept in {place}; the same command goes on from there"


class _TrainingLost(Exception):
    """A process was killed; the text names the trainings that were running."""


def _cost(data: Mapping[str, Data], task: Task) -> float:
    x = data[task.encoder].features.x
    return float(n_parameters(task.settings.model, x.shape[1])) * task.settings.epochs * len(x)


def _units(data: Mapping[str, Data], todo: Sequence[Task], workers: int) -> list[list[Task]]:
    """Return what one process does at a time: stacks of trainings where they are asked for, else single ones."""
    stackable: dict[object, list[list[Task]]] = {}
    for same in alike(todo):
        task = same[0]
        stacked = task.settings.mode == "stacked"
        stackable.setdefault((task.encoder, replace(task.settings, epochs=1)) if stacked else task, []).append(same)
    units = []
    for trainings in stackable.values():
        task = trainings[0][0]
        most = folds_together.members(task.settings, data[task.encoder].features.x.shape[1])
        # work for all, where there is little; a GPU is kept busy by one
        spread = workers // len(stackable) if task.settings.device == "cpu" else 1
        pieces = min(len(trainings), max(-(-len(trainings) // most), spread))
        trainings.sort(key=lambda same: -same[0].settings.epochs)
        ends = [len(trainings) * piece // pieces for piece in range(pieces + 1)]
        units += [[task for same in trainings[start:end] for task in same] for start, end in pairwise(ends)]
    # long ones first, so that the cores end together
    return sorted(units, key=lambda tasks: -sum(_cost(data, task) for task in tasks))


def _execute(data: Mapping[str, Data], todo: Sequence[Task], jobs: int | None, scheduler: str | None) -> Iterator[Run]:
    if scheduler and todo:
        medium = any(task.settings.precision == "medium" for task in todo)
        with clusters.connected(scheduler, list(data.values()), check=check_precision if medium else None) as workers:
            yield from _parallel(data, _units(data, todo, workers), n_jobs=-1)
        return
    usual = joblib.cpu_count() if all(task.settings.device == "cpu" for task in todo) else 1
    jobs = min(jobs or usual, len(todo))
    units = _units(data, todo, jobs)
    if jobs <= 1:
        for tasks in units:
            yield from train(data[tasks[0].encoder], *tasks)
        return
    with processes.parallel(inner_threads=1):
        yield from _parallel(data, units, n_jobs=jobs)


def _parallel(data: Mapping[str, Data], units: Sequence[list[Task]], n_jobs: int) -> Iterator[Run]:
    calls = (joblib.delayed(train)(data[tasks[0].encoder], *tasks) for tasks in units)
    left = list(units)
    try:
        for runs in processes.results(calls, n_jobs):
            left = [tasks for tasks in left if tasks[0] != runs[0].task]
            yield from runs
    except processes.WorkerLost as lost:
        raise _TrainingLost(f"{lost}, during one of these trainings: {_running(left, n_jobs)}") from None


def _running(left: Sequence[list[Task]], n_jobs: int) -> str:
    """Name what the processes worked on, the first of what is left: units are begun in their order."""
    here = left[:n_jobs] if n_jobs > 0 else left
    return first([f"{task.encoder} {task.settings.model} {_predicted(task)}" for task, *_ in here])


def _predicted(task: Task) -> str:
    return f"for fold {'+'.join(map(str, task.val_folds))}" if task.val_folds else "for the test"
