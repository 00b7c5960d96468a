"""How well the simulation was fitted to Table 2: the report of the fit, held against the paper (section 5.1).

``benchmarks/standin_report.py`` writes the report; its numbers are scores of simulated features, so that what
agrees does so by construction. The limits are those that were set before the fit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from blemore.errors import InputError, first
from blemore.paper import printed_numbers
from blemore.paper.comparison import signed
from blemore.paper.vocabulary import METRICS, REPORTED, name_of
from blemore.results.trained_tables import ROWS
from blemore.system.csv_files import read_csv

REPORT = Path(__file__).parents[1] / "paper" / "reference" / "standin_fit.csv"
"""The committed report of the fit."""

ROLES = ("displayed", "fitted", "fresh")
"""What a seed of the data was used for: shown in the book, fitted on, or neither."""

COLUMNS = ("id", "seed", "role", *(f"{metric}_{part}" for metric in METRICS for part in ("mean", "std")),
           "epoch", "train_loss", "val_loss", "drop")  # fmt: skip
"""Columns of the report: MLP-512 by the released-code protocol, means over folds; ``epoch`` in those of profile quick."""

NOT = "not measured"

LEAST = 0.018
"""What salience may be off where 1.5 published spreads are less: two spreads of a mean from seed to seed."""

MEANING = {
    "latents": "latent dimensions of each modality, $q$",
    "salience_power": "exponent of salience in the mixture, $\\gamma$",
    "intensity_spread": "spread of the logarithm of intensity from clip to clip",
    "style": "how far an actor's expression of an emotion departs from the prototype, per latent",
    "neutral": "length of the prototype of neutral; the others have 1",
    "actor": "offset of an actor, per latent",
    "recording": "offset of a clip, per latent",
    "shared": "share of that offset's variance that picture and sound have in common",
    "drift": "slow wandering within a clip, per latent",
    "memory": "correlation of the wandering from one step of 0.16 s to the next",
    "encoder_noise": "offset of a clip in one encoder's view of the latents",
    "clip_noise": "offset of a clip along the axes of an encoder's features, root mean square",
    "frame_noise": "noise of each frame and feature",
    "actor_pace": "correlation of the durations of an actor's clips",
    "detail": "emotion along these axes, in units of what clips differ by on each",
    "decay": "exponent of the power law by which clips differ from axis to axis",
}
"""Parameters that all encoders have in common, :class:`blemore.simulation.generator.World`."""


@dataclass(frozen=True)
class Criterion:
    """One thing that was asked of the fit before it was made, and what came of it."""

    what: str
    asked: str
    found: str
    met: bool


def read(path: str | Path = REPORT) -> pd.DataFrame:
    """Read a report of the fit: a line for each row of Table 2 and each seed, columns :data:`COLUMNS`.

    Raises
    ------
    InputError
        If the file cannot be read, a role or a row is unknown, a value is no number or no accuracy, or a seed has not
        each of the thirteen rows once.
    """
    given = read_csv(path, COLUMNS)[list(COLUMNS)]
    for column, known in (("role", ROLES), ("id", ROWS)):
        if strange := sorted(set(given[column].fillna("")) - set(known)):
            raise InputError(path, f"unknown {column}", expected=first(known, len(known)), got=first(strange))
    numbers = [column for column in COLUMNS if column not in ("id", "role")]
    given[numbers] = given[numbers].apply(pd.to_numeric, errors="coerce")
    accuracies = [f"{metric}_mean" for metric in METRICS]
    if (
        bad := given[numbers].isna().any(axis=1) | ((given[accuracies] < 0) | (given[accuracies] > 1)).any(axis=1)
    ).any():
        raise InputError(path, f"line {int(bad.argmax()) + 2}", expected="numbers, accuracies from 0 to 1")
    for (role, seed), lines in given.groupby(["role", "seed"]):
        if sorted(lines["id"]) != sorted(ROWS):
            raise InputError(
                path, f"seed {seed:g} ({role})", expected=f"each of {len(ROWS)} rows once", got=f"{len(lines)} lines"
            )
    return given.astype({"seed": int})


def deviations(fit: pd.DataFrame) -> pd.DataFrame:
    """Return each cell of Table 2 beside every simulated one.

    Returns
    -------
    DataFrame
        ``id, metric, role, seed``, ``paper`` and ``sd`` (printed mean and spread), ``ours`` and ``spread``,
        ``sds``: ours minus the paper's in printed spreads.
    """
    printed = printed_numbers.table(2).set_index("id")
    parts = []
    for metric in METRICS:
        table = fit[["id", "role", "seed"]].assign(metric=metric)
        table["paper"], table["sd"] = (fit["id"].map(printed[f"{metric}_{part}"]) for part in ("mean", "std"))
        parts.append(table.assign(ours=fit[f"{metric}_mean"], spread=fit[f"{metric}_std"]))
    table = pd.concat(parts, ignore_index=True)
    return table.assign(sds=(table["ours"] - table["paper"]) / table["sd"])


def cells(fit: pd.DataFrame) -> pd.DataFrame:
    """Return the 26 cells of Table 2 beside the displayed seed and the means of the other seeds.

    Returns
    -------
    DataFrame
        Index ``(metric, id)``; ``paper``, ``sd``, and for each of :data:`ROLES` the mean over its seeds and that minus
        the paper's in printed spreads (``displayed``, ``displayed_sds``, ...; NaN without such seeds), ``spread`` over the
        folds of the displayed seed, ``limit`` and ``near``: whether the displayed seed is within it.
    """
    long = deviations(fit)
    keys = pd.MultiIndex.from_product([METRICS, ROWS], names=["metric", "id"])
    table = deviations(_nothing()).set_index(["metric", "id"])[["paper", "sd"]].loc[keys]
    for role in ROLES:
        means = long[long["role"] == role].groupby(["metric", "id"])[["ours", "spread"]].mean().reindex(keys)
        table[role], table[f"{role}_sds"] = means["ours"], (means["ours"] - table["paper"]) / table["sd"]
        if role == "displayed":
            table["spread"] = means["spread"]
    salience = table.index.get_level_values("metric") == "acc_salience"
    table["limit"] = table["sd"].where(~salience, (1.5 * table["sd"]).clip(lower=LEAST))
    return table.assign(near=_within(table["displayed"] - table["paper"], table["limit"]))


def rank_correlation(fit: pd.DataFrame, role: str) -> float:
    """Return Spearman's rank correlation of the rows' composites, the paper's and ours, means over the seeds of a role."""
    table = cells(fit)
    return float(_composite(table["paper"]).rank().corr(_composite(table[role]).rank()))


