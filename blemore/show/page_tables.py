"""What a page shows of comparisons, and the card that says where its numbers come from."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from html import escape

import numpy as np
import pandas as pd

from blemore.challenge.metrics import wilson_interval
from blemore.paper import printed_numbers
from blemore.paper.comparison import KINDS, VERDICTS, Comparison, by_row, known_differences, signed, worst
from blemore.paper.vocabulary import METRICS, name_of
from blemore.show.html import Column, Fragment, badge, label, number, table
from blemore.sources.lookup import GROUPS
from blemore.sources.recorded import Input

_INPUTS = {
    "released": "public results of the authors and others: {}",
    "recorded": "computed earlier from public files and kept here: {}",
    "zenodo": "the release of the data set: {}",
    "file": "a file that a parameter names: {}",
    "reference": "a file of this package: {}",
}


def comparisons(rows: Sequence[Comparison], caption: str) -> Fragment:
    """Return the table that holds ours against the paper's: difference, tolerance, verdict."""
    columns = [
        Column("claim"),
        Column("paper", True),
        Column("ours", True),
        Column("difference", True),
        Column("verdict"),
    ]
    body = [
        [
            f'{escape(row.what)} <small class="detail">{escape(_place(row.section))}{_detail(row)}</small>',
            number(row.paper, row.decimals, row.unit),
            number(row.ours, _decimals(row), row.unit),
            f'{signed(row.difference, _decimals(row))} <small class="detail">{_tolerance(row)}</small>',
            _verdict(row),
        ]
        for row in rows
    ]
    return table(columns, body, caption, _labels(rows))


def scores(
    rows: Sequence[Comparison],
    number_of_table: int,
    caption: str,
    *,
    others: pd.DataFrame | None = None,
    beside: pd.DataFrame | None = None,
    absent: Mapping[str, str] | None = None,
) -> Fragment:
    """Return Table 2 or 3 in the paper's layout: each printed cell with ours beside it.

    Parameters
    ----------
    others : DataFrame
        Rows that the paper lacks, with the columns of the table and their ``origin``; there is nothing to compare.
    beside : DataFrame
        More numbers of ours, a column each, by row id.
    absent : mapping
        Rows that the paper lacks and that have no numbers, and why.
    """
    cells = by_row(rows)
    more = pd.DataFrame() if beside is None else beside
    columns = [Column("encoder")]
    for metric in METRICS:
        columns += [Column(metric.removeprefix("acc_"), True), Column("ours", True)]
    body, labels = [], _labels(rows)
    for row in printed_numbers.table(number_of_table).to_dict("records"):
        if not (mine := cells.get(row["id"])):
            continue
        line = [_encoder(row)]
        for metric in METRICS:
            found = [mine[part] for part in _parts(metric) if part in mine]
            line += [_plus_minus([cell.paper for cell in found]), _plus_minus([cell.ours for cell in found])]
        line += [number(more[column].get(row["id"]), printed_numbers.DECIMALS) for column in more]
        one = worst(mine.values())
        unchecked = one.verdict == "unchecked" and one.detail
        why = f' <small class="detail">{escape(one.detail)}</small>' if unchecked else ""
        body.append([*line, _verdict(one) + why])
    for row in [] if others is None else others.to_dict("records"):
        line = [escape(name_of(str(row["id"])))]
        for metric in METRICS:
            line += ["–", _plus_minus([row[part] for part in _parts(metric) if part in row])]
        body.append([*line, *("–" for _ in more), label(str(row["origin"]))])
        labels.append(str(row["origin"]))
    for id, why in (absent or {}).items():
        if id not in cells:
            detail = f'{badge("unchecked")} <small class="detail">{escape(why)}</small>'
            body.append([escape(name_of(id)), *("–" for _ in [*columns[1:], *more]), detail])
    columns += [*(Column(str(name), True) for name in more), Column("verdict")]
    return table(columns, body, caption, list(dict.fromkeys(labels)))


def note(text: str, labels: Sequence[str]) -> Fragment:
    """Return a sentence that stands where a table or a figure would."""
    chips = " ".join(label(name) for name in labels)
    return Fragment(f'<p class="blm-note">{chips} {escape(text)}</p>', f"{text} [{', '.join(labels)}]")


