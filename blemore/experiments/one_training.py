"""What a process does of a sweep: from the data of some tasks to their runs (paper, sections 4.3 to 4.7).

All that decides what a training gives begins here, so this module and what it imports are the code that runs are known by,
see :data:`blemore.experiments.stored_runs.CODE`. Where and when tasks are done, :mod:`blemore.experiments.sweeps` decides.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from blemore.experiments.stored_runs import Data, Run, Task, digests, split
from blemore.training import folds_together
from blemore.training.classifier import head
from blemore.training.loop import fit_each


def train(data: Data, *tasks: Task) -> list[Run]:
    """Do some tasks, those that differ in the clips predicted as one training; in a stack where settings say so."""
    start = time.perf_counter()
    trainings = alike(tasks)
    groups, settings = (
        [[split(data, task) for task in same] for same in trainings],
        [same[0].settings for same in trainings],
    )
    each = (
        folds_together.fit_each(groups, settings)
        if settings[0].mode == "stacked"
        else list(map(fit_each, groups, settings))
    )
    trained = {
        task: one for same, ones in zip(trainings, each, strict=True) for task, one in zip(same, ones, strict=True)
    }
    seconds = (time.perf_counter() - start) / len(tasks)
    return [
        Run(
            task=task,
            inputs=digests(data, task),
            origin=data.origin,
            n_train=len(data.names(task.train_folds)),
            epochs=trained[task].epochs,
            names=data.names(task.val_folds) if task.val_folds else data.test.names if data.test else (),
            best=trained[task].best,
            last=trained[task].last,
            seconds=seconds,
            head=head(data.features.select(data.names(task.train_folds)).x, trained[task].weights)
            if not task.val_folds
            else None,
            subsampled=data.features.subsampled,
        )
        for task in tasks
    ]


def alike(tasks: Sequence[Task]) -> list[list[Task]]:
    """Put together what is one and the same training, predicting other folds."""
    same: dict[object, list[Task]] = {}
    for task in tasks:
        same.setdefault((replace(task, val_folds=()), bool(task.val_folds)), []).append(task)
    return list(same.values())
