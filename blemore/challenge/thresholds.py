r"""From probabilities to decisions by two thresholds (paper, section 4.7).

With :math:`p_1 \ge p_2` the two largest of a clip's six probabilities:

* emotions of probability below :math:`\alpha` are dropped, and all but the two largest;
* nothing left: the most probable emotion alone; one left: that one;
* neutral among two left: it never blends, so the larger of the two alone (a tie goes to the other);
* two left: 50/50 where :math:`p_1 - p_2 \le \beta`, else 70/30 in favour of the larger.

In each case with one emotion it is the largest of what survived, or the largest of all: so presence
depends on :math:`\alpha` alone, and salience on both only through clips whose true pair survived.

The paper does not say which of equal probabilities counts as larger. The public baseline leaves it to numpy's
default sort, whose answer depends on the processor: with AVX2 or AVX-512 instructions it differs from that
without them in 211 of the 4,683 ways in which six numbers can be ordered with ties. Here a fixed sequence of
comparisons gives the answer of the AVX2 and AVX-512 kernels on every processor.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blemore.challenge.labels import EMOTIONS, Saliences
from blemore.errors import InputError

GRID = np.linspace(0.05, 0.95, 20)
"""Values tried for either threshold: 0.05 to 0.95, 20 of them."""

Probabilities = NDArray[np.floating]
"""(N, 6) non-negative floats, rows sum to 1 (not required by the functions here)."""

_NEUTRAL = EMOTIONS.index("neu")

_COMPARISONS = ((0, 1), (2, 3), (4, 5), (0, 3), (1, 2), (0, 1), (2, 3), (2, 5), (3, 4), (0, 2), (1, 3), (0, 1))
"""Pairs of places whose values are compared in turn, and exchanged where the second is larger: a bitonic network
for six values, as far as the first two places need it."""


@dataclass(frozen=True)
class Grid:
    """Accuracies at every pair of thresholds: arrays (20, 20), presence threshold first."""

    acc_presence: NDArray[np.float64]
    acc_salience: NDArray[np.float64]


@dataclass(frozen=True)
class Tuned:
    """Thresholds of the best composite score, and the best of each accuracy alone."""

    alpha: float
    beta: float
    acc_presence: float
    acc_salience: float
    presence_only: float
    salience_only: float


@dataclass(frozen=True)
class _TopTwo:
    """The two largest probabilities of each clip: columns, values, and whether neutral is in them."""

    index: NDArray[np.intp]
    value: Probabilities
    lone: NDArray[np.intp]  # the emotion decided where both survive but cannot blend
    blendable: NDArray[np.bool_]


def _top_two(probabilities: Probabilities) -> _TopTwo:
    if probabilities.ndim != 2 or probabilities.shape[1] != len(EMOTIONS):
        raise InputError("probabilities", "wrong shape", expected="(N, 6)", got=str(probabilities.shape))
    if not np.isfinite(probabilities).all():
        bad = int(np.flatnonzero(~np.isfinite(probabilities).all(axis=1))[0])
        raise InputError("probabilities", "NaN or infinite", got=f"row {bad}: {probabilities[bad].tolist()}")
    index = _largest_two(probabilities)
    value = np.take_along_axis(probabilities, index, axis=1)
    blendable = (index != _NEUTRAL).all(axis=1)
    tie = value[:, 0] == value[:, 1]
    lone = np.where(tie & (index[:, 0] == _NEUTRAL), index[:, 1], index[:, 0])
    return _TopTwo(index, value, lone, blendable)


def _largest_two(probabilities: Probabilities) -> NDArray[np.intp]:
    """Return the emotions of the largest and second largest probability, (N, 2); the module's text tells of ties."""
    value = list(probabilities.T)
    index = [np.full(len(probabilities), emotion) for emotion in range(len(EMOTIONS))]
    for i, j in _COMPARISONS:
        swap = value[j] > value[i]
        for column in (value, index):
            column[i], column[j] = np.where(swap, column[j], column[i]), np.where(swap, column[i], column[j])
    return np.stack(index[:2], axis=1)


