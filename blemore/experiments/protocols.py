"""Cross-validation in three ways of choosing epoch and thresholds (paper, section 5.1).

It matters on which clips they are chosen:

``released-code``
    The best epoch and the best thresholds of each fold, chosen on the clips that are scored: optimistic.
``paper-text``
    A fixed number of epochs, and one pair of thresholds for all folds, by a grid over their pooled
    predictions.
``nested``
    Nothing is chosen on the fold that is scored. The four others are trained on three at a time; the mean
    of the four best epochs and one grid over the four predictions go into one training on all four, which
    the fold is scored by.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from blemore.challenge import clips as clip_tables
from blemore.challenge import metrics, thresholds
from blemore.challenge.clips import FOLDS
from blemore.challenge.labels import Saliences
from blemore.challenge.metrics import Scores
from blemore.challenge.thresholds import Probabilities, Tuned
from blemore.errors import InputError, UnknownNameError
from blemore.experiments.stored_runs import Data, Run, Task
from blemore.experiments.sweeps import sweep
from blemore.features.feature_table import Features
from blemore.paper.vocabulary import PROFILES
from blemore.simulation import generator
from blemore.training.loop import Settings, paper_settings
from blemore.training.precision import precision_here

PROTOCOLS = ("released-code", "paper-text", "nested")
"""Ways of choosing epoch and thresholds; see the module's text."""

QUICKER = 4
"""Profile quick: epochs are divided by it, and learning rates multiplied."""


@dataclass(frozen=True, eq=False)
class FoldScore:
    """One fold scored: what was chosen for it, and what came of that."""

    fold: int
    epoch: int
    alpha: float
    beta: float
    scores: Scores
    names: tuple[str, ...]
    probabilities: Probabilities
    decided: Saliences
    truth: Saliences


@dataclass(frozen=True, eq=False)
class CrossValidation:
    """A cross-validated row of Table 2.

    ``folds`` are scored by the protocol; ``runs`` are the trainings whose predictions are scored, with their
    learning curves.
    """

    encoder: str
    settings: Settings
    protocol: str
    origin: str
    note: str
    folds: tuple[FoldScore, ...]
    runs: tuple[Run, ...]

    def mean(self, accuracy: str) -> float:
        """Mean of ``acc_presence`` or ``acc_salience`` over the folds that have it; NaN where none has.

        A fold without blends has no salience accuracy; `note` names such folds.
        """
        values = self._values(accuracy)
        return float(np.mean(values)) if values else float("nan")

    def spread(self, accuracy: str) -> float:
        """Sample standard deviation over the same folds (ddof = 1), as in the paper; 0 for a single fold."""
        values = self._values(accuracy)
        if not values:
            return float("nan")
        return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0

    def _values(self, accuracy: str) -> list[float]:
        values = [getattr(fold.scores, accuracy) for fold in self.folds]
        return [value for value in values if value is not None]

    @property
    def unlike(self) -> str:
        """What is not as in the paper: settings, clips or folds; empty if nothing. Scores that are unlike decide nothing about the paper's."""
        clips, whole = sum(len(fold.names) for fold in self.folds), clip_count("train")
        return "; ".join(filter(None, (
            other_settings(self.settings, paper_settings(subsampled=self.runs[0].subsampled)),
            f"{clips:,} of {whole:,} clips" if clips != whole else "",
            f"{len(self.folds)} folds" if len(self.folds) != len(FOLDS) else "",
        )))  # fmt: skip

    @property
    def decided(self) -> Saliences:
        """Decisions (N, 6) for the clips of all folds, fold after fold."""
        return np.concatenate([fold.decided for fold in self.folds])

    @property
    def truth(self) -> Saliences:
        """Truth (N, 6) of the same clips."""
        return np.concatenate([fold.truth for fold in self.folds])


