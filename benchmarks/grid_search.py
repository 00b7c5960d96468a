"""Time the grid search over both thresholds against a plain per-clip implementation of the same rules.

Run with ``make bench``. The plain one is written from the rules of section 4.7, clip by clip and threshold by
threshold; both must find the same accuracies, or the comparison is void.
"""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable

import numpy as np

from blemore.challenge import thresholds
from blemore.challenge.clips import standin
from blemore.challenge.labels import Saliences


def plain_decision(row: np.ndarray, first: int, second: int, alpha: float, beta: float) -> list[int]:
    """Decide one clip, step by step as the rules are put in words, from the emotions of its two largest values."""
    decided = [0] * 6
    survivors = [i for i in (first, second) if row[i] >= alpha]
    if len(survivors) == 2 and 5 in survivors:
        other = first if second == 5 else second
        survivors = [5] if row[5] > row[other] else [other]
    if len(survivors) < 2:
        decided[survivors[0] if survivors else first] = 100
    elif row[first] - row[second] <= beta:
        decided[first] = decided[second] = 50
    else:
        decided[first], decided[second] = 70, 30
    return decided


def plain_grid(probabilities: np.ndarray, truth: Saliences) -> tuple[np.ndarray, np.ndarray]:
    """Score every pair of thresholds clip by clip: presence and salience accuracies, (20, 20) each."""
    wanted = [row.tolist() for row in truth]
    blends = [max(row) < 100 for row in wanted]
    largest = [(int(order[-1]), int(order[-2])) for order in np.argsort(probabilities, axis=1)]  # none is tied
    presence, salience = np.zeros((20, 20)), np.zeros((20, 20))
    for i, alpha in enumerate(thresholds.GRID):
        for j, beta in enumerate(thresholds.GRID):
            decided = [
                plain_decision(row, first, second, alpha, beta)
                for row, (first, second) in zip(probabilities, largest, strict=True)
            ]
            same = [[a > 0 for a in d] == [b > 0 for b in w] for d, w in zip(decided, wanted, strict=True)]
            exact = [d == w for d, w, blend in zip(decided, wanted, blends, strict=True) if blend]
            presence[i, j], salience[i, j] = sum(same) / len(same), sum(exact) / max(len(exact), 1)
    return presence, salience


def median_seconds(run: Callable[[], object], repeats: int) -> float:
    """Return the median wall time of some runs."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    """Print both medians and their ratio, on one fold's worth of invented clips."""
    clips = standin().of("train")
    truth = clips.truth[clips.in_fold(0)]
    noise = np.random.default_rng(0).dirichlet(np.ones(6), len(truth))
    probabilities = 0.5 * truth / 100 + 0.5 * noise
    ours = thresholds.grid(probabilities, truth)
    presence, salience = plain_grid(probabilities, truth)
    np.testing.assert_allclose(ours.acc_presence, presence, atol=1e-12)
    np.testing.assert_allclose(ours.acc_salience, salience, atol=1e-12)
    fast = median_seconds(lambda: thresholds.grid(probabilities, truth), 200)
    plain = median_seconds(lambda: plain_grid(probabilities, truth), 3)
    print(
        f"grid search, {len(truth)} clips (simulated), 20 x 20 thresholds, {platform.processor() or platform.machine()}"
    )
    print(f"  vectorised  median {fast * 1e3:9.3f} ms (200 runs)")
    print(f"  per clip    median {plain * 1e3:9.3f} ms (3 runs)")
    print(f"  ratio       {plain / fast:9.0f}")


if __name__ == "__main__":
    main()
