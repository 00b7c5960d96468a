"""The parts of an encoder's report, in the order of its page (paper, sections 4 and 5)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from blemore.challenge.labels import CLASSES
from blemore.challenge.metrics import confusion as confusion_of
from blemore.errors import InputError, SourceError
from blemore.experiments import from_files
from blemore.experiments.protocols import CrossValidation, described
from blemore.paper import printed_numbers
from blemore.paper.comparison import Comparison, worst
from blemore.paper.vocabulary import LOGGED, METRICS
from blemore.results import principal_components, ranking
from blemore.results import within_row as spread_tables
from blemore.results.claims.about_results import trained
from blemore.results.one_encoder import Subject
from blemore.show import encoder_tables, figures, page_tables
from blemore.show.html import Column, Fragment, Prose, badge, label, number, table
from blemore.sources import recorded, released
from blemore.sources.recorded import Input

Shown = Fragment | Prose
"""What a cell shows: a table or a figure, or sentences where there is nothing to draw."""


def variants(subject: Subject) -> Shown:
    """Return what the registry says: every variant of every part, who uses it, what it costs."""
    if not subject.entries:
        return Prose(f"The registry knows no encoder *{subject.title}*: its features come from a file.")
    columns = [
        Column("variant"),
        Column("used by"),
        Column("a row for"),
        *encoder_tables.SIZE,
        Column("aggregated", True),
    ]
    body = []
    for entry, one in ((part, choice) for part in subject.entries for choice in part.choices):
        detail = "; ".join(text for text in (one.note, one.checkpoint.rsplit("/", 1)[-1]) if text)
        named = f'{escape(entry.title)} {escape(one.name)} <small class="detail">{escape(detail)}</small>'
        body.append([named, one.used or "–", escape(one.rate), *encoder_tables.size(one), number(7 * one.dim, 0)])
    caption = f"{subject.title}: variants, as the authors' scripts and the text use them. {encoder_tables.COST}"
    return table(columns, body, caption, ["released"])


def facts(subject: Subject) -> Shown:
    """Return where it comes from, under which licence, and what of it is used on this page."""
    lines = [
        f"* **{one.title}** takes the {encoder_tables.SEES[one.modality]}; {one.reference}. Licence of the weights or the program: {one.licence}."
        for one in subject.entries
    ]
    if subject.joined is not None:
        clips, width = len(subject.joined.clips), subject.joined.features.x.shape[1]
        what = _SOURCES[subject.origin]
        lines.append(f"* Here: {what}, {clips:,} clips, {width:,} columns after aggregation.")
    elif subject.chosen is not None:
        lines.append(f"* Here: {_SOURCES[subject.origin]}, {len(subject.chosen.truth):,} clips.")
    else:
        lines.append(
            f"* Here: nothing to train on ({subject.lacking}). What follows shows what is recorded, and leaves the rest open. To fill it: `blemore "
            f"run notebooks/encoder.ipynb mine.ipynb -p encoder {subject.name} -p features mine.npz -p metadata train_metadata.csv`."
        )
    return Prose("\n".join(lines))


_SOURCES = {
    "stand-in": "simulated features of invented clips (stand-in)",
    "measured": "features of real clips (measured)",
}


def validation(subject: Subject) -> Shown:
    """Return scores of the three classifiers: the paper's, the authors' runs', ours."""
    if not subject.validation:
        return _instead(subject, _TABLES)
    runs = released.validation()
    theirs = runs.table.query("id == @subject.name").set_index("model")
    columns = [
        Column("classifier"),
        *(Column(name, True) for name in ("paper", "authors' runs", "here")),
        Column("verdict"),
    ]
    body = []
    for model, one in subject.validation.items():
        for metric in METRICS:
            cells = [cell for cell in _cells(subject, model, one) if cell.column.startswith(metric)]
            runs_of = (
                [theirs.at[model, f"{metric}_{part}"] for part in ("mean", "std")] if model in theirs.index else []
            )
            said = _said(cells, subject.origin)
            body.append([f"{model}, {metric.removeprefix('acc_')}", _plus_minus([cell.paper for cell in cells]), _plus_minus(runs_of),
                         _plus_minus([one.mean(metric), one.spread(metric)]), said])  # fmt: skip
    found = [runs.origin] if len(theirs) else []
    folds = len(next(iter(subject.validation.values())).folds)
    caption = (
        f"{subject.title}: validation, mean ± std over {folds} folds; here: {described(subject.validation.values())}"
    )
    return table(columns, body, caption, ["paper", *found, subject.origin])


