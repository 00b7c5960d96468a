"""Folds trained side by side against one after the other, on the same simulated data, on one thread.

``python -m benchmarks.stacks`` prints milliseconds of processor time per fold and epoch (medians, the two
interleaved), their ratio, and the largest relative difference of the losses.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence

import torch

from benchmarks.training import cpu, simulated_rows
from blemore.experiments import stored_runs
from blemore.experiments.stored_runs import Task
from blemore.features import feature_table
from blemore.training import folds_together, loop
from blemore.training.loop import Settings, Split, Trained
from blemore.training.models import MODELS

WIDTHS = (112, 224, 448, 616, 1064)
"""Inputs: seven statistics of narrow simulated encoders, and a fusion of two."""

SUBSAMPLED = (64, 88)
"""Inputs of subsamples."""


def simulated(width: int, subsampled: bool) -> list[Split]:
    """Five folds of the 2,456 stand-in clips, features that tell a little of the labels."""
    table, x, _, counts = simulated_rows(width, 16 if subsampled else 1)
    data = stored_runs.gather(table, feature_table.table("here", table.names, x, counts, encoder="mine"))
    tasks = [Task("mine", Settings(), tuple(f for f in data.folds if f != k), (k,)) for k in data.folds]
    return [stored_runs.split(data, task) for task in tasks]


def in_stacks(splits: Sequence[Split], settings: Settings) -> list[Trained]:
    """Train in stacks of the size that is recommended."""
    size = folds_together.members(settings, splits[0].train_x.shape[1])
    parts = [splits[start : start + size] for start in range(0, len(splits), size)]
    return [one for part in parts for one in folds_together.fit(part, [settings] * len(part))]


def timed(work: Callable[[], list[Trained]], settings: Settings) -> tuple[float, list[Trained]]:
    """Milliseconds of processor time per fold and epoch, and what came of it."""
    start = time.process_time()
    done = work()
    return (time.process_time() - start) * 1e3 / len(done) / settings.epochs, done


def compare(splits: list[Split], settings: Settings, repeats: int) -> str:
    """Medians of both ways, interleaved, as one line."""
    plain, stacked = [], []
    for _ in range(repeats):
        milliseconds, one = timed(lambda: [loop.fit(split, settings) for split in splits], settings)
        plain.append(milliseconds)
        milliseconds, other = timed(lambda: in_stacks(splits, settings), settings)
        stacked.append(milliseconds)
    apart = max(
        abs(a.train_loss - b.train_loss) / a.train_loss
        for x, y in zip(one, other, strict=True)
        for a, b in zip(x.epochs, y.epochs, strict=True)
    )
    slow, fast = statistics.median(plain), statistics.median(stacked)
    size = min(len(splits), folds_together.members(settings, splits[0].train_x.shape[1]))
    return f"{slow:6.1f} ms  stacks of {size}: {fast:6.1f} ms  {slow / fast:4.1f}x  losses apart {apart:.0e}"


def main() -> int:
    """Run everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{cpu()}\none thread; milliseconds of processor time per fold and epoch; medians of {chosen.repeats}")
    rows = [(width, False) for width in WIDTHS] + [(width, True) for width in SUBSAMPLED]
    for width, subsampled in rows:
        splits = simulated(width, subsampled)
        kind = f"{width} inputs{f', subsampled, {len(splits[0].train_x)} rows' if subsampled else ''}"
        for model in MODELS:
            settings = Settings(model=model, learning_rate=4e-5, epochs=3, batch_size=512 if subsampled else 32)
            print(f"{kind:36} {model:8} one by one {compare(splits, settings, chosen.repeats)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
