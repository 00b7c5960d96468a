"""Whether simulated features tell more than they should: training on what cannot be learnt (not in the paper).

With labels shuffled, or with the emotion taken out of the features, what a training still scores is what the
choice of epoch and thresholds on the scored fold is worth, plus whatever leaks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from blemore.challenge.clips import Clips
from blemore.errors import InputError, first
from blemore.experiments.protocols import cross_validate_all, settings_for
from blemore.experiments.stored_runs import gather
from blemore.paper.vocabulary import REPORTED, name_of
from blemore.simulation.generator import DISPLAYED_SEED, World
from blemore.sources import lookup
from blemore.system.csv_files import read_csv

REPORT = Path(__file__).parents[1] / "paper" / "reference" / "standin_leaks.csv"
"""The committed report of the checks at full size."""

CHECKS: dict[str, str] = {
    "shuffled": "labels shuffled over all clips",
    "shuffled within actors": "labels shuffled among the clips of each actor",
    "signal off": "true labels, the emotion taken out of the features",
}
"""Ways to take away what could be learnt rightly. Clips keep their durations in the third, as real ones have theirs."""

LIMITS: dict[str, dict[str, float]] = {
    "shuffled": {"presence": 0.10, "composite": 0.065},
    "shuffled within actors": {"presence": 0.10, "composite": 0.065},
    "signal off": {"composite": 0.075},
}
"""The most that may be scored: set before the fit, and asked of the mean over data seeds; :func:`single` tells the rest."""

METRICS = ("presence", "salience", "composite")

COLUMNS = ("check", "id", "seed", *METRICS)
"""Columns of the report: MLP-512 by the released-code protocol, profile quick, means over folds."""


def check(
    kind: str,
    clips: Clips,
    row: str,
    world: World,
    *,
    seed: int = DISPLAYED_SEED,
    changes: Mapping[str, Any] | None = None,
) -> dict[str, float]:
    """Cross-validate a row of Table 2 that has nothing to learn, and return its scores (means over folds).

    Parameters
    ----------
    kind : str
        A key of :data:`CHECKS`.
    clips : Clips
        Those with a fold are used.
    row : str
        ``clip``, ``imagebind+wavlm``, ...
    world : World
    seed : int
        Of the data, and of the shuffling.
    changes : mapping, optional
        Settings of the training other than those of profile quick.
    """
    table, _ = lookup.features(row, clips, "standin", seed=seed, world=silent(world) if kind == "signal off" else world)
    data = gather(clips, table)
    if kind != "signal off":
        actors = clips.table.set_index("filename")["actor"].loc[list(data.features.names)].to_numpy(str)
        groups = actors if kind == "shuffled within actors" else np.zeros(len(actors))
        data = replace(data, truth=data.truth[shuffle(groups, seed)])
    chosen = settings_for(table, "quick", model=REPORTED, **(changes or {}))
    (done,) = cross_validate_all({row: data}, [chosen], ["released-code"], jobs=1)
    presence, salience = done.mean("acc_presence"), done.mean("acc_salience")
    return {"presence": presence, "salience": salience, "composite": (presence + salience) / 2}


def silent(world: World) -> World:
    """Return a world that is the same but for the emotion, which no encoder sees."""
    return replace(world, signal=dict.fromkeys(world.signal, 0.0))


def shuffle(groups: np.ndarray, seed: int) -> np.ndarray:
    """Return a random order (N,) of rows in which each stays within its group.

    >>> shuffle(np.array(["a", "b", "a"]), 0)[1]
    np.int64(1)
    """
    random = np.random.default_rng(seed)
    order = np.arange(len(groups))
    for group in np.unique(groups):
        rows = np.flatnonzero(groups == group)
        order[rows] = random.permutation(rows)
    return order


def read(path: str | Path = REPORT) -> pd.DataFrame:
    """Read a report of the checks, columns :data:`COLUMNS`; InputError if it is none."""
    given = read_csv(path, COLUMNS)[list(COLUMNS)]
    if strange := sorted(set(given["check"].fillna("")) - set(CHECKS)):
        raise InputError(path, "unknown check", expected=first(list(CHECKS)), got=first(strange))
    numbers = ["seed", *METRICS]
    given[numbers] = given[numbers].apply(pd.to_numeric, errors="coerce")
    if (bad := given[list(COLUMNS)].isna().any(axis=1)).any():
        raise InputError(path, f"line {int(bad.argmax()) + 2}", expected="numbers")
    return given.astype({"seed": int})


def verdicts(report: pd.DataFrame) -> pd.DataFrame:
    """Hold each check of each row, a mean over seeds, against :data:`LIMITS`.

    Returns
    -------
    DataFrame
        ``check``, ``id``, ``seeds`` (how many), means of the three scores, ``limit`` in words, ``kept``.
    """
    table = report.groupby(["check", "id"], sort=False).agg(
        seeds=("seed", "nunique"), **{metric: (metric, "mean") for metric in METRICS}
    ).reset_index()  # fmt: skip
    limits = [LIMITS[kind] for kind in table["check"]]
    table["limit"] = [", ".join(f"{name} {most:g}" for name, most in limit.items()) for limit in limits]
    rows = table.to_dict("records")
    table["kept"] = [
        all(row[name] <= most for name, most in limit.items()) for row, limit in zip(rows, limits, strict=True)
    ]
    return table


def single(report: pd.DataFrame) -> str:
    """Say how many single runs, rather than means over seeds, keep the limit of the composite."""
    limit = report["check"].map(lambda kind: LIMITS[kind]["composite"])
    kept = int((report["composite"] <= limit).sum())
    return f"Of {len(report)} single runs, {kept} keep the composite's limit; the highest is {report['composite'].max():.3f}."


def shown(table: pd.DataFrame) -> pd.DataFrame:
    """Return :func:`verdicts` as a page shows them."""
    return pd.DataFrame(
        {
            "row": [name_of(row) for row in table["id"]],
            "check": table["check"],
            **{metric: table[metric] for metric in METRICS},
            "at most": table["limit"],
            "verdict": ["kept" if kept else "exceeded" for kept in table["kept"]],
        }
    ).set_index("row")
