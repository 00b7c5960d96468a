"""Pieces of a page: labels, badges and tables as HTML, each with a plain-text form for terminals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape, unescape

from blemore.errors import UnknownNameError
from blemore.paper.comparison import LABELS, VERDICTS


@dataclass(frozen=True)
class Fragment:
    """HTML that a notebook shows, and what is said where HTML is not.

    ``data`` travels with the output under :data:`DATA_TYPE`; the builder of the book reads it there.
    """

    html: str
    text: str
    data: Mapping[str, object] = field(default_factory=dict)

    def _repr_mimebundle_(self, **_: object) -> dict[str, object]:
        bundle: dict[str, object] = {"text/html": self.html, "text/plain": self.text}
        return bundle | ({DATA_TYPE: dict(self.data)} if self.data else {})


@dataclass(frozen=True)
class Prose:
    """Sentences, as Markdown, that depend on what is on the machine; no numbers of results, which carry a label."""

    text: str

    def _repr_mimebundle_(self, **_: object) -> dict[str, object]:
        return {"text/markdown": self.text, "text/plain": self.text}


DATA_TYPE = "application/vnd.blemore.page+json"
"""Media type of what a page tells the builder: its inputs and the results that other pages quote."""


SIMULATED = "simulated (stand-in)"
"""What is said of a table, a picture, a panel or a mark whose numbers are made from simulated features."""


@dataclass(frozen=True)
class Column:
    """A column of a table: its heading, and whether its cells are numbers (aligned right)."""

    heading: str
    number: bool = False


def label(name: str) -> str:
    """Return the chip that says where a number comes from; an unknown label raises UnknownNameError."""
    if name not in LABELS:
        raise UnknownNameError("label", name, list(LABELS))
    return f'<span class="label label-{escape(name)}" title="{escape(LABELS[name])}">{escape(name)}</span>'


def badge(verdict: str) -> str:
    """Return the badge of a verdict."""
    kind = verdict.replace(" ", "-")
    return f'<span class="verdict verdict-{escape(kind)}" title="{escape(VERDICTS[verdict])}">{escape(verdict)}</span>'


def in_picture(label: str) -> str:
    """Return what a panel or a mark says of where its numbers come from: the label, in words for ``stand-in``."""
    return SIMULATED if label == "stand-in" else label


def spoken(caption: str, labels: Sequence[str]) -> str:
    """Return what a screen reader says of a table or picture: its caption, and first whether all or a part is simulated.

    >>> spoken("Two accuracies", ["stand-in"])
    'simulated (stand-in): Two accuracies'
    >>> spoken("Two accuracies", ["paper", "stand-in"])
    'paper and simulated (stand-in): Two accuracies'
    """
    if "stand-in" not in labels:
        return caption
    others = [name for name in dict.fromkeys(labels) if name != "stand-in"]
    return f"{', '.join(others)}{' and ' if others else ''}{SIMULATED}: {caption}"


def table(columns: Sequence[Column], rows: Iterable[Sequence[str]], caption: str, labels: Sequence[str]) -> Fragment:
    """Return a table with caption and labels; the first cell of a row is its heading.

    Cells may be HTML made by :func:`label` and :func:`badge`; other text must be escaped by the caller.
    """
    rows = [list(row) for row in rows]
    head = "".join(f'<th scope="col"{_num(c)}>{escape(c.heading)}</th>' for c in columns)
    body = "".join(
        f'<tr><th scope="row">{row[0]}</th>'
        + "".join(f"<td{_num(c)}>{cell}</td>" for c, cell in zip(columns[1:], row[1:], strict=True))
        + "</tr>\n"
        for row in rows
    )
    chips = " ".join(label(name) for name in labels)
    html = (
        f'<div class="table-scroll" tabindex="0" role="region" aria-label="{escape(spoken(caption, labels))}">\n'
        f'<table class="blm-table"><caption>{chips} {escape(caption)}</caption>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody></table></div>"
    )
    lines = [caption + f" [{', '.join(labels)}]", " | ".join(c.heading for c in columns)]
    return Fragment(html, "\n".join(lines + [" | ".join(_plain(cell) for cell in row) for row in rows]))


def number(value: float | str | None, decimals: int, unit: str = "") -> str:
    """Write a number with fixed decimals and thousands, a word as it is, nothing as a dash.

    >>> number(1390, 0), number(0.26639, 3), number(None, 3)
    ('1,390', '0.266', '–')
    """
    if value is None or value != value:  # NaN: there is none
        return "–"
    text = escape(value) if isinstance(value, str) else f"{value:,.{decimals}f}"
    return f"{text} {escape(unit)}" if unit and not isinstance(value, str) else text


def _num(column: Column) -> str:
    return ' class="num"' if column.number else ""


def _plain(cell: str) -> str:
    out, inside = [], False
    for char in cell:
        inside = char == "<" or (inside and char != ">")
        if not inside and char != ">":
            out.append(char)
    return unescape("".join(out))
