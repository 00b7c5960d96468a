"""Execute the pages of the book, and only those whose content or inputs have changed."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from jupyter_core.utils import ensure_event_loop
from nbformat import NotebookNode

from blemore import notebook
from blemore.dependencies import CHECKED, parts
from blemore.errors import BlemoreError, PageError
from blemore.fragments import DATA_TYPE
from blemore.sources import sha256_of

BUILT = Path("build/pages")
"""Executed pages and, beside each, what it was made from and what it found (JSON)."""

Card = dict[str, dict[str, str]]
"""What a provenance card tells the builder: ``inputs`` by name, ``results`` by name."""

PARALLEL = 2
"""Pages executed at a time: each has a kernel of its own."""


@dataclass(frozen=True)
class State:
    """What a page was made from when it was last executed, and what it found.

    ``parts`` maps each thing that it depends on to a digest, ``inputs`` names the inputs that it asked
    for, ``results`` is what other pages may quote, ``twin`` the digest of the notebook that was run.
    """

    parts: dict[str, str]
    inputs: list[str]
    results: dict[str, str]
    twin: str


def names() -> list[str]:
    """Return the names of the pages, one for each source in ``notebooks/``."""
    return [path.stem for path in sorted(notebook.FOLDER.glob("*.py"))]


def why(name: str) -> list[str]:
    """Return what has changed since a page was last executed; nothing if it is up to date."""
    state = _state(name)
    now = _parts(name, state.inputs if state else [])
    if not state or not (BUILT / f"{name}.ipynb").exists():
        return ["never executed"]
    before = state.parts
    changed = (part for part in sorted({*before, *now}) if before.get(part) != now.get(part))
    return [f"{part} {_verb(part, before, now)}" for part in changed]


def execute(tell: Callable[[str], None]) -> list[str]:
    """Execute every page that is not up to date; return their names.

    Raises
    ------
    PageError
        If pages failed, after the others have run; the last good version of a failed page stays.
    """
    _refresh_twins()
    failures: list[str] = []
    reasons: list[str] = []
    before = {}  # what pages are made from, taken before they run: an edit during the run counts as later
    for name in names():
        try:
            if found := why(name):
                before[name] = _parts(name, []), _twin_digest(name)
                reasons.append(name)
                tell(f"{name}: {'; '.join(found[:3])}{f' and {len(found) - 3} more' if len(found) > 3 else ''}")
        except PageError as error:  # its source is no Python; the others go on
            failures.append(_failure(name, error))
    with ThreadPoolExecutor(PARALLEL) as pool:
        answers = list(pool.map(lambda name: _execute(name, tell), reasons))
    for name, answer in zip(reasons, answers, strict=True):
        if isinstance(answer, BlemoreError):
            failures.append(_failure(name, answer))
        else:
            _remember(name, *before[name], answer)
    if failures:
        raise PageError("\n".join(failures))
    return reasons


def results() -> dict[str, str]:
    """Return what the executed pages offer for quotation, as ``page.name`` -> text."""
    states = {name: state for name in names() if (state := _state(name))}
    return {f"{name}.{key}": value for name, state in states.items() for key, value in state.results.items()}


def _execute(name: str, tell: Callable[[str], None]) -> Card | BlemoreError:
    """Run a page and return what its provenance card tells, or the error that stopped it."""
    start = time.monotonic()
    cards: list[Card] = []
    try:
        notebook.run(notebook.FOLDER / f"{name}.ipynb", BUILT / f"{name}.ipynb",
                     accept=lambda executed: cards.append(_card(name, executed)))  # fmt: skip
    except BlemoreError as error:
        return error
    finally:
        ensure_event_loop().close()  # the kernel's client leaves this thread's loop open
    tell(f"{name}: executed in {time.monotonic() - start:.1f} s")
    return cards[0]


def _card(name: str, executed: NotebookNode) -> Card:
    """Return a page's provenance card; refuse a page without one, or one that writes to stderr."""
    outputs = [output for cell in executed.cells for output in cell.get("outputs", [])]
    if noise := [output["text"] for output in outputs if output.get("name") == "stderr"]:
        raise PageError(f"notebooks/{name}.py: writes to stderr, which a page must not: {noise[0].strip()}")
    cards: list[Card] = [output["data"][DATA_TYPE] for output in outputs if DATA_TYPE in output.get("data", {})]
    if len(cards) != 1:
        raise PageError(f"notebooks/{name}.py: shows {len(cards)} provenance cards; a page ends with one")
    return cards[0]


def _remember(name: str, made_from: dict[str, str], twin: str, card: Card) -> None:
    inputs = {part: sha for part, sha in card["inputs"].items() if part.split("/")[0] in CHECKED}
    made_from = made_from | {f"input {part}": sha for part, sha in inputs.items()}
    state = State(made_from, sorted(inputs), card["results"], twin)
    notebook.write_atomically(BUILT / f"{name}.json", json.dumps(asdict(state), indent=1, sort_keys=True) + "\n")


def _failure(name: str, error: BlemoreError) -> str:
    state = _state(name)
    asked = ", ".join(state.inputs) if state else ""
    kept = "its last good version stays" if (BUILT / f"{name}.ipynb").exists() else "there is no earlier version"
    return f"{error}; inputs when it last ran: {asked or 'none known'}; {kept}"


def _parts(name: str, inputs: list[str]) -> dict[str, str]:
    return parts(notebook.FOLDER / f"{name}.py", {}, inputs)


def _refresh_twins() -> None:
    """Write the twins of changed sources, but never over a twin that somebody edited by hand.

    A twin may be replaced if it was made: written here before, or that of the source in the last commit.
    """
    BUILT.mkdir(parents=True, exist_ok=True)
    record = BUILT / "twins.json"
    written = json.loads(record.read_text(encoding="utf-8")) if record.exists() else {}
    for name in names():
        source = notebook.FOLDER / f"{name}.py"
        path = source.with_suffix(".ipynb")
        if not path.exists() or written.get(name) == _twin_digest(name):
            continue
        if path.read_text(encoding="utf-8") not in (notebook.twin(source), _committed_twin(source)):
            raise PageError(
                f"{path} was edited, but pages are made from {source}; bring the change over with "
                f"`jupytext --to py:percent {path}`, or discard it with `make twins`"
            )
    notebook.write_twins()
    notebook.write_atomically(record, json.dumps({name: _twin_digest(name) for name in names()}, indent=1) + "\n")


def _committed_twin(source: Path) -> str | None:
    """Return the twin of a source as it was in the last commit, or None."""
    try:
        shown = subprocess.run(["git", "show", f"HEAD:./{source.name}"], cwd=source.parent, capture_output=True)
    except FileNotFoundError:
        return None
    return None if shown.returncode else notebook.twin(source, shown.stdout.decode("utf-8"))


def _twin_digest(name: str) -> str:
    return sha256_of(notebook.FOLDER / f"{name}.ipynb")


def _state(name: str) -> State | None:
    try:
        return State(**json.loads((BUILT / f"{name}.json").read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):  # none, or of an earlier form: executed anew
        return None


def _verb(part: str, before: dict[str, str], now: dict[str, str]) -> str:
    return "is new" if part not in before else "is gone" if part not in now else "changed"