def intervals(caption: str) -> Fragment:
    """Return Table 3's accuracies as numbers of clips, with Wilson's 95 % intervals; constant answers have no row."""
    columns = [Column("encoder")]
    for name, n in (("presence", 594), ("salience", 334)):
        columns += [Column(name, True), Column(f"of {n}", True), Column("95 % interval", True)]
    body = []
    for row in printed_numbers.table(3).query("not id.str.startswith('trivial')").to_dict("records"):
        line = [_encoder(row)]
        for metric, n in zip(METRICS, (594, 334), strict=True):
            hits = round(row[metric] * n)
            low, high = wilson_interval(hits, n)
            line += [number(row[metric], printed_numbers.DECIMALS), str(hits), f"{low:.3f} to {high:.3f}"]
        body.append(line)
    return table(columns, body, caption, ["paper"])


def clustering(design: pd.DataFrame) -> str:
    """Say by which factor intervals that take clips as independent are too narrow, and give the best row's as an example.

    Parameters
    ----------
    design : DataFrame
        Of :func:`blemore.sources.released.hicmae_design`.
    """
    factors = (
        design.assign(factor=design["design_effect"] ** 0.5).groupby("metric", sort=False)["factor"].agg(["min", "max"])
    )
    said = [f"{metric.removeprefix('acc_')} by {low:.1f} to {high:.1f}" for metric, low, high in factors.itertuples()]
    printed = printed_numbers.table(3).set_index("id")
    best = str(printed[list(METRICS)].mean(axis=1).idxmax())
    presence = float(str(printed.at[best, "acc_presence"]))
    low, high = wilson_interval(round(presence * 594), 594)
    half = (high - low) / 2 * float(factors["max"].loc["acc_presence"])
    return (
        "Wilson's intervals take clips as independent, but clips of one actor resemble each other. On the released predictions of HiCMAE "
        f"({design['clips'].max():,} training clips, {design['actors'].max()} actors) such intervals are too narrow by a factor: "
        f"{', '.join(said)}, the range over {design['variant'].nunique()} variants of one model. The test set has eleven actors by our count, so its "
        f"intervals should be widened likewise; with so few the factor itself is uncertain. Example: {name_of(best)}, presence "
        f"{presence:.3f}, {low:.3f} to {high:.3f}, becomes {(low + high) / 2 - half:.3f} to {(low + high) / 2 + half:.3f}. All rows share the test "
        "clips: whether intervals overlap does not say whether two rows differ."
    )


def frame(values: pd.DataFrame, caption: str, labels: Sequence[str], decimals: int = 3) -> Fragment:
    """Return a data frame as a table: its index as row headings, numbers with fixed decimals.

    A column of texts that are nothing but numbers (``0.266 ± 0.021``) is set as one of numbers.
    """
    numeric = [pd.api.types.is_numeric_dtype(values[column]) or _numbers(values[column]) for column in values]
    columns = [
        Column(str(values.index.name or "")),
        *(Column(str(name), n) for name, n in zip(values, numeric, strict=True)),
    ]
    body = [[escape(str(index)), *(_cell(value, decimals) for value in row)]
            for index, row in zip(values.index, values.itertuples(index=False), strict=True)]  # fmt: skip
    return table(columns, body, caption, labels)


def summary(rows: Sequence[Comparison], caption: str) -> Fragment:
    """Return how many claims ended in which verdict, by where ours came from."""
    verdicts = Counter((row.verdict, row.label if row.ours is not None else "") for row in rows)
    names = sorted({name for _, name in verdicts})
    columns = [Column("verdict"), *(Column(name or "not available here", True) for name in names), Column("all", True)]
    body = []
    for verdict in VERDICTS:
        if not any(counts := [verdicts[verdict, name] for name in names]):
            continue
        body.append([badge(verdict), *(str(count) if count else "" for count in counts), str(sum(counts))])
    return table(columns, body, caption, list(filter(None, names)))