def fusions(fit: pd.DataFrame, role: str) -> pd.DataFrame:
    """Return the composite of each fusion beside its parts', means over the seeds of a role (section 4.4).

    Returns
    -------
    DataFrame
        Index ``id``; ``video``, ``audio``, ``fused``, ``above``: whether the fusion lies above both.
    """
    composite = _composite(cells(fit)[role])
    rows = {id: [composite[part] for part in (*id.split("+"), id)] for id in ROWS if "+" in id}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["video", "audio", "fused"]).rename_axis("id")
    return table.assign(above=table["fused"] > table[["video", "audio"]].max(axis=1))


def criteria(fit: pd.DataFrame) -> tuple[Criterion, ...]:
    """Return what was asked of the fit, and whether it came."""
    return tuple(_criteria(fit))


def _criteria(fit: pd.DataFrame) -> Iterator[Criterion]:
    table, long = cells(fit), deviations(fit)
    near = int(table["near"].sum())
    yield Criterion("displayed seed: presence within 1 printed spread, salience within 1.5 of them or 0.018",
                    f"24 of {len(table)} cells", f"{near} of {len(table)}", near >= 24)  # fmt: skip
    rows = int((table["fitted_sds"].abs() <= 1 + 1e-9).unstack("metric").all(axis=1).sum())
    known = bool(table["fitted"].notna().all())
    yield Criterion("mean of the seeds fitted on: both accuracies within 1 printed spread",
                    f"12 of {len(ROWS)} rows", f"{rows} of {len(ROWS)}" if known else NOT, rows >= 12)  # fmt: skip
    fresh = long.loc[long["role"] == "fresh", "sds"].abs()
    close = int((fresh <= 2 + 1e-9).sum())
    yield Criterion("seeds never fitted on: within 2 printed spreads", "9 cells in 10", f"{close} of {len(fresh)}" if len(fresh) else NOT,
                    len(fresh) > 0 and close >= 0.9 * len(fresh))  # fmt: skip
    for role, name in (("displayed", "displayed seed"), ("fitted", "mean of the seeds fitted on")):
        rank = rank_correlation(fit, role)
        yield Criterion(f"{name}: rows in the paper's order, rank correlation of the composite", "0.9",
                        NOT if rank != rank else f"{rank:.3f}", rank >= 0.9)  # fmt: skip
    above = fusions(fit, "displayed")["above"]
    yield Criterion("displayed seed: a fusion's composite above both its parts'", f"{len(above)} of {len(above)} fusions",
                    f"{above.sum()} of {len(above)}", bool(above.all()))  # fmt: skip


def in_words(sds: float, limit: float) -> str:
    """Say in words whether a cell is within its limit, and if not by how much it misses, in printed standard deviations.

    >>> in_words(0.3, 1), in_words(-1.24, 1), in_words(1.02, 1), in_words(float("nan"), 1)
    ('within', 'misses: 1.24 below, limit 1.00', 'misses: 1.02 above, limit 1.00', '')
    """
    if sds != sds:
        return ""
    if abs(sds) - limit <= 1e-9:
        return "within"
    return f"misses: {abs(sds):.2f} {'above' if sds > 0 else 'below'}, limit {limit:.2f}"


