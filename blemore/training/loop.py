"""The training loop: KL loss, Adam, and thresholds after every epoch (paper, sections 4.6 and 4.7).

Three modes. ``exact`` is the public baseline's computation to the last bit, on one thread: the same random
draws in the same order, torch's default Adam. ``fast`` does the same arithmetic with less memory traffic; at
precision ``highest`` it is meant to give the same bits, at ``medium`` it may take faster matrix products
and the fused Adam, and rounds differently. ``stacked`` trains several folds together, with the fused Adam
at either precision, and is done by :mod:`blemore.training.folds_together`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from blemore.challenge import thresholds
from blemore.challenge.labels import Saliences, soft_labels
from blemore.errors import InputError, UnknownNameError
from blemore.training import models
from blemore.training.adam import SlicedAdam
from blemore.training.gradients import Gradients
from blemore.training.precision import PRECISIONS, matmul_precision, one_thread
from blemore.training.random_numbers import Draws

MODES = ("fast", "exact", "stacked")
"""How to compute; see the module's text."""

EPOCHS = {"aggregated": 200, "subsampled": 300}
"""Epochs of the paper (section 4.7)."""

BATCH_SIZES = {"aggregated": 32, "subsampled": 512}
"""Batch sizes of the paper (section 4.7)."""


DEVICES = ("cpu", "cuda")
"""Where to compute; ``cuda:1`` and so on name one of several."""


@dataclass(frozen=True)
class Settings:
    """Everything that decides a training besides its data; defaults are the paper's (section 4.7)."""

    model: str = "mlp-512"
    learning_rate: float = 5e-6
    weight_decay: float = 1e-3
    batch_size: int = 32
    epochs: int = 200
    seed: int = 42
    mode: str = "fast"
    precision: str = "highest"
    device: str = "cpu"

    def __post_init__(self) -> None:
        for kind, name, known in (
            ("model", self.model, models.MODELS),
            ("mode", self.mode, MODES),
            ("precision", self.precision, PRECISIONS),
        ):
            if name not in known:
                raise UnknownNameError(kind, name, known)
        for field in ("batch_size", "epochs", "seed"):
            least = 0 if field == "seed" else 1
            value = getattr(self, field)
            if isinstance(value, bool) or not isinstance(value, int) or value < least or value >= 2**63:
                raise InputError(f"setting {field}", "out of range", expected=f"{least} or more", got=repr(value))
        for field in ("learning_rate", "weight_decay"):
            value = getattr(self, field)
            if not math.isfinite(value) or value < 0 or (value == 0 and field == "learning_rate"):
                raise InputError(f"setting {field}", "out of range", expected="above 0", got=repr(value))
        if self.device.split(":")[0] not in DEVICES:
            raise UnknownNameError("device", self.device, DEVICES)
        if self.mode == "exact" and (self.precision, self.device) != ("highest", "cpu"):
            raise InputError("settings", "exact mode needs precision highest and the CPU")


@dataclass(frozen=True, eq=False)
class Split:
    """Training rows and the clips to predict, standardised.

    Attributes
    ----------
    train_x : (M, D) float32
    train_y : (M, 6) float32
        Soft labels of each row's clip.
    val_x : (L, D) float32
        Rows of one clip lie together.
    val_counts : (N,) int64, sum L
    val_truth : (N, 6) integers in percent, or None
        None where nothing may be chosen on these clips: no losses, thresholds and scores for them.
    """

    train_x: NDArray[np.float32]
    train_y: NDArray[np.float32]
    val_x: NDArray[np.float32]
    val_counts: NDArray[np.int64]
    val_truth: Saliences | None


@dataclass(frozen=True)
class Epoch:
    """One epoch: losses, and the thresholds and accuracies of the best composite score (section 5).

    All but the training loss are None where the clips predicted have no truth.
    """

    train_loss: float
    val_loss: float | None = None
    alpha: float | None = None
    beta: float | None = None
    acc_presence: float | None = None
    acc_salience: float | None = None

    @property
    def composite(self) -> float:
        """Average of the two accuracies; 0 without them."""
        return 0.5 * (self.acc_presence or 0.0) + 0.5 * (self.acc_salience or 0.0)


