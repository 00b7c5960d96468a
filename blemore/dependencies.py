"""What a page depends on, by content: its notebook, parameters, modules, reference files and inputs."""

from __future__ import annotations

import ast
import functools
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from blemore import encoders, sources
from blemore.errors import PageError

PACKAGE = Path(__file__).parent
REFERENCE = PACKAGE / "reference"
LOCK = Path("requirements.lock")

_parsed = functools.cache(ast.parse)  # every page asks for nearly the same modules, twice

CHECKED = ("released", "zenodo")
"""Kinds of inputs whose content may change between two builds; what was recorded is a reference file."""


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
    inputs : names of the inputs that its last run asked for
    """
    found = {"notebook": sources.sha256_of(source), "parameters": _sha(json.dumps(dict(values), sort_keys=True))}
    if LOCK.exists():
        found["pinned versions"] = sources.sha256_of(LOCK)
    texts = [source.read_text(encoding="utf-8")]
    imported = modules(source)
    for module in sorted(imported):
        path = _path(module)
        found[f"module {module}"] = sources.sha256_of(path)
        texts.append(path.read_text(encoding="utf-8"))
    for module in sorted(imported & set(STATES)):
        name, state = STATES[module]
        if now := state():
            found[name] = _sha(json.dumps(now))
    for path in reference_files(texts):
        found[f"reference {path.relative_to(REFERENCE)}"] = sources.sha256_of(path)
    for name in inputs:
        if name.split("/")[0] in CHECKED:  # a record of an earlier version may name others
            found[f"input {name}"] = sources.digest(name)
    return found


def modules(source: Path) -> set[str]:
    """Return the modules of the package that a Python file imports, directly or not."""
    todo, found = list(_imports(source)), {"blemore"}
    while todo:
        if (module := todo.pop()) not in found:
            found.add(module)
            todo += _imports(_path(module))
    return found


def reference_files(texts: Iterable[str]) -> list[Path]:
    """Return the files of ``blemore/reference`` that Python code names; recorded tables by their stem."""
    files = [path for path in sorted(REFERENCE.rglob("*")) if path.is_file()]
    found = set()
    for text in texts:
        named = {node.value for node in ast.walk(_parsed(text)) if isinstance(node, ast.Constant)}
        reads = re.search(r"^(from|import) .*\brecorded\b", text, re.MULTILINE) is not None
        found |= {
            path
            for path in files
            if path.name in named or (reads and path.parent.name == "recorded" and path.stem in named)
        }
    return sorted(found)


def _others() -> list[encoders.Encoder]:
    return [one for name, one in encoders.known().items() if name not in encoders.REGISTRY]


def _imports(path: Path) -> Iterator[str]:
    try:
        tree = _parsed(path.read_text(encoding="utf-8"))
    except SyntaxError as error:
        raise PageError(f"{path}: line {error.lineno} is no Python (SyntaxError: {error.msg})") from None
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in names:
            steps = name.split(".")
            for module in (
                ".".join(steps[: i + 1]) for i in range(len(steps))
            ):  # importing a module imports its packages
                if steps[0] == PACKAGE.name and _path(module).exists():
                    yield module


def _path(module: str) -> Path:
    path = PACKAGE.parent.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
