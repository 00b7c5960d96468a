"""Figures of aggregation, subsampling and fusion (paper, sections 4.3 and 4.4)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from blemore.paper import printed_numbers
from blemore.show.drawing import OURS, PAPER, SOFT, Drawing, canvas, direct, drawn


@drawn("statistics-of-a-series")
def series(values: NDArray[np.floating], statistics: pd.Series, name: str, label: str, seed: int = 0) -> Drawing:
    """Draw one feature of one clip over time, and the same frames in another order, with the seven statistics.

    Parameters
    ----------
    values : (T,) numbers
    statistics : Series
        By name, see :data:`blemore.features.seven_statistics.STATISTICS`.
    """
    fig, axes = canvas(2.9, 2, sharey=True)
    shuffled = np.random.default_rng(seed).permutation(values)
    mean, std = statistics["mean"], statistics["std"]
    for ax, course, title in zip(
        axes, (values, shuffled), ("as it happened", "the same frames, shuffled"), strict=True
    ):
        ax.axhspan(mean - std, mean + std, color=PAPER, alpha=0.18, linewidth=0)
        ax.plot(course, color=OURS, linewidth=1)
        for one in ("p10", "p25", "p50", "p75", "p90"):
            ax.axhline(statistics[one], color=SOFT, linewidth=0.8, linestyle="-" if one == "p50" else ":")
        ax.set(title=title, xlabel="frame")
    for one in _apart(statistics[["p10", "p25", "p50", "p75", "p90"]], 0.06 * float(np.ptp(values) or 1)):
        axes[1].text(1.01, statistics[one], one, va="center", fontsize=8, transform=axes[1].get_yaxis_transform())
    axes[0].set_ylabel(name)
    caption = (
        f"One feature of one clip ({len(values)} frames). The band is mean ± standard deviation, the lines are the percentiles. "
        "Shuffled frames have the same seven numbers: of when anything happened, nothing is kept."
    )
    return Drawing(fig, caption, [label])


@drawn("shapes")
def shapes(courses: Mapping[str, NDArray[np.floating]]) -> Drawing:
    """Draw invented courses of one feature over time, side by side."""
    fig, axes = canvas(1.7, len(courses), sharey=True)
    for ax, (name, values) in zip(axes, courses.items(), strict=True):
        ax.plot(np.linspace(0, 1, len(values)), values, color=OURS, linewidth=1.4)
        ax.axhline(values.mean(), color=PAPER, linewidth=0.8, linestyle=":")
        ax.set(title=name, xticks=[0, 1], xticklabels=["start", "end"], ylim=(-0.05, 1.1))
    caption = "Four courses with the same mean (dotted). Three of them have all seven statistics in common; only the flat one is told apart."
    return Drawing(fig, caption, ["stand-in"])


@drawn("strategies")
def strategies(table: pd.DataFrame, origin: str) -> Drawing:
    """Draw aggregated against subsampled, see :func:`blemore.results.aggregation.strategies`."""
    fig, axes = canvas(2.9, 2, sharey=True)
    names = [
        f"{printed_numbers.ENCODERS[id]}, {model}" for id, model in table[["id", "model"]].drop_duplicates().to_numpy()
    ]
    won = {}
    for ax, (metric, rows) in zip(axes, table.groupby("metric", sort=False), strict=True):
        y = np.arange(len(rows))
        ax.hlines(y, rows["subsampled"], rows["aggregated"], color=PAPER, linewidth=1.2)
        ax.plot(rows["subsampled"], y, "s", color=SOFT, markersize=5)
        ax.plot(rows["aggregated"], y, "o", color=OURS, markersize=5)
        ax.set(title=metric, xlabel="accuracy, mean over folds")
        won[metric] = f"{int((rows['aggregated'] > rows['subsampled']).sum())} of {len(rows)} times in {metric}"
    axes[0].set(yticks=range(len(names)), yticklabels=names, ylim=(len(names) - 0.5, -1.4))
    direct(axes[0], (0.02, 0.91), "aggregated", OURS)
    direct(axes[0], (0.45, 0.91), "subsampled", SOFT)
    caption = (
        f"The authors' runs, same encoder, folds and classifier: aggregated features are ahead {' and '.join(won.values())}. "
        "Which strategy is ahead depends on the accuracy that one asks for."
    )
    return Drawing(fig, caption, [origin])


@drawn("fusions")
def fusions(table: pd.DataFrame) -> Drawing:
    """Draw each fusion's composite score beside those of its parts, see :func:`blemore.results.aggregation.fusions`."""
    composite = table.groupby(["table", "id"], sort=False)[["video", "audio", "fused"]].mean()
    order = sorted(set(composite.index.get_level_values("id")))
    fig, axes = canvas(2.5, 2, sharex=True, sharey=True)
    gain = {}
    for ax, number, title in zip(axes, (2, 3), ("validation (Table 2)", "test (Table 3)"), strict=True):
        rows = composite.loc[[(number, id) for id in order]]
        y = np.arange(len(rows))
        ax.hlines(y, rows.min(axis=1), rows["fused"], color=PAPER, linewidth=1.2)
        for column, hue, mark in (("video", OURS, "s"), ("audio", SOFT, "^"), ("fused", PAPER, "o")):
            ax.plot(rows[column], y, mark, color=hue, markersize=6)
        ax.set(title=title, xlabel="composite score")
        gain[number] = float((rows["fused"] - rows[["video", "audio"]].max(axis=1)).mean())
    names = [" + ".join(printed_numbers.ENCODERS[part] for part in id.split("+")) for id in order]
    axes[0].set(yticks=range(len(names)), yticklabels=names, ylim=(len(names) - 0.5, -1.1))
    for place, (name, hue) in zip((0.0, 0.3, 0.6), (("video", OURS), ("audio", SOFT), ("fused", PAPER)), strict=True):
        direct(axes[0], (place, 0.9), name, hue)
    caption = f"A fusion's composite lies on average {gain[2]:.3f} above its better part in validation, and {gain[3]:.3f} above it on the test set."
    return Drawing(fig, caption, ["paper"])


def _apart(places: pd.Series, least: float) -> list[str]:
    """Return the names whose places leave room for one another, the middle one first of all."""
    chosen: list[str] = []
    for name in sorted(places.index, key=lambda one: abs(int(str(one)[1:]) - 50)):
        if all(abs(places[name] - places[other]) >= least for other in chosen):
            chosen.append(str(name))
    return chosen