@dataclass(frozen=True, eq=False)
class Trained:
    """What a training leaves: its epochs, probabilities (N, 6) float32 of the best and last one, and the last weights."""

    epochs: tuple[Epoch, ...]
    best: NDArray[np.float32]
    last: NDArray[np.float32]
    weights: Mapping[str, NDArray[np.float32]]

    @property
    def best_epoch(self) -> int:
        """Number, from 1, of the first epoch of maximal composite score; the last where there is none."""
        return best_epoch(self.epochs)


def best_epoch(epochs: tuple[Epoch, ...]) -> int:
    """Return the number, from 1, of the first epoch of maximal composite score; without scores the last.

    >>> scores = [(0.1, 0.1), (0.3, 0.1), (0.1, 0.3)]
    >>> best_epoch(tuple(Epoch(1.0, 1.0, 0.05, 0.05, p, s) for p, s in scores))
    2
    """
    if epochs[-1].acc_presence is None:
        return len(epochs)
    return 1 + int(np.argmax([epoch.composite for epoch in epochs]))


def fit(split: Split, settings: Settings) -> Trained:
    """Train one classifier and predict the split's validation clips (section 4.7).

    Raises
    ------
    InputError
        If there is nothing to train on or to predict, or the loss becomes NaN or infinite.
    """
    return fit_each([split], settings)[0]


def fit_each(splits: Sequence[Split], settings: Settings) -> list[Trained]:
    """Train one classifier, and predict and score several sets of validation clips, each as if it were alone.

    The splits have the same rows to train on; either all of them have a truth, or none.
    """
    for split in splits:
        check(split, settings)
    if settings.mode == "stacked":
        raise InputError(
            "training", "mode stacked is for several trainings at once", fix="use blemore.training.folds_together.fit"
        )
    draws = Draws(settings.seed)
    model = models.build(settings.model, splits[0].train_x.shape[1], draws.generator).to(settings.device)
    with one_thread(), matmul_precision(settings.precision):
        return _loop(splits, settings, model, draws)


def check(split: Split, settings: Settings) -> None:
    """Raise an InputError if there is nothing to train on or to predict, or nothing to compute with."""
    if not len(split.train_x) or not len(split.val_x):
        what = "no clip to train on" if not len(split.train_x) else "no clip to predict"
        raise InputError("training", what, fix="check the folds")
    if settings.device.startswith("cuda") and not torch.cuda.is_available():
        raise InputError("training", "no CUDA device is here", got=settings.device, fix="say device cpu")


def _loop(splits: Sequence[Split], settings: Settings, model: nn.Sequential, draws: Draws) -> list[Trained]:
    x, y = (torch.from_numpy(array).to(settings.device) for array in (splits[0].train_x, splits[0].train_y))
    optimiser, gradients = _optimiser(settings, model)
    validations = [_Validation(split, settings) for split in splits]
    for _ in range(settings.epochs):
        losses = []
        for rows in torch.split(draws.order(len(x)).to(settings.device), settings.batch_size):
            losses.append(gradients(x[rows], y[rows]))
            optimiser.step()
        train_loss = _mean(losses)
        if splits[0].val_truth is not None:
            draws.validation()
        for validation in validations:
            validation.follow(model, train_loss)
    weights = {name: array.cpu().numpy() for name, array in model.state_dict().items()}
    return [validation.course.trained(weights) for validation in validations]