def shown(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return one accuracy's cells of :func:`cells` as a page shows them: numbers as texts, verdicts in words."""
    part = table.xs(metric, level="metric")
    limits = part["limit"] / part["sd"]
    columns = {
        "paper": [_plus_minus(*pair) for pair in part[["paper", "sd"]].to_numpy()],
        "displayed seed": [_plus_minus(*pair) for pair in part[["displayed", "spread"]].to_numpy()],
        "off by": [_signed(value) for value in part["displayed_sds"].to_numpy()],
        "limit": [f"{limit:.1f}" for limit in limits],
        "verdict": [in_words(*pair) for pair in zip(part["displayed_sds"], limits, strict=True)],
    }
    for role in ("fitted", "fresh"):
        pairs = part[[role, f"{role}_sds"]].to_numpy()
        columns[f"{role} seeds"] = ["–" if mean != mean else f"{mean:.3f} ({_signed(sds)})" for mean, sds in pairs]
    return pd.DataFrame(columns, index=pd.Index([name_of(str(row)) for row in part.index], name="row"))


def seeds(fit: pd.DataFrame) -> str:
    """Say which seeds a report has, by role.

    >>> seeds(pd.DataFrame({"role": ["fitted", "displayed", "fitted"], "seed": [2, 0, 1]}))
    'displayed 0; fitted 1, 2'
    """
    of = {role: sorted(set(fit.loc[fit["role"] == role, "seed"])) for role in ROLES}
    return "; ".join(f"{role} {', '.join(map(str, known))}" for role, known in of.items() if known)


def answers(asked: tuple[Criterion, ...]) -> pd.DataFrame:
    """Return criteria as a page shows them."""
    rows = [(one.what, one.asked, one.found, "met" if one.met else "missed") for one in asked]
    return pd.DataFrame(rows, columns=["criterion", "at least", "found", "verdict"]).set_index("criterion")


def with_displayed(fit: pd.DataFrame, trained: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return a report whose displayed seed is what was trained here and now, so that a row has one value in the book.

    A training rounds differently from processor to processor, and of epochs that are almost equally good another may come
    out as the best: the displayed seed of a report that was computed elsewhere would not be that of the other pages.

    Parameters
    ----------
    fit : DataFrame
        Of :func:`read`.
    trained : DataFrame
        Of :meth:`blemore.results.trained_tables.Trained.table2`.
    seed : int
        Of the data that were trained on.
    """
    now = _reported(trained).assign(role="displayed", seed=seed)[list(COLUMNS)]
    return pd.concat([now, fit[fit["role"] != "displayed"]], ignore_index=True)


def freshness(fit: pd.DataFrame, trained: pd.DataFrame, seed: int, profile: str) -> str:
    """Say how far a report's own displayed seed is from what was trained here and now, for the rows that both have.

    Parameters
    ----------
    fit, trained, seed
        See :func:`with_displayed`.
    profile : str
        That was trained in.
    """
    known = fit[(fit["role"] == "displayed") & (fit["seed"] == seed)].set_index("id")
    now = _reported(trained).set_index("id")
    both = [row for row in now.index if row in known.index]
    if profile != "quick" or not both:
        return (
            f"They are of profile quick; the displayed seed is seed {seed} in profile {profile}, trained for this page."
        )
    accuracies = [f"{metric}_mean" for metric in METRICS]
    apart = float((known.loc[both, accuracies] - now.loc[both, accuracies]).abs().to_numpy().max())
    return (
        f"The displayed seed was trained for this book; {len(both)} rows are within {apart:.3f} of what the report has for it, "
        "which was computed earlier. Differences can come from rounding on another processor."
    )


def _reported(trained: pd.DataFrame) -> pd.DataFrame:
    return trained[trained["model"] == REPORTED]


def parameters(values: dict[str, object]) -> pd.DataFrame:
    """Return the parameters that all encoders have in common, with their meaning: columns ``value``, ``meaning``."""
    common = {name: value for name, value in values.items() if name != "signal"}
    rows = [(name.replace("_", " "), f"{value:g}", MEANING[name].replace("$", "").replace("\\gamma", "γ"))
            for name, value in common.items()]  # fmt: skip
    return pd.DataFrame(rows, columns=["parameter", "value", "meaning"]).set_index("parameter")


def _nothing() -> pd.DataFrame:
    """Return a report without values, for what the paper has in each cell."""
    return pd.DataFrame({"id": ROWS}).reindex(columns=list(COLUMNS)).assign(id=ROWS)


def _within(difference: pd.Series, limit: pd.Series) -> pd.Series:
    return (difference.abs() <= limit + 1e-9).fillna(False)


def _composite(accuracies: pd.Series) -> pd.Series:
    return accuracies.unstack("metric").mean(axis=1, skipna=False).loc[list(ROWS)]


def _plus_minus(mean: float, spread: float) -> str:
    return "–" if mean != mean else f"{mean:.3f} ± {spread:.3f}"


def _signed(value: float) -> str:
    return "–" if value != value else signed(value, 1)
