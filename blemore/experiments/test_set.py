"""The test: train on all folds, decide the test clips, score or submit them (paper, section 5.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from blemore.challenge import metrics, thresholds
from blemore.challenge.labels import EMOTIONS, Saliences
from blemore.challenge.metrics import Scores
from blemore.challenge.thresholds import Probabilities, Tuned
from blemore.errors import InputError, UnknownNameError
from blemore.experiments.protocols import PROTOCOLS, plain_tasks, pooled_thresholds, rounded_mean, truths_of
from blemore.experiments.stored_runs import Data, Run, Task, name_of
from blemore.experiments.sweeps import sweep
from blemore.training.loop import Settings

TEST_EPOCHS = {"aggregated": 100, "subsampled": 300}
"""Epochs of the released code's training for the test; the paper's text has as many as for validation."""


@dataclass(frozen=True, eq=False)
class Answer:
    """A row of Table 3: test clips decided, and scored where the user has their labels."""

    encoder: str
    settings: Settings
    protocol: str
    origin: str
    alpha: float
    beta: float
    names: tuple[str, ...]
    probabilities: Probabilities
    decided: Saliences
    scores: Scores | None

    def document(self) -> dict[str, Any]:
        """Return the decisions in the challenge's format, for ``submission.json``."""
        return {"predictions": decisions(self.names, self.decided)}


def predict_test(
    data: Data,
    settings: Settings,
    protocol: str = "released-code",
    *,
    truth: Mapping[str, Sequence[int]] | None = None,
    epochs: int | None = None,
    **how: Any,
) -> Answer:
    """Train on all folds and decide the test clips (section 5.2).

    Parameters
    ----------
    data : Data
        With features of the test clips.
    settings : Settings
        Of the cross-validation that thresholds come from; it is found, or done first.
    protocol : {'released-code', 'paper-text', 'nested'}
        Where thresholds and the number of epochs come from. ``nested`` takes the rounded mean of the folds'
        best epochs, and one grid over their pooled predictions at those.
    truth : mapping, optional
        The user's own test labels: saliences (six integers in percent) by clip name. Without them there are
        no scores, only decisions to submit.
    epochs : int, optional
        Epochs of the final training; by default what the protocol says (100 or 300 in the released code,
        as many as for validation in the paper's text).
    **how
        As for :func:`blemore.experiments.sweeps.sweep`.
    """
    if protocol not in PROTOCOLS:
        raise UnknownNameError("protocol", protocol, PROTOCOLS)
    encoder = data.features.encoder
    if data.test is None:
        raise InputError(f"features {encoder}", "there are none of test clips", fix="give their features")
    if truth is not None and (missing := [name for name in data.test.names if name not in truth]):
        raise InputError("test labels", f"{len(missing)} test clips have no label", got=str(missing[0]))
    runs = sweep({encoder: data}, plain_tasks(data, encoder, settings), **how)
    usual, tuned = choose(runs, truths_of(data, runs), protocol)
    final = replace(settings, epochs=epochs or usual)
    run = sweep({encoder: data}, [final_task(final, runs)], **how)[0]
    answer = decided_by(run, tuned, protocol)
    return answer if truth is None else scored(answer, truth)


def final_task(settings: Settings, validation: Sequence[Run]) -> Task:
    """Return the training on all folds, for test clips; it names the cross-validation that its thresholds come from."""
    names = tuple(Path(name_of(run.task, run.inputs)).name for run in validation)
    folds = tuple(sorted(fold for run in validation for fold in run.task.val_folds))
    return Task(validation[0].task.encoder, settings, folds, (), blind=True, validation=names)


def scored(answer: Answer, truth: Mapping[str, Sequence[int]]) -> Answer:
    """Return an answer with its scores, given the labels of its clips."""
    true = np.array([truth[name] for name in answer.names], dtype=np.int64)
    return replace(answer, scores=metrics.score(answer.decided, true))


def choose(runs: Sequence[Run], truths: Sequence[Saliences], protocol: str) -> tuple[int, Tuned]:
    """Return the epochs and thresholds of a protocol for the test, from a cross-validation and its clips' truth."""
    if protocol not in PROTOCOLS:
        raise UnknownNameError("protocol", protocol, PROTOCOLS)
    if protocol == "released-code":
        kind = "subsampled" if runs[0].subsampled else "aggregated"
        every = [thresholds.tune(run.best, truth) for run, truth in zip(runs, truths, strict=True)]
        return TEST_EPOCHS[kind], max(every, key=lambda t: 0.5 * t.acc_presence + 0.5 * t.acc_salience)
    last = protocol == "paper-text"
    epochs = runs[0].task.settings.epochs if last else rounded_mean([run.best_epoch for run in runs])
    return epochs, pooled_thresholds(runs, truths, last=last)


def decided_by(run: Run, tuned: Tuned, protocol: str) -> Answer:
    """Return the decisions that thresholds make of the probabilities of test clips."""
    decided = thresholds.decide(run.last, tuned.alpha, tuned.beta)
    task = run.task
    return Answer(
        task.encoder, task.settings, protocol, run.origin, tuned.alpha, tuned.beta, run.names, run.last, decided, None
    )


def decisions(names: Sequence[str], decided: Saliences) -> dict[str, list[dict[str, Any]]]:
    """Return decisions by clip in the challenge's format: the larger share first.

    >>> decisions(["test_0001"], np.array([[0, 0, 0, 30, 70, 0]]))
    {'test_0001.mov': [{'emotion': 'sad', 'salience': 70}, {'emotion': 'hap', 'salience': 30}]}
    """
    return {
        f"{name}.mov": [
            {"emotion": EMOTIONS[i], "salience": int(row[i])} for i in np.argsort(-row, kind="stable") if row[i]
        ]
        for name, row in zip(names, decided, strict=True)
    }
