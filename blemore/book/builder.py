"""Build the book: execute what changed, stage prose and executed pages, run Sphinx on the staged copy."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import nbformat
import yaml
from nbformat import NotebookNode

from blemore.book import contents, pages
from blemore.book.dependencies import LOCK
from blemore.errors import InputError, PageError, UnknownNameError
from blemore.show.html import DATA_TYPE
from blemore.system import files, fingerprints

PROSE = Path("book")
CONFIG, CONTENTS = Path("_config.yml"), Path("_toc.yml")
STAGED = Path("build/site-src")
FULL_CONTENTS = Path("build/_toc.yml")
"""The table of contents with the pages that a template makes."""
SITE = Path("build/site")
"""A link to the folder of the last whole site."""
LOG = Path("build/book.log")

EPOCH = "1767225600"
"""Date that Sphinx takes for today's (1 January 2026): the same inputs make the same bytes on any day."""

BUILDERS = ("jupyter-book", "myst-nb", "pydata-sphinx-theme", "Sphinx", "sphinx-book-theme", "sphinxcontrib-bibtex")
"""What turns the staged book into a site, by the names of the packages."""

_QUOTE = re.compile(r"\{\{ *([\w.-]+) *\}\}")


def build(tell: Callable[[str], None], given: Mapping[str, str] | None = None) -> Path:
    """Build the book and return the folder of its HTML; nothing is done that is done already.

    Parameters
    ----------
    tell : function
        Takes a line about what happens.
    given : mapping, optional
        Parameters for every page that declares them, see :func:`blemore.book.contents.pages`.

    Raises
    ------
    PageError
        If a page or Sphinx fails. The last good book stays as it was.
    """
    if not CONFIG.exists():
        raise InputError(Path.cwd(), f"no {CONFIG} here", fix="run this in the root of the repository")
    with files.alone(SITE.parent, "build", tell):
        try:
            return _build(tell, given)
        except OSError as error:  # while reading: whatever writes names its own failures
            raise files.unreadable(error.filename or Path.cwd(), error) from None


def _build(tell: Callable[[str], None], given: Mapping[str, str] | None) -> Path:
    pages.execute(tell, given)
    stage()
    html = SITE / "_build" / "html"
    digest = _digest([*STAGED.rglob("*"), CONFIG, CONTENTS, FULL_CONTENTS, LOCK])
    stamp = SITE / "staged.sha256"
    if stamp.exists() and _text(stamp) == digest and (html / "index.html").exists():
        tell(f"the book is up to date: {html}/index.html")
        return html
    tell("building the book")
    fresh = next(path for path in (SITE.with_name("site-a"), SITE.with_name("site-b")) if not _shown(path))
    shutil.rmtree(fresh, ignore_errors=True)
    _sphinx(fresh)
    files.write_atomically(fresh / stamp.name, digest)
    try:
        _show(fresh)
    except OSError as error:
        raise files.unusable(SITE.parent, error) from None
    tell(f"the book is ready: {html}/index.html")
    return html


def _shown(folder: Path) -> bool:
    return SITE.is_symlink() and SITE.readlink() == Path(folder.name)


def _show(fresh: Path) -> None:
    """Let the link point to a new site, by one rename: whoever reads finds the old site or the new one, whole."""
    old = SITE.resolve()
    link = SITE.with_name("site.new")
    link.unlink(missing_ok=True)
    link.symlink_to(fresh.name)
    if SITE.is_dir() and not SITE.is_symlink():  # as an earlier version left it: the only time that takes two renames
        old = SITE.with_name("site.old")
        shutil.rmtree(old, ignore_errors=True)
        SITE.rename(old)
    link.replace(SITE)
    shutil.rmtree(old, ignore_errors=True)


def stage() -> None:
    """Copy prose and executed pages to where Sphinx reads them, quoting results in the prose; complete the contents.

    Sphinx never sees the repository itself: a virtual environment below its source folder would cost
    it minutes. ``{{ page.name }}`` in prose becomes what the page found.
    """
    shutil.rmtree(STAGED, ignore_errors=True)
    there, found = contents.pages(), pages.results()
    for path in files.below(PROSE):
        if "__pycache__" not in path.parts:
            _stage(path.relative_to(PROSE), _quoting(path, found) if path.suffix == ".md" else path.read_bytes())
    for name, page in there.items():
        executed = nbformat.reads(_text(pages.BUILT / f"{name}.ipynb"), as_version=4)  # type: ignore[no-untyped-call]
        for output in (output for cell in executed.cells for output in cell.get("outputs", [])):
            output.get("data", {}).pop(DATA_TYPE, None)  # meant for the builder; Sphinx would warn of it
        if page.title:
            _entitle(executed, page.title)
        _stage(Path("notebooks", f"{name}.ipynb"), nbformat.writes(executed) + "\n")  # type: ignore[no-untyped-call]
    table = yaml.safe_load(_text(CONTENTS))
    files.write_atomically(FULL_CONTENTS, yaml.safe_dump(contents.expanded(table, there), sort_keys=False))


def _quoting(path: Path, found: Mapping[str, str]) -> str:
    """Return prose with the results that it quotes."""
    text = _text(path)
    for name in _QUOTE.findall(text):
        if name not in found:
            raise UnknownNameError(f"result quoted in {path}", name, sorted(found))
    return _QUOTE.sub(lambda match: found[match[1]], text)


def _stage(name: Path, content: bytes | str) -> None:
    files.make_folder((STAGED / name).parent)
    files.write_atomically(STAGED / name, content)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InputError(path, "cannot be read", got="a file that is not UTF-8 text", fix="save it as UTF-8") from None


def _entitle(executed: NotebookNode, title: str) -> None:
    """Set a page's title apart from those of other pages of the same notebook."""
    for cell in executed.cells:
        if cell.cell_type == "markdown" and cell.source.startswith("# "):
            heading, *rest = cell.source.split("\n")
            cell.source = "\n".join([f"{heading}: {title}", *rest])
            return


def _sphinx(output: Path) -> None:
    command = [
        str(Path(sys.executable).with_name("jupyter-book")), "build", str(STAGED), "--path-output", str(output),
        "--config", str(CONFIG), "--toc", str(FULL_CONTENTS.resolve()), "-W", "--keep-going", "--all",
    ]  # fmt: skip
    environment = {**os.environ, "SOURCE_DATE_EPOCH": EPOCH, "NO_COLOR": "1"}
    try:
        with LOG.open("w", encoding="utf-8") as log:
            code = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, env=environment).returncode
    except OSError as error:
        if error.filename == command[0]:
            raise PageError(f"{command[0]} cannot be run ({error.strerror}); run `make setup`") from None
        raise files.unusable(LOG, error) from None
    if code:
        lines = LOG.read_text(encoding="utf-8").splitlines()
        told = [line for line in lines if "WARNING" in line or "ERROR" in line or "Error" in line] or lines[-5:]
        raise PageError("\n".join(["Sphinx failed (warnings count as errors):", *told[:10], f"all of it: {LOG}"]))


def _digest(paths: list[Path]) -> str:
    """Return SHA-256 of some files and of what builds a site of them: this module and versions of packages."""
    made_of = {str(path): fingerprints.sha256_of(path) for path in paths if path.is_file()}
    builders = {name: fingerprints.version(name) for name in BUILDERS}
    return fingerprints.digest([made_of, builders, fingerprints.sha256_of(__file__)])
