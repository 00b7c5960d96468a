"""Report on the simulation: how near its fit came to Table 2, and whether its features leak. Not a part of the build.

    python -m benchmarks.standin_report fit --fresh 11 12 13     # writes blemore/paper/reference/standin_fit.csv
    python -m benchmarks.standin_report leaks                    # writes blemore/paper/reference/standin_leaks.csv

Both print what they find, and return 1 where a limit that was set before the fit is missed.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path

import joblib
import pandas as pd

from benchmarks import standin_fit
from blemore.appendix import fit_to_table2, leaks
from blemore.results import trained_tables
from blemore.simulation import generator
from blemore.sources import lookup
from blemore.system import files

LEAK_ROWS = ("openface", "clip", "wavlm", "videomaev2:sub", "imagebind+wavlm")
"""A narrow encoder, a wide one of each modality, windows, and the widest input there is."""

LEAK_SEEDS = (0, 1, 2)


def fit(roles: Iterable[tuple[str, Sequence[int]]], memory: Path, jobs: int) -> pd.DataFrame:
    """Cross-validate all rows on the seeds of each role, and return the report in the form of the file."""
    parts = [
        standin_fit.table(trained_tables.ROWS, seeds, generator.world(), memory, jobs).assign(role=role)
        for role, seeds in roles
        if seeds
    ]
    return pd.concat(parts, ignore_index=True)[list(fit_to_table2.COLUMNS)]


def leak(which: Iterable[str], seeds: Iterable[int], jobs: int) -> pd.DataFrame:
    """Do each check of each row on each seed."""
    clips = lookup.clips("standin")[0].of("train")
    asked = [(kind, row, seed) for kind in leaks.CHECKS for row in which for seed in seeds]
    found = joblib.Parallel(n_jobs=jobs, batch_size=1, verbose=5)(
        joblib.delayed(leaks.check)(kind, clips, row, generator.world(), seed=seed) for kind, row, seed in asked
    )
    return pd.DataFrame(
        [{"check": kind, "id": row, "seed": seed, **one} for (kind, row, seed), one in zip(asked, found, strict=True)]
    )[list(leaks.COLUMNS)]


def main() -> int:
    """Report on the fit, or on leaks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("what", choices=["fit", "leaks"])
    parser.add_argument("--displayed", type=int, default=generator.DISPLAYED_SEED)
    parser.add_argument("--fitted", type=int, nargs="*", default=list(standin_fit.FITTED_ON))
    parser.add_argument("--fresh", type=int, nargs="*", default=[11, 12, 13])
    parser.add_argument(
        "--rows", nargs="+", choices=trained_tables.ROWS, default=list(LEAK_ROWS), help="of the check for leaks"
    )
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--memory", type=Path, default=Path("runs/standin-fit"))
    asked = parser.parse_args()
    pd.set_option("display.width", 160, "display.max_rows", 200)
    if asked.what == "fit":
        roles = [("displayed", [asked.displayed]), ("fitted", asked.fitted), ("fresh", asked.fresh)]
        found = fit(roles, asked.memory, asked.jobs)
        _write(found, fit_to_table2.REPORT)
        print(fit_to_table2.cells(fit_to_table2.read()).round(3).to_string())
        criteria = fit_to_table2.criteria(fit_to_table2.read())
        for one in criteria:
            print(f"{'met   ' if one.met else 'MISSED'} {one.what}: {one.found} (asked: {one.asked})")
        return int(not all(one.met for one in criteria))
    _write(leak(asked.rows, LEAK_SEEDS, asked.jobs), leaks.REPORT)
    table = leaks.verdicts(leaks.read())
    print(table.round(4).to_string())
    return int(not table["kept"].all())


def _write(table: pd.DataFrame, path: Path) -> None:
    files.write_atomically(path, table.to_csv(index=False, float_format="%.6f"))


if __name__ == "__main__":
    raise SystemExit(main())