def settings_for(features: Features, profile: str = "paper", **changes: Any) -> Settings:
    """Return how a classifier is trained on these features: by a profile, and by what is given beside it.

    Parameters
    ----------
    features : Features
        Whether they are aggregated or subsampled decides on epochs and batch size.
    profile : {'paper', 'quick'}
        ``paper`` has the paper's settings, in mode fast at the precision that pays on this CPU. ``quick`` has a quarter of
        the epochs at four times the learning rate, the folds side by side; on simulated features the rate is multiplied
        once more, by the square root of how much narrower than the encoder's they are.
    **changes
        Settings other than the profile's: ``model``, ``learning_rate``, ``epochs``, ``seed`` ...
    """
    if profile not in PROFILES:
        raise UnknownNameError("profile", profile, PROFILES)
    if profile == "quick":
        plain = paper_settings(subsampled=features.subsampled)
        rate = plain.learning_rate * QUICKER * generator.narrower(features) ** 0.5
        quick = {"mode": "stacked", "epochs": plain.epochs // QUICKER, "learning_rate": rate}
        changes = {**quick, **changes}
    if (changes.get("mode", "fast"), changes.get("device", "cpu")) == ("fast", "cpu"):
        changes = {"precision": precision_here(), **changes}
    return paper_settings(subsampled=features.subsampled, **changes)


def described(rows: Iterable[CrossValidation]) -> str:
    """Say on what some rows were trained, on how many clips, how long and at which rates."""
    every = list(rows)
    origins = {"stand-in": "simulated", "measured": "real"}
    what = " and ".join(dict.fromkeys(origins[one.origin] for one in every))
    clips = _range(sum(len(fold.names) for fold in one.folds) for one in every)
    epochs, rates = (_range(getattr(one.settings, name) for one in every) for name in ("epochs", "learning_rate"))
    precisions = sorted({one.settings.precision for one in every} - {"highest"})
    said = f"{what} features of {clips} clips, {epochs} epoch{'' if epochs == '1' else 's'}, learning rate {rates}"
    return said + (f", precision {' and '.join(precisions)}" if precisions else "")


def other_settings(settings: Settings, plain: Settings) -> str:
    """Say which settings that the paper gives differ; empty if none.

    >>> other_settings(Settings(epochs=50, learning_rate=2e-5), Settings())
    'other settings: 50 epochs, learning rate 2e-05'
    """
    said = {"epochs": "{} epochs", "learning_rate": "learning rate {:.2g}", "batch_size": "batch size {}",
            "weight_decay": "weight decay {:.2g}"}  # fmt: skip
    other = [text.format(getattr(settings, name)) for name, text in said.items()
             if getattr(settings, name) != getattr(plain, name)]  # fmt: skip
    return f"other settings: {', '.join(other)}" if other else ""


@cache
def clip_count(partition: str) -> int:
    """Return how many clips a partition of the data set has, by the published counts."""
    return len(clip_tables.standin().of(partition))


def _range(values: Iterable[float]) -> str:
    """Spell out the least and the greatest of some numbers, or the one that there is."""
    every = list(values)
    shown = [f"{value:,}" if isinstance(value, int) else f"{value:.2g}" for value in (min(every), max(every))]
    return " to ".join(dict.fromkeys(shown))


def cross_validate_all(
    data: Mapping[str, Data],
    settings: Sequence[Settings] | Mapping[str, Sequence[Settings]],
    protocols: Sequence[str] = PROTOCOLS,
    **how: Any,
) -> list[CrossValidation]:
    """Cross-validate encoders x settings x protocols in one sweep; trainings in common happen once.

    Parameters
    ----------
    data : mapping
        Data by encoder, from :func:`blemore.experiments.stored_runs.gather`.
    settings : sequence of Settings, or a mapping
        Settings for every encoder, or by encoder (subsamples need others than aggregated features).
    protocols : sequence of str
    **how
        ``folder``, ``jobs``, ``scheduler``, ``progress``, as for :func:`blemore.experiments.sweeps.sweep`.
    """
    for protocol in protocols:
        if protocol not in PROTOCOLS:
            raise UnknownNameError("protocol", protocol, PROTOCOLS)
    rows = [
        (encoder, chosen, protocol)
        for encoder in data
        for chosen in (settings[encoder] if isinstance(settings, Mapping) else settings)
        for protocol in protocols
    ]
    first = list(
        dict.fromkeys(t for encoder, chosen, p in rows for t in _first_tasks(data[encoder], encoder, chosen, p))
    )
    done = dict(zip(first, sweep(data, first, **how), strict=True))
    # by row: another row may come to the same training by other thresholds
    refits = [_refits(data[encoder], encoder, chosen, done) if p == "nested" else {} for encoder, chosen, p in rows]
    second = list(dict.fromkeys(task for row in refits for task in row))
    done |= dict(zip(second, sweep(data, second, **how), strict=True))
    return [
        _row(data[encoder], encoder, chosen, p, done, own)
        for (encoder, chosen, p), own in zip(rows, refits, strict=True)
    ]


def plain_tasks(data: Data, encoder: str, settings: Settings) -> list[Task]:
    """Return a task for each fold, the others to train on."""
    if len(data.folds) < 2:
        raise InputError(f"features {encoder}", "cross-validation needs two folds", got=f"folds {data.folds}")
    return [Task(encoder, settings, _without(data.folds, fold), (fold,)) for fold in data.folds]


def _inner(data: Data, encoder: str, settings: Settings, fold: int) -> list[Task]:
    """For a fold to be scored, each other fold once, the remaining ones to train on."""
    if len(data.folds) < 3:
        raise InputError(f"features {encoder}", "nested needs three folds", got=f"folds {data.folds}")
    others = _without(data.folds, fold)
    return [Task(encoder, settings, _without(others, inner), (inner,)) for inner in others]


def _without(folds: tuple[int, ...], fold: int) -> tuple[int, ...]:
    return tuple(other for other in folds if other != fold)


def _first_tasks(data: Data, encoder: str, settings: Settings, protocol: str) -> list[Task]:
    if protocol != "nested":
        return plain_tasks(data, encoder, settings)
    return [task for fold in data.folds for task in _inner(data, encoder, settings, fold)]


def _refits(data: Data, encoder: str, settings: Settings, done: Mapping[Task, Run]) -> dict[Task, Tuned]:
    """What the inner trainings choose for each fold: a training of so many epochs, and thresholds."""
    chosen = {}
    for fold in data.folds:
        runs = [done[task] for task in _inner(data, encoder, settings, fold)]
        epochs = replace(settings, epochs=rounded_mean([run.best_epoch for run in runs]))
        task = Task(encoder, epochs, _without(data.folds, fold), (fold,), blind=True)
        chosen[task] = pooled_thresholds(runs, truths_of(data, runs), last=False)
    return chosen


def truths_of(data: Data, runs: Sequence[Run]) -> list[Saliences]:
    """Return the truth of the clips that each run predicts."""
    return [data.truth_of(run.task.val_folds) for run in runs]


def pooled_thresholds(runs: Sequence[Run], truths: Sequence[Saliences], *, last: bool) -> Tuned:
    """Tune thresholds once on the pooled predictions of several runs, at their last or their best epoch."""
    probabilities = np.concatenate([run.last if last else run.best for run in runs])
    truth: Saliences = np.concatenate([one.astype(np.int64) for one in truths])
    return thresholds.tune(probabilities, truth)


def rounded_mean(epochs: Sequence[int]) -> int:
    """Return the mean, rounded to the nearest whole number, halves up.

    >>> rounded_mean([1, 2]), rounded_mean([10, 20, 21])
    (2, 17)
    """
    return (2 * sum(epochs) + len(epochs)) // (2 * len(epochs))


def _row(
    data: Data,
    encoder: str,
    settings: Settings,
    protocol: str,
    done: Mapping[Task, Run],
    refits: Mapping[Task, Tuned],
) -> CrossValidation:
    if protocol == "nested":
        runs = [done[task] for task in refits]
        folds = [_score(data, run, refits[run.task], run.last, len(run.epochs)) for run in runs]
    else:
        runs = [done[task] for task in plain_tasks(data, encoder, settings)]
        if protocol == "released-code":
            tuned = [thresholds.tune(run.best, data.truth_of(run.task.val_folds)) for run in runs]
            folds = [_score(data, r, t, r.best, r.best_epoch) for r, t in zip(runs, tuned, strict=True)]
        else:
            pooled = pooled_thresholds(runs, truths_of(data, runs), last=True)
            folds = [_score(data, run, pooled, run.last, len(run.epochs)) for run in runs]
    without = [str(fold.fold) for fold in folds if fold.scores.acc_salience is None]
    said = f"{encoder}: no blends in fold {', '.join(without)}, left out of the mean salience" if without else ""
    note = "; ".join(filter(None, (data.note, said)))
    return CrossValidation(encoder, settings, protocol, data.origin, note, tuple(folds), tuple(runs))


def _score(data: Data, run: Run, tuned: Tuned, probabilities: Probabilities, epoch: int) -> FoldScore:
    truth = data.truth_of(run.task.val_folds)
    decided = thresholds.decide(probabilities, tuned.alpha, tuned.beta)
    return FoldScore(
        fold=run.task.val_folds[0],
        epoch=epoch,
        alpha=tuned.alpha,
        beta=tuned.beta,
        scores=metrics.score(decided, truth),
        names=run.names,
        probabilities=probabilities,
        decided=decided,
        truth=truth,
    )
