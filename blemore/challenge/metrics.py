"""The challenge's two accuracies, trivial baselines and the confusion matrix (paper, sections 3.2 and 5).

All functions take saliences ``(N, 6)``: integers in percent whose rows sum to 100 (see
:mod:`blemore.challenge.labels`), once as decided and once as true. Decisions that people bring need not be integers: an emotion
is present where its share is above 0, and shares are rounded to whole percents before they are compared with the truth.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from blemore.challenge.labels import CLASSES, EMOTIONS, PAIRS, RATIOS, Saliences, class_index, saliences
from blemore.errors import InputError


@dataclass(frozen=True)
class Scores:
    """Both accuracies of one set of decisions, and the numbers of clips that they are fractions of."""

    acc_presence: float
    acc_salience: float | None
    n: int
    n_blends: int

    @property
    def composite(self) -> float:
        """Average of the two accuracies, by which the paper selects models (section 5)."""
        return (self.acc_presence + (self.acc_salience or 0.0)) / 2


def presence_hits(decided: Saliences, truth: Saliences) -> NDArray[np.bool_]:
    """Tell for each clip (N,) whether exactly the emotions present were decided (section 3.2)."""
    hits: NDArray[np.bool_] = ((decided > 0) == (truth > 0)).all(axis=1)
    return hits


def salience_hits(decided: Saliences, truth: Saliences) -> NDArray[np.bool_]:
    """Tell for each *blended* clip (B,) whether its emotions were decided, in the right ratio of whole percents.

    The paper asks for the right ranking. Only three ratios occur, so ranking and ratio agree for decisions on
    them. Of any other ratio this function does what the challenge's public scorer does: it rounds to whole percents
    (halves to even) and compares. 69.9 and 30.1 are 70 and 30; 60 and 40 are not.
    """
    blends = (truth > 0).sum(axis=1) == 2
    ratio = (np.rint(decided[blends]) == truth[blends]).all(axis=1)
    hits: NDArray[np.bool_] = ratio & presence_hits(decided[blends], truth[blends])
    return hits


def score(decided: Saliences, truth: Saliences) -> Scores:
    r"""Return ACC_presence over all clips and ACC_salience over blends (section 3.2).

    .. math:: \mathrm{ACC} = \frac{1}{N} \sum_i [\hat{y}_i = y_i]

    Parameters
    ----------
    decided, truth : (N, 6) in percent, rows sum to 100

    Returns
    -------
    Scores
        Accuracies in [0, 1]; ``acc_salience`` is None where no clip is a blend (the public scorer says 0).

    Examples
    --------
    >>> truth = np.array([[0, 0, 0, 70, 30, 0], [100, 0, 0, 0, 0, 0]])
    >>> decided = np.array([[0, 0, 0, 50, 50, 0], [100, 0, 0, 0, 0, 0]])
    >>> score(decided, truth)
    Scores(acc_presence=1.0, acc_salience=0.0, n=2, n_blends=1)
    """
    if decided.shape != truth.shape or truth.ndim != 2 or truth.shape[1] != len(EMOTIONS):
        raise InputError(
            "score",
            "decided and true saliences differ in shape",
            expected="(N, 6) twice",
            got=f"{decided.shape} and {truth.shape}",
        )
    if len(truth) == 0:
        raise InputError("score", "no clip to score")
    salience = salience_hits(decided, truth)
    return Scores(
        acc_presence=float(presence_hits(decided, truth).mean()),
        acc_salience=float(salience.mean()) if len(salience) else None,
        n=len(truth),
        n_blends=len(salience),
    )


def most_frequent_single(truth: Saliences) -> list[float]:
    """Return the saliences of the most frequent single emotion; ties go to the first in label order."""
    counts = [int((truth[:, i] == 100).sum()) for i in range(len(EMOTIONS))]
    return saliences([EMOTIONS[int(np.argmax(counts))]], [100])


def most_frequent_blend(truth: Saliences) -> list[float]:
    """Return the saliences of the most frequent pair in its own most frequent ratio.

    Ties go to the first pair in label order, and to 30/70, then 50/50, then 70/30.
    """
    present = truth > 0
    both = [present[:, EMOTIONS.index(a)] & present[:, EMOTIONS.index(b)] for a, b in PAIRS]
    best = int(np.argmax([rows.sum() for rows in both]))
    first_share = truth[both[best], EMOTIONS.index(PAIRS[best][0])]
    ratio = RATIOS[int(np.argmax([(first_share == first).sum() for first, _ in RATIOS]))]
    return saliences(PAIRS[best], ratio)


def trivial_baselines(truth: Saliences, learnt_on: Saliences | None = None) -> dict[str, Scores]:
    """Score the two constant predictors of section 5 (keys ``single`` and ``blend``).

    Parameters
    ----------
    truth : (N, 6)
        The clips scored.
    learnt_on : (M, 6), optional
        The clips whose most frequent class is predicted. By default those scored, as in the paper;
        the stricter variant learns the class on the training folds.
    """
    known = truth if learnt_on is None else learnt_on
    constants = {"single": most_frequent_single(known), "blend": most_frequent_blend(known)}
    return {name: score(np.tile(row, (len(truth), 1)), truth) for name, row in constants.items()}


def baselines_by_fold(truth: Saliences, folds: NDArray[np.integer]) -> dict[str, list[Scores]]:
    """Score the trivial baselines on each fold with the class learnt on the other folds.

    The stricter variant of section 5's baselines: nothing is learnt on the clips that are scored.

    Parameters
    ----------
    truth : (N, 6)
    folds : (N,) integers
    """
    scored = [trivial_baselines(truth[folds == fold], truth[folds != fold]) for fold in np.unique(folds)]
    return {name: [scores[name] for scores in scored] for name in ("single", "blend")}


def confusion(decided: Saliences, truth: Saliences) -> NDArray[np.int64]:
    """Return the (16, 16) count matrix of Figure 4: rows true, columns decided, both in CLASSES order."""
    size = len(CLASSES)
    codes = class_index(truth) * size + class_index(decided)
    return np.bincount(codes, minlength=size * size).reshape(size, size)


def wilson_interval(hits: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Return Wilson's score interval of an accuracy ``hits / n`` (clips taken as independent).

    Clips of one actor resemble each other, so the true uncertainty is rather larger.

    >>> low, high = wilson_interval(197, 594)
    >>> f"{low:.3f} {high:.3f}"
    '0.295 0.370'
    """
    if not 0 <= hits <= n or n == 0:
        raise InputError("wilson_interval", "hits must lie between 0 and n, and n above 0", got=f"{hits} of {n}")
    z = NormalDist().inv_cdf((1 + level) / 2)
    p, share = hits / n, z * z / n
    centre, half = p + share / 2, z * (p * (1 - p) / n + share / n / 4) ** 0.5
    return max(0.0, (centre - half) / (1 + share)), min(1.0, (centre + half) / (1 + share))


