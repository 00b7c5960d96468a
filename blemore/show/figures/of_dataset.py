"""Figures of the data set (paper, section 3.1)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from blemore.challenge.labels import CLASSES, EMOTION_NAMES
from blemore.paper import printed_numbers
from blemore.show.drawing import EMOTION_COLOURS, OURS, PAPER, Drawing, canvas, direct, drawn, heat
from blemore.show.html import in_picture


@drawn("durations")
def durations(known: pd.DataFrame, label_of_known: str) -> Drawing:
    """Draw Figure 2: the paper's distribution of durations, and clips of known duration within it.

    Parameters
    ----------
    known : DataFrame
        ``panel, left_s, right_s, clips`` in the paper's own bars.
    """
    bars = printed_numbers.figure(2)
    fig, axes = canvas(3.0, 2, sharey=False)
    for ax, panel in zip(axes, ("single", "blended"), strict=True):
        printed, found = bars[bars["panel"] == panel], known[known["panel"] == panel]
        left, width = printed["left_s"], printed["right_s"] - printed["left_s"]
        ax.bar(left, printed["clips"], width, align="edge", color=PAPER, alpha=0.45, linewidth=0)
        ax.bar(left, found["clips"], width * 0.999, align="edge", color=OURS, linewidth=0)
        ax.set(title=f"{panel}, {printed['clips'].sum():,} clips", xlabel="duration (s)", xlim=(0, 31.5))
    axes[0].set_ylabel("clips")
    direct(axes[1], (0.42, 0.80), "printed in the paper", PAPER)
    direct(axes[1], (0.42, 0.68), f"of known duration, {in_picture(label_of_known)}", OURS)
    medians = [_median(bars[bars["panel"] == panel]) for panel in ("single", "blended")]
    caption = (
        f"Figure 2 of the paper, with the {known['clips'].sum():,} clips whose duration is known; its bars are read off the drawing. Blends last longer: half of "
        f"them more than about {medians[1]:.0f} s, half of the single emotions more than about {medians[0]:.0f} s."
    )
    return Drawing(fig, caption, ["paper", label_of_known])


@drawn("structure")
def structure() -> Drawing:
    """Draw Figure 3: single and blended clips, blends of equal and unequal salience."""
    clips = printed_numbers.figure(3).set_index("part")["clips"]
    single, blended = int(clips["single"]), int(clips["blended"])
    equal, unequal = int(clips["blended, equal salience"]), int(clips["blended, unequal salience"])
    fig, axes = canvas(1.5, 1)
    ax = axes[0]
    for row, (start, size, text, hue) in enumerate(
        [(0, single, "single", PAPER), (single, blended, "blended", OURS),
         (single, equal, "equal salience", OURS), (single + equal, unequal, "unequal salience", OURS)]
    ):  # fmt: skip
        y = 0 if row < 2 else -1
        ax.barh(
            y, size, left=start, height=0.82, color=hue, alpha=0.35 if y == 0 else 0.22, edgecolor=hue, linewidth=0.8
        )
        ax.text(start + size / 2, y, f"{text}\n{size:,}", ha="center", va="center")
    ax.set(xlim=(-10, single + blended + 10), xlabel="clips", yticks=[])
    ax.spines["left"].set_visible(False)
    caption = f"Figure 3 of the paper: of {single + blended:,} clips {blended:,} show a blend, a third of these in equal parts."
    return Drawing(fig, caption, ["paper"])


@drawn("folds")
def folds(partitions: pd.DataFrame, origin: str) -> Drawing:
    """Draw how many clips each fold and the test partition have, single and blended."""
    fig, axes = canvas(2.6, 1)
    ax = axes[0]
    for y, row in enumerate(partitions.to_dict("records")):
        ax.barh(y, row["single"], color=PAPER, alpha=0.5)
        ax.barh(y, row["blended"], left=row["single"], color=OURS, alpha=0.75)
        ax.text(row["clips"] + 6, y, f"{row['clips']} clips, {row['actors']} actors", va="center")
    names = [f"fold {str(name)[-1]}" if str(name).startswith("fold") else str(name) for name in partitions.index]
    ax.set(yticks=range(len(names)), yticklabels=names, xlabel="clips", xlim=(0, partitions["clips"].max() * 1.32))
    ax.invert_yaxis()
    ax.set_title("single (grey) and blended (blue) clips")
    low, high = partitions["clips"].min(), partitions["clips"].max()
    caption = f"No actor is in two partitions, and partitions are of similar size: {low} to {high} clips."
    return Drawing(fig, caption, [origin])


@drawn("classes")
def classes(counts: pd.DataFrame, labels: Sequence[str]) -> Drawing:
    """Draw clips per pair and ratio as a heat map, and per single emotion as bars."""
    fig, axes = canvas(3.6, 2, widths=[1, 1.5])
    total = counts.groupby(["emotions", "salience"])["clips"].sum()
    names = list(EMOTION_NAMES)
    single = total.xs("100", level="salience")[names].tolist()
    axes[0].barh(range(6), single, color=[EMOTION_COLOURS[name] for name in names], alpha=0.85)
    for y, clips in enumerate(single):
        axes[0].text(clips + 4, y, str(clips), va="center")
    axes[0].set(
        yticks=range(6), yticklabels=[EMOTION_NAMES[name] for name in names], xlabel="clips", title="single emotions"
    )
    axes[0].invert_yaxis()
    blends = total.drop("100", level="salience").unstack("salience")
    pairs = [pair for pair in CLASSES if "-" in pair]
    heat(axes[1], blends.loc[pairs].to_numpy(), list(blends.columns), pairs, "d")
    axes[1].set(xlabel="salience of first / second", title="blends")
    per_ratio = blends.to_numpy(dtype=int)
    caption = f"Training clips: {min(single)} to {max(single)} for each emotion, {per_ratio.min()} to {per_ratio.max()} for each blend and ratio."
    return Drawing(fig, caption, labels)


def _median(bars: pd.DataFrame) -> float:
    """Middle of the bar in which the median lies."""
    row = bars.iloc[int(np.searchsorted(bars["clips"].cumsum(), bars["clips"].sum() / 2))]
    return float(row["left_s"] + row["right_s"]) / 2
