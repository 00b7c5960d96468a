"""Execute the pages of the book, and only those whose content or inputs have changed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from jupyter_core.utils import ensure_event_loop
from nbformat import NotebookNode

from blemore.book import contents, execution, kernels
from blemore.book.contents import Page
from blemore.book.dependencies import CHECKED, parts
from blemore.errors import BlemoreError, InputError, Interrupted, PageError
from blemore.show.html import DATA_TYPE
from blemore.system.files import write_atomically

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
    for, ``results`` is what other pages may quote.
    """

    parts: dict[str, str]
    inputs: list[str]
    results: dict[str, str]


def names() -> list[str]:
    """Return the names of the pages: one for each source in ``notebooks/``, several for a template."""
    return list(contents.pages())


def check_folder() -> None:
    """Refuse to work outside a clone of the repository, where there are no notebooks."""
    if not contents.sources():
        raise InputError(Path.cwd(), f"no {execution.FOLDER}/*.py here", fix="run this in the root of the repository")


def why(name: str, given: Mapping[str, str] | None = None) -> list[str]:
    """Return what has changed since a page was last executed; nothing if it is up to date.

    ``given`` are parameters of the build, see :func:`blemore.book.contents.pages`.
    """
    return _why(contents.pages(given)[name])


def reasons(given: Mapping[str, str] | None = None) -> dict[str, list[str]]:
    """Return :func:`why` of every page, by name."""
    return {name: _why(page) for name, page in contents.pages(given).items()}


def execute(tell: Callable[[str], None], given: Mapping[str, str] | None = None) -> list[str]:
    """Execute every page that is not up to date; return their names.

    Parameters
    ----------
    tell : function
        Takes a line about what happens.
    given : mapping, optional
        Parameters of the build, see :func:`blemore.book.contents.pages`.

    Raises
    ------
    PageError
        If pages failed, after the others have run; the last good version of a failed page stays.
    """
    _refresh_twins()
    failures: list[str] = []
    due: list[Page] = []
    before = {}  # what pages are made from, taken before they run: an edit during the run counts as later
    for name, page in contents.pages(given).items():
        try:
            if found := _why(page):
                before[name] = _parts(page, [])
                due.append(page)
                tell(f"{name}: {'; '.join(found[:3])}{f' and {len(found) - 3} more' if len(found) > 3 else ''}")
        except BlemoreError as error:  # e.g. its source is not Python; the other pages are executed
            failures.append(_failure(name, error))
    errors = _execute_all(due, before, tell)
    failures += [_failure(page.name, error) for page, error in zip(due, errors, strict=True) if error]
    if failures:
        raise PageError("\n".join(failures))
    return [page.name for page in due]


def _execute_all(
    due: list[Page], before: Mapping[str, dict[str, str]], tell: Callable[[str], None]
) -> list[BlemoreError | None]:
    """Execute pages, some at a time; where that is interrupted, end their kernels."""
    with ThreadPoolExecutor(PARALLEL) as pool:
        running = [pool.submit(_execute, page, before[page.name], tell) for page in due]
        try:
            return [one.result() for one in running]
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            while not all(one.done() for one in running):  # again and again: a kernel may just have been starting
                kernels.kill()
                time.sleep(0.2)
            done = sum(not one.cancelled() and one.result() is None for one in running)
            how = "`make book` executes the others"
            raise Interrupted(f"interrupted; {done} of {len(due)} pages were executed and are kept; {how}") from None


def results() -> dict[str, str]:
    """Return what the executed pages offer for quotation, as ``page.name`` -> text."""
    states = {name: state for name in names() if (state := _state(name))}
    return {f"{name}.{key}": value for name, state in states.items() for key, value in state.results.items()}


def _why(page: Page) -> list[str]:
    state = _state(page.name)
    now = _parts(page, state.inputs if state else [])
    if not state or not (BUILT / f"{page.name}.ipynb").exists():
        return ["never executed"]
    before = state.parts
    changed = (part for part in sorted({*before, *now}) if before.get(part) != now.get(part))
    return [f"{part} {_verb(part, before, now)}" for part in changed]


def _execute(page: Page, made_from: dict[str, str], tell: Callable[[str], None]) -> BlemoreError | None:
    """Run a page and remember what it was made from; return the error that stopped it."""
    start = time.monotonic()
    cards: list[Card] = []
    twin = execution.FOLDER / f"{page.source}.ipynb"

    def accept(executed: NotebookNode) -> None:
        cards.append(_card(page, executed))
        (BUILT / f"{page.name}.json").unlink(missing_ok=True)  # killed from here on, the page counts as never executed

    try:
        execution.run(twin, BUILT / f"{page.name}.ipynb", page.values, accept=accept)
        _remember(page.name, made_from, cards[0])
    except BlemoreError as error:
        return error
    except OSError as error:
        return PageError(f"{twin}: {error}")
    finally:
        ensure_event_loop().close()  # the kernel's client leaves this thread's loop open
    tell(f"{page.name}: executed in {time.monotonic() - start:.1f} s")
    return None


def _card(page: Page, executed: NotebookNode) -> Card:
    """Return a page's provenance card; refuse a page without one, or one that writes to stderr."""
    where = page.file + (f" for {page.name}" if page.name != page.source else "")
    outputs = [output for cell in executed.cells for output in cell.get("outputs", [])]
    if noise := [output["text"] for output in outputs if output.get("name") == "stderr"]:
        raise PageError(f"{where}: writes to stderr, which a page must not: {noise[0].strip()}")
    cards: list[Card] = [output["data"][DATA_TYPE] for output in outputs if DATA_TYPE in output.get("data", {})]
    if len(cards) != 1:
        raise PageError(f"{where}: shows {len(cards)} provenance cards; a page ends with one")
    return cards[0]


def _remember(name: str, made_from: dict[str, str], card: Card) -> None:
    inputs = {part: sha for part, sha in card["inputs"].items() if part.split("/")[0] in CHECKED}
    made_from = made_from | {f"input {part}": sha for part, sha in inputs.items()}
    state = State(made_from, sorted(inputs), card["results"])
    write_atomically(BUILT / f"{name}.json", json.dumps(asdict(state), indent=1, sort_keys=True) + "\n")


def _failure(name: str, error: BlemoreError) -> str:
    state = _state(name)
    asked = ", ".join(state.inputs) if state else ""
    kept = "its last good version stays" if (BUILT / f"{name}.ipynb").exists() else "there is no earlier version"
    return f"{error}; inputs when it last ran: {asked or 'none known'}; {kept}"


def _parts(page: Page, inputs: list[str]) -> dict[str, str]:
    return parts(Path(page.file), page.values, inputs)


def _refresh_twins() -> None:
    """Write the twins of changed sources, but never over a twin that somebody edited by hand."""
    for name in contents.sources():
        source = execution.FOLDER / f"{name}.py"
        path = source.with_suffix(".ipynb")
        if path.exists() and execution.edited(path):
            raise PageError(
                f"{path} was edited, but pages are made from {source}; bring the change over with "
                f"`jupytext --to py:percent {path}`, or discard it with `make twins`"
            )
    execution.write_twins()


def _state(name: str) -> State | None:
    try:
        return State(**json.loads((BUILT / f"{name}.json").read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):  # none, or of an earlier form: executed anew
        return None


def _verb(part: str, before: dict[str, str], now: dict[str, str]) -> str:
    return "is new" if part not in before else "is gone" if part not in now else "changed"
