"""The one way to hold a number of ours against the paper's: difference, tolerance, verdict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType

import yaml

from blemore import paper
from blemore.errors import UnknownNameError

LABELS = {
    "paper": "printed in the paper",
    "released": "recomputed here from files that the authors or others published",
    "measured": "computed here from real features of BLEMORE clips",
    "stand-in": "computed here from simulated data: shows the machinery, says nothing about the paper",
    "recorded": "computed earlier by this project from public files that are not on this machine",
}
"""Every number carries one of these labels."""

VERDICTS = {
    "reproduced": "ours, from real data, is within the tolerance of the printed number",
    "consistent": "the paper's own tables and figures bear the statement out",
    "differs": "ours is outside the tolerance, and nobody has explained why yet",
    "known difference": "ours is outside the tolerance, for a reason that is written down",
    "by construction": "simulated: agreement was built in and proves nothing",
    "unchecked": "what it takes to check is not public",
}
"""Every comparison ends in one of these."""

KINDS = {
    "exact": "counts and statements: no difference allowed",
    "rounding": "half a unit of the last printed digit",
    "stochastic": "the spread over folds or seeds",
}
"""Kinds of tolerance."""


@dataclass(frozen=True)
class Comparison:
    """A statement of the paper and our answer to it.

    Attributes
    ----------
    id : str
        Dotted name, e.g. ``table2.clip.acc_presence_mean``.
    section : str
        Where the paper says it: ``3.1``, ``table 2``.
    what : str
        What is compared, in a few words of ours.
    paper, ours : float, str or None
        Numbers, or words such as ``holds``; ``ours`` is None where it cannot be checked.
    label : str
        Where ours comes from, one of :data:`LABELS`.
    kind : str
        Kind of tolerance, one of :data:`KINDS`.
    tolerance : float
        Largest absolute difference that still agrees, in the unit of the numbers.
    decimals : int
        Decimals to show.
    unit : str
        Shown behind the numbers.
    detail : str
        A few words on how ours came about.
    """

    id: str
    section: str
    what: str
    paper: float | str
    ours: float | str | None
    label: str
    kind: str = "exact"
    tolerance: float = 0.0
    decimals: int = 0
    unit: str = ""
    detail: str = ""

    def __post_init__(self) -> None:
        for kind, value, known in (("label", self.label, LABELS), ("tolerance kind", self.kind, KINDS)):
            if value not in known:
                raise UnknownNameError(kind, value, list(known))

    @property
    def difference(self) -> float | None:
        """Ours minus the paper's, or None where they are not numbers."""
        if isinstance(self.paper, str) or isinstance(self.ours, str) or self.ours is None:
            return None
        return self.ours - self.paper

    @property
    def agrees(self) -> bool:
        """Whether ours is within the tolerance."""
        if self.difference is None:
            return self.ours == self.paper
        return abs(self.difference) <= self.tolerance + 1e-9  # rounding of the subtraction itself

    @property
    def verdict(self) -> str:
        """One of :data:`VERDICTS`."""
        if self.ours is None:
            return "unchecked"
        if self.label == "stand-in":
            return "by construction"
        if not self.agrees:
            return "known difference" if self.id in known_differences() else "differs"
        return "consistent" if self.label == "paper" else "reproduced"


def of_number(id: str, ours: float | None, label: str, what: str, detail: str = "") -> Comparison:
    """Hold ours against a number of the paper's prose, to its last printed digit.

    >>> of_number("baseline.single.train.acc_presence", 100 * 192 / 2456, "recorded", "most frequent").verdict
    'reproduced'
    """
    printed = paper.number(id)
    exact = printed.unit in ("clips", "actors", "folds")
    return Comparison(
        id, printed.section, what, printed.value, ours, label,
        kind="exact" if exact else "rounding",
        tolerance=0.0 if exact else printed.tolerance,
        decimals=max(printed.decimals, 0),
        unit="" if printed.unit == "accuracy" else printed.unit,
        detail=detail,
    )  # fmt: skip


def of_statement(id: str, section: str, what: str, holds: bool | None, label: str, detail: str = "") -> Comparison:
    """Hold a statement of the paper in words against what the numbers say."""
    ours = None if holds is None else "holds" if holds else "does not hold"
    return Comparison(id, section, what, "holds", ours, label, detail=detail)


def by_row(cells: Iterable[Comparison]) -> dict[str, dict[str, Comparison]]:
    """Group the cells of a table, ``table2.ROW.COLUMN`` each, by row and column."""
    rows: dict[str, dict[str, Comparison]] = {}
    for cell in cells:
        _, row, column = cell.id.split(".")
        rows.setdefault(row, {})[column] = cell
    return rows


def worst(comparisons: Iterable[Comparison]) -> Comparison:
    """Return the comparison whose verdict stands for several: the least favourable."""
    order = ["consistent", "reproduced", "by construction", "unchecked", "known difference", "differs"]
    return max(comparisons, key=lambda comparison: order.index(comparison.verdict))


@cache
def known_differences() -> Mapping[str, str]:
    """Return the comparisons that are known to differ, each with its reason."""
    text = resources.files("blemore").joinpath("reference", "known_differences.yml").read_text(encoding="utf-8")
    reasons: dict[str, str] = yaml.safe_load(text) or {}
    return MappingProxyType({id: " ".join(reason.split()) for id, reason in reasons.items()})
