"""Trainings as they lie on disk: what was asked, of what, and what came of it.

A run is two files, ``NAME.npz`` (probabilities, and on test clips the classifier) and ``NAME.json`` (everything else), in a folder per encoder
and model. NAME ends in a digest of the settings, of the inputs' content and of the code that trains, so a run is found again
whenever the same is asked, and never when something has changed. The JSON file is written last and each
file appears at once: what is there is whole.
"""

from __future__ import annotations

import io
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blemore.challenge.clips import Clips
from blemore.challenge.labels import EMOTIONS, Saliences, soft_labels
from blemore.errors import BlemoreError, InputError, first
from blemore.features.feature_table import Features, join, standardise
from blemore.system import files, fingerprints
from blemore.training import classifier
from blemore.training.classifier import Head
from blemore.training.loop import Epoch, Settings, Split, best_epoch

APART = (
    "blemore.challenge.clips",
    "blemore.errors",
    "blemore.system.files",
    "blemore.system.fingerprints",
)
"""Modules that only bring a training its inputs, which count by content, or place and report it."""

CODE = fingerprints.digest(
    fingerprints.code(fingerprints.PACKAGE / "experiments/one_training.py", APART, messages=False)
)
"""What trains: :mod:`blemore.experiments.one_training` and what it imports, as it was loaded, and the versions of its libraries.

Where and when trainings are done, :mod:`blemore.experiments.sweeps` and :mod:`blemore.system.processes`, is no part of it, nor is what ``raise`` statements say. Other code finds no run of this one's.
"""


@dataclass(frozen=True)
class Task:
    """One training to do.

    Attributes
    ----------
    encoder : str
    settings : Settings
    train_folds : tuple of int
    val_folds : tuple of int
        Folds of the clips predicted; empty for the test clips.
    blind : bool
        Choose and score nothing on the clips predicted; always so for test clips.
    validation : tuple of str
        Of test clips: the runs beside it that thresholds come from, by the last part of :func:`name_of`, in the order of
        their folds.
    """

    encoder: str
    settings: Settings
    train_folds: tuple[int, ...]
    val_folds: tuple[int, ...]
    blind: bool = False
    validation: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Data:
    """Features of training clips with truth and fold, and perhaps features of test clips.

    Attributes
    ----------
    features : Features
        N clips.
    truth : (N, 6) integers in percent
    fold : (N,) int64
    test : Features or None
    note : str
        What was left out when features were joined to clips; empty if nothing.
    """

    features: Features
    truth: Saliences
    fold: NDArray[np.int64]
    test: Features | None = None
    note: str = ""

    @property
    def folds(self) -> tuple[int, ...]:
        """The folds there are, in order."""
        return tuple(int(fold) for fold in np.unique(self.fold))

    @property
    def origin(self) -> str:
        """Label of every number that comes of these data: ``measured`` or ``stand-in``."""
        tables = [self.features, *([self.test] if self.test else [])]
        return "stand-in" if any(table.origin == "stand-in" for table in tables) else self.features.origin

    def names(self, folds: tuple[int, ...]) -> tuple[str, ...]:
        """Return the names of the clips in some folds."""
        rows = np.isin(self.fold, folds)
        return tuple(name for name, inside in zip(self.features.names, rows, strict=True) if inside)

    def truth_of(self, folds: tuple[int, ...]) -> Saliences:
        """Return the truth of the clips in some folds, in the same order."""
        return self.truth[np.isin(self.fold, folds)]


def gather(clips: Clips, features: Features, test: Features | None = None) -> Data:
    """Join features to the clips that have a fold.

    Raises
    ------
    InputError
        If a fold of the clip table has no clip with features, or test clips have other features or are among the clips.
    """
    inside = clips.table["fold"].notna()
    if not inside.any():
        raise InputError("clip table", "no clip has a fold", fix="read a metadata file with the column fold")
    if not inside.all():
        clips = Clips(clips.table[inside].reset_index(drop=True), clips.origin)
    if test is not None and (both := sorted(set(test.names) & set(clips.names))):
        what = f"{len(both)} of its clips are training clips"
        raise InputError(f"test features {test.encoder}", what, got=first(both), fix="give test clips alone")
    joined = join(clips, features)
    fold = joined.clips.table["fold"].to_numpy(dtype=np.int64)
    there = set(clips.table["fold"].astype(int))
    if empty := sorted(there - set(fold.tolist())):
        raise InputError(
            f"features {features.encoder}",
            f"no clip of fold {first(empty)} has features",
            fix="every fold needs at least one",
        )
    if test is not None and test.x.shape[1] != features.x.shape[1]:
        expected, got = (str(one.x.shape[1]) for one in (features, test))
        raise InputError(f"test features {test.encoder}", "width", expected=expected, got=got)
    return Data(joined.features, joined.clips.truth, fold, test, joined.note)


