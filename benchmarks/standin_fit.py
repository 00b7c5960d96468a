"""Fit the simulation's signal parameters to Table 2, on the mean of several data sets drawn anew.

One number per encoder, fitted under the released-code protocol by a few steps of weighted least squares; cross-validated
means are remembered in a file, so that an interrupted fit goes on where it was. Not a part of the build:

    python -m benchmarks.standin_fit fit --rounds 3          # writes blemore/reference/standin.json
    python -m benchmarks.standin_fit report --seeds 0 1 2 3 --fresh 11 12 13
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path

import joblib
import numpy as np
import pandas as pd

from blemore import paper, rows, sources, standin
from blemore.standin import World

FITTED_ON = (1, 2, 3, 4)
"""Seeds whose mean is fitted; the displayed seed is none of them."""

SLOPES = {"acc_presence": 0.25, "acc_salience": 0.14}
"""Change of an accuracy per unit of the logarithm of a signal, from trial runs; only the speed of the fit depends on them."""

LEAST_SD = 0.012
"""Published spreads below it are not taken at their word: five folds cannot tell."""

REFERENCE = Path(__file__).parents[1] / "blemore" / "reference" / "standin.json"


def scores(row: str, seed: int, world: World, memory: Path, model: str = "mlp-512") -> dict[str, float]:
    """Cross-validate one row of Table 2 on one simulated data set, or remember its scores."""
    relevant = asdict(world) | {"signal": {e: world.signal[e] for e in row.removesuffix(":sub").split("+")}}
    name = joblib.hash([row, seed, relevant, model, asdict(rows.settings(row, model, "quick"))])
    path = memory / f"{name}.json"
    if path.exists():
        return dict(json.loads(path.read_text()))
    clips = sources.clips("standin")[0].of("train")
    done = rows.train(
        clips, "standin", rows=[row], models=[model], seed=seed, world=world, test=False, folder=None, jobs=1
    )
    found = rows.summary(done.validation[row, model])
    memory.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(found))
    part.replace(path)
    return found


def table(which: Iterable[str], seeds: Iterable[int], world: World, memory: Path, jobs: int) -> pd.DataFrame:
    """Return scores of rows x seeds."""
    asked = [(row, seed) for seed in seeds for row in which]
    found = joblib.Parallel(n_jobs=jobs, batch_size=1, verbose=5)(
        joblib.delayed(scores)(row, seed, world, memory) for row, seed in asked
    )
    return pd.DataFrame([{"id": row, "seed": seed, **one} for (row, seed), one in zip(asked, found, strict=True)])


def step(world: World, means: pd.DataFrame) -> World:
    """Return a world whose signals are one step of weighted least squares nearer to Table 2."""
    printed = paper.table(2).set_index("id")
    signal = dict(world.signal)
    for encoder in signal:
        above = below = 0.0
        for row in (encoder, f"{encoder}:sub"):
            for metric, slope in SLOPES.items() if row in means.index else ():
                wanted, spread = (float(printed.loc[row, f"{metric}_{part}"]) for part in ("mean", "std"))
                weight = slope / max(spread, LEAST_SD) ** 2
                above += weight * (wanted - float(means.loc[row, f"{metric}_mean"]))
                below += weight * slope
        signal[encoder] = round(signal[encoder] * float(np.exp(np.clip(above / below, -0.4, 0.4))), 3)
    return replace(world, signal=signal)


def report(found: pd.DataFrame) -> pd.DataFrame:
    """Return ours minus the paper's in published standard deviations, for every row and seed."""
    printed = paper.table(2).set_index("id")
    wide = found.set_index(["id", "seed"])
    return pd.DataFrame(
        {metric: [(value - printed.loc[row, f"{metric}_mean"]) / printed.loc[row, f"{metric}_std"]
                  for (row, _), value in wide[f"{metric}_mean"].items()] for metric in SLOPES},
        index=wide.index,
    )  # fmt: skip


def main() -> None:
    """Fit, or report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("what", choices=["fit", "report"])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seeds", type=int, nargs="+", default=[standin.DISPLAYED_SEED, *FITTED_ON])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--memory", type=Path, default=Path("runs/standin-fit"))
    asked = parser.parse_args()
    world = standin.world()
    if asked.what == "fit":
        single = [row for row in rows.ROWS if "+" not in row]
        for number in range(asked.rounds):
            means = table(single, FITTED_ON, world, asked.memory, asked.jobs).groupby("id").mean()
            world = step(world, means)
            print(f"round {number + 1}: {world.signal}", flush=True)
            REFERENCE.write_text(json.dumps({"world": {"signal": world.signal}}, indent=1) + "\n")
        return
    found = table(rows.ROWS, asked.seeds, world, asked.memory, asked.jobs)
    pd.set_option("display.width", 160)
    print(found.round(3).to_string())
    print(report(found).round(2).unstack("seed").to_string())


if __name__ == "__main__":
    main()
