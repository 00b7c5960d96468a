"""Trainings from files that a user has, as the command ``blemore train`` shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from blemore.challenge.clips import read_metadata
from blemore.errors import InputError, UnknownNameError
from blemore.experiments import submissions
from blemore.experiments.protocols import PROTOCOLS, CrossValidation, cross_validate_all, plain_tasks, settings_for
from blemore.experiments.stored_runs import Run, digests, gather, name_of
from blemore.experiments.sweeps import sweep
from blemore.experiments.test_set import Answer, final_task, predict_test
from blemore.features import feature_files


@dataclass(frozen=True, eq=False)
class Trainings:
    """What ``blemore train`` did: a run for each fold, and what was left out of the inputs."""

    runs: tuple[Run, ...]
    note: str
    test: Answer | None = None
    test_run: Path | None = None

    @property
    def complete(self) -> bool:
        """Tell whether the clips predicted are the challenge's test clips, all of which a submission needs."""
        return self.test is not None and {f"{name}.mov" for name in self.test.names} == set(submissions.CLIPS)

    def document(self) -> dict[str, Any]:
        """Return the JSON document of ``blemore train``: settings apart, everything about each fold."""
        document: dict[str, Any] = {"runs": [_described(run) for run in self.runs]}
        if self.test is not None:
            test = self.test
            document["test"] = {"run": str(self.test_run), "protocol": test.protocol, "epochs": test.settings.epochs,
                                "alpha": test.alpha, "beta": test.beta, "clips": len(test.names)}  # fmt: skip
        return document


def _described(run: Run) -> dict[str, Any]:
    epochs = [asdict(epoch) for epoch in run.epochs]
    return {
        "fold": run.task.val_folds[0],
        "n_train": run.n_train,
        "n_val": len(run.names),
        "best": {"epoch": run.best_epoch, **epochs[run.best_epoch - 1]},
        "epochs": epochs,
    }


def protocol_table(rows: Sequence[CrossValidation]) -> pd.DataFrame:
    """Return what each protocol chose and scored: a row for each ``protocol`` and ``fold``."""
    return pd.DataFrame(
        {"protocol": row.protocol, "fold": fold.fold, "epoch": fold.epoch, "alpha": fold.alpha, "beta": fold.beta,
         "acc_presence": fold.scores.acc_presence, "acc_salience": fold.scores.acc_salience, "n": fold.scores.n}
        for row in rows
        for fold in row.folds
    )  # fmt: skip


def curve_table(runs: Sequence[Run]) -> pd.DataFrame:
    """Return learning curves: means over the runs for each ``epoch``, from 1."""
    tables = [pd.DataFrame([asdict(epoch) for epoch in run.epochs]) for run in runs]
    curves = pd.concat(tables).groupby(level=0).mean()
    return curves.drop(columns=["alpha", "beta"]).rename_axis("epoch").rename(index=lambda i: i + 1).reset_index()


def cross_validated(
    encoder: str, features: str | Path, metadata: str | Path, protocols: Sequence[str] = PROTOCOLS,
    *, folder: str | Path | None = None, jobs: int | None = None, **changes: Any,
) -> list[CrossValidation]:  # fmt: skip
    """Cross-validate one classifier on files that a user has, by several protocols (sections 4.7 and 5.1).

    Parameters
    ----------
    encoder : str
        Whose features they are; names the rows.
    features, metadata : path
    protocols : sequence of str
    folder, jobs
        See :func:`blemore.experiments.sweeps.sweep`.
    **changes
        Settings other than the paper's.
    """
    table = feature_files.read(features, encoder=encoder)
    data = {encoder: gather(read_metadata(metadata), table)}
    return cross_validate_all(data, [settings_for(table, **changes)], protocols, folder=folder, jobs=jobs)


def train(
    features: str | Path,
    metadata: str | Path,
    folds: Sequence[int] | None = None,
    *,
    exact: bool = False,
    test_features: str | Path | None = None,
    protocol: str = "released-code",
    folder: str | Path | None = None,
    jobs: int | None = None,
    scheduler: str | None = None,
    progress: bool = False,
    **changes: Any,
) -> Trainings:
    """Train one classifier on files that a user has, for some folds (the command ``blemore train``).

    Parameters
    ----------
    features, metadata : path
        A feature table, see :func:`blemore.features.feature_files.read`, and the release's metadata.
    folds : sequence of int, optional
        Folds to validate on, by default all; the seed is set anew for each.
    exact : bool
        Compute as the public baseline does, to the last bit.
    test_features : path, optional
        Features of the test clips: train on all folds, too, and predict them, for ``blemore submit``. Needs
        all folds and a folder. If names are the challenge's (``test_0001``), all 594 must be there.
    protocol : str
        How long to train for the test, see :func:`blemore.experiments.test_set.predict_test`.
    folder, jobs, scheduler, progress
        See :func:`blemore.experiments.sweeps.sweep`.
    **changes
        Settings other than the paper's: ``model``, ``learning_rate``, ``epochs``, ``seed`` ...
    """
    if protocol not in PROTOCOLS:
        raise UnknownNameError("protocol", protocol, PROTOCOLS)
    clips = read_metadata(metadata)
    table = feature_files.read(features)
    test = feature_files.read(test_features) if test_features is not None else None
    if test is not None:
        _check_test_clips(test_features, test.names)
    data = gather(clips, table, test)
    if test is not None and (folder is None or folds is not None):
        raise InputError("test features", "need all folds, and a folder for runs", fix="give --runs, and not --folds")
    asked = tuple(dict.fromkeys(folds)) if folds is not None else data.folds
    if not asked or set(asked) - set(data.folds):
        got = ", ".join(map(str, asked)) or "none"
        raise InputError("folds", "not folds of these clips", expected=f"some of {data.folds}", got=got)
    settings = settings_for(table, mode="exact" if exact else "fast", **changes)
    tasks = [task for task in plain_tasks(data, table.encoder, settings) if task.val_folds[0] in asked]
    tasks.sort(key=lambda task: asked.index(task.val_folds[0]))
    how: dict[str, Any] = {"folder": folder, "jobs": jobs, "scheduler": scheduler, "progress": progress}
    runs = sweep({table.encoder: data}, tasks, **how)
    if test is None or folder is None:
        return Trainings(tuple(runs), data.note)
    answer = predict_test(data, settings, protocol, **how)
    final = final_task(answer.settings, runs)
    return Trainings(tuple(runs), data.note, answer, Path(folder) / f"{name_of(final, digests(data, final))}.json")


def _check_test_clips(where: object, names: Sequence[str]) -> None:
    """Refuse a part of the challenge's test clips, which could not be submitted; other test sets may be of any size."""
    clips = [f"{name}.mov" for name in names]
    if not set(submissions.CLIPS).isdisjoint(clips):
        fix = "give features of all test clips and no others; clips of another test set need other names"
        submissions.check_names(where, clips, fix=fix)
