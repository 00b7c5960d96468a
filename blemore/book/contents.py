"""What pages the book has: each a notebook and the parameters that it is executed with."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from blemore import encoders
from blemore.book import execution
from blemore.errors import InputError, UnknownNameError
from blemore.paper import printed_numbers
from blemore.paper.vocabulary import name_of


@dataclass(frozen=True)
class Page:
    """A page of the book.

    Attributes
    ----------
    name : str
        Names its files, and its results in prose.
    source : str
        Stem of its notebook, which may make other pages too.
    values : mapping
        Parameters that the notebook is executed with; empty for its defaults.
    title : str
        What sets it apart from other pages of the same notebook; empty for the only one.
    """

    name: str
    source: str
    values: Mapping[str, object] = field(default_factory=dict)
    title: str = ""

    @property
    def file(self) -> str:
        """Where a reader of the repository finds its source."""
        return f"{execution.FOLDER}/{self.source}.py"


def sources() -> list[str]:
    """Return the stems of the notebooks' sources."""
    return [path.stem for path in sorted(execution.FOLDER.glob("*.py"))]


def pages(given: Mapping[str, str] | None = None) -> dict[str, Page]:
    """Return the pages by name: one for each notebook, or as many as a template of :data:`TEMPLATES` makes.

    Parameters
    ----------
    given : mapping, optional
        Parameters, as text, of the whole build: each goes to the pages whose notebook declares it.

    Raises
    ------
    InputError
        If two pages would have the same name.
    UnknownNameError, ParameterError
        If no notebook declares a given parameter, or one that does cannot take the value.
    """
    added = _given(given or {})
    found: dict[str, Page] = {}
    for source in sources():
        for page in TEMPLATES.get(source, _only)(source):
            if page.name in found:
                raise InputError(page.file, f"two pages are named {page.name}", fix="give one another name")
            found[page.name] = Page(page.name, source, {**added.get(source, {}), **page.values}, page.title)
    return found


def reports(source: str) -> list[Page]:
    """Return the reports: one for each encoder of the registry, one for each fusion of the paper."""
    fusions = [row for row in printed_numbers.table(2)["id"] if "+" in row]
    return [
        Page(f"{source}-{slug(name)}", source, {"encoder": name}, name_of(name))
        for name in [*encoders.known(), *fusions]
    ]


TEMPLATES: dict[str, Callable[[str], list[Page]]] = {"encoder": reports}
"""Notebooks that make several pages, and which."""


def slug(name: str) -> str:
    """Return a name that needs no escape in an address.

    >>> slug("videomaev2+hubert")
    'videomaev2-hubert'
    """
    return re.sub(r"[^\w.-]", "-", name, flags=re.ASCII)


def expanded(table: Mapping[str, Any], found: Mapping[str, Page]) -> dict[str, Any]:
    """Return the table of contents with all pages of a template where it names the template's notebook."""
    by_file: dict[str, list[dict[str, str]]] = {}
    for page in found.values():
        title = {"title": page.title} if page.title else {}
        by_file.setdefault(f"{execution.FOLDER}/{page.source}", []).append(
            {"file": f"{execution.FOLDER}/{page.name}"} | title
        )
    out = dict(table)
    for key in ("parts", "chapters", "sections"):
        if key in table:
            out[key] = [entry for one in table[key] for entry in _expanded_entry(one, found, by_file)]
    return out


def _expanded_entry(
    one: Mapping[str, Any], found: Mapping[str, Page], by_file: Mapping[str, list[dict[str, str]]]
) -> list[dict[str, Any]]:
    made = by_file.get(str(one.get("file")), [])
    if any("title" in entry for entry in made):
        return list(made)
    return [expanded(one, found)]


def _only(source: str) -> list[Page]:
    return [Page(source, source)]


def _given(texts: Mapping[str, str]) -> dict[str, dict[str, object]]:
    """Return the given parameters by notebook, typed; those that a notebook has by default are left out."""
    if not texts:
        return {}
    twins = {source: execution.FOLDER / f"{source}.ipynb" for source in sources()}
    declared = {source: execution.declared(path) for source, path in twins.items()}
    known = sorted({name for defaults in declared.values() for name in defaults})
    for name in texts:
        if name not in known:
            raise UnknownNameError("parameter of any page", name, known or ["none"])
    found: dict[str, dict[str, object]] = {}
    for source, defaults in declared.items():
        values = execution.typed(twins[source], {name: text for name, text in texts.items() if name in defaults})
        execution.check(twins[source], values)
        found[source] = {name: value for name, value in values.items() if value != defaults[name]}
    return found