def _said(cells: Sequence[Comparison], origin: str) -> str:
    """Return the verdict on a row, if the paper has it, and where its numbers are from; why, if there is no verdict."""
    if not cells:
        return label(origin)
    one = worst(cells)
    why = f' <small class="detail">{escape(one.detail)}</small>' if one.verdict == "unchecked" else ""
    return f"{badge(one.verdict)} {label(origin)}{why}"


def _cells(subject: Subject, model: str, one: CrossValidation) -> list[Comparison]:
    """Compare ours with the paper's row, if it has one, as the results page does."""
    scores: dict[str, Any] = {"id": subject.name, "model": model, "origin": subject.origin, "unlike": one.unlike}
    for metric in METRICS:
        scores |= {f"{metric}_mean": one.mean(metric), f"{metric}_std": one.spread(metric)}
    return [cell for cell in trained(2, pd.DataFrame([scores])) if cell.ours is not None]


def _plus_minus(pair: Sequence[Any]) -> str:
    return " ± ".join(number(float(value), printed_numbers.DECIMALS) for value in pair) or "–"


def curves(subject: Subject) -> Shown:
    """Return the learning curves of the chosen classifier."""
    if subject.chosen is None:
        return _instead(subject, _CURVES)
    best = float(np.mean([fold.epoch for fold in subject.chosen.folds]))
    return figures.curves(
        from_files.curve_table(subject.chosen.runs), subject.title, subject.model, best, subject.origin
    )


def authors_curves(subject: Subject) -> Shown:
    """Return the learning curves of the authors' own runs, where they published them."""
    none = Prose(f"The authors published no logs of {subject.title} with {subject.model}.")
    if subject.name not in LOGGED:
        return none
    try:
        found = released.curves(subject.name, subject.model)
    except SourceError:
        return none
    runs = released.validation().table.query("id == @subject.name and model == @subject.model")
    name = f"{subject.title}, the authors' runs"
    return figures.curves(found.table, name, subject.model, float(runs["epoch"].iloc[0]), found.origin)


def confusion(subject: Subject) -> Shown:
    """Return what is taken for what, all folds together."""
    if subject.chosen is None:
        return _nothing(subject)
    matrix = confusion_of(subject.chosen.decided, subject.chosen.truth)
    off = matrix * ~np.eye(len(matrix), dtype=bool)
    true, taken = np.unravel_index(int(off.argmax()), off.shape)
    caption = (
        f"{subject.title}, {subject.model}, all folds: {matrix.trace():,} of {matrix.sum():,} clips are on the diagonal. The most frequent error "
        f"takes {CLASSES[true]} for {CLASSES[taken]} ({off.max()} clips)."
    )
    return figures.confusion(pd.DataFrame(matrix, list(CLASSES), list(CLASSES)), caption, [subject.origin])


def spreads(subject: Subject) -> Shown:
    """Return how presence accuracy varies between emotions and between actors."""
    if subject.chosen is None:
        return _nothing(subject)
    clips = spread_tables.clips_of(subject.chosen)
    classes, actors = spread_tables.by_class(clips), spread_tables.by_actor(clips)
    return figures.spreads(classes, actors, spread_tables.chance_spread(actors), f"{subject.title}, {subject.model}", subject.origin)  # fmt: skip


def planes(subject: Subject, first: str = "hap", second: str = "sad") -> Shown:
    """Return Figure 5 for this encoder."""
    if subject.joined is None:
        return _instead(subject, _PLANES)
    try:
        found = principal_components.planes(subject.joined.features, subject.joined.clips, first, second)
    except InputError as error:
        return Prose(f"Not drawn: {error}.")
    return figures.planes(found, first, second, subject.origin)


