"""What a page depends on, by content: its notebook, parameters, modules, reference files, inputs and the user's files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from blemore import encoders
from blemore.book import execution
from blemore.book.parameters import PATHS
from blemore.sources import lookup
from blemore.system import files, fingerprints

LOCK = Path("requirements.lock")

CHECKED = ("released", "zenodo")
"""Kinds of inputs that a page asks for by name, and whose content may change between two builds."""


STATES: dict[str, tuple[str, Callable[[], object]]] = {
    "blemore.encoders": ("encoders of other packages", lambda: [repr(one) for one in _others()]),
    "blemore.encoders.trial_run": (
        "encoders at hand",
        lambda: [one.name for one in encoders.known().values() if one.available],
    ),
}
"""What a page depends on through a module, beside files and inputs: its name, and what it is now (falsy for nothing)."""


def parts(source: Path, values: Mapping[str, object], inputs: Iterable[str]) -> dict[str, str]:
    """Return a digest for each thing that a page depends on, by the thing's name.

    Parameters
    ----------
    source : path
        The page's py:percent source.
    values : parameters of the run
        Those that name files or folders (:mod:`blemore.book.parameters`) stand for their content, too.
    inputs : names of the inputs that its last run asked for
    """
    found = {"notebook": fingerprints.sha256_of(source), "parameters": fingerprints.digest(dict(values))}
    if LOCK.exists():
        found["pinned versions"] = fingerprints.sha256_of(LOCK)
    found |= fingerprints.code(source) | fingerprints.references(source)
    for module in sorted(fingerprints.modules(source) & set(STATES)):
        name, state = STATES[module]
        if now := state():
            found[name] = fingerprints.digest(now)
    for name, value in {**execution.declared_in_source(source), **values}.items():
        if name in PATHS and value:
            found[f"{name} {value}"] = _of_file(Path(str(value)))
    for name in inputs:
        if name.split("/")[0] in CHECKED:  # a record of an earlier version may name others
            found[f"input {name}"] = lookup.digest(name)
    return found


def _of_file(path: Path) -> str:
    try:
        return fingerprints.sha256_of(path)
    except FileNotFoundError:
        return "absent"
    except OSError as error:
        raise files.unreadable(path, error) from None


def _others() -> list[encoders.Encoder]:
    return [one for name, one in encoders.known().items() if name not in encoders.REGISTRY]
