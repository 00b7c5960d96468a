"""How rows stand to each other: classifiers, parts of a fusion, validation and test (paper, section 5).

All of it is arithmetic on tables of scores, a row for each ``id`` and ``model``; whose scores they are is said by
their column ``origin``.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.stats import t as student_t

from blemore.challenge.labels import CLASSES, EMOTION_NAMES, Saliences
from blemore.challenge.metrics import confusion
from blemore.paper import printed_numbers
from blemore.paper.vocabulary import METRICS, MODEL_NAMES, MODELS, REPORTED, name_of
from blemore.sources.released import Result


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
    table = printed_numbers.table(number).set_index("id")
    return composite(table[~table.index.str.startswith("trivial")])


def classifiers(table: pd.DataFrame) -> pd.DataFrame:
    """Return the composite of each row by classifier, and the name of the best; equals go to the smaller."""
    wide = table.assign(composite=composite(table)).pivot(index="id", columns="model", values="composite")
    rows = [row for row in dict.fromkeys([*printed(2).index, *table["id"]]) if row in wide.index]
    wide = wide.loc[rows, [model for model in MODEL_NAMES if model in wide]].rename(columns=MODEL_NAMES, index=name_of)
    return wide.rename_axis(index="encoder", columns=None).assign(best=wide.idxmax(axis=1))


def paired(folds: pd.DataFrame, first: str, second: str) -> tuple[float, float, float]:
    """Return the mean difference of two columns and its 95 % interval, paired by fold.

    Rows of one fold share their actors, so differences are averaged over rows first; Student's t then takes the folds as
    independent. Their training sets overlap, so the interval is too narrow by up to :func:`overlap`.

    Parameters
    ----------
    folds : DataFrame
        A row for each ``fold`` (and, say, each encoder), and the two columns.
    first, second : str
        Columns; the difference is the first less the second.

    Returns
    -------
    tuple of float
        Mean, lower end and upper end.
    """
    differences = (folds[first] - folds[second]).groupby(folds["fold"]).mean()
    half = float(student_t.ppf(0.975, len(differences) - 1) * differences.sem())
    return float(differences.mean()), float(differences.mean()) - half, float(differences.mean()) + half


def overlap(folds: int) -> float:
    """Return by what factor an interval over folds is too narrow, by the correction of Nadeau and Bengio (2003).

    It puts ``1 / k + 1 / (k - 1)`` in the place of ``1 / k``: test clips of a fold over training clips are 1 to k - 1.

    >>> round(overlap(5), 2)
    1.5
    """
    return float(np.sqrt(1 + folds / (folds - 1)))


def classifiers_in_words(folds: pd.DataFrame) -> str:
    """Say how far the reported classifier is from the two others.

    Parameters
    ----------
    folds : DataFrame
        Of :func:`blemore.sources.released.classifier_folds`.
    """
    k = folds["fold"].nunique()
    others = [model for model in MODELS if model != REPORTED]
    said = "; ".join(
        f"{MODEL_NAMES[REPORTED]} less {MODEL_NAMES[other]} {_difference(*paired(folds, REPORTED, other))}"
        for other in others
    )
    return (
        f"Composite score in the authors' runs, mean over {folds['id'].nunique()} rows, with 95 % intervals from differences paired by fold "
        f"({k} folds, taken as independent): {said}. Training sets of folds overlap, so the intervals are too narrow, by a factor of up to {overlap(k):.1f}. "
        "Every run is scored at its best epoch and thresholds on that fold."
    )


def strategies_in_words(folds: pd.DataFrame) -> str:
    """Say how far aggregated features are from subsampled ones, paired by fold.

    Parameters
    ----------
    folds : DataFrame
        Of :func:`blemore.sources.released.strategy_folds`.
    """
    said = [
        f"{metric} {_difference(*paired(rows, 'aggregated', 'subsampled'))}" for metric, rows in folds.groupby("metric")
    ]
    k = folds["fold"].nunique()
    return (
        f"Aggregated less subsampled, mean over {len(folds[['id', 'model']].drop_duplicates())} pairs, with 95 % intervals from differences paired by fold ({k} "
        f"folds, taken as independent, which makes the intervals too narrow by a factor of up to {overlap(k):.1f}): {'; '.join(said)}."
    )


def thresholds_in_words(folds: pd.DataFrame, design: pd.DataFrame) -> str:
    """Say how much higher accuracies are with thresholds of the scored fold than with those of the other folds.

    Parameters
    ----------
    folds, design : DataFrame
        Of :func:`blemore.sources.released.hicmae_folds` and :func:`blemore.sources.released.hicmae_design`.
    """
    said = []
    for metric, n in zip(METRICS, ("n", "n_blends"), strict=True):
        hits = (folds[metric] * folds[n]).groupby(folds["variant"]).sum()
        own = hits / folds.groupby("variant")[n].sum()
        others = design[design["metric"] == metric].set_index("variant")["accuracy"]
        optimism = (own - others).loc[others.index]
        said.append(f"{metric.removeprefix('acc_')} {optimism.min():+.3f} to {optimism.max():+.3f}".replace("-", "−"))
    return (
        f"Accuracy over all clips with the thresholds of the scored fold less that with the thresholds of the other folds: {'; '.join(said)} "
        f"({design['variant'].nunique()} variants of one model)."
    )


def optimism_in_words(chosen: pd.DataFrame, what: str, seeds: pd.DataFrame | None = None) -> str:
    """Say how much higher scores are by the protocol released-code than by nested, paired by fold.

    Parameters
    ----------
    chosen : DataFrame
        Of :func:`blemore.experiments.from_files.protocol_table`; needs both protocols and two folds.
    what : str
        What was trained, and on what.
    seeds : DataFrame
        Scores of released-code by ``seed`` and ``fold``, averaged within folds; by default the one seed of ``chosen``.
    """
    columns = list(METRICS)
    nested, once = (
        chosen[chosen["protocol"] == name].set_index("fold")[columns] for name in ("nested", "released-code")
    )
    scored = once if seeds is None else seeds.groupby("fold")[columns].mean()
    said = []
    for name, of in (
        ("presence", columns[:1]),
        ("salience", columns[1:]),
        ("composite, which is what is chosen by,", columns),
    ):
        both = pd.DataFrame({"released-code": scored[of].mean(axis=1), "nested": nested[of].mean(axis=1)}).reset_index()
        said.append(f"{name} {_difference(*paired(both, 'released-code', 'nested'))}")
    trained = (
        "one seed"
        if seeds is None
        else f"released-code with {seeds['seed'].nunique()} seeds, averaged within folds, nested with one"
    )
    return (
        f"{'; '.join(said)} (released-code less nested; {what}; {trained}; 95 % intervals over {len(nested)} folds, "
        "which are taken as independent)."
    )


def _difference(mean: float, low: float, high: float) -> str:
    return f"{_interval(mean, low, high)}{', not distinguishable from 0' if low <= 0 <= high else ''}"


def _interval(mean: float, low: float, high: float) -> str:
    return f"{mean:+.3f} [{low:+.3f}, {high:+.3f}]".replace("-", "−")


def lowest_losses_in_words(curves: Mapping[str, pd.DataFrame]) -> str:
    """Say after how many epochs validation loss is lowest, for each row in percent of its training.

    Parameters
    ----------
    curves : mapping
        Learning curves by row id, each with ``epoch`` and ``val_loss`` (see :func:`blemore.sources.released.curves`).
    """
    lowest = {
        row: int(table["epoch"].to_numpy()[table["val_loss"].to_numpy().argmin()]) for row, table in curves.items()
    }
    lengths = {row: int(table["epoch"].max()) for row, table in curves.items()}
    early = [row for row in lowest if lowest[row] <= lengths[row] / 4]
    late = [f"{name_of(row)} {lowest[row]} of {lengths[row]}" for row in lowest if row not in early]
    return (
        f"The authors' runs with {MODEL_NAMES[REPORTED]}: validation loss (mean over folds) is lowest in the first quarter of training for {len(early)} of "
        f"{len(lowest)} rows. {'The others: ' + ', '.join(late) + '.' if late else ''}"
    ).strip()


def best_how_often(standings: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Count how often each classifier is best, for several tables of :func:`classifiers` by name."""
    counts = {
        name: table["best"].value_counts().reindex(list(MODEL_NAMES.values()), fill_value=0)
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


def confused(table: pd.DataFrame) -> str:
    """Say what a confusion matrix (16, 16), rows true, shows: hits, the class found most often, errors of blends."""
    counts, emotions = table.to_numpy(dtype=int), [set(str(name).split("-")) for name in table.index]
    hits, clips = np.diag(counts), counts.sum(axis=1)
    best = int((hits / clips).argmax())
    shared = np.array([[bool(one & other) for other in emotions] for one in emotions])
    blends = [len(one) == 2 for one in emotions]
    wrong = (counts - np.diag(hits))[blends]
    near = wrong[shared[blends]].sum()
    return (
        f"The diagonal holds {hits.sum():,} of {clips.sum():,} clips. {_spelt(str(table.index[best]))} is found most often "
        f"({hits[best]} of {clips[best]}); {near / wrong.sum():.0%} of the wrong answers to blends share an emotion with the truth."
    )


def _spelt(emotions: str) -> str:
    return " and ".join(EMOTION_NAMES[part] for part in emotions.split("-")).capitalize()


def reported(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the classifier that Tables 2 and 3 report, by id."""
    return table[table["model"] == REPORTED].set_index("id")
