"""Strict papermill runs: what cannot be right is refused before a kernel starts, and outputs are clean.

papermill itself only warns of an unknown parameter and runs with the default, leaves half-written
output behind, and stores times, paths and random cell ids.
"""

from __future__ import annotations

import ast
import logging
import re
import tempfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import jupytext
import nbformat
import papermill
from jupyter_client.kernelspec import NoSuchKernel
from nbformat import NotebookNode
from papermill.exceptions import PapermillExecutionError
from papermill.iorw import load_notebook_node

from blemore.book import kernels
from blemore.book import parameters as known
from blemore.book.parameters import ParameterError
from blemore.errors import InputError, PageError, UnknownNameError
from blemore.system import fingerprints
from blemore.system.files import check_regular, write_atomically

FOLDER = Path("notebooks")
"""Where the sources (py:percent) and their stripped twins (.ipynb) lie."""

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


_PARSING = threading.Lock()  # Python 3.11 loses count when two threads build syntax trees


def twin(source: Path) -> str:
    """Return the stripped .ipynb of a py:percent source as text; the same text for the same source.

    Its metadata hold a digest of its cells, by which :func:`edited` knows whether they are still those.
    """
    notebook = jupytext.read(source)
    notebook.metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    notebook.metadata["blemore"] = {"cells": _cells_digest(notebook)}
    for i, cell in enumerate(notebook.cells):
        cell.id = f"{source.stem}-{i}"
    return _text(notebook)


def edited(twin: Path) -> bool:
    """Tell whether somebody changed the cells of a twin since it was written."""
    notebook = nbformat.read(twin, as_version=4)  # type: ignore[no-untyped-call]
    return bool(notebook.metadata.get("blemore", {}).get("cells") != _cells_digest(notebook))


def _cells_digest(notebook: NotebookNode) -> str:
    return fingerprints.digest(
        [[cell.cell_type, cell.source, cell.metadata.get("tags", [])] for cell in notebook.cells]
    )


def write_twins(folder: Path = FOLDER) -> list[Path]:
    """Write the .ipynb twin of every source that has changed; return those written."""
    written = []
    for source in sorted(folder.glob("*.py")):
        path, text = source.with_suffix(".ipynb"), twin(source)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            write_atomically(path, text)
            written.append(path)
    return written


def declared(notebook: Path) -> dict[str, object]:
    """Return the parameters that a notebook declares, with their defaults.

    Raises
    ------
    InputError
        If there is no such notebook, or it is not an .ipynb.
    """
    if not notebook.is_file():
        raise InputError(notebook, "no such notebook", fix="check the path")
    if notebook.suffix != ".ipynb":
        raise InputError(notebook, "not an .ipynb", fix="name its twin; `make twins` writes it from the .py")
    return _declared(notebook, lambda: load_notebook_node(str(notebook)))


def declared_in_source(source: Path) -> dict[str, object]:
    """Return what :func:`declared` does, from a py:percent source, whose twin may be absent or of another day."""
    return _declared(source, lambda: jupytext.read(source))


def _declared(path: Path, read: Callable[[], NotebookNode]) -> dict[str, object]:
    try:
        tagged = [cell.source for cell in read().cells if "parameters" in cell.metadata.get("tags", [])]
        with _PARSING:
            assigned = ast.parse(tagged[0]).body if tagged else []
    except Exception as error:  # papermill, nbformat and jupytext raise many kinds for a file that is not a notebook
        raise InputError(path, "cannot be read as a notebook", got=str(error).splitlines()[0]) from None
    return dict(_default(path, one) for one in assigned if isinstance(one, ast.Assign | ast.AnnAssign))


def _default(notebook: Path, assigned: ast.Assign | ast.AnnAssign) -> tuple[str, object]:
    name = ast.unparse(assigned.target if isinstance(assigned, ast.AnnAssign) else assigned.targets[0])
    try:
        return name, ast.literal_eval(assigned.value)  # type: ignore[arg-type]
    except ValueError:
        got = ast.unparse(assigned)
        raise InputError(notebook, f"parameter {name} has a default that is not a plain value", got=got) from None


def check(notebook: Path, values: Mapping[str, object]) -> None:
    """Refuse parameters that a notebook does not declare, of the wrong type or of an unknown value.

    Raises
    ------
    UnknownNameError, ParameterError
    """
    defaults = declared(notebook)
    for name, value in values.items():
        if name not in defaults:
            raise UnknownNameError(f"parameter of {notebook.name}", name, list(defaults) or ["none"])
        kind = type(defaults[name])
        fits = isinstance(value, kind) or (kind is float and isinstance(value, int))
        if not fits or (isinstance(value, bool) and kind is not bool):
            raise ParameterError(f"parameter {name} of {notebook.name}: expected {kind.__name__}, got {value!r}")
    known.check(**{**defaults, **values})


