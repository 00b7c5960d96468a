"""How rows stand to each other: classifiers, parts of a fusion, validation and test (paper, section 5).

All of it is arithmetic on tables of scores, a row for each ``id`` and ``model``; whose scores they are is said by
their column ``origin``.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from blemore import paper
from blemore.claims.results import METRICS, REPORTED
from blemore.labels import CLASSES, Saliences
from blemore.metrics import confusion
from blemore.parameters import MODELS, name_of
from blemore.released import Result

NAMES = dict(zip(MODELS, ("Linear", "MLP-256", "MLP-512"), strict=True))
"""Classifiers by id, as the paper names them."""


def together(*results: Result) -> pd.DataFrame:
    """Put tables of scores below each other, each row with its ``origin``; a later row replaces an earlier one."""
    tables = [one.table.assign(origin=one.origin) for one in results]
    both = pd.concat([table for table in tables if len(table)] or tables, ignore_index=True)
    return both.drop_duplicates(["id", "model"], keep="last").reset_index(drop=True)


def composite(table: pd.DataFrame) -> pd.Series:
    """Return the composite score of each row, the mean of its two accuracies."""
    columns = [metric if metric in table else f"{metric}_mean" for metric in METRICS]
    return table[columns].mean(axis=1)


def printed(number: int) -> pd.Series:
    """Return the composite scores that follow from Table 2 or 3, by row id, trivial baselines apart."""
    table = paper.table(number).set_index("id")
    return composite(table[~table.index.str.startswith("trivial")])


def classifiers(table: pd.DataFrame) -> pd.DataFrame:
    """Return the composite of each row by classifier, and the name of the best; equals go to the smaller."""
    wide = table.assign(composite=composite(table)).pivot(index="id", columns="model", values="composite")
    rows = [row for row in dict.fromkeys([*printed(2).index, *table["id"]]) if row in wide.index]
    wide = wide.loc[rows, [model for model in NAMES if model in wide]].rename(columns=NAMES, index=name_of)
    return wide.rename_axis(index="encoder", columns=None).assign(best=wide.idxmax(axis=1))


def best_how_often(standings: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Count how often each classifier is best, for several tables of :func:`classifiers` by name."""
    counts = {
        name: table["best"].value_counts().reindex(list(NAMES.values()), fill_value=0)
        for name, table in standings.items()
    }
    table = pd.DataFrame(counts).T.rename_axis("runs")
    return table.assign(all=table.sum(axis=1))


def gains(tables: Mapping[str, Mapping[str, pd.Series]]) -> pd.DataFrame:
    """Return what a fusion gains in composite over each of its parts.

    Parameters
    ----------
    tables : mapping
        ``{"validation": {"paper": composites by row id, ...}, "test": ...}``.

    Returns
    -------
    DataFrame
        A row for each fusion and partition; for each source a column of what is gained over video, and over audio.
    """
    rows = {}
    for partition, by_source in tables.items():
        for id in (row for row in printed(2).index if "+" in row):
            rows[f"{name_of(id)}, {partition}"] = {
                f"{source}: over {part}": float(values[id] - values[one]) if {id, one} <= set(values.index) else np.nan
                for source, values in by_source.items()
                for part, one in zip(("video", "audio"), id.split("+"), strict=True)
            }
    return pd.DataFrame(rows).T.rename_axis("fusion")


def ahead(table: pd.DataFrame) -> str:
    """Say for each source of :func:`gains` how many fusions lie above both their parts."""
    said = []
    for source in dict.fromkeys(str(column).split(":")[0] for column in table):
        columns = table[[column for column in table if str(column).startswith(f"{source}:")]].dropna()
        if len(columns):
            said.append(f"{source}, {int((columns > 0).all(axis=1).sum())} of {len(columns)}")
    return "; ".join(said)


def change(valid: pd.Series, test: pd.Series) -> pd.DataFrame:
    """Return composites of ``validation`` and ``test`` for each row that has both, the paper's order kept."""
    rows = [row for row in printed(2).index if row in valid.index and row in test.index]
    return pd.DataFrame({"validation": valid.loc[rows], "test": test.loc[rows]}).rename_axis("id")


def matrix(decided: Saliences, truth: Saliences) -> pd.DataFrame:
    """Return a confusion matrix (16, 16) in the layout of Figure 4."""
    index, columns = (pd.Index(CLASSES, name=name) for name in ("true", "predicted"))
    return pd.DataFrame(confusion(decided, truth), index, columns)


def reported(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the classifier that Tables 2 and 3 report, by id."""
    return table[table["model"] == REPORTED].set_index("id")
