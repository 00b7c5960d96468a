"""Every figure of the book, each a function of tables: one message, stated by its caption."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns

from blemore import paper
from blemore.drawing import EMOTION_COLOURS, OURS, PAPER, SOFT, Drawing, canvas, drawn
from blemore.labels import CLASSES, EMOTION_NAMES


@drawn("durations")
def durations(known: pd.DataFrame, label_of_known: str) -> Drawing:
    """Draw Figure 2: the paper's distribution of durations, and clips of known duration within it.

    Parameters
    ----------
    known : DataFrame
        ``panel, left_s, right_s, clips`` in the paper's own bars.
    """
    bars = paper.figure(2)
    fig, axes = canvas(3.0, 2, sharey=False)
    for ax, panel in zip(axes, ("single", "blended"), strict=True):
        printed, found = bars[bars["panel"] == panel], known[known["panel"] == panel]
        left, width = printed["left_s"], printed["right_s"] - printed["left_s"]
        ax.bar(left, printed["clips"], width, align="edge", color=PAPER, alpha=0.45, linewidth=0)
        ax.bar(left, found["clips"], width * 0.999, align="edge", color=OURS, linewidth=0)
        ax.set(title=f"{panel}, {printed['clips'].sum():,} clips", xlabel="duration (s)", xlim=(0, 31.5))
    axes[0].set_ylabel("clips")
    _direct(axes[1], (0.42, 0.80), "printed in the paper", PAPER)
    _direct(axes[1], (0.42, 0.68), f"of known duration ({label_of_known})", OURS)
    medians = [_median(bars[bars["panel"] == panel]) for panel in ("single", "blended")]
    caption = (
        f"Figure 2 of the paper, with the {known['clips'].sum():,} clips whose duration is known; its bars are read off the drawing. Blends last longer: half of "
        f"them more than about {medians[1]:.0f} s, half of the single emotions more than about {medians[0]:.0f} s."
    )
    return Drawing(fig, caption, ["paper", label_of_known])


@drawn("structure")
def structure() -> Drawing:
    """Draw Figure 3: single and blended clips, blends of equal and unequal salience."""
    clips = paper.figure(3).set_index("part")["clips"]
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
def classes(counts: pd.DataFrame, caption: str, labels: Sequence[str]) -> Drawing:
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
    _heat(axes[1], blends.loc[pairs].to_numpy(), list(blends.columns), pairs, "d")
    axes[1].set(xlabel="salience of first / second", title="blends")
    return Drawing(fig, caption, labels)


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
        _heat(ax, values, ticks, ticks, None)
        ax.invert_yaxis()
        places = [(np.searchsorted(np.unique(grid[a]), tuned[a] - 1e-6) + 0.5) for a in ("beta", "alpha")]
        ax.plot(*places, "o", markersize=6, markerfacecolor="none", markeredgecolor="white", markeredgewidth=1.4)
        ax.set(title=f"{title}, up to {values.max():.3f}", xlabel="salience threshold β", ylabel="presence threshold α")
    low, high = tuned["alpha"].min(), tuned["alpha"].max()
    caption = (
        f"Accuracies of the {what} over both thresholds, mean of five folds; circles mark what each fold chooses for itself. "
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


@drawn("validation")
def validation(ours: pd.DataFrame, origin: str) -> Drawing:
    """Draw Table 2: the paper's means and spreads, and ours where the runs are public."""
    printed = paper.table(2).query("not id.str.startswith('trivial')")
    fig, axes = canvas(4.2, 2, sharey=True)
    y = np.arange(len(printed))
    ours = ours.set_index("id")
    found = np.array([row in ours.index for row in printed["id"]])
    for ax, metric in zip(axes, ("acc_presence", "acc_salience"), strict=True):
        mean, std = f"{metric}_mean", f"{metric}_std"
        ax.errorbar(printed[mean], y - 0.14, xerr=printed[std], fmt="s", color=PAPER, markersize=4, linewidth=1)
        mine = ours.loc[printed["id"][found]]
        ax.errorbar(mine[mean], y[found] + 0.14, xerr=mine[std], fmt="o", color=OURS, markersize=4, linewidth=1)
        ax.set(title=metric.removeprefix("acc_"), xlim=(0, None), xlabel="accuracy, mean ± std over folds")
    names = [row["encoder"] + (" (sub)" if row["id"].endswith(":sub") else "") for row in printed.to_dict("records")]
    axes[0].set(yticks=y, yticklabels=names)
    axes[0].invert_yaxis()
    _direct(axes[0], (0.03, 0.10), "paper", PAPER)
    _direct(axes[0], (0.03, 0.03), f"ours ({origin})", OURS)
    columns = [f"{metric}_{part}" for metric in ("acc_presence", "acc_salience") for part in ("mean", "std")]
    both = [rows.loc[printed["id"][found], columns] for rows in (ours, printed.set_index("id"))]
    agree = int(((both[0] - both[1]).abs() <= paper.half_unit(paper.DECIMALS) + 1e-9).all(axis=1).sum())
    caption = f"Table 2 as a picture. Of the {found.sum()} rows whose runs the authors published, ours and the paper's coincide in {agree}."
    return Drawing(fig, caption, ["paper", origin])


