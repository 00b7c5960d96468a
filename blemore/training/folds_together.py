"""Trainings of one shape side by side, each a slice of larger arrays (paper, sections 4.6 and 4.7).

Where features are few, a step of one classifier is too little work to pay for the calls it takes. The
folds of a cross-validation differ in their rows alone, so they can take their steps together: one batched
product a layer, one call of torch's fused Adam. Each keeps what is its own: its random draws, its order of
rows, its number of steps, its short last batch. What comes of a training does not depend on which others
are in the stack, but rounds differently than the plain loop does: of epochs that are almost equally good,
another may come out as the best.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from blemore.training import models
from blemore.training.adam import BETAS, EPSILON
from blemore.training.loop import Course, Settings, Split, Trained, check, val_labels
from blemore.training.models import SMALLEST
from blemore.training.precision import matmul_precision, one_thread
from blemore.training.random_numbers import Draws

CACHE = 12 << 20
"""Bytes that one stack should touch in a step on a CPU: about what a core has of the last cache."""

ROWS = 512
"""Validation rows predicted at a time."""


def members(settings: Settings, n_features: int) -> int:
    """Return how many trainings pay in one stack: on a CPU as many as stay in its cache, at least one."""
    if settings.device != "cpu":
        return 1 << 10
    weights = models.n_parameters(settings.model, n_features)
    rows = settings.batch_size * (n_features + 2 * models.HIDDEN[settings.model])
    return max(1, CACHE // (16 * weights + 4 * rows))


def fit(splits: Sequence[Split], settings: Sequence[Settings]) -> list[Trained]:
    """Train a classifier for each split, all of them together (section 4.7).

    Parameters
    ----------
    splits : sequence of Split
        Of equally many features.
    settings : sequence of Settings
        One for each split; they may differ in the number of epochs only.

    Returns
    -------
    list of Trained
        In the order of `splits`; each as if it were alone.

    Raises
    ------
    InputError
        If there is nothing to train on or to predict, or a loss becomes NaN or infinite.
    """
    return [trained for (trained,) in fit_each([[split] for split in splits], settings)]


def fit_each(groups: Sequence[Sequence[Split]], settings: Sequence[Settings]) -> list[list[Trained]]:
    """Train a classifier for each group of splits that have the same rows to train on, as :func:`fit` does."""
    for splits, chosen in zip(groups, settings, strict=True):
        for split in splits:
            check(split, chosen)
    longest_first = sorted(range(len(groups)), key=lambda i: -settings[i].epochs)
    with one_thread(), matmul_precision(settings[0].precision), torch.no_grad():
        stack = _Stack([groups[i] for i in longest_first], [settings[i] for i in longest_first])
        for number in range(1, stack.members[0].epochs + 1):
            stack.epoch(number)
        trained = dict(zip(longest_first, stack.trained(), strict=True))
    return [trained[i] for i in range(len(groups))]


class _Stack:
    """The classifiers of several trainings, those of more epochs first."""

    def __init__(self, groups: Sequence[Sequence[Split]], settings: Sequence[Settings]) -> None:
        self.settings, splits = settings[0], [group[0] for group in groups]
        device, n_features = self.settings.device, splits[0].train_x.shape[1]
        draws = [Draws(self.settings.seed) for _ in splits]
        starts = [models.build(self.settings.model, n_features, one.generator) for one in draws]
        self._x = torch.cat([torch.from_numpy(split.train_x) for split in splits]).to(device)
        self._y = torch.cat([torch.from_numpy(split.train_y) for split in splits]).to(device)
        first_rows = np.cumsum([0, *(len(split.train_x) for split in splits)]).tolist()
        self._weights = _Weights(starts, self.settings)
        self.members = [
            _Member(group, chosen, draw, row, partial(self._weights.logits, k))
            for k, (group, chosen, draw, row) in enumerate(zip(groups, settings, draws, first_rows, strict=False))
        ]

    def epoch(self, number: int) -> None:
        """Train for an epoch, and predict, those that still have one to do."""
        going = [member for member in self.members if member.epochs >= number]
        rows, share = self._batches(going)
        y = self._y[rows] * share[..., None]  # labels by their share of the batch's mean; 0 where there is no row
        kept = torch.empty_like(y)
        for step in range(len(rows)):
            x = self._x.index_select(0, rows[step].reshape(-1)).view(*rows[step].shape, -1)
            self._weights.differentiate(x, y[step], kept[step])
            self._weights.step([k for k, member in enumerate(going) if step < member.steps])
        losses = (torch.special.xlogy(y, y / share.clamp(min=SMALLEST)[..., None]) - y * kept.log()).sum(dim=(2, 3))
        for member, loss in zip(going, losses.double().sum(dim=0).tolist(), strict=True):
            member.follow(loss / member.steps)

    def trained(self) -> list[list[Trained]]:
        return [member.trained(self._weights.of(k)) for k, member in enumerate(self.members)]

    def _batches(self, going: Sequence[_Member]) -> tuple[Tensor, Tensor]:
        """Return the rows (S, K, B) of every step and training, and their share in the mean of their batch."""
        size = self.settings.batch_size
        steps = max(member.steps for member in going)
        rows = torch.zeros(len(going), steps * size, dtype=torch.int64)
        share = torch.zeros(len(going), steps * size)
        for k, member in enumerate(going):
            rows[k, : member.rows] = member.draws.order(member.rows) + member.first_row
            share[k, : member.rows] = member.share
        stacked = (t.view(len(going), steps, size).transpose(0, 1).contiguous() for t in (rows, share))
        one, other = (t.to(self.settings.device) for t in stacked)
        return one, other


class _Member:
    """One training of a stack: its rows, its draws, and the clips to predict."""

    def __init__(
        self,
        splits: Sequence[Split],
        settings: Settings,
        draws: Draws,
        first_row: int,
        logits: Callable[[Tensor], Tensor],
    ) -> None:
        self.rows, self.first_row, self.epochs, self.draws = len(splits[0].train_x), first_row, settings.epochs, draws
        self.steps = -(-self.rows // settings.batch_size)
        self.share = torch.from_numpy(_shares(self.rows, settings.batch_size))
        self._seen = splits[0].val_truth is not None
        self._validations = [_Validation(split, settings, logits) for split in splits]

    def follow(self, train_loss: float) -> None:
        """Finish an epoch."""
        if self._seen:
            self.draws.validation()
        for validation in self._validations:
            validation.course.add(train_loss, validation.predict)

    def trained(self, weights: Mapping[str, NDArray[np.float32]]) -> list[Trained]:
        return [validation.course.trained(weights) for validation in self._validations]


class _Validation:
    """The validation clips of a split."""

    def __init__(self, split: Split, settings: Settings, logits: Callable[[Tensor], Tensor]) -> None:
        self.course, self._logits = Course(split, settings.epochs), logits
        self._rows = torch.split(torch.from_numpy(split.val_x).to(settings.device), ROWS)
        self._labels = torch.from_numpy(val_labels(split))
        shares = torch.from_numpy(_shares(len(split.val_x), settings.batch_size)).double()
        self._shares = shares / -(-len(split.val_x) // settings.batch_size)

    def predict(self) -> tuple[float, NDArray[np.float32]]:
        logits = torch.cat([self._logits(rows) for rows in self._rows]).cpu()
        p = torch.softmax(logits, dim=1).clamp(min=SMALLEST)
        losses = nn.functional.kl_div(p.log(), self._labels, reduction="none").sum(dim=1).double()
        probabilities = models.clip_probabilities(logits, self.course.split.val_counts)
        return float((losses * self._shares).sum().item()), probabilities


def _shares(n: int, batch_size: int) -> NDArray[np.float32]:
    """Return each row's share in the mean of its batch."""
    first = np.arange(n) // batch_size * batch_size
    shares: NDArray[np.float32] = (1 / np.minimum(batch_size, n - first)).astype(np.float32)
    return shares


