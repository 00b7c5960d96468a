"""Figures of the two thresholds (paper, section 4.7)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from blemore.show.drawing import OURS, PAPER, SOFT, Drawing, canvas, drawn, heat


@drawn("threshold-maps")
def threshold_maps(grid: pd.DataFrame, tuned: pd.DataFrame, origin: str, what: str) -> Drawing:
    """Draw both accuracies over the two thresholds, and what each fold chooses (section 4.7).

    Parameters
    ----------
    grid : DataFrame
        ``alpha, beta, acc_presence, acc_salience``, mean over folds.
    tuned : DataFrame
        ``fold, alpha, beta``.
    """
    fig, axes = canvas(5.6, 2, rows=2)
    presence = grid.groupby("alpha")["acc_presence"].mean()
    axes[0].plot(presence.index, presence, color=OURS, marker="o", markersize=3, linewidth=1.2)
    axes[0].set(title="presence depends on alpha alone", xlabel="presence threshold α", ylabel="ACC presence")
    axes[0].set_ylim(bottom=0)
    axes[1].set_axis_off()
    shown = ", ".join(f"fold {row.fold}: {row.alpha:.2f}, {row.beta:.2f}" for row in tuned.itertuples())
    text = "Chosen α, β\n" + shown.replace(", fold", "\nfold")
    axes[1].text(0, 0.95, text, va="top", transform=axes[1].transAxes, linespacing=1.6)
    grid = grid.assign(composite=(grid["acc_presence"] + grid["acc_salience"]) / 2)
    for ax, column, title in (
        (axes[2], "acc_salience", "ACC salience"),
        (axes[3], "composite", "composite (their mean)"),
    ):
        values = grid.pivot(index="alpha", columns="beta", values=column).to_numpy()
        ticks = [f"{v:.2f}" if i % 4 == 0 else "" for i, v in enumerate(sorted(grid["alpha"].unique()))]
        heat(ax, values, ticks, ticks, None)
        ax.invert_yaxis()
        places = [(np.searchsorted(np.unique(grid[a]), tuned[a] - 1e-6) + 0.5) for a in ("beta", "alpha")]
        ax.plot(*places, "o", markersize=6, markerfacecolor="none", markeredgecolor="white", markeredgewidth=1.4)
        ax.set(title=f"{title}, up to {values.max():.3f}", xlabel="salience threshold β", ylabel="presence threshold α")
    low, high = tuned["alpha"].min(), tuned["alpha"].max()
    caption = (
        f"Accuracies of the {what} over both thresholds, mean of {len(tuned)} folds; circles mark what each fold chooses for itself. "
        f"The best α is small ({low:.2f} to {high:.2f}); β is hardly pinned down ({tuned['beta'].min():.2f} to {tuned['beta'].max():.2f})."
    )
    return Drawing(fig, caption, [origin])


@drawn("decided")
def decided(tuned: pd.DataFrame, origin: str) -> Drawing:
    """Draw how many clips are decided single, equal and unequal at the chosen thresholds, beside the truth."""
    fig, axes = canvas(2.4, 1)
    ax = axes[0]
    kinds = {"single": PAPER, "equal": SOFT, "unequal": OURS}
    shares = {}
    for y, row in enumerate(("true", "decided")):
        left = 0.0
        total = sum(tuned[f"{row}_{kind}"].sum() for kind in kinds)
        for kind, hue in kinds.items():
            share = shares[row, kind] = tuned[f"{row}_{kind}"].sum() / total
            ax.barh(y, share, left=left, color=hue, alpha=0.7, height=0.7)
            text = {"single": "single", "equal": "50/50", "unequal": "70/30"}[kind]
            ax.text(left + share / 2, y, f"{text}\n{share:.0%}", ha="center", va="center")
            left += share
    ax.set(yticks=[0, 1], yticklabels=["true", "decided"], xlabel="share of all training clips", xlim=(0, 1))
    ax.invert_yaxis()
    caption = (
        f"What is decided at the chosen thresholds: {shares['decided', 'single']:.0%} of the clips as a single emotion, "
        f"while {shares['true', 'single']:.0%} show one. The composite score pays for blends."
    )
    return Drawing(fig, caption, [origin])
