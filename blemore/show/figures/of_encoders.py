"""Figures of encoders: how they compare, how unevenly they score, what they see over time (paper, sections 4.1 to 5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from numpy.typing import NDArray

from blemore.paper.vocabulary import VARIANTS
from blemore.show.drawing import EMOTION_COLOURS, OURS, PAPER, SOFT, Drawing, canvas, direct, drawn
from blemore.show.html import in_picture

_HUES = {"stand-in": SOFT}  # every other label of ours has the hue of ours


@drawn("standings")
def standings(table: pd.DataFrame, name: str, model: str) -> Drawing:
    """Draw the scores of every encoder and fusion, one of them marked, with the paper's beside.

    Parameters
    ----------
    table : DataFrame
        From :func:`blemore.results.ranking.ranked`.
    name : str
        Id of the marked row.
    model : str
    """
    fig, axes = canvas(0.24 * len(table) + 0.9, 2, sharey=True)
    y = np.arange(len(table))
    hues = [_HUES.get(label, OURS) for label in table["label"]]
    mine = table["id"].tolist().index(name)
    for ax, metric in zip(axes, ("acc_presence", "acc_salience"), strict=True):
        mean, std = f"{metric}_mean", f"{metric}_std"
        ax.axhspan(mine - 0.5, mine + 0.5, color=OURS, alpha=0.16, linewidth=0)
        ax.errorbar(table[f"paper_{mean}"], y - 0.17, xerr=table[f"paper_{std}"], fmt="s", color=PAPER, markersize=3.5, linewidth=0.9)  # fmt: skip
        ax.errorbar(table[mean], y + 0.17, xerr=table[std], fmt="none", ecolor=hues, linewidth=0.9)
        ax.scatter(table[mean], y + 0.17, c=hues, s=16, zorder=3)
        ax.set(title=metric.removeprefix("acc_"), xlim=(0, None), xlabel="accuracy, mean ± std over folds")
    axes[0].set(yticks=y, yticklabels=table["title"], ylim=(len(table) - 0.5, -0.5))
    axes[0].get_yticklabels()[mine].set_weight("bold")
    labels = [label for label in dict.fromkeys(table["label"]) if label]
    for i, (text, hue) in enumerate([("paper", PAPER), *((label, _HUES.get(label, OURS)) for label in labels)]):
        direct(axes[0], (0.03, 0.04 + 0.05 * i), in_picture(text), hue)
    return Drawing(fig, _standing(table, mine, model), ["paper", *labels])


def _standing(table: pd.DataFrame, mine: int, model: str) -> str:
    row = table.iloc[mine]
    if not row["label"]:
        return f"{row['title']} has no score here; the others, trained with {model}, are for comparison."
    alike = table[table["label"] == row["label"]]
    place = int((alike["acc_presence_mean"] > row["acc_presence_mean"]).sum()) + 1
    among = f"place {place} by presence among the {len(alike)} rows with that label" if len(alike) > 1 else "the only row with that label"  # fmt: skip
    printed = row["paper_acc_presence_mean"]
    published = table.loc[table["label"].isin(["released", "recorded"]), "id"].tolist()
    chosen = f" HiCMAE is the best of its {len(VARIANTS)} fine-tunings by composite." if "hicmae" in published else ""
    beside = "" if np.isnan(printed) else f"; the paper prints {printed:.3f}"
    return (
        f"{row['title']} ({row['label']}): presence {row['acc_presence_mean']:.3f}, {among}{beside}. Rows are ordered by composite, ours; "
        f"labels of different kinds do not compare.{chosen}"
    )


@drawn("spreads")
def spreads(classes: pd.DataFrame, actors: pd.DataFrame, chance: float, name: str, label: str) -> Drawing:
    """Draw presence accuracy by class of emotion and by actor.

    Parameters
    ----------
    classes, actors : DataFrame
        From :func:`blemore.results.within_row.by_class` and :func:`blemore.results.within_row.by_actor`.
    chance : float
        From :func:`blemore.results.within_row.chance_spread`, of actors.
    """
    fig, axes = canvas(3.4, 2)
    y = np.arange(len(classes))
    for i, row in enumerate(classes.itertuples()):
        axes[0].plot([row.low, row.high], [i, i], color=PAPER, linewidth=1)
        axes[0].plot(row.mean, i, "o", color=EMOTION_COLOURS.get(str(row.emotions), PAPER), markersize=5)
    axes[0].set(yticks=y, yticklabels=classes["emotions"], ylim=(len(classes) - 0.5, -0.5), xlim=(0, None))
    axes[0].set(title="by emotion and pair; lines: lowest to highest fold", xlabel="presence accuracy")
    axes[0].axhline((classes["emotions"].str.len() <= 4).sum() - 0.5, color=PAPER, linewidth=0.6)
    axes[1].plot(actors["mean"], np.linspace(0, 1, len(actors)), "o", color=OURS, markersize=3.5)
    hit = float(np.average(actors["mean"], weights=actors["clips"]))
    axes[1].axvline(hit, color=PAPER, linewidth=0.8, linestyle=":")
    axes[1].set(title="by actor, every dot one", xlabel="presence accuracy", yticks=[], xlim=(0, None))
    found = float(actors["mean"].std(ddof=0))
    best, worst = (classes.loc[getattr(classes["mean"], which)(), "emotions"] for which in ("idxmax", "idxmin"))
    caption = (
        f"{name}: presence is highest for {best} and lowest for {worst}. Between {len(actors)} actors it spreads with a standard deviation of "
        f"{found:.3f}; if all clips were alike, chance alone would give {chance:.3f}."
    )
    return Drawing(fig, caption, [label])


@drawn("similarity")
def similarity(matrices: Sequence[tuple[str, NDArray[np.float64]]], seconds: float, label: str) -> Drawing:
    """Draw how alike the moments of a clip look to each encoder: cosines between rows, both axes time.

    Parameters
    ----------
    matrices : sequence of (str, (T, T) array)
        Name of each encoder, and its similarities, from -1 to 1.
    seconds : float
        Length of the clip.
    """
    columns, steps = 3, 24
    rows = -(-len(matrices) // columns)
    fig, axes = canvas(2.2 * rows, columns, rows=rows)
    for ax, (name, matrix) in zip(axes, matrices, strict=False):
        _squares(ax, _shortened(matrix, steps), seconds)
        ax.set_title(f"{name}, {len(matrix)} rows\ncosines from {matrix.min():.2f}", fontsize=8)
        ticks = [0, seconds / 2, seconds]
        ax.set(aspect="equal", xlim=(0, seconds), ylim=(seconds, 0), xticks=ticks, yticks=ticks)
    for ax in axes[len(matrices) :]:
        ax.set_axis_off()
    for ax in axes[: len(matrices)][-columns:]:
        ax.set_xlabel("seconds")
    caption = (
        f"One clip of {seconds:g} s to {len(matrices)} encoders: how alike each moment is to each other one, light for unlike, on "
        f"each encoder's own scale. Windows draw it coarsely; of frames and steps of sound, neighbours are averaged to {steps} squares."
    )
    return Drawing(fig, caption, [label])


def _shortened(matrix: NDArray[np.float64], steps: int) -> NDArray[np.float64]:
    """Average neighbouring rows and columns to a matrix of at most so many."""
    starts = np.unique(np.linspace(0, len(matrix), min(steps, len(matrix)), endpoint=False).astype(int))
    sizes = np.diff(np.append(starts, len(matrix)))
    sums = np.add.reduceat(np.add.reduceat(matrix, starts, axis=0), starts, axis=1)
    return np.asarray(sums / np.outer(sizes, sizes))


def _squares(ax: Any, matrix: NDArray[np.float64], seconds: float) -> None:
    """Draw a matrix in ten shades, all squares of a shade as one path: a tenth of the bytes of as many squares."""
    shades = sns.color_palette("crest", 10)
    span = max(float(np.ptp(matrix)), 1e-9)
    level = np.minimum((10 * (matrix - matrix.min()) / span).astype(int), 9)
    size = seconds / len(matrix)
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]])
    codes = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY]
    for shade in np.unique(level):
        places = np.argwhere(level == shade)[:, ::-1]
        vertices = (size * (places[:, None] + corners)).reshape(-1, 2)
        path = Path(vertices, np.tile(codes, len(places)))
        ax.add_patch(PathPatch(path, facecolor=shades[shade], edgecolor=shades[shade], linewidth=0.3))
