"""The thirteen rows of Tables 2 and 3, trained anew on whatever features are here (paper, section 5).

Real features are trained on where the release is (``BLEMORE_DATA``), simulated ones elsewhere; the label of
every number says which. Two profiles: ``paper`` has the paper's widths, rates and epochs, ``quick`` fewer
epochs at higher rates, and of simulated features a sixteenth of the width.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from blemore.challenge.clips import Clips
from blemore.challenge.labels import Saliences
from blemore.errors import InputError, SourceError, first
from blemore.experiments import test_set
from blemore.experiments.from_files import curve_table
from blemore.experiments.protocols import (
    CrossValidation,
    clip_count,
    cross_validate_all,
    described,
    settings_for,
    truths_of,
)
from blemore.experiments.stored_runs import Data, gather
from blemore.experiments.sweeps import sweep
from blemore.experiments.test_set import Answer
from blemore.features.feature_table import Features
from blemore.paper import printed_numbers
from blemore.paper.vocabulary import METRICS, REPORTED
from blemore.simulation.generator import DISPLAYED_SEED, World
from blemore.sources import lookup
from blemore.sources.recorded import Input
from blemore.sources.released import Result
from blemore.training.loop import Settings, paper_settings
from blemore.training.models import MODELS

ROWS: tuple[str, ...] = tuple(row for row in printed_numbers.table(2)["id"] if not row.startswith("trivial"))
"""Ids of the rows, in the paper's order: ``clip``, ..., ``videomaev2:sub``, ..., ``imagebind+wavlm`` ..."""


_Table = tuple[Features, tuple[Input, ...]]


@dataclass(frozen=True, eq=False)
class Trained:
    """Tables 2 and 3, trained here.

    Attributes
    ----------
    validation : dict
        Cross-validations by row and model.
    answers : dict
        Decisions on the test clips by row, of :data:`REPORTED`; only where there are features of test clips.
    absent : dict
        Rows that could not be trained, and why.
    origin : str
        ``measured`` or ``stand-in``.
    inputs : tuple of Input
    untested : dict
        Rows for which no test clips could be decided, and why.
    """

    validation: dict[tuple[str, str], CrossValidation]
    answers: dict[str, Answer]
    absent: dict[str, str]
    origin: str
    inputs: tuple[Input, ...]
    untested: dict[str, str] = field(default_factory=dict)

    def table2(self) -> Result:
        """Return means and spreads over folds, in the form of :func:`blemore.sources.released.validation`, and what is ``unlike`` the paper."""
        rows = [{"id": row, "model": model, "unlike": one.unlike, **summary(one)}
                for (row, model), one in self.validation.items()]  # fmt: skip
        return Result(pd.DataFrame(rows), self.origin, self.inputs)

    def table3(self) -> Result:
        """Return test scores, where they could be scored, in the form of :func:`blemore.sources.released.tests`, and what is ``unlike``."""
        rows = [
            {"id": row, "model": REPORTED, "unlike": self._unlike(one), "alpha": one.alpha, "beta": one.beta,
             "acc_presence": one.scores.acc_presence, "acc_salience": one.scores.acc_salience}
            for row, one in self.answers.items() if one.scores
        ]  # fmt: skip
        columns = ["id", "model", "unlike", "alpha", "beta", *METRICS]
        return Result(pd.DataFrame(rows, columns=columns), self.origin, self.inputs)

    def _unlike(self, one: Answer) -> str:
        """Say what is not as in the paper: of the test clips, and of the training and validation before them."""
        found = [self.validation[one.encoder, REPORTED].unlike]
        if len(one.names) != (whole := clip_count("test")):
            found.insert(0, f"{len(one.names)} of {whole} test clips")
        return "; ".join(filter(None, found))

    def missing(self, number: int) -> dict[str, str]:
        """Return why rows have no number in Table 2 or 3."""
        if number == 2:
            return self.absent
        unscored = {row: f"{len(one.names)} test clips decided; their labels are withheld"
                    for row, one in self.answers.items() if not one.scores}  # fmt: skip
        return {**self.untested, **self.absent, **unscored}

    def how(self, number: int = 2) -> str:
        """Say on what the rows of Table 2 or 3 were trained, how long and at which rates."""
        if number == 2 or not self.answers:
            return described(self.validation.values())
        tested = (self.validation[row, REPORTED] for row in self.answers)
        return described(replace(one, settings=self.answers[one.encoder].settings) for one in tested)

    def best(self, clips: Clips) -> tuple[str, str, Saliences, Saliences]:
        """Return the best fusion by composite: its row, which clips it decided, its decisions and the truth (N, 6).

        Of the test clips where there are scores, else of the training clips, each by the fold that holds it out; where
        no fusion could be trained, of any row.
        """
        scored = {row: one for row, one in self.answers.items() if one.scores}
        folds = {row: one for (row, model), one in self.validation.items() if model == REPORTED}
        values = {row: one.scores.composite for row, one in scored.items() if one.scores} or {
            row: one.mean("acc_presence") + one.mean("acc_salience") for row, one in folds.items()
        }
        row = max([row for row in values if "+" in row] or list(values), key=lambda row: values[row])
        if row not in scored:
            return row, "training clips", folds[row].decided, folds[row].truth
        truth = dict(zip(clips.names, clips.truth, strict=True))
        return row, "test clips", scored[row].decided, np.stack([truth[name] for name in scored[row].names])

    def notes(self) -> list[str]:
        """Say which clips were left out; nothing where none was."""
        return list(dict.fromkeys(one.note for one in self.validation.values() if one.note))

    def thresholds(self) -> pd.DataFrame:
        """Return the thresholds ``alpha`` and ``beta`` that decide the test clips, by row."""
        rows = [{"id": row, "alpha": one.alpha, "beta": one.beta} for row, one in self.answers.items()]
        return pd.DataFrame(rows, columns=["id", "alpha", "beta"]).set_index("id")

    def curves(self, row: str, model: str = REPORTED) -> pd.DataFrame:
        """Return learning curves of a row, means over folds, in the form of :func:`blemore.sources.released.curves`."""
        return curve_table(self.validation[row, model].runs)