class Course:
    """What becomes of one set of clips, epoch after epoch."""

    def __init__(self, split: Split, epochs: int) -> None:
        self.split, self._planned = split, epochs
        self._epochs: list[Epoch] = []
        self._best = self._last = np.zeros((0, 6), dtype=np.float32)

    def add(self, train_loss: float, predict: Callable[[], tuple[float, NDArray[np.float32]]]) -> None:
        """Finish an epoch; `predict` gives validation loss and probabilities, and is called where they matter."""
        number, epoch, truth = len(self._epochs) + 1, Epoch(train_loss), self.split.val_truth
        if not math.isfinite(train_loss):
            raise InputError("training", f"the loss is {train_loss} in epoch {number}", fix="lower the learning rate")
        if truth is not None or number == self._planned:
            val_loss, self._last = predict()
        if truth is not None:
            tuned = thresholds.tune(self._last, truth)
            epoch = Epoch(train_loss, val_loss, tuned.alpha, tuned.beta, tuned.acc_presence, tuned.acc_salience)
        if truth is None or not self._epochs or epoch.composite > max(e.composite for e in self._epochs):
            self._best = self._last
        self._epochs.append(epoch)

    def trained(self, weights: Mapping[str, NDArray[np.float32]]) -> Trained:
        """Return what came of all epochs."""
        return Trained(tuple(self._epochs), self._best, self._last, weights)


class _Steps(Protocol):
    def step(self) -> object: ...


class _Validation:
    """The validation clips of a split, batch by batch in order."""

    def __init__(self, split: Split, settings: Settings) -> None:
        self.course = Course(split, settings.epochs)
        self._batches = torch.split(torch.from_numpy(split.val_x).to(settings.device), settings.batch_size)
        self._labels = torch.split(torch.from_numpy(val_labels(split)).to(settings.device), settings.batch_size)

    def follow(self, model: nn.Sequential, train_loss: float) -> None:
        self.course.add(train_loss, lambda: self._predict(model))

    @torch.no_grad()
    def _predict(self, model: nn.Sequential) -> tuple[float, NDArray[np.float32]]:
        logits = [model(x) for x in self._batches]
        val_loss = _mean([models.kl_loss(*pair) for pair in zip(logits, self._labels, strict=True)])
        return val_loss, models.clip_probabilities(torch.cat(logits), self.course.split.val_counts)


def val_labels(split: Split) -> NDArray[np.float32]:
    """Return the soft labels (L, 6) of the rows to predict; zeros, for no loss, where there is no truth."""
    if split.val_truth is None:
        return np.zeros((len(split.val_x), 6), dtype=np.float32)
    return np.repeat(soft_labels(split.val_truth), split.val_counts, axis=0)


def _mean(losses: list[Tensor]) -> float:
    """Plain mean of the batches' losses in float64, where a sum of few float32 numbers is exact."""
    return float(torch.stack(losses).double().sum().item()) / len(losses)


def _optimiser(settings: Settings, model: nn.Sequential) -> tuple[_Steps, Callable[[Tensor, Tensor], Tensor]]:
    lr, weight_decay = settings.learning_rate, settings.weight_decay
    fast = settings.mode == "fast"
    if fast and settings.device == "cpu" and settings.precision == "highest":
        return SlicedAdam(model.parameters(), lr=lr, weight_decay=weight_decay), Gradients(model)
    adam = torch.optim.Adam(model.parameters(), lr=lr, weight_decay=weight_decay, fused=fast or None)
    if fast:
        return adam, Gradients(model)

    def by_autograd(x: Tensor, y: Tensor) -> Tensor:
        adam.zero_grad()
        loss = models.kl_loss(model(x), y)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.detach()

    return adam, by_autograd


def paper_settings(*, subsampled: bool = False, **changes: object) -> Settings:
    """Return the paper's settings for aggregated or subsampled features, with some changed.

    >>> paper_settings(subsampled=True, model="linear").epochs
    300
    """
    kind = "subsampled" if subsampled else "aggregated"
    values: dict[str, object] = {"epochs": EPOCHS[kind], "batch_size": BATCH_SIZES[kind], **changes}
    if unknown := set(values) - {field.name for field in fields(Settings)}:
        raise UnknownNameError("setting", min(unknown), [field.name for field in fields(Settings)])
    return Settings(**values)  # type: ignore[arg-type]