@drawn("curves")
def curves(table: pd.DataFrame, name: str, model: str, best_epoch: float, origin: str) -> Drawing:
    """Draw learning curves of one encoder and model: losses and accuracies, mean over folds.

    Parameters
    ----------
    table : DataFrame
        ``epoch, train_loss, val_loss, acc_presence, acc_salience``.
    best_epoch : float
        Mean of the epochs that the folds select.
    """
    fig, axes = canvas(2.8, 2)
    lines = [(axes[0], "train_loss", PAPER, "training"), (axes[0], "val_loss", OURS, "validation"),
             (axes[1], "acc_presence", OURS, "presence"), (axes[1], "acc_salience", SOFT, "salience")]  # fmt: skip
    for ax, column, hue, text in lines:
        ax.plot(table["epoch"], table[column], color=hue, linewidth=1.3)
        end = table["epoch"].iloc[-1], table[column].tail(len(table) // 5).max()
        ax.annotate(text, end, xytext=(-2, 5), textcoords="offset points", ha="right")
    for ax in axes:
        ax.axvline(best_epoch, color=PAPER, linewidth=0.8, linestyle=":")
        ax.set(xlabel="epoch", ylim=(0, None))
    axes[0].set_title("KL divergence to the soft labels")
    axes[1].set_title("accuracies, each epoch's best thresholds")
    gap = table["val_loss"].iloc[-1] - table["train_loss"].iloc[-1]
    lowest = int(table["epoch"].iloc[int(table["val_loss"].argmin())])
    caption = (
        f"{name}, {model}: mean of five folds. Validation loss is lowest after {lowest} epochs and ends {gap:.2f} above training "
        f"loss; the dotted line is the mean of the epochs that the folds select by accuracy ({best_epoch:.0f})."
    )
    return Drawing(fig, caption, [origin])


@drawn("confusion")
def confusion(matrix: pd.DataFrame, caption: str, labels: Sequence[str]) -> Drawing:
    """Draw a confusion matrix over the 16 classes, rows true, as in Figure 4."""
    fig, axes = canvas(5.4, 1)
    _heat(axes[0], matrix.to_numpy(), list(matrix.columns), list(matrix.index), "d")
    axes[0].set(xlabel="predicted", ylabel="true")
    axes[0].tick_params(axis="x", rotation=90)
    axes[0].axhline(6, color=PAPER, linewidth=1)  # between single emotions and blends
    axes[0].axvline(6, color=PAPER, linewidth=1)
    return Drawing(fig, caption, labels)


@drawn("validation-to-test")
def validation_to_test() -> Drawing:
    """Draw how the composite score of each row of Tables 2 and 3 changes from validation to test."""
    tables = [paper.table(number).set_index("id") for number in (2, 3)]
    tables[0] = tables[0].rename(columns=lambda column: column.removesuffix("_mean"))
    rows = [row for row in tables[1].index if not row.startswith("trivial")]
    valid, test = ((table.loc[rows, "acc_presence"] + table.loc[rows, "acc_salience"]) / 2 for table in tables)
    order = valid.sort_values(ascending=False).index
    fig, axes = canvas(3.6, 1)
    for y, row in enumerate(order):
        up = test[row] > valid[row]
        axes[0].annotate(
            "",
            (test[row], y),
            (valid[row], y),
            arrowprops={"arrowstyle": "->", "color": OURS if up else SOFT, "linewidth": 1.3},
        )
    names = [tables[1].loc[row, "encoder"] + (" (sub)" if row.endswith(":sub") else "") for row in order]
    axes[0].plot(valid[order], range(len(order)), "o", color=PAPER, markersize=4)
    axes[0].set(
        yticks=range(len(order)), yticklabels=names, xlabel="composite score, validation (dot) to test (arrow head)"
    )
    axes[0].invert_yaxis()
    fell = int((test < valid).sum())
    caption = f"From validation to test the composite falls in {fell} of {len(rows)} rows, and rises for the two audio encoders alone."
    return Drawing(fig, caption, ["paper"])


def _heat(ax: Any, values: np.ndarray, columns: Sequence[str], index: Sequence[str], fmt: str | None) -> None:
    text = {"annot": True, "fmt": fmt, "annot_kws": {"size": 7.5}} if fmt else {}
    sns.heatmap(pd.DataFrame(values), ax=ax, cmap="crest", vmin=0 if fmt else None, cbar=False, linewidths=0, **text)
    ax.set_xticks(np.arange(len(columns)) + 0.5, columns, rotation=0)
    ax.set_yticks(np.arange(len(index)) + 0.5, index, rotation=0)
    ax.collections[0].set(edgecolor="face", linewidth=0.4)  # or the paper shows between the cells
    ax.tick_params(length=0)


def _direct(ax: Any, place: tuple[float, float], text: str, colour: str) -> None:
    ax.text(place[0], place[1], "■", color=colour, transform=ax.transAxes)
    ax.text(place[0] + 0.05, place[1], text, transform=ax.transAxes)


def _median(bars: pd.DataFrame) -> float:
    """Middle of the bar in which the median lies."""
    row = bars.iloc[int(np.searchsorted(bars["clips"].cumsum(), bars["clips"].sum() / 2))]
    return float(row["left_s"] + row["right_s"]) / 2
