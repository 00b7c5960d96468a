"""What something was made of: one way to say so for pages, trained runs, simulated features and recorded tables.

Whatever is kept to be found again bears a digest of all that went into it. Values and files count by content, never by
time. Code counts by meaning: comments, docstrings and layout may change, and nothing is computed again.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import json
import os
import re
import time
from collections.abc import Collection, Iterator
from importlib import metadata
from pathlib import Path

from blemore.errors import PageError
from blemore.system import files

PACKAGE = Path(__file__).parents[1]
REFERENCE = PACKAGE / "paper" / "reference"

LIBRARIES = {"numpy": "numpy", "scipy": "scipy", "sklearn": "scikit-learn", "torch": "torch"}
"""Libraries that decide numbers, by the name that is imported: their versions count with the code that imports them."""


def digest(value: object) -> str:
    """Return SHA-256 of a plain value, whatever the order of its keys.

    >>> digest({"a": 1, "b": "x"}) == digest({"b": "x", "a": 1})
    True
    """
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def sha256_of(path: str | Path) -> str:
    """Return the SHA-256 of a file, or of the names and digests of all files of a folder, as hexadecimal text.

    What systems leave behind in a folder does not count. A file is read again only if its size or a time has changed.

    Raises
    ------
    InputError
        If it is a device, a pipe or a socket, which may never end.
    """
    path = Path(path)
    files.check_readable(path)
    if path.is_dir():
        inside = [f"{sha256_of(one)} {one.relative_to(path)}" for one in files.below(path) if one.is_file()]
        return hashlib.sha256("\n".join(inside).encode()).hexdigest()
    about = path.stat()
    settled = time.time_ns() - about.st_ctime_ns > _SETTLED
    read = _content if settled else _content.__wrapped__
    return read(os.path.realpath(path), about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns)


_SETTLED = 2_000_000_000  # ns; a file may change twice within one tick of the file system's clock


@functools.cache
def _content(path: str, *_: int) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def code(source: Path, apart: Collection[str] = (), *, messages: bool = True) -> dict[str, str]:
    """Return a digest for each thing that a Python file computes with, by the thing's name.

    Parameters
    ----------
    source : path
        Its modules of this package, imported directly or not, and the versions of :data:`LIBRARIES` that they import.
    apart : names of modules
        Left out, and what only they import.
    messages : bool
        Whether it matters what ``raise`` statements say: on a page it does, for a result that is kept it does not.
    """
    imported = modules(source, apart)
    paths = [source, *(_path(module) for module in imported)]
    libraries = {name.split(".")[0] for path in paths for name in _names(path)} & set(LIBRARIES)
    texts = {module: _path(module).read_text(encoding="utf-8") for module in sorted(imported)}
    found = {f"module {module}": _meaning(text, messages) for module, text in texts.items()}
    return found | {f"version of {LIBRARIES[name]}": digest(version(LIBRARIES[name])) for name in sorted(libraries)}


def modules(source: Path, apart: Collection[str] = ()) -> set[str]:
    """Return the modules of the package that a Python file imports, directly or not, and itself if it is one."""
    todo, found = ["blemore", *_imports(source)], set[str]()
    if source.is_relative_to(PACKAGE):
        todo.append(".".join((PACKAGE.name, *source.relative_to(PACKAGE).with_suffix("").parts)))
    while todo:
        if (module := todo.pop()) not in found and module not in apart:
            found.add(module)
            todo += _imports(_path(module))
    return found


def references(source: Path) -> dict[str, str]:
    """Return a digest of each file of ``blemore/paper/reference`` that a Python file reads, itself or by what it imports."""
    texts = [path.read_text(encoding="utf-8") for path in (source, *map(_path, modules(source)))]
    return {f"reference {path.relative_to(REFERENCE)}": sha256_of(path) for path in reference_files(texts)}


def reference_files(texts: Collection[str]) -> list[Path]:
    """Return the files of ``blemore/paper/reference`` that Python code names; recorded tables by their stem."""
    held = [path for path in sorted(REFERENCE.rglob("*")) if path.is_file()]
    found = set()
    for text in texts:
        _, named = _walked(text)
        reads = re.search(r"^(from|import) .*\brecorded\b", text, re.MULTILINE) is not None
        found |= {
            path
            for path in held
            if path.name in named or (reads and path.parent.name == "recorded" and path.stem in named)
        }
    return sorted(found)


class _WithoutRemarks(ast.NodeTransformer):
    """Takes docstrings away; comments and layout are no part of a syntax tree."""

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        remark = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if remark else node


class _WithoutMessages(_WithoutRemarks):
    """Takes also away what errors say; when one is raised, and which, stays."""

    def visit_Raise(self, node: ast.Raise) -> ast.Raise:
        return ast.Raise(node.exc.func if isinstance(node.exc, ast.Call) else node.exc)


@functools.cache
def _meaning(text: str, messages: bool = True) -> str:
    without = _WithoutRemarks() if messages else _WithoutMessages()
    return hashlib.sha256(ast.dump(without.visit(ast.parse(text))).encode()).hexdigest()


@functools.cache
def version(library: str) -> str:
    """Return the version of an installed library, or ``absent``."""
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return "absent"


def _imports(path: Path) -> Iterator[str]:
    """Return the modules of the package that a file imports; importing a module imports its packages."""
    for name in _names(path):
        steps = name.split(".")
        for module in (".".join(steps[: i + 1]) for i in range(len(steps))):
            if steps[0] == PACKAGE.name and _path(module).exists():
                yield module


def _names(path: Path) -> frozenset[str]:
    """Return every name that a file imports, in whatever way."""
    try:
        return _walked(path.read_text(encoding="utf-8"))[0]
    except SyntaxError as error:
        raise PageError(f"{path}: line {error.lineno} is not Python (SyntaxError: {error.msg})") from None


@functools.cache  # every page asks for nearly the same modules
def _walked(text: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names that Python code imports, and its texts."""
    names, texts = set[str](), set[str]()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            texts.add(node.value)
    return frozenset(names), frozenset(texts)


def _path(module: str) -> Path:
    path = PACKAGE.parent.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