def provenance(inputs: Iterable[Input], labels: Sequence[str], results: Mapping[str, str] | None = None,
               note: str = "") -> Fragment:  # fmt: skip
    """Return the card at the end of a page: where its numbers come from.

    Parameters
    ----------
    inputs : Input
        Everything outside the package that the page asked for, also what was not here.
    labels : names of labels on the page
    results : texts by name
        What other pages quote from this one (``{{ page.name }}`` in prose).
    note : str
        A sentence of the page's own.
    """
    inputs = list(dict.fromkeys(inputs))
    lines = "".join(f"<dt>{escape(one.name)}</dt><dd>{escape(_describe(one))} {_digest(one)}</dd>" for one in inputs)
    chips = " ".join(label(name) for name in labels)
    html = (
        '<aside class="provenance" aria-label="Where the numbers of this page come from">'
        f'<p class="provenance-title">Where these numbers come from {chips}</p>'
        f"<dl>{lines or '<dt>inputs</dt><dd>none outside the package</dd>'}</dl>"
        f"{f'<p>{escape(note)}</p>' if note else ''}</aside>"
    )
    text = "\n".join(["inputs:", *(f"  {one.name} {one.sha256}" for one in inputs)])
    data = {"inputs": {one.name: one.sha256 for one in inputs}, "results": dict(results or {})}
    return Fragment(html, text, data)


def _numbers(column: pd.Series) -> bool:
    """Tell whether each of some texts is a number or several, or a dash for none."""
    return len(column) > 0 and all(re.fullmatch(r"[-+−–±%()\d., ]+", str(value)) is not None for value in column)


def _cell(value: object, decimals: int) -> str:
    if value is None or value is pd.NA or value != value or value == "":
        return number(None, 0)
    if isinstance(value, str | int | np.integer):
        return escape(value) if isinstance(value, str) else number(int(value), 0)
    return number(float(str(value)), decimals)


def _parts(metric: str) -> tuple[str, str, str]:
    """Return the columns that may hold a metric: of Table 3, and of Table 2."""
    return metric, f"{metric}_mean", f"{metric}_std"


def _labels(rows: Sequence[Comparison]) -> list[str]:
    return list(dict.fromkeys(["paper", *(row.label for row in rows if row.ours is not None)]))


def _plus_minus(values: Sequence[float | str | None]) -> str:
    return " ± ".join(number(value, printed_numbers.DECIMALS) for value in values) if values[0] is not None else "–"


def _encoder(row: Mapping[Hashable, object]) -> str:
    name = escape(str(row["encoder"]))
    return f'{name} <small class="detail method">subsampled</small>' if str(row["id"]).endswith(":sub") else name


def _verdict(row: Comparison) -> str:
    """Badge, and where ours is from, if there is ours."""
    return badge(row.verdict) if row.ours is None else f"{badge(row.verdict)} {label(row.label)}"


def _place(section: str) -> str:
    return f"section {section}" if section[0].isdigit() else section


def _detail(row: Comparison) -> str:
    detail = known_differences()[row.id] if row.verdict == "known difference" else row.detail
    return f". {escape(detail)}" if detail else ""


def _decimals(row: Comparison) -> int:
    """Show a digit more than the paper where its own would hide that ours is not whole."""
    whole = not isinstance(row.ours, float) or row.kind == "exact" or row.ours % 1 == 0
    return row.decimals if whole else row.decimals + 1


def _tolerance(row: Comparison) -> str:
    if row.kind == "exact":
        return f'<span title="{escape(KINDS["exact"])}">exact</span>' if row.difference is not None else ""
    return f'<span title="{escape(KINDS[row.kind])}">± {row.tolerance:.2g}</span>'


def _describe(one: Input) -> str:
    kind, _, rest = one.name.partition("/")
    text = _INPUTS[kind].format(GROUPS.get(rest, rest.replace("_", " "))) if kind in _INPUTS else ""
    return f"{text}, on {one.date}" if one.date else text


def _digest(one: Input) -> str:
    if one.sha256 == "absent":
        return "<em>not on this machine</em>"
    return f'<code title="SHA-256 {escape(one.sha256)}">{escape(one.sha256[:12])}</code>'