def design_effect(hits: NDArray[np.bool_], groups: NDArray[np.str_]) -> float:
    r"""Return by how much clips that come in groups widen the variance of an accuracy (Kish's design effect).

    With :math:`h_g` hits among the :math:`n_g` clips of group :math:`g`, and accuracy :math:`p` over all :math:`N` clips:

    .. math:: \frac{G}{G - 1} \frac{\sum_g (h_g - p \, n_g)^2}{N \, p \, (1 - p)}

    It is near 1 where clips of a group resemble each other no more than other clips do. An interval that takes clips as
    independent is too narrow by about its square root. With few groups it is itself uncertain: with eleven, its standard error is
    nearly half of it.

    Parameters
    ----------
    hits : (N,) bool
    groups : (N,)
        What each clip belongs to, such as its actor.

    Raises
    ------
    InputError
        If there is one group only, or all clips are hits, or none is.

    Examples
    --------
    Three actors with four clips each: hits differ between actors by more than chance.

    >>> hits = np.array([1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 1], dtype=bool)
    >>> round(design_effect(hits, np.repeat(["a", "b", "c"], 4)), 2)
    2.4
    """
    p, names = float(hits.mean()), np.unique(groups)
    if len(names) < 2 or p in (0.0, 1.0):
        raise InputError(
            "design_effect", "needs two groups, hits and misses", got=f"{len(names)} groups, accuracy {p:g}"
        )
    residuals = [float((hits[groups == name] - p).sum()) for name in names]
    between = sum(value**2 for value in residuals) * len(names) / (len(names) - 1)
    return between / (len(hits) * p * (1 - p))