def typed(notebook: Path, texts: Mapping[str, str]) -> dict[str, object]:
    """Turn parameters given as text into the types that the notebook declares."""
    defaults = declared(notebook)
    values: dict[str, object] = {}
    for name, text in texts.items():
        default = defaults.get(name)
        if default is None or isinstance(default, str):
            values[name] = text  # an unknown name is for `check` to refuse
            continue
        try:
            values[name] = ast.literal_eval(text.title() if isinstance(default, bool) else text)
        except (ValueError, SyntaxError):
            values[name] = text
    return values


def run(
    notebook: Path,
    out: Path,
    values: Mapping[str, object] | None = None,
    accept: Callable[[NotebookNode], None] = lambda executed: None,
) -> NotebookNode:
    """Execute a notebook with parameters; write it scrubbed, and only if every cell succeeded.

    ``accept`` sees the result before it is written, and may raise to keep it from being so.

    Raises
    ------
    UnknownNameError, ParameterError, InputError
        For bad parameters, before a kernel starts.
    PageError
        If a cell fails; the text names cell, error and parameters. ``out`` stays as it was.
    """
    values = dict(values or {})
    check(notebook, values)
    if out.is_dir() or out.resolve() == notebook.resolve():
        raise InputError(out, "cannot be written to", got="a folder" if out.is_dir() else "the notebook itself")
    check_regular(out)
    logging.getLogger("papermill").setLevel(logging.ERROR)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=out.parent).close()
    except OSError as error:
        raise InputError(out, "cannot be written to", got=str(error)) from None
    executed = _execute(notebook, values)
    for cell in executed.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "error":  # papermill takes SystemExit for an end, and the page would be short
                raise PageError(_failure(notebook, cell.source, f"{output.ename}: {output.evalue}", values))
    scrubbed = scrub(executed)
    accept(scrubbed)
    write_atomically(out, _text(scrubbed))
    return scrubbed


def _execute(notebook: Path, values: Mapping[str, object]) -> NotebookNode:
    """Execute a notebook in a kernel of its own, and write nothing."""
    with kernels.private() as kernel:
        try:
            executed: NotebookNode = papermill.execute_notebook(
                _plain(notebook), None, dict(values),
                kernel_name="python3", language="python", kernel_manager_class=kernel, progress_bar=False,
            )  # fmt: skip
            return executed
        except PapermillExecutionError as error:
            raise PageError(_failure(notebook, error.source, f"{error.ename}: {error.evalue}", values)) from None
        except (RuntimeError, NoSuchKernel, OSError) as error:  # the kernel died or did not start
            ended = f" ({end})" if (end := kernel.end()) else ""
            raise PageError(f"{notebook}: {error}{ended}; {_given(values)}") from None


def _plain(path: Path) -> str:
    """Return a path as papermill wants it, which takes braces for a template."""
    return str(path).replace("{", "{{").replace("}", "}}")


def scrub(notebook: NotebookNode) -> NotebookNode:
    """Remove what differs from run to run: times, paths, random cell ids, how prints were cut into messages.

    Two runs of the same notebook on the same inputs are then equal byte for byte.
    """
    notebook.metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    for i, cell in enumerate(notebook.cells):
        cell.id = f"cell-{i}"
        for key in ("papermill", "execution"):
            cell.metadata.pop(key, None)
        whole: list[NotebookNode] = []
        for output in cell.get("outputs", []):
            output.get("metadata", {}).pop("execution", None)
            if whole and output.get("name") and output.get("name") == whole[-1].get("name"):
                whole[-1]["text"] += output["text"]
            else:
                whole.append(output)
        if "outputs" in cell:
            cell.outputs = whole
    return notebook


def _text(notebook: NotebookNode) -> str:
    return str(nbformat.writes(notebook, version=4)) + "\n"  # type: ignore[no-untyped-call]


def _failure(notebook: Path, source: str, said: str, values: Mapping[str, object]) -> str:
    cells = nbformat.read(notebook, as_version=4).cells  # type: ignore[no-untyped-call]
    number = next((i for i, cell in enumerate(cells, start=1) if cell.source == source), 0)
    lines = [line for line in source.splitlines() if line.strip()]
    said = " ".join(re.sub(r"\x1b\[[0-9;]*m", "", said).split())
    return f"{notebook}: cell {number or 'of parameters'} failed with {said}; {_given(values)}; it begins: {lines[0]}"


def _given(values: Mapping[str, object]) -> str:
    return "parameters: " + (", ".join(f"{name}={value!r}" for name, value in values.items()) or "defaults")