def split(data: Data, task: Task) -> Split:
    """Return the rows to train on and to predict, scaled by the training rows (section 4.3).

    Raises
    ------
    InputError
        If a side has no clip, or some values become infinite when they are standardised.
    """
    train = data.features.select(data.names(task.train_folds))
    truth = data.truth_of(task.train_folds)
    val = data.features.select(data.names(task.val_folds)) if task.val_folds else data.test
    if val is None:
        raise InputError(f"features {task.encoder}", "there are none of test clips", fix="give their features")
    if not train.names or not val.names:
        raise InputError(
            f"features {task.encoder}",
            "an empty fold",
            expected=f"clips in folds {first(data.folds, 5)}",
            got=f"training on {task.train_folds}, predicting {task.val_folds}",
        )
    with np.errstate(over="ignore", invalid="ignore"):
        train_x, val_x = standardise(train.x, val.x)
    for side, x in ((train, train_x), (val, val_x)):
        _check_scaled(side, x)
    labels = np.repeat(soft_labels(truth), train.counts, axis=0)
    seen = None if task.blind or not task.val_folds else data.truth_of(task.val_folds)
    return Split(train_x, labels, val_x, val.counts, seen)


def _check_scaled(features: Features, x: NDArray[np.float32]) -> None:
    """Check that no value is too large: far beyond the training rows of its column, or near the end of float32."""
    if not (fine := np.isfinite(x)).all():
        clips = np.unique(np.repeat(np.arange(len(features.names)), features.counts)[~fine.all(axis=1)])
        columns = np.flatnonzero(~fine.all(axis=0)).tolist()
        raise InputError(
            f"features {features.encoder}",
            f"columns (counted from 0) that become infinite after standardisation: {first(columns)}",
            got=f"such values in {first([features.names[i] for i in clips])}",
            fix="leave these columns out, or divide them by a constant",
        )


def digests(data: Data, task: Task) -> dict[str, str]:
    """Return SHA-256 of each input of a task: features, the clips trained on, and those predicted."""
    inputs = {"features": data.features.digest, "train": _digest(data, task.train_folds)}
    if task.val_folds:
        return {**inputs, "val": _digest(data, task.val_folds)}
    return {**inputs, "test": data.test.digest if data.test else "absent"}


def _digest(data: Data, folds: tuple[int, ...]) -> str:
    pairs = zip(data.names(folds), data.truth_of(folds).tolist(), strict=True)
    return fingerprints.digest(list(pairs))


@dataclass(frozen=True, eq=False)
class Run:
    """A finished training.

    Attributes
    ----------
    task : Task
    inputs : dict
        SHA-256 of each input.
    origin : str
        ``measured`` or ``stand-in``.
    n_train : int
        Clips trained on.
    epochs : tuple of Epoch
    names : tuple of str
        The N clips predicted.
    best, last : (N, 6) float32, rows sum to 1
        Their probabilities after the best and after the last epoch.
    seconds : float
        Time it took: the only thing that differs when it is done again.
    head : Head or None
        The classifier after the last epoch; kept where test clips are predicted.
    subsampled : bool
        Whether it was trained on subsamples.
    code : str
        Digest of the code that trained it, see :data:`CODE`; empty for runs of earlier versions.
    """

    task: Task
    inputs: dict[str, str]
    origin: str
    n_train: int
    epochs: tuple[Epoch, ...]
    names: tuple[str, ...]
    best: NDArray[np.float32]
    last: NDArray[np.float32]
    seconds: float
    head: Head | None = None
    subsampled: bool = False
    code: str = CODE

    @property
    def best_epoch(self) -> int:
        """Number, from 1, of the first epoch of maximal composite score."""
        return best_epoch(self.epochs)


def name_of(task: Task, inputs: dict[str, str]) -> str:
    """Return a run's place below the folder of runs, without suffix: ``ENCODER/MODEL/FOLDS-DIGEST``."""
    asked = {"code": CODE, "settings": asdict(task.settings), "blind": task.blind, "inputs": inputs,
             "validation": task.validation}  # fmt: skip
    predicted = "val" + "".join(map(str, task.val_folds)) if task.val_folds else "test"
    encoder = "".join(c if c.isalnum() or c in "+-_." else "_" for c in task.encoder)
    trained = "".join(map(str, task.train_folds))
    return f"{encoder}/{task.settings.model}/train{trained}-{predicted}-{fingerprints.digest(asked)[:16]}"