def decide(probabilities: Probabilities, presence_threshold: float, salience_threshold: float) -> Saliences:
    """Decide which one or two emotions each clip shows, and in what ratio (section 4.7).

    Parameters
    ----------
    probabilities : (N, 6), non-negative and finite
    presence_threshold : float
        alpha: emotions below it are dropped.
    salience_threshold : float
        beta: the largest difference that still counts as equal.

    Returns
    -------
    (N, 6) integers in percent: 100, or 50/50, or 70/30

    Examples
    --------
    >>> decide(np.array([[0.1, 0.0, 0.0, 0.6, 0.3, 0.0]]), 0.2, 0.1).tolist()
    [[0, 0, 0, 70, 30, 0]]
    """
    top = _top_two(probabilities)
    rows = np.arange(len(probabilities))
    low = top.value[:, 1] < np.float64(presence_threshold)  # float64 on purpose: float32 would round alpha
    pair = ~low & top.blendable
    equal = (top.value[:, 0] - top.value[:, 1]) <= np.float64(salience_threshold)
    decided = np.zeros(probabilities.shape, dtype=np.int64)
    decided[rows, np.where(low, top.index[:, 0], top.lone)] = 100
    decided[rows[pair], top.index[pair, 0]] = np.where(equal, 50, 70)[pair]
    decided[rows[pair], top.index[pair, 1]] = np.where(equal, 50, 30)[pair]
    return decided


def grid(probabilities: Probabilities, truth: Saliences) -> Grid:
    """Score every pair of thresholds in :data:`GRID` at once (section 4.7).

    Parameters
    ----------
    probabilities : (N, 6)
    truth : (N, 6) integers in percent

    Returns
    -------
    Grid
        Salience is 0 everywhere if no clip is a blend.
    """
    return _grid(_top_two(probabilities), truth)


def _grid(top: _TopTwo, truth: Saliences) -> Grid:
    present = truth > 0
    rows = np.arange(len(truth))
    blended = present.sum(axis=1) == 2
    # hits of presence: as a pair where both survive, as one emotion elsewhere
    kept = top.value[:, 1] >= GRID[:, None]  # (20, N)
    first_hit = present[rows, top.index[:, 0]]
    as_pair = np.where(
        top.blendable,
        blended & first_hit & present[rows, top.index[:, 1]],
        ~blended & present[rows, top.lone],
    )
    presence = np.where(kept, as_pair, ~blended & first_hit).mean(axis=1)
    # hits of salience: the right pair survived, and its ratio is right at this beta
    right = np.flatnonzero(as_pair & blended)
    equal = (top.value[right, 0] - top.value[right, 1])[:, None] <= GRID  # (R, 20)
    share = truth[right, top.index[right, 0]][:, None]
    ratio = np.where(equal, share == 50, share == 70)
    salience = kept[:, right].astype(np.float64) @ ratio.astype(np.float64) / max(int(blended.sum()), 1)
    return Grid(np.repeat(presence[:, None], len(GRID), axis=1), salience)


def tune(probabilities: Probabilities, truth: Saliences) -> Tuned:
    """Choose the thresholds of the best composite score on the given clips (sections 4.7 and 5).

    Among equal scores the smallest alpha wins, then the smallest beta.

    Examples
    --------
    >>> truth = np.array([[0, 0, 0, 70, 30, 0], [100, 0, 0, 0, 0, 0]])
    >>> tuned = tune(truth / 100, truth)
    >>> tuned.acc_presence, tuned.acc_salience, round(tuned.alpha, 2)
    (1.0, 1.0, 0.05)
    """
    return best(grid(probabilities, truth))


def best(scores: Grid) -> Tuned:
    """Return the thresholds of the best composite score of a grid: the first maximum, alpha first."""
    composite = 0.5 * scores.acc_presence + 0.5 * scores.acc_salience
    i, j = np.unravel_index(int(np.argmax(composite)), composite.shape)
    return Tuned(
        alpha=float(GRID[i]),
        beta=float(GRID[j]),
        acc_presence=float(scores.acc_presence[i, j]),
        acc_salience=float(scores.acc_salience[i, j]),
        presence_only=float(scores.acc_presence.max()),
        salience_only=float(scores.acc_salience.max()),
    )