def shares(subject: Subject) -> Shown:
    """Return how much of the variance is identity and how much emotion."""
    if subject.joined is None:
        return _instead(subject, _SHARES)
    return figures.variance_shares(principal_components.shares(subject.joined.features, subject.joined.clips), subject.title, subject.origin)  # fmt: skip


def standing(subject: Subject) -> Shown:
    """Return where it stands among all others."""
    ranked = ranking.ranked(subject.everyone.table)
    if subject.name not in ranked["id"].tolist():
        return _nothing(subject)
    return figures.standings(ranked, subject.name, subject.model)


# What stands in for a training that cannot be had here


def _egemaps_table() -> Fragment:
    held = recorded.read("egemaps_protocols")
    frame = released.spread(held.table, ["protocol"]).set_index("protocol")
    frame.columns = pd.Index([column.removeprefix("acc_").replace("_", " ") for column in frame.columns])
    clips = int(held.table.query("protocol == 'nested'")["n"].sum())
    caption = f"eGeMAPS: mlp-512 on {clips:,} real clips, five folds, by how epoch and thresholds were chosen"
    return page_tables.frame(frame, caption, ["recorded"])


def _hicmae_table() -> Fragment:
    held = released.hicmae_folds()
    frame = released.spread(held.table, ["variant"]).set_index("variant")
    frame.columns = pd.Index([column.removeprefix("acc_").replace("_", " ") for column in frame.columns])
    return page_tables.frame(frame, "HiCMAE, fine-tuned by others: loss and epochs, mean and std over five folds", [held.origin])  # fmt: skip


def _egemaps_curves() -> Fragment:
    held, runs = recorded.read("egemaps_curves"), recorded.read("egemaps_protocols")
    best = float(runs.table.query("protocol == 'released-code'")["epoch"].mean())
    return figures.curves(held.table, "eGeMAPS", "mlp-512", best, "recorded")


def _egemaps_shares() -> Fragment:
    return figures.variance_shares(recorded.read("egemaps_variance").table, "eGeMAPS", "recorded")


def _egemaps_between() -> Fragment:
    line = principal_components.line(recorded.read("egemaps_lines").table, "hap", "sad")
    return figures.between(line, "hap", "sad", "eGeMAPS", "recorded")


_TABLES: dict[str, Callable[[], Fragment]] = {"egemaps": _egemaps_table, "hicmae": _hicmae_table}
_CURVES: dict[str, Callable[[], Fragment]] = {"egemaps": _egemaps_curves}
_SHARES: dict[str, Callable[[], Fragment]] = {"egemaps": _egemaps_shares}
_PLANES: dict[str, Callable[[], Fragment]] = {"egemaps": _egemaps_between}
_RECORDED = {"egemaps": ("egemaps_protocols", "egemaps_curves", "egemaps_variance", "egemaps_lines")}


def _instead(subject: Subject, known: dict[str, Callable[[], Fragment]]) -> Shown:
    return known[subject.name]() if subject.name in known and subject.chosen is None else _nothing(subject)


def _nothing(subject: Subject) -> Prose:
    if subject.chosen is not None:
        return Prose("Subsamples have no row for each clip: see the report of the aggregated features.")
    return Prose(f"*Takes features of clips, and there are none of {subject.title} here.*")


def shown_inputs(subject: Subject) -> tuple[Input, ...]:
    """Return every input of the page: those of the report, and of what was recorded or published and is shown beside."""
    inputs = [*subject.inputs]
    if subject.validation:
        inputs += released.validation().inputs if subject.name in LOGGED else ()
    else:
        inputs += [recorded.read(name).as_input for name in _RECORDED.get(subject.name, ())]
    if subject.name in LOGGED:
        with contextlib.suppress(SourceError):
            inputs += released.curves(subject.name, subject.model).inputs
    return tuple(dict.fromkeys(inputs))


def labels(subject: Subject) -> list[str]:
    """Return the labels of the page, for its card."""
    found = [
        subject.origin,
        *subject.everyone.table["label"],
        *(["recorded"] * any(one.date for one in shown_inputs(subject))),
    ]
    return list(dict.fromkeys(["paper", "released", *(one for one in found if one)]))