def save(folder: Path, run: Run) -> Path:
    """Write a run, each file at once; returns the path of its JSON file."""
    path = folder / f"{name_of(run.task, run.inputs)}.json"
    files.make_folder(path.parent)
    arrays = io.BytesIO()
    head = run.head.arrays() if run.head else {}
    np.savez(arrays, allow_pickle=False, filenames=np.array(run.names), best=run.best, last=run.last, **head)
    columns = {field.name: [getattr(epoch, field.name) for epoch in run.epochs] for field in fields(Epoch)}
    about = {
        "code": run.code,
        "encoder": run.task.encoder,
        "origin": run.origin,
        "settings": asdict(run.task.settings),
        "train_folds": run.task.train_folds,
        "val_folds": run.task.val_folds,
        "blind": run.task.blind,
        "validation": run.task.validation,
        "subsampled": run.subsampled,
        "inputs": run.inputs,
        "n_train": run.n_train,
        "n_val": len(run.names),
        "best_epoch": run.best_epoch,
        "epochs": columns,
        "timing": {"seconds": round(run.seconds, 3)},
    }
    files.write_atomically(path.with_suffix(".npz"), arrays.getvalue(), durable=True)
    files.write_atomically(path, json.dumps(about, indent=1, allow_nan=False) + "\n", durable=True)
    return path


def find(folder: Path, task: Task, inputs: dict[str, str]) -> Run | None:
    """Return the run of a task on inputs of this content, or None if it is not in the folder, or only half of it."""
    path = folder / f"{name_of(task, inputs)}.json"
    return read(path) if path.is_file() and path.with_suffix(".npz").is_file() else None


def read(path: str | Path, *, fix: str = "delete it, and run again") -> Run:
    """Read a run from its JSON file and the ``.npz`` beside it; ``fix`` is what to do if the file is no run's."""
    path = Path(path)
    about = _about(path, fix)
    try:
        with path.with_suffix(".npz").open("rb") as file:
            arrays = dict(np.load(file, allow_pickle=False))
        columns = about["epochs"]
        run = Run(
            task=Task(
                about["encoder"],
                Settings(**about["settings"]),
                tuple(about["train_folds"]),
                tuple(about["val_folds"]),
                about["blind"],
                tuple(about.get("validation", ())),  # runs of earlier versions name none
            ),
            inputs=about["inputs"],
            origin=about["origin"],
            n_train=about["n_train"],
            epochs=tuple(Epoch(*row) for row in zip(*columns.values(), strict=True)),
            names=tuple(arrays["filenames"].tolist()),
            best=arrays["best"],
            last=arrays["last"],
            seconds=about["timing"]["seconds"],
            head=classifier.from_arrays(arrays),
            subsampled=about.get(
                "subsampled", about["encoder"].endswith(":sub")
            ),  # earlier versions kept the name alone
            code=about.get("code", ""),
        )
        _check(run)
    except FileNotFoundError as error:
        raise InputError(path, "no such file", got=str(error.filename), fix="check the path") from None
    except Exception as error:
        got = str(error).strip().splitlines() or [type(error).__name__]
        raise InputError(path, "a damaged run", got=got[0], fix="delete it, and run again") from None
    return run


def _about(path: Path, fix: str) -> dict[str, Any]:
    """Return what the JSON file of a run says."""
    try:
        about = json.loads(files.read_text(path))
    except BlemoreError:
        raise
    except FileNotFoundError:
        raise InputError(path, "no such file", fix="check the path") from None
    except OSError as error:
        raise files.unreadable(path, error) from None
    except (ValueError, RecursionError) as error:
        got = "a file that is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else str(error)
        raise InputError(path, "not a run", got=got, fix=fix) from None
    if not isinstance(about, dict) or not {"settings", "train_folds", "val_folds", "inputs"} <= set(about):
        raise InputError(path, "not a run", got="JSON of another kind", fix=fix)
    return about


def _check(run: Run) -> None:
    """Check that a run has the epochs of its settings, and probabilities for its clips."""
    if len(run.epochs) != run.task.settings.epochs:
        raise ValueError(f"{len(run.epochs)} epochs, of {run.task.settings.epochs}")
    for rows in (run.best, run.last):
        fits = rows.shape == (len(run.names), len(EMOTIONS)) and rows.dtype.kind == "f"
        if not fits or not ((np.abs(rows.sum(axis=1) - 1) < 1e-3) & (rows >= 0).all(axis=1)).all():
            raise ValueError(f"probabilities {rows.shape} of {len(run.names)} clips that are none")