class _Weights:
    """The weights of K classifiers of one shape, their gradients and Adam's two moments: each (K, P)."""

    def __init__(self, starts: Sequence[nn.Sequential], settings: Settings) -> None:
        self._settings = settings
        flat = torch.stack([torch.cat([p.detach().reshape(-1) for p in start.parameters()]) for start in starts])
        flat = nn.functional.pad(flat, (0, -flat.shape[1] % 16)).to(settings.device)  # each starts a cache line
        four = [flat, *(torch.zeros_like(flat) for _ in range(3))]
        self._names = list(starts[0].state_dict())
        self._layers, place = [], 0
        for layer in (one for one in starts[0] if isinstance(one, nn.Linear)):
            self._layers.append(_Layer(flat, four[1], place, layer))
            place += layer.weight.numel() + layer.bias.numel()
        self._each = [list(array) for array in four]
        self._taken = list(torch.zeros(len(starts), device=settings.device))  # steps of each

    def logits(self, member: int, x: Tensor) -> Tensor:
        """Return the logits (M, 6) of one classifier for rows (M, D)."""
        for layer in self._layers[:-1]:
            x = nn.functional.linear(x, layer.weight[member], layer.bias[member]).relu_()
        return nn.functional.linear(x, self._layers[-1].weight[member], self._layers[-1].bias[member])

    def of(self, member: int) -> dict[str, NDArray[np.float32]]:
        """Return the weights of one classifier, named as in its own state."""
        arrays = (array[member].cpu().numpy().copy() for layer in self._layers for array in (layer.weight, layer.bias))
        return dict(zip(self._names, arrays, strict=True))

    def differentiate(self, x: Tensor, y: Tensor, kept: Tensor) -> None:
        """Write the gradients of the first K' classifiers at x (K', B, D), and the loss's probabilities to `kept`.

        Labels y (K', B, 6) count by their row's share; a row of zeros leaves no trace.
        """
        last = self._layers[-1]
        hidden = self._layers[0](x).relu_() if len(self._layers) == 2 else x
        p = torch.softmax(last(hidden), dim=2)
        torch.clamp(p, min=SMALLEST, out=kept)
        at_p = (y / kept).neg_().masked_fill_(p < SMALLEST, 0)
        at_logits = torch.ops.aten._softmax_backward_data(at_p, p, 2, torch.float32)
        last.differentiate(at_logits, hidden)
        if len(self._layers) == 2:
            at_hidden = torch.bmm(at_logits, last.weight[: len(x)])
            self._layers[0].differentiate(torch.ops.aten.threshold_backward(at_hidden, hidden, 0), x)

    def step(self, moving: Sequence[int]) -> None:
        """Let Adam change some of the classifiers; the others stay as they are."""
        weights, gradients, means, squares, taken = ([a[k] for k in moving] for a in (*self._each, self._taken))
        torch._foreach_add_(taken, 1)
        torch._fused_adam_(
            weights, gradients, means, squares, [], taken,
            lr=self._settings.learning_rate, beta1=BETAS[0], beta2=BETAS[1], eps=EPSILON,
            weight_decay=self._settings.weight_decay, amsgrad=False, maximize=False,
        )  # fmt: skip


class _Layer:
    """A layer of K classifiers and its gradient, as views of (K, P): weights (K, out, in), biases (K, out)."""

    def __init__(self, flat: Tensor, gradient: Tensor, place: int, like: nn.Linear) -> None:
        middle, end = place + like.weight.numel(), place + like.weight.numel() + like.bias.numel()
        shape = len(flat), like.out_features, like.in_features
        self.weight, self.bias = flat[:, place:middle].view(shape), flat[:, middle:end]
        self._at_weight, self._at_bias = gradient[:, place:middle].view(shape), gradient[:, middle:end]

    def __call__(self, x: Tensor) -> Tensor:
        return torch.baddbmm(self.bias[: len(x), None], x, self.weight[: len(x)].transpose(1, 2))

    def differentiate(self, at_output: Tensor, x: Tensor) -> None:
        """Write the gradient, given that at the layer's output (K', B, out)."""
        torch.bmm(at_output.transpose(1, 2), x, out=self._at_weight[: len(x)])
        torch.sum(at_output, dim=1, out=self._at_bias[: len(x)])
