"""How our trainings learn beside the authors': best epoch, losses there, and what is lost after it (paper, section 4.7)."""

from __future__ import annotations

import pandas as pd

from blemore.errors import SourceError
from blemore.experiments.protocols import CrossValidation
from blemore.paper.vocabulary import METRICS, name_of
from blemore.results.trained_tables import Trained, summary
from blemore.sources import released
from blemore.sources.released import Result
from blemore.training.loop import paper_settings

QUANTITIES = {
    "epoch": "best epoch",
    "train_loss": "training loss there",
    "val_loss": "validation loss there",
    "drop": "composite lost from there to the end",
}
"""What is compared of each row and model, means over folds."""


def paper_epochs(done: CrossValidation) -> float:
    """Return how many epochs of the paper one of ours stands for: the same share of all epochs."""
    return paper_settings(subsampled=done.runs[0].subsampled).epochs / done.settings.epochs


def drop(row: str, model: str, validation: Result) -> float:
    """Return how far the composite of the authors' runs falls from the best epoch to the last, mean over folds.

    NaN where their learning curves are neither here nor recorded.
    """
    try:
        last = released.curves(row, model).table.iloc[-1]
    except SourceError:
        return float("nan")
    best = validation.table.query("id == @row and model == @model").iloc[0]
    return float(sum(best[f"{metric}_mean"] - last[metric] for metric in METRICS) / 2)


def compare(validation: Result, trained: Trained) -> pd.DataFrame:
    """Return the authors' dynamics beside ours, for the rows and models that both have.

    Parameters
    ----------
    validation : Result
        Of :func:`blemore.sources.released.validation`.
    trained : Trained
        Its epochs are given in those of the paper.

    Returns
    -------
    DataFrame
        ``id``, ``model``, and for each of :data:`QUANTITIES` two columns, ``epoch_authors`` and ``epoch_ours`` ...
    """
    theirs = {(one["id"], one["model"]): one for one in validation.table.to_dict("records")}
    rows = []
    for (row, model), done in trained.validation.items():
        if (row, model) not in theirs:
            continue
        ours = summary(done)
        ours["epoch"] *= paper_epochs(done)
        authors = {**theirs[row, model], "drop": drop(row, model, validation)}
        both = {
            f"{name}_{who}": float(of[name])
            for name in QUANTITIES
            for who, of in (("authors", authors), ("ours", ours))
        }
        rows.append({"id": row, "model": model, **both})
    return pd.DataFrame(rows)


def differences(table: pd.DataFrame) -> pd.DataFrame:
    """Summarise :func:`compare`: medians over rows and models, and in how many ours is lower.

    Returns
    -------
    DataFrame
        Index ``quantity`` (values of :data:`QUANTITIES`); ``pairs`` that have both, ``authors`` and ``ours`` (medians),
        ``lower``, and ``ours_are``: ``lower``, ``higher`` or ``alike`` by the sign of nine pairs in ten or more.
    """
    rows = []
    for name, text in QUANTITIES.items():
        both = table[[f"{name}_authors", f"{name}_ours"]].dropna()
        both.columns = pd.Index(["authors", "ours"])
        lower, pairs = int((both["ours"] < both["authors"]).sum()), len(both)
        higher = int((both["ours"] > both["authors"]).sum())
        word = (
            "lower"
            if pairs and lower >= 0.9 * pairs
            else "higher"
            if pairs and higher >= 0.9 * pairs
            else "not one-sided"
        )
        rows.append((text, pairs, both["authors"].median(), both["ours"].median(), lower, word))
    return pd.DataFrame(rows, columns=["quantity", "pairs", "authors", "ours", "lower", "ours_are"]).set_index(
        "quantity"
    )


def in_words(table: pd.DataFrame) -> str:
    """Say what :func:`differences` found."""
    epoch, train, val, lost = (table.loc[text] for text in QUANTITIES.values())
    return (
        f"Ours peak at epoch {epoch['ours']:.0f} of the paper's count in the median, the authors' at {epoch['authors']:.0f}; earlier in {epoch['lower']} of "
        f"{epoch['pairs']} pairs. Training loss there is {train['ours']:.2f} against {train['authors']:.2f}, lower in {train['lower']}; validation loss "
        f"{val['ours']:.2f} against {val['authors']:.2f}, lower in {val['lower']}. To the end {lost['ours']:.3f} of the composite is lost against {lost['authors']:.3f}, less in "
        f"{lost['lower']} of {lost['pairs']}."
    )


def farthest(table: pd.DataFrame) -> str:
    """Say which row and classifier of :func:`compare` peaks farthest from the authors', by the ratio of epochs."""
    ratio = (table["epoch_ours"] / table["epoch_authors"]).map(lambda value: max(value, 1 / value))
    one = table.iloc[int(ratio.argmax())]
    return (
        f"Farthest apart is {name_of(one['id'])} with {one['model']}: it peaks at epoch {one['epoch_ours']:.0f}, the authors' at "
        f"{one['epoch_authors']:.0f}, with a training loss there of {one['train_loss_ours']:.2f} against {one['train_loss_authors']:.2f}."
    )


def shown_differences(table: pd.DataFrame) -> pd.DataFrame:
    """Return :func:`differences` as a page shows them."""
    columns = {
        "authors": "authors, median",
        "ours": "ours, median",
        "lower": "ours lower in",
        "pairs": "of",
        "ours_are": "ours are",
    }
    texts = table.assign(authors=table["authors"].map(_number), ours=table["ours"].map(_number))
    return texts[list(columns)].rename(columns=columns)


def shown(table: pd.DataFrame) -> pd.DataFrame:
    """Return :func:`compare` as a page shows it: each quantity the authors', then ours."""
    out = pd.DataFrame(
        index=pd.Index([f"{name_of(row)}, {model}" for row, model in table[["id", "model"]].to_numpy()], name="row")
    )
    for name, short in (("epoch", "epoch"), ("train_loss", "train"), ("val_loss", "val"), ("drop", "drop")):
        for who, column in (("authors", short), ("ours", f"{short}, ours")):
            out[column] = [_number(value) for value in table[f"{name}_{who}"].to_numpy()]
    return out


def _number(value: float) -> str:
    return (
        "–" if value != value else f"{value:.0f}" if value >= 10 else f"{value:.2f}" if value >= 0.2 else f"{value:.3f}"
    )
