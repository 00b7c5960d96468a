"""Seven statistics over time, which make a series of frames a row of features (paper, section 4.3)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from blemore.errors import InputError

PERCENTS = (10, 25, 50, 75, 90)
"""Percentiles over time, in percent."""

STATISTICS = ("mean", "std", *(f"p{percent}" for percent in PERCENTS))
"""Statistics over time, in the order in which aggregated columns hold them: all means, then all std, ..."""


def aggregate(frames: NDArray[np.generic]) -> NDArray[np.float32]:
    """Return the seven statistics of each feature over time (section 4.3), statistic by statistic.

    Parameters
    ----------
    frames : (T, D) finite numbers, T and D at least 1
        One row a frame (or a window of frames), in any order: the statistics do not depend on it, to the last bit.

    Returns
    -------
    (7 D,) float32
        In the order of :data:`STATISTICS`; the standard deviation is that of the frames themselves (ddof = 0), the
        percentiles are interpolated linearly as by ``numpy.percentile``; all of it in double precision.

    Raises
    ------
    InputError
        If the shape is another, or a value is no finite number.

    >>> aggregate(np.array([[0.0], [10.0]])).tolist()
    [5.0, 5.0, 1.0, 2.5, 5.0, 7.5, 9.0]
    """
    ordered = ordered_over_time(frames)
    centred = ordered.astype(np.float64)  # (D, T)
    mean = centred.mean(axis=1)
    centred -= mean[:, None]  # in place: new memory would cost more than the sort
    std = np.sqrt(np.einsum("dt,dt->d", centred, centred) / centred.shape[1])
    return np.concatenate([mean, std, *percentiles(ordered)]).astype(np.float32)


def ordered_over_time(frames: NDArray[np.generic]) -> NDArray[np.floating]:
    """Return each feature's values in ascending order: (T, D) to (D, T), float32 or float64.

    One sort along contiguous memory runs on vector instructions; selecting the ten ranks that five percentiles need
    (``numpy.partition``) does not, and takes several times as long (``benchmarks/aggregation.py``).
    """
    if frames.ndim != 2 or 0 in frames.shape or frames.dtype.kind not in "fiu":
        raise InputError("frames", "cannot be aggregated", expected="numbers (T, D), T and D at least 1",
                         got=f"{frames.dtype} {frames.shape}")  # fmt: skip
    kind = np.float32 if frames.dtype == np.float32 else np.float64
    ordered: NDArray[np.floating] = np.array(frames.T, dtype=kind, order="C")
    ordered.sort(axis=1)
    if not np.isfinite(ordered[:, [0, -1]]).all():  # NaN sorts last
        raise InputError("frames", "NaN or infinite values", fix="extract the clip again, or leave it out")
    return ordered


def percentiles(ordered: NDArray[np.floating]) -> NDArray[np.float64]:
    """Interpolate the percentiles :data:`PERCENTS` of ascending rows: (D, T) to (5, D).

    The arithmetic is that of ``numpy.percentile`` with ``method="linear"`` on float64.

    >>> percentiles(np.array([[0.0, 10.0]]))[:, 0].tolist()
    [1.0, 2.5, 5.0, 7.5, 9.0]
    """
    last = ordered.shape[1] - 1
    place = last * (np.array(PERCENTS) / 100)
    below = place.astype(np.int64)
    low, high = (ordered[:, rank].T.astype(np.float64) for rank in (below, np.minimum(below + 1, last)))
    part = (place - below)[:, None]
    values: NDArray[np.float64] = np.where(part < 0.5, low + (high - low) * part, high - (high - low) * (1 - part))
    return values
