"""What a page depends on, by content: its notebook, parameters, modules, reference files, inputs and the user's files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from blemore import encoders, files, identity, notebook, sources
from blemore.parameters import PATHS

LOCK = Path("requirements.lock")

CHECKED = ("released", "zenodo")
"""Kinds of inputs that a page asks for by name, and whose content may change between two builds."""


STATES: dict[str, tuple[str, Callable[[], object]]] = {
    "blemore.encoders": ("encoders of other packages", lambda: [repr(one) for one in _others()]),
    "blemore.rehearsal": ("encoders at hand", lambda: [one.name for one in encoders.known().values() if one.available]),
}
"""What a page depends on through a module, beside files and inputs: its name, and what it is now (falsy for nothing)."""


def parts(source: Path, values: Mapping[str, object], inputs: Iterable[str]) -> dict[str, str]:
    """Return a digest for each thing that a page depends on, by the thing's name.

    Parameters
    ----------
    source : path
        The page's py:percent source.
    values : parameters of the run
        Those that name files or folders (:mod:`blemore.parameters`) stand for their content, too.
    inputs : names of the inputs that its last run asked for
    """
    found = {"notebook": identity.sha256_of(source), "parameters": identity.digest(dict(values))}
    if LOCK.exists():
        found["pinned versions"] = identity.sha256_of(LOCK)
    found |= identity.code(source) | identity.references(source)
    for module in sorted(identity.modules(source) & set(STATES)):
        name, state = STATES[module]
        if now := state():
            found[name] = identity.digest(now)
    for name, value in {**notebook.declared_in_source(source), **values}.items():
        if name in PATHS and value:
            found[f"{name} {value}"] = _of_file(Path(str(value)))
    for name in inputs:
        if name.split("/")[0] in CHECKED:  # a record of an earlier version may name others
            found[f"input {name}"] = sources.digest(name)
    return found


def _of_file(path: Path) -> str:
    try:
        return identity.sha256_of(path)
    except FileNotFoundError:
        return "absent"
    except OSError as error:
        raise files.unreadable(path, error) from None


def _others() -> list[encoders.Encoder]:
    return [one for name, one in encoders.known().items() if name not in encoders.REGISTRY]
