"""The one way to compare a number of ours with the paper's: difference, tolerance, evidence, verdict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType

import yaml

from blemore.errors import UnknownNameError
from blemore.paper import printed_numbers

LABELS = {
    "paper": "printed in the paper",
    "released": "computed here from files that the authors or others published",
    "measured": "computed here from real features of BLEMORE clips",
    "stand-in": "computed here from simulated data: shows the machinery, says nothing about the paper",
    "recorded": "computed earlier by this project from public files that are not on this machine",
}
"""Every number carries one of these labels."""

EVIDENCE = {
    "data": "clip names and metadata, durations, real features, or predictions that were decided here",
    "authors": "what the authors published of their own results: run summaries and logs",
    "paper": "at least in part, other numbers that the paper prints, an assumption, or a check of one side only",
    "simulation": "simulated data",
}
"""What ours rests on. Where it rests on several things, the weakest of them counts: ``paper``, ``authors``, ``data``."""

_RESTS_ON = {
    "paper": ("paper",),
    "released": ("data", "authors", "paper"),
    "measured": ("data", "paper"),
    "stand-in": ("simulation",),
    "recorded": ("data", "authors", "paper"),
}

_SEVERAL = ("released", "recorded")
"""Labels that do not say what ours rests on; the first kind of evidence of the others is theirs."""

_AGREEING = {
    "data": "reproduced",
    "authors": "recomputed",
    "paper": "consistent",
    "simulation": "by construction",
}

VERDICTS = {
    "reproduced": "agrees within the tolerance, computed from data, independently of what the authors printed or published as results",
    "recomputed": "agrees within the tolerance, read or computed again from files that the authors published",
    "consistent": "agrees within the tolerance with other numbers that the paper prints, under a stated assumption, or one-sidedly; nothing independent decides it",
    "by construction": "the simulation was tuned to agree, so agreement is no evidence",
    "known difference": "outside the tolerance, for a reason that is written down",
    "differs": "outside the tolerance, and nobody has explained why yet",
    "unchecked": "the data needed to check it are not here, or ours was trained otherwise than the paper's",
}
"""Every comparison ends in one of these."""

AGREEING = tuple(_AGREEING.values())
"""Verdicts of comparisons that agree, the strongest first."""

KINDS = {
    "exact": "counts and statements: no difference allowed",
    "rounding": "half a unit of the last printed digit",
    "stochastic": "what separates two trainings of one row over the same folds, at 95 % confidence",
}
"""Kinds of tolerance."""

_ROUNDED = ("%", "accuracy", "dimensionless", "hours", "kHz", "m", "ms", "probability", "s", "version")
"""Units of measured quantities; every other unit of the prose counts something."""


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
    evidence : str
        What ours rests on, one of :data:`EVIDENCE`; the verdict follows from it. Labels ``released`` and ``recorded`` cover several
        kinds of evidence, and need it; the others imply it.
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
    row, column : str
        Where it stands in a table, see :func:`by_row`; empty for what is no cell.
    comparable : bool
        Whether ours decides anything. Where it was made in another way than the paper's, there is no verdict; `detail` says why.

    Raises
    ------
    UnknownNameError
        For an unknown label, kind of evidence or kind of tolerance, and for evidence that the label cannot have.
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
    evidence: str = ""
    row: str = ""
    column: str = ""
    comparable: bool = True

    def __post_init__(self) -> None:
        for kind, value, known in (("label", self.label, LABELS), ("tolerance kind", self.kind, KINDS)):
            if value not in known:
                raise UnknownNameError(kind, value, list(known))
        possible = _RESTS_ON[self.label]
        if not self.evidence and self.label not in _SEVERAL:
            object.__setattr__(self, "evidence", possible[0])
        if self.evidence not in possible:
            raise UnknownNameError(f"evidence with label {self.label}", self.evidence, list(possible))

    @property
    def difference(self) -> float | None:
        """Ours minus the paper's, or None where they are not numbers."""
        if isinstance(self.paper, str) or isinstance(self.ours, str) or self.ours is None:
            return None
        return self.ours - self.paper

    @property
    def agrees(self) -> bool:
        """Whether ours is within the tolerance, or the same words."""
        if self.difference is None:
            return self.ours == self.paper
        return abs(self.difference) <= self.tolerance + 1e-9  # rounding of the subtraction itself

    @property
    def verdict(self) -> str:
        """One of :data:`VERDICTS`."""
        if self.ours is None:
            return "unchecked"
        if self.evidence == "simulation":
            return _AGREEING[self.evidence]
        if not self.comparable:
            return "unchecked"
        if self.agrees:
            return _AGREEING[self.evidence]
        return "known difference" if self.id in known_differences() else "differs"


def of_number(
    id: str, ours: float | None, label: str, what: str, detail: str = "", *, evidence: str = ""
) -> Comparison:
    """Compare ours with a number of the paper's prose: a count exactly, a measured quantity to its last printed digit.

    >>> of_number("baseline.single.train.acc_presence", 100 * 192 / 2456, "recorded", "most frequent", evidence="data").verdict
    'reproduced'
    """
    printed = printed_numbers.number(id)
    exact = printed.decimals == 0 and printed.unit not in _ROUNDED
    return Comparison(
        id, printed.section, what, printed.value, ours, label,
        kind="exact" if exact else "rounding",
        tolerance=0.0 if exact else printed.tolerance,
        decimals=max(printed.decimals, 0),
        unit="" if printed.unit == "accuracy" else printed.unit,
        detail=detail,
        evidence=evidence,
    )  # fmt: skip


def of_statement(
    id: str, section: str, what: str, holds: bool | None, label: str, detail: str = "", *, evidence: str = ""
) -> Comparison:
    """Compare a statement of the paper in words with what the numbers say; None where they are not here."""
    ours = {True: "holds", False: "does not hold", None: None}[holds]
    return Comparison(id, section, what, "holds", ours, label, detail=detail, evidence=evidence)


def by_row(cells: Iterable[Comparison]) -> dict[str, dict[str, Comparison]]:
    """Group the cells of a table by their ``row`` and ``column``."""
    rows: dict[str, dict[str, Comparison]] = {}
    for cell in cells:
        rows.setdefault(cell.row, {})[cell.column] = cell
    return rows


def worst(comparisons: Iterable[Comparison]) -> Comparison:
    """Return the comparison whose verdict stands for several: the least favourable."""
    order = [*AGREEING, "unchecked", "known difference", "differs"]
    return max(comparisons, key=lambda comparison: order.index(comparison.verdict))


@cache
def known_differences() -> Mapping[str, str]:
    """Return the comparisons that are known to differ, each with its reason."""
    text = resources.files("blemore.paper").joinpath("reference", "known_differences.yml").read_text(encoding="utf-8")
    reasons: dict[str, str] = yaml.safe_load(text) or {}
    return MappingProxyType({id: " ".join(reason.split()) for id, reason in reasons.items()})


def signed(value: float | None, decimals: int) -> str:
    """Write a difference with its sign; one that rounds to nothing has none.

    >>> signed(4, 0), signed(-0.00002, 3), signed(-0.002, 3)
    ('+4', '0.000', '−0.002')
    """
    if value is None:
        return ""
    text = f"{abs(value):,.{decimals}f}"
    if float(text.replace(",", "")) == 0:
        return text
    return ("+" if value > 0 else "−") + text
