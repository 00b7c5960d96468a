"""Figures of training and of Tables 2 and 3 (paper, section 5)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from blemore.errors import first
from blemore.paper import printed_numbers
from blemore.paper.vocabulary import name_of
from blemore.results import training_noise
from blemore.show.drawing import OURS, PAPER, SOFT, Drawing, canvas, direct, drawn, heat
from blemore.show.html import in_picture


@drawn("validation")
def validation(ours: pd.DataFrame, origin: str) -> Drawing:
    """Draw Table 2: the paper's means and spreads, and ours where there are any: of public runs, or trained here."""
    printed = printed_numbers.table(2).query("not id.str.startswith('trivial')")
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
    axes[0].set(yticks=y, yticklabels=_names(printed["id"]))
    axes[0].invert_yaxis()
    direct(axes[0], (0.03, 0.10), "paper", PAPER)
    direct(axes[0], (0.03, 0.03), f"ours, {in_picture(origin)}", OURS)
    columns = [f"{metric}_{part}" for metric in ("acc_presence", "acc_salience") for part in ("mean", "std")]
    both = [rows.loc[printed["id"][found], columns] for rows in (ours, printed.set_index("id"))]
    apart = (both[0] - both[1]).abs()
    if origin in ("released", "recorded"):
        agree = int((apart <= printed_numbers.half_unit(printed_numbers.DECIMALS) + 1e-9).all(axis=1).sum())
        said = f"Of the {found.sum()} rows whose runs the authors published, ours and the paper's coincide in {agree}."
    else:
        near = apart[columns[::2]] <= [training_noise.tolerances()[column] for column in columns[::2]]
        said = f"{near.to_numpy().sum()} of our {near.size} means are as close to the paper's as two trainings of one row are."
    if origin == "stand-in":
        said = "Our means resemble the paper's because the simulation was tuned to them."
    return Drawing(fig, f"Table 2 as a picture. {said}", ["paper", origin])


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
        end = table["epoch"].iloc[-1], table[column].tail(max(1, len(table) // 5)).max()
        ax.annotate(text, end, xytext=(-2, 5), textcoords="offset points", ha="right")
    for ax in axes:
        ax.axvline(best_epoch, color=PAPER, linewidth=0.8, linestyle=":")
        ax.margins(y=0.12)  # room for the names of the lines
        ax.set(xlabel="epoch", ylim=(0, None))
    axes[0].set_title("KL divergence to the soft labels")
    axes[1].set_title("accuracies, each epoch's best thresholds")
    gap = table["val_loss"].iloc[-1] - table["train_loss"].iloc[-1]
    lowest = int(table["epoch"].iloc[int(table["val_loss"].argmin())])
    caption = (
        f"{name}, {model}: mean over folds. Validation loss is lowest after {lowest} epochs and ends {gap:.2f} above training "
        f"loss; the dotted line is the mean of the epochs that the folds select by accuracy ({best_epoch:.0f})."
    )
    return Drawing(fig, caption, [origin])


@drawn("confusion")
def confusion(matrix: pd.DataFrame, caption: str, labels: Sequence[str]) -> Drawing:
    """Draw a confusion matrix over the 16 classes, rows true, as in Figure 4."""
    fig, axes = canvas(5.4, 1)
    heat(axes[0], matrix.to_numpy(), list(matrix.columns), list(matrix.index), "d")
    axes[0].set(xlabel="predicted", ylabel="true")
    axes[0].tick_params(axis="x", rotation=90)
    axes[0].axhline(6, color=PAPER, linewidth=1)  # between single emotions and blends
    axes[0].axvline(6, color=PAPER, linewidth=1)
    return Drawing(fig, caption, labels)


@drawn("validation-to-test")
def validation_to_test(printed: pd.DataFrame, ours: pd.DataFrame | None = None, origin: str = "") -> Drawing:
    """Draw how the composite score of each row changes from validation to test: the paper's, and ours beside it.

    Parameters
    ----------
    printed, ours : DataFrame
        ``validation`` and ``test`` by row id, see :func:`blemore.results.between_rows.change`.
    origin : str
        Label of ours.
    """
    beside = ours is not None and len(ours) > 0
    shown = {"paper": printed} | ({f"trained here, {in_picture(origin)}": ours} if ours is not None and beside else {})
    order = printed["validation"].sort_values(ascending=False).index
    fig, axes = canvas(3.6, len(shown), sharex=True, sharey=True)
    said = []
    for ax, (title, table) in zip(axes, shown.items(), strict=True):
        for y, row in enumerate(order):
            if row not in table.index:
                continue
            valid, test = table.loc[row, ["validation", "test"]]
            arrow = {"arrowstyle": "->", "color": OURS if test > valid else SOFT, "linewidth": 1.3}
            ax.annotate("", (test, y), (valid, y), arrowprops=arrow)
            ax.plot(
                [valid, test], [y, y], "o", color=PAPER, markersize=4, markevery=[0]
            )  # the head counts for the limits
        ax.set(title=title, xlabel="composite")
        fell = table.index[table["test"] < table["validation"]]
        rose = [name.removesuffix(" (subsampled)") for name in map(name_of, table.index.difference(fell, sort=False))]
        said.append(f"{title}: it falls in {len(fell)} of {len(table)} rows and rises for {first(rose) or 'none'}")
    axes[0].set(yticks=range(len(order)), yticklabels=_names(order))
    axes[0].invert_yaxis()
    caption = f"Composite score from validation (dot) to test (arrow head). {'. '.join(said)}."
    return Drawing(fig, caption, ["paper", *([origin] if beside else [])])


def _names(rows: Iterable[str]) -> list[str]:
    return [name_of(row).replace("subsampled", "sub") for row in rows]