def summary(one: CrossValidation) -> dict[str, float]:
    """Return a row's means and spreads, and means over folds of the best epoch, its losses and what is lost after it."""
    best = [run.epochs[run.best_epoch - 1] for run in one.runs]
    return {
        **{f"{metric}_{part}": of(metric) for metric in METRICS for part, of in (("mean", one.mean), ("std", one.spread))},
        "folds": len(one.folds),
        "epoch": float(np.mean([run.best_epoch for run in one.runs])),
        "train_loss": float(np.mean([epoch.train_loss for epoch in best])),
        "val_loss": float(np.mean([epoch.val_loss or 0.0 for epoch in best])),
        "drop": float(np.mean([epoch.composite - run.epochs[-1].composite for run, epoch in zip(one.runs, best, strict=True)])),
    }  # fmt: skip


def train(
    clips: Clips,
    source: str = "auto",
    *,
    rows: Sequence[str] = ROWS,
    models: Sequence[str] = MODELS,
    profile: str = "quick",
    seed: int = DISPLAYED_SEED,
    world: World | None = None,
    test: bool = True,
    folder: str | Path | None = "runs",
    jobs: int | None = None,
    progress: bool = False,
    **changes: Any,
) -> Trained:
    """Cross-validate rows x models, and train the reported model of each row for the test.

    Parameters
    ----------
    clips : Clips
        With folds; test clips where the test is wanted.
    source : {'auto', 'standin', 'zenodo'}
        See :func:`blemore.sources.lookup.features`.
    rows, models : sequences of str
    profile : {'quick', 'paper'}
    seed : int
        Of the simulated data; trainings have the public baseline's.
    world : World, optional
        Other parameters of the simulation than the book's.
    test : bool
        Also train on all folds and decide the test clips, if there are any.
    folder, jobs, progress
        See :func:`blemore.experiments.sweeps.sweep`.
    **changes
        Settings other than the profile's: ``epochs``, ``learning_rate`` ...
    """
    made: dict[str, Any] = {"profile": profile, "seed": seed, "world": world}
    read = _Reader(clips, source, made)
    data: dict[str, Data] = {}
    absent: dict[str, str] = {}
    untested: dict[str, str] = {}
    inputs: list[Input] = []
    for row in rows:
        try:
            data[row], found, untested[row] = _data(row, clips, read.whole, test)
            inputs += found
        except (SourceError, InputError) as error:
            absent[row] = str(error)
            inputs += lookup.asked(row, source)  # so that a page runs again once they can be read
    if not data:
        raise SourceError(f"no row can be trained: {first(list(dict.fromkeys(absent.values())))}")
    chosen = {row: [settings_for(one.features, profile, model=model, **changes) for model in models]
              for row, one in data.items()}  # fmt: skip
    how: dict[str, Any] = {"folder": folder, "jobs": jobs, "progress": progress}
    done = _each(data, chosen, absent, **how)
    validation = {(one.encoder, one.settings.model): one for one in done}
    truth = dict(zip(clips.names, clips.truth.tolist(), strict=True)) if clips.origin == "stand-in" else None
    with_test = {
        row: data[row] for row, model in validation if test and model == REPORTED and data[row].test is not None
    }
    answers = _answers(with_test, validation, truth, untested, **how)
    origins = {one.origin for one in done}
    return Trained(validation, answers, absent, "stand-in" if "stand-in" in origins else "measured",
                   tuple(dict.fromkeys(inputs)), {row: why for row, why in untested.items() if why})  # fmt: skip


