"""Time the seven statistics over time against plain NumPy, one call a statistic.

Run with ``make bench``. Both must find the same numbers to 1e-6, or the comparison is void.
"""

from __future__ import annotations

import platform

import numpy as np

from benchmarks.grid_search import median_seconds
from blemore.features import seven_statistics

BAR = 4.0
"""Least ratio for the percentiles at (250, 1024), float32."""


def plain_percentiles(frames: np.ndarray) -> list[np.ndarray]:
    """Ask NumPy for one percentile after the other."""
    return [np.percentile(frames, percent, axis=0) for percent in seven_statistics.PERCENTS]


def plain_aggregate(frames: np.ndarray) -> np.ndarray:
    """Ask NumPy for one statistic after the other."""
    return np.concatenate([frames.mean(axis=0), frames.std(axis=0), *plain_percentiles(frames)])


def partitioned(frames: np.ndarray) -> np.ndarray:
    """Select the ranks that the percentiles need, the other way to order the values once."""
    below = ((len(frames) - 1) * np.array(seven_statistics.PERCENTS) / 100).astype(int)
    ranks = np.unique(np.minimum(np.r_[below, below + 1], len(frames) - 1))
    return np.partition(np.ascontiguousarray(frames.T), ranks, axis=1)


def main() -> int:
    """Print medians and ratios for some lengths; return 1 if the bar is missed."""
    print(f"statistics over time, float32, median of runs, {platform.processor() or platform.machine()}")
    print(
        "    shape          percentiles: five calls    ours  ratio | one partition alone | all seven: plain  ours  ratio"
    )
    missed = False
    for shape in [(16, 1024), (100, 31), (250, 1024), (1500, 1024)]:
        frames = np.random.default_rng(0).normal(size=shape).astype(np.float32)
        ours = seven_statistics.percentiles(seven_statistics.ordered_over_time(frames))
        np.testing.assert_allclose(ours, plain_percentiles(frames), atol=1e-6)
        np.testing.assert_allclose(seven_statistics.aggregate(frames), plain_aggregate(frames), atol=1e-6)
        runs = 9 if len(frames) > 1000 else 31
        ms = [
            1e3 * median_seconds(run, runs)
            for run in (
                lambda frames=frames: plain_percentiles(frames),
                lambda frames=frames: seven_statistics.percentiles(seven_statistics.ordered_over_time(frames)),
                lambda frames=frames: partitioned(frames),
                lambda frames=frames: plain_aggregate(frames),
                lambda frames=frames: seven_statistics.aggregate(frames),
            )
        ]
        print(f"  {shape!s:14}  {ms[0]:10.3f} ms {ms[1]:12.3f} ms {ms[0] / ms[1]:6.1f} | {ms[2]:13.3f} ms    | "
              f"{ms[3]:9.3f} ms {ms[4]:7.3f} ms {ms[3] / ms[4]:6.1f}")  # fmt: skip
        missed |= shape == (250, 1024) and ms[0] / ms[1] < BAR
    print(f"  the bar at (250, 1024) is {BAR:g}: {'missed' if missed else 'met'}")
    return int(missed)


if __name__ == "__main__":
    raise SystemExit(main())
