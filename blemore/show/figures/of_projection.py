"""Figures of principal components: identity and emotion (paper, section 5.4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from blemore.challenge.labels import EMOTION_NAMES
from blemore.paper.vocabulary import name_of
from blemore.results.principal_components import WAYS, Plane
from blemore.show.drawing import EMOTION_COLOURS, OURS, PAPER, SOFT, Drawing, canvas, direct, drawn


@drawn("figure-5")
def planes(found: Sequence[Plane], first: str, second: str, label: str) -> Drawing:
    """Draw Figure 5: clips of two emotions and their blends, a row an encoder, a column a way of scaling.

    Parameters
    ----------
    found : sequence of Plane
        For each encoder both ways, see :func:`blemore.results.principal_components.planes`.
    """
    rows = len(found) // len(WAYS)
    fig, axes = canvas(2.9 * rows + 0.2, len(WAYS), rows=rows)
    for ax, plane in zip(axes, found, strict=True):
        _scatter(ax, plane, first, second)
        ax.set(xlabel=f"PC1, {plane.explained[0]:.0%}", ylabel=f"PC2, {plane.explained[1]:.0%}", xticks=[], yticks=[])
        ax.set_title(f"{name_of(plane.encoder)}, scaled {_how(plane.way)}")
    hues = [
        (EMOTION_NAMES[first], EMOTION_COLOURS[first]),
        (EMOTION_NAMES[second], EMOTION_COLOURS[second]),
        ("blends", PAPER),
    ]
    for i, (name, hue) in enumerate(hues):
        direct(axes[0], (0.01, 0.94 - 0.07 * i), name, hue)
    raw = [plane for plane in found if plane.way == WAYS[0]]
    share = ", ".join(f"{plane.actor[0]:.0%} of {name_of(plane.encoder)}'s" for plane in raw)
    caption = (
        f"Figure 5 with {EMOTION_NAMES[first]} and {EMOTION_NAMES[second]}, {len(found[0].points):,} clips, every clip a dot. Scaled over all clips, {share} "
        f"first component is whose clip it is ({found[0].actor_chance:.0%} by chance); scaled within each actor, none. Large marks are means by salience, joined from one emotion to the other."
    )
    return Drawing(fig, caption, [label])


@drawn("variance-shares")
def variance_shares(table: pd.DataFrame, name: str, label: str) -> Drawing:
    """Draw how much of the variance lies between actors and between emotions, see :func:`blemore.results.principal_components.shares`."""
    fig, axes = canvas(2.7, len(WAYS), sharey=True)
    for ax, way in zip(axes, WAYS, strict=True):
        rows = table[table["way"] == way]
        x = np.arange(len(rows))
        for offset, column, hue in ((-0.2, "actor", SOFT), (0.2, "emotion", OURS)):
            ax.bar(x + offset, 100 * rows[column], 0.38, color=hue, alpha=0.85)
            ax.hlines(100 * rows[f"{column}_chance"], x + offset - 0.19, x + offset + 0.19, color=PAPER, linewidth=1.4)
        parts = [
            f"{part}\n{explained:.0%}" if part.startswith("PC") else "all"
            for part, explained in rows[["part", "explained"]].to_numpy()
        ]
        ax.set(title=f"scaled {_how(way)}", xticks=x, xticklabels=parts)
        ax.tick_params(axis="x", labelsize=7.5)
    top = 100 * table[["actor", "emotion"]].to_numpy().max()
    axes[0].set(ylabel="share of variance, %", ylim=(0, 1.45 * top))
    direct(axes[1], (0.03, 0.90), "between actors", SOFT)
    direct(axes[1], (0.03, 0.80), "between emotions", OURS)
    direct(axes[1], (0.03, 0.70), "by chance", PAPER)
    whole = table[table["part"] == "all columns"].set_index("way")
    raw, normal = (whole.loc[way] for way in WAYS)
    caption = (
        f"{name}: {raw['actor']:.0%} of all variance lies between actors and {raw['emotion']:.0%} between emotions and their blends; once each actor is "
        f"scaled alone, {normal['actor']:.0%} and {normal['emotion']:.0%}. Below each component: its share of all variance."
    )
    return Drawing(fig, caption, [label])


@drawn("between-two-emotions")
def between(table: pd.DataFrame, first: str, second: str, name: str, label: str) -> Drawing:
    """Draw where clips of each salience lie between two emotions on average.

    Parameters
    ----------
    table : DataFrame
        ``way`` and the columns of :func:`blemore.results.principal_components.along`.
    """
    fig, axes = canvas(2.5, 1)
    orders = []
    for shift, (way, hue) in zip((-0.8, 0.8), zip(WAYS, (SOFT, OURS), strict=True), strict=True):
        rows = table[table["way"] == way]
        axes[0].errorbar(
            rows["salience"] + shift, rows["mean"], yerr=rows["error"], fmt="o-", color=hue, markersize=5, linewidth=1
        )
        orders.append(bool((rows["mean"].diff().dropna() > 0).all()))
    axes[0].set(
        xticks=[0, 30, 50, 70, 100], xlabel=f"salience of {EMOTION_NAMES[second]} in the clip, %",
        yticks=[0, 0.5, 1], yticklabels=[EMOTION_NAMES[first], "halfway", EMOTION_NAMES[second]],
    )  # fmt: skip
    direct(axes[0], (0.03, 0.92), f"scaled {_how(WAYS[0])}", SOFT)
    direct(axes[0], (0.03, 0.82), f"scaled {_how(WAYS[1])}", OURS)
    said = "rise with" if all(orders) else "do not in every step rise with"
    caption = (
        f"{name}: mean place of clips on the line from {EMOTION_NAMES[first]} to {EMOTION_NAMES[second]} in the plane of Figure 5, with standard errors (same unit). "
        f"Means {said} salience; single clips scatter far more widely."
    )
    return Drawing(fig, caption, [label])


def _how(way: str) -> str:
    return "over all clips" if way == WAYS[0] else way


def _scatter(ax: Any, plane: Plane, first: str, second: str) -> None:
    """Draw clips as dots, blends first and beneath, and means by salience as marks.

    A dot is a line of no length with round ends: all dots of a colour are one path, a fifth of the bytes of as many marks.
    """
    hues = {0: EMOTION_COLOURS[first], 100: EMOTION_COLOURS[second]}
    shown = np.where(np.isin(plane.salience, (0, 100)), plane.salience, 50)
    for value in (50, 0, 100):
        rows = plane.points[shown == value]
        ends = np.repeat(rows, 3, axis=0)
        ends[2::3] = np.nan  # the pen is lifted
        (dots,) = ax.plot(*ends.T, color=hues.get(value, PAPER), linewidth=3.4, alpha=0.6)
        dots.set_solid_capstyle("round")
        dots.get_path().should_simplify = False
    values = np.unique(plane.salience)
    means = np.array([plane.points[plane.salience == value].mean(axis=0) for value in values])
    ax.plot(means[:, 0], means[:, 1], "-", color=PAPER, linewidth=1.2)
    for value, mean in zip(values, means, strict=True):
        ax.plot(
            *mean, "D", color=hues.get(int(value), PAPER), markersize=6, markeredgecolor="#ffffff", markeredgewidth=0.8
        )