def own(
    features: Features, clips: Clips, inputs: Sequence[Input] = (), *, profile: str = "quick",
    folder: str | Path | None = "runs", jobs: int | None = None, progress: bool = False, **changes: Any,
) -> Trained:  # fmt: skip
    """Cross-validate one table of features, with all three classifiers, as a row of :func:`train` is.

    Parameters
    ----------
    features : Features
        Their ``encoder`` names the row. One of the paper's takes that row's place; any other is a row of its own.
    clips : Clips
        With folds.
    inputs : sequence of Input
        What the features and the clip table were read from.
    profile, folder, jobs, progress, **changes
        See :func:`train`.
    """
    data = {features.encoder: gather(clips, features)}
    chosen = [settings_for(features, profile, model=model, **changes) for model in MODELS]
    done = cross_validate_all(data, chosen, ["released-code"], folder=folder, jobs=jobs, progress=progress)
    validation = {(one.encoder, one.settings.model): one for one in done}
    return Trained(validation, {}, {}, features.origin, tuple(inputs))


def _each(
    data: dict[str, Data], chosen: dict[str, list[Settings]], absent: dict[str, str], **how: Any
) -> list[CrossValidation]:
    """Cross-validate all rows in one sweep; where one cannot be trained on, the others without it."""
    try:
        return cross_validate_all(data, chosen, ["released-code"], **how)
    except InputError:
        done = []
        for row, one in data.items():
            try:
                done += cross_validate_all({row: one}, chosen, ["released-code"], **how)
            except InputError as error:
                absent[row] = str(error)
        if not done:
            raise
        return done


def _answers(
    data: dict[str, Data],
    validation: dict[tuple[str, str], CrossValidation],
    truth: dict[str, list[int]] | None,
    untested: dict[str, str],
    **how: Any,
) -> dict[str, Answer]:
    """Decide the test clips of all rows in one sweep; where those of one cannot be decided, of the others without it."""
    try:
        return _decided(data, validation, truth, **how)
    except InputError:
        answers: dict[str, Answer] = {}
        for row, one in data.items():
            try:
                answers |= _decided({row: one}, validation, truth, **how)
            except InputError as error:
                untested[row] = str(error)
        return answers


def _decided(
    data: dict[str, Data],
    validation: dict[tuple[str, str], CrossValidation],
    truth: dict[str, list[int]] | None,
    **how: Any,
) -> dict[str, Answer]:
    """Train the reported model of each row on all folds, in one sweep, and decide the test clips as the released code does."""
    tuned, tasks = {}, []
    for row, one in data.items():
        runs = validation[row, REPORTED].runs
        usual, tuned[row] = test_set.choose(runs, truths_of(one, runs), "released-code")
        plain = runs[0].task.settings
        whole = paper_settings(subsampled=one.features.subsampled).epochs  # as many in profile paper
        final = replace(plain, epochs=max(1, usual * plain.epochs // whole))
        tasks.append(test_set.final_task(final, runs))
    decided = {run.task.encoder: test_set.decided_by(run, tuned[run.task.encoder], "released-code")
               for run in sweep(data, tasks, **how)}  # fmt: skip
    return {
        row: test_set.scored(one, truth) if truth and one.origin == "stand-in" else one for row, one in decided.items()
    }


class _Reader:
    """Features of rows; those of one encoder are read once, though fusions take the same parts again."""

    def __init__(self, clips: Clips, source: str, made: dict[str, Any]) -> None:
        self._clips, self._source, self._made = clips, source, made
        self._known: dict[tuple[str, str], _Table | SourceError | InputError] = {}

    def whole(self, row: str, partition: str) -> _Table:
        return lookup.fused(*(self._single(part, partition) for part in row.split("+")))

    def _single(self, encoder: str, partition: str) -> _Table:
        asked = encoder, partition
        if asked not in self._known:
            try:
                clips = self._clips.of(partition)
                self._known[asked] = lookup.features(encoder, clips, self._source, partition=partition, **self._made)
            except (SourceError, InputError) as error:
                self._known[asked] = error
        found = self._known[asked]
        if isinstance(found, Exception):
            raise found
        return found


def _data(
    row: str, clips: Clips, whole: Callable[[str, str], _Table], test: bool
) -> tuple[Data, tuple[Input, ...], str]:
    """Return the data of a row, their inputs, and why there are no test clips among them, if there are none."""
    table, inputs = whole(row, "train")
    if not test or (table.origin == "stand-in" and not len(clips.of("test"))):  # the release's need no clip table
        return gather(clips, table), inputs, "no test clips here"
    try:
        more, others = whole(row, "test")
        if not more.names:
            return gather(clips, table), inputs, "its parts have no test clip in common"
        return gather(clips, table, more), (*inputs, *others), ""
    except (SourceError, InputError) as error:  # a release may be here without its test clips, or with others
        return gather(clips, table), inputs, str(error)
