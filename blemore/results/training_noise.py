"""How far two trainings of one row of Tables 2 and 3 may be apart by chance (paper, section 5)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from blemore.paper import printed_numbers
from blemore.sources import recorded

METRICS = ("acc_presence", "acc_salience")

SPREADS = (0.01, 0.02, 0.03, 0.04, 0.05)
"""Standard deviations over folds that the tolerance of a standard deviation has to hold for; those of Table 2 are about such."""

DRAWS = 50_000


def retrained() -> recorded.Recorded:
    """Return scores of each fold for several seeds of one training: ``seed, fold``, both accuracies, ``n, n_blends``."""
    return recorded.read("egemaps_seeds")


@cache
def tolerances() -> Mapping[str, float]:
    r"""Return how far two trainings of one row may be apart, by column of Tables 2 and 3, at 95 % confidence.

    Both trainings validate on the same clips, so the differences between folds cancel and chance in training is left. Its
    standard deviation :math:`s` for one fold is that of :func:`noise`. The difference of two trainings has
    :math:`s_d = \sqrt 2 s`. With :math:`K` folds and :math:`\nu` degrees of freedom of :math:`s`, the tolerances are

    * of a mean over folds: :math:`t_{.975}(\nu)\, s_d / \sqrt K`;
    * of a standard deviation over folds: the largest of the simulated 95 % points of the difference of two such standard deviations,
      one for each of :data:`SPREADS` (:math:`s` is estimated there, too);
    * of an accuracy on the test set, one training with the clips of one fold: :math:`t_{.975}(\nu)\, s_d`.

    All take the two trainings for trainings on the same features, and another row's chance for that of the recorded one.
    """
    from scipy.stats import t as student_t

    covariance, folds, freedom = noise()
    t = float(student_t.ppf(0.975, freedom))
    stds = np.max([np.quantile(_apart(spread)[1], 0.95, axis=0) for spread in SPREADS], axis=0)
    found: dict[str, float] = {}
    for metric, s, std in zip(METRICS, np.sqrt(np.diag(covariance)), stds, strict=True):
        apart = float(np.sqrt(2) * s)
        found |= {f"{metric}_mean": t * apart / float(np.sqrt(folds)), f"{metric}_std": float(std), metric: t * apart}
    return MappingProxyType(found)


@cache
def fails() -> float:
    """Return the share of retrained rows of Table 2 of which some number is beyond :func:`tolerances` by chance alone.

    A row has four numbers, two means and two standard deviations; folds spread as the median row of Table 2 does.
    """
    printed = printed_numbers.table(2)
    spread = float(np.nanmedian(printed[[f"{metric}_std" for metric in METRICS]].to_numpy()))
    allowed = tolerances()
    beyond = [apart > [allowed[f"{metric}_{part}"] for metric in METRICS]
              for part, apart in zip(("mean", "std"), _apart(spread), strict=True)]  # fmt: skip
    return float(np.any(beyond, axis=(0, 2)).mean())


@cache
def noise() -> tuple[NDArray[np.float64], int, int]:
    """Return the covariance (2, 2) of a fold's accuracies over seeds, the number of folds, and the degrees of freedom.

    It is pooled over the folds of real acoustic features that were trained with several seeds, and scaled by the numbers of
    clips: an accuracy is a share of clips. It is not scaled by ``p (1 - p)``, which is larger for most rows of the paper.
    """
    seeds = retrained().table
    by_fold = seeds.groupby("fold")
    scores = seeds[list(METRICS)]
    freedom = len(seeds) - by_fold.ngroups
    residuals = (scores - by_fold[list(METRICS)].transform("mean")).to_numpy()
    seen = by_fold[["n", "n_blends"]].first().sum().to_numpy()
    all_ = recorded.read("partitions").table[["clips", "blended"]].sum().to_numpy()
    scale = np.sqrt(seen / all_)
    return residuals.T @ residuals / freedom * np.outer(scale, scale), by_fold.ngroups, freedom


def _apart(spread: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Simulate pairs of trainings whose folds spread by chance and by ``spread``: how far means and standard deviations are apart.

    Both are (DRAWS, 2), a column for each accuracy, in units of an estimate of chance with the degrees of freedom of :func:`noise`:
    that makes them wider than a chance that is known.
    """
    covariance, folds, freedom = noise()
    random = np.random.default_rng(0)
    truth = spread * random.standard_normal((DRAWS, folds, 2))
    errors = random.multivariate_normal([0, 0], covariance, (2, DRAWS, folds))
    estimated = np.sqrt(random.chisquare(freedom, (DRAWS, 1)) / freedom)
    first, second = truth + errors
    means = np.abs(first.mean(axis=1) - second.mean(axis=1)) / estimated
    stds = np.abs(first.std(axis=1, ddof=1) - second.std(axis=1, ddof=1)) / estimated
    return means, stds
