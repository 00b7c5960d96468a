"""The book: what is staged for Sphinx, what prose quotes, when it is built again, and what the built pages hold."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import getpass
import itertools
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
import yaml

from blemore.book import builder, contents, execution, pages
from blemore.errors import InputError, PageError, UnknownNameError
from blemore.paper import comparison
from blemore.show.html import DATA_TYPE
from blemore.system import files, fingerprints
from tests.conftest import ROOT
from tests.show.test_page_tables import PAGES, fragments_of

PROSE = sorted((ROOT / "book").glob("**/*.md"))
QUOTE = re.compile(r"\{\{(.*?)\}\}")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small repository whose one page is executed already; Sphinx only writes down that it was asked."""
    monkeypatch.chdir(tmp_path)
    state = {field.name: "" for field in dataclasses.fields(pages.State)}
    state |= {"parts": {}, "inputs": [], "results": {"clips": "3,050", "actors": "58"}}
    for name, text in {
        "_config.yml": "title: small\n",
        "_toc.yml": "root: intro\n",
        "requirements.lock": "numpy==2.0\n",
        "secret.txt": "of the repository",
        ".venv/lib/module.py": "import this\n",
        "blemore/module.py": "x = 1\n",
        "book/intro.md": "There are {{ counts.clips }} clips and {{counts.actors}} actors.\n",
        "book/_static/style.css": "p {}\n",
        "book/_ext/extension.py": "def setup(app): ...\n",
        "book/_ext/__pycache__/extension.pyc": "bytes",
        "notebooks/counts.py": "# %%\n1\n",
        "build/pages/counts.json": json.dumps(state),
        "build/pages/other.ipynb": "no notebook of this repository",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    data = {"text/html": "<p>card</p>", DATA_TYPE: {"inputs": {}, "results": {}}}
    cell = nbformat.v4.new_code_cell("1", id="cell-0", outputs=[nbformat.v4.new_output("display_data", data=data)])
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "build/pages/counts.ipynb")
    monkeypatch.setattr(pages, "execute", lambda tell, given=None: [])
    return tmp_path


@pytest.fixture
def sphinx(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Where Sphinx was asked to write; it writes one file."""
    asked: list[Path] = []

    def write(output: Path) -> None:
        asked.append(output)
        (output / "_build" / "html").mkdir(parents=True)
        (output / "_build" / "html" / "index.html").write_text(f"book {len(asked)}")

    monkeypatch.setattr(builder, "_sphinx", write)
    return asked


def staged(home: Path) -> list[str]:
    return sorted(str(p.relative_to(home / builder.STAGED)) for p in (home / builder.STAGED).rglob("*") if p.is_file())


def build() -> tuple[str, list[str]]:
    told: list[str] = []
    html = builder.build(told.append)
    return (html / "index.html").read_text(), told


def test_staged_are_prose_and_executed_pages_and_nothing_else_of_the_repository(home: Path) -> None:
    builder.stage()
    assert staged(home) == ["_ext/extension.py", "_static/style.css", "intro.md", "notebooks/counts.ipynb"]
    (home / "book/intro.md").rename(home / "book/start.md")
    builder.stage()
    assert staged(home) == ["_ext/extension.py", "_static/style.css", "notebooks/counts.ipynb", "start.md"]


def test_prose_quotes_what_pages_found(home: Path) -> None:
    builder.stage()
    assert (home / builder.STAGED / "intro.md").read_text() == "There are 3,050 clips and 58 actors.\n"
    assert "{{" in (home / "book/intro.md").read_text()


@pytest.mark.parametrize("place", ["book/intro.md", "book/appendix/more.md"])
def test_quote_of_an_unknown_result_is_refused_with_its_page_and_a_suggestion(place: str, home: Path) -> None:
    (home / place).parent.mkdir(exist_ok=True)
    (home / place).write_text("There are {{ counts.clps }} clips.\n")
    with pytest.raises(UnknownNameError, match=rf"{place} 'counts.clps'; did you mean 'counts.clips'"):
        builder.stage()


def test_what_a_page_tells_the_builder_is_not_staged(home: Path) -> None:
    builder.stage()
    (cell,) = nbformat.read(home / builder.STAGED / "notebooks/counts.ipynb", as_version=4).cells
    assert set(cell.outputs[0].data) == {"text/html"}
    assert DATA_TYPE in (home / "build/pages/counts.ipynb").read_text()


def test_page_of_a_template_is_staged_under_its_own_title_and_the_contents_name_it(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [contents.Page(f"counts-{slug}", "counts", {"encoder": slug}, slug.upper()) for slug in ("a", "b")]
    monkeypatch.setattr(contents, "TEMPLATES", {"counts": lambda source: made})
    (home / "book/intro.md").write_text("No quote.\n")
    (home / "_toc.yml").write_text("format: jb-book\nroot: intro\nparts:\n- chapters:\n  - file: notebooks/counts\n")
    page = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Report\n\nText.", id="cell-0")])
    for one in made:
        nbformat.write(page, home / "build/pages" / f"{one.name}.ipynb")
    builder.stage()
    assert staged(home)[-2:] == ["notebooks/counts-a.ipynb", "notebooks/counts-b.ipynb"]
    (cell,) = nbformat.read(home / builder.STAGED / "notebooks/counts-b.ipynb", as_version=4).cells
    assert cell.source == "# Report: B\n\nText."
    (part,) = yaml.safe_load((home / builder.FULL_CONTENTS).read_text())["parts"]
    assert part["chapters"] == [{"file": f"notebooks/{one.name}", "title": one.title} for one in made]


def test_staging_twice_writes_the_same_bytes(home: Path) -> None:
    builder.stage()
    before = {name: (home / builder.STAGED / name).read_bytes() for name in staged(home)}
    builder.stage()
    assert before == {name: (home / builder.STAGED / name).read_bytes() for name in staged(home)}


def test_unchanged_book_is_not_built_again(home: Path, sphinx: list[Path]) -> None:
    assert build()[0] == "book 1"
    for path in (path for path in home.rglob("*") if path.is_file() and builder.SITE not in path.parents):
        os.utime(path, (2e9, 2e9))
    html, told = build()
    assert (html, len(sphinx)) == ("book 1", 1)
    assert len(told) == 1 and "up to date" in told[0]


@pytest.mark.parametrize(
    "name",
    ["book/intro.md", "book/_static/style.css", "book/_ext/extension.py", "_config.yml", "_toc.yml", "requirements.lock",
     "book/new.md"],
)  # fmt: skip
def test_changed_part_of_the_book_builds_it_again(name: str, home: Path, sphinx: list[Path]) -> None:
    build()
    with (home / name).open("a") as file:
        file.write("\n# more\n")
    assert build()[0] == "book 2"


def test_changed_builder_builds_the_book_again(home: Path, sphinx: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    build()
    version = fingerprints.version
    monkeypatch.setattr(fingerprints, "version", lambda name: "0.0.1" if name == "Sphinx" else version(name))
    assert build()[0] == "book 2"
    (edited := home / "edited.py").write_text(Path(builder.__file__).read_text() + "\n# another way to build\n")
    monkeypatch.setattr(builder, "__file__", str(edited))
    assert build()[0] == "book 3"
    assert all(fingerprints.version(name) != "absent" for name in builder.BUILDERS)


def test_changed_result_builds_the_book_again(home: Path, sphinx: list[Path]) -> None:
    build()
    state = home / "build/pages/counts.json"
    state.write_text(state.read_text().replace("3,050", "3,051"))
    assert build()[0] == "book 2"
    assert "3,051 clips" in (home / builder.STAGED / "intro.md").read_text()


def test_removed_prose_and_lost_site_build_the_book_again(home: Path, sphinx: list[Path]) -> None:
    (home / "book/old.md").write_text("old\n")
    build()
    (home / "book/old.md").unlink()
    assert build()[0] == "book 2"
    (home / builder.SITE / "_build/html/index.html").unlink()
    assert build()[0] == "book 3"


def test_failing_sphinx_keeps_the_last_good_book(
    home: Path, sphinx: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    build()
    (home / "book/intro.md").write_text("changed\n")

    def fail(output: Path) -> None:
        (output / "_build" / "html").mkdir(parents=True)
        (output / "_build" / "html" / "index.html").write_text("half a book")
        raise PageError("Sphinx failed")

    with monkeypatch.context() as patch:
        patch.setattr(builder, "_sphinx", fail)
        with pytest.raises(PageError, match="Sphinx failed"):
            build()
    assert (home / builder.SITE / "_build/html/index.html").read_text() == "book 1"
    assert build()[0] == "book 2"


class Dead(BaseException):
    """What a process that is killed meets: nothing is caught, and nothing changes on the disk any more."""


def die_after(calls: int, patch: pytest.MonkeyPatch) -> list[str]:
    """Let the process die at its next change of folders or links after some; return the names of the changes."""
    made: list[str] = []

    def counted(name: str, change: Callable[..., object]) -> Callable[..., object]:
        def once(*args: object, **how: object) -> object:
            if len(made) == calls:
                raise Dead
            made.append(name)
            return change(*args, **how)

        return once

    for name in ("mkdir", "rename", "replace", "symlink", "unlink", "rmdir"):
        patch.setattr(os, name, counted(name, getattr(os, name)))
    return made


def test_a_build_killed_at_any_moment_leaves_a_whole_site(
    home: Path, sphinx: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    site = home / builder.SITE / "_build" / "html"
    build()
    killed = 0
    for calls in itertools.count():
        (home / "book/intro.md").write_text(f"edition {calls}\n")
        before = (site / "index.html").read_text()
        with monkeypatch.context() as patch:
            made = die_after(calls, patch)
            try:
                build()
            except Dead:
                killed += 1
        after = (site / "index.html").read_text()
        assert after in (before, f"book {len(sphinx)}") and (site.parents[1] / "staged.sha256").exists()
        if len(made) < calls:
            break
    assert killed > 10 and {"symlink", "replace"} <= set(made)
    assert sorted(path.name for path in (home / "build").glob("site*")) in (
        ["site", "site-a", "site-src"],
        ["site", "site-b", "site-src"],
    )


def test_site_that_an_earlier_version_left_as_a_folder_is_replaced(home: Path, sphinx: list[Path]) -> None:
    old = home / builder.SITE / "_build" / "html"
    old.mkdir(parents=True)
    (old / "index.html").write_text("old")
    assert build()[0] == "book 1"
    assert not (home / "build/site.old").exists()


def build_in_a_process(home: Path) -> subprocess.Popen[str]:
    """A build in a process of its own, whose Sphinx writes one file more each time that it is asked."""
    code = (
        "from pathlib import Path; from blemore.book import builder as book\n"
        "def write(output):\n"
        "    html = output / '_build' / 'html'\n"
        "    html.mkdir(parents=True)\n"
        "    (html / 'index.html').write_text('book')\n"
        "    print('sphinx', flush=True)\n"
        "book._sphinx, book.pages.execute = write, lambda tell, given: []\n"
        "book.build(lambda line: print(line, flush=True))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, "-c", code], cwd=home, env=environment, stdout=subprocess.PIPE, text=True)


def test_of_two_builds_at_once_one_waits_and_finds_the_book_up_to_date(home: Path) -> None:
    with files.alone(home / "build", "test"):
        both = [build_in_a_process(home) for _ in range(2)]
        for one in both:
            assert one.stdout.readline() == "another build is using build; waiting for it to finish\n"
    told = [one.communicate()[0] for one in both]
    assert [one.returncode for one in both] == [0, 0]
    assert (
        sorted("sphinx" in said for said in told) == sorted("up to date" not in said for said in told) == [False, True]
    )
    assert (home / builder.SITE / "_build/html/index.html").read_text() == "book"


@pytest.mark.parametrize("change", ["mkdir", "replace", "symlink"])
def test_disk_that_is_full_is_one_clear_line(
    change: str, home: Path, sphinx: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, change, full)
        with pytest.raises(InputError, match=r"^build\S*: cannot be written; got No space left on device") as caught:
            build()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["book/intro.md", "book/_static/style.css", "_toc.yml", "build/pages/counts.ipynb"])
def test_file_that_cannot_be_read_is_named_and_no_other_folder_advised(
    name: str, home: Path, sphinx: list[Path]
) -> None:
    (home / name).unlink()
    (home / name).symlink_to("nowhere")
    with pytest.raises(InputError, match=f"^{name}: cannot be read; got No such file or directory") as caught:
        build()
    assert "another folder" not in str(caught.value) and "\n" not in str(caught.value)


def test_prose_that_is_not_utf_8_is_named(home: Path) -> None:
    (home / "book/intro.md").write_bytes(b"caf\xe9\n")
    with pytest.raises(InputError, match=r"^book/intro.md: cannot be read; got a file that is not UTF-8 text"):
        builder.stage()


def test_jupyter_book_that_is_not_installed_is_named_with_what_installs_it(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(home / "bin" / "python"))
    with pytest.raises(
        PageError, match=r"bin/jupyter-book cannot be run \(No such file or directory\); run `make setup`"
    ):
        build()


def test_failing_page_keeps_the_last_good_book(home: Path, sphinx: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    build()

    def fail(tell: object, given: object = None) -> list[str]:
        raise PageError("notebooks/counts.ipynb: cell 0 failed")

    monkeypatch.setattr(pages, "execute", fail)
    with pytest.raises(PageError, match="cell 0 failed"):
        build()
    assert (home / builder.SITE / "_build/html/index.html").read_text() == "book 1" and len(sphinx) == 1


def test_warnings_of_sphinx_are_told_with_where_to_read_all_of_it(
    home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """jupyter-book is a script beside the interpreter; here one that complains."""
    tool = tmp_path / "bin" / "jupyter-book"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\necho reading\necho 'intro.md:1: WARNING: unknown reference' >&2\nexit 1\n")
    tool.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tool.with_name("python")))
    with pytest.raises(PageError, match=r"(?s)intro.md:1: WARNING: unknown reference.*build/book.log") as caught:
        builder.build(lambda _: None)
    assert "reading" not in str(caught.value)
    assert not (home / builder.SITE).exists()


def test_outside_the_repository_nothing_is_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"no _config.yml here; .*root of the repository"):
        builder.build(lambda _: None)
    assert list(tmp_path.iterdir()) == []


# The committed prose


@pytest.fixture(scope="module")
def results(shown_by: Callable[[str, str], list[object]]) -> dict[str, str]:
    """What the committed pages offer for quotation, with nothing public on the machine."""
    quoted = {
        match.strip().split(".")[0] for path in PROSE for match in QUOTE.findall(path.read_text(encoding="utf-8"))
    }
    return {
        f"{name}.{key}": value
        for name in PAGES
        if name in quoted
        for key, value in fragments_of(shown_by(name, "nothing"))[-1].data["results"].items()
    }


def test_every_quote_in_prose_is_offered_by_a_page(results: dict[str, str]) -> None:
    quotes = [match.strip() for path in PROSE for match in QUOTE.findall(path.read_text(encoding="utf-8"))]
    assert quotes and set(quotes) <= set(results)


def test_claims_that_the_landing_page_counts_sum_to_all(results: dict[str, str]) -> None:
    parts = ("reproduced", "recomputed", "consistent", "known_difference", "unchecked")
    intro = (ROOT / "book" / "intro.md").read_text(encoding="utf-8")
    assert all(f"{{{{ ledger.{part} }}}}" in intro for part in parts)
    assert sum(int(results[f"ledger.{part}"]) for part in parts) == int(results["ledger.claims"])
    assert results["ledger.problems"] == "0" and results["results.table2_rows"] == "7"


def test_every_label_verdict_and_tolerance_is_explained() -> None:
    text = (ROOT / "book" / "reading.md").read_text(encoding="utf-8")
    for label in comparison.LABELS:
        assert f'<span class="label label-{label}">{label}</span>\n: ' in text, label
    for verdict in comparison.VERDICTS:
        assert f'<span class="verdict verdict-{verdict.replace(" ", "-")}">{verdict}</span>\n: ' in text, verdict
    for kind in comparison.KINDS:
        assert f"*{kind}*" in text, kind
    explained = re.findall(r'<span class="(?:label|verdict) [^"]*">([^<]*)</span>', text)
    assert sorted(explained) == sorted([*comparison.LABELS, *comparison.VERDICTS])


def test_every_label_and_verdict_has_a_style() -> None:
    css = (ROOT / "book" / "_static" / "companion.css").read_text(encoding="utf-8")
    for name in [f"label-{label}" for label in comparison.LABELS]:
        assert f".{name}" in css, name
    for name in [f"verdict-{verdict.replace(' ', '-')}" for verdict in comparison.VERDICTS]:
        assert f".{name}" in css, name


def test_contents_name_every_page_and_all_prose_once() -> None:
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text())
    named = [contents["root"], *(one["file"] for part in contents["parts"] for one in part["chapters"])]
    there = {str(path.relative_to(ROOT / "book").with_suffix("")) for path in PROSE}
    there |= {f"notebooks/{path.stem}" for path in (ROOT / "notebooks").glob("*.py")}
    assert sorted(named) == sorted(there)


def test_configuration_has_no_key_that_nobody_reads() -> None:
    """Jupyter Book passes over misspelt keys in silence."""
    from jupyter_book import config as jupyter_book

    known = yaml.safe_load(Path(jupyter_book.__file__).with_name("default_config.yml").read_text())
    ours = yaml.safe_load((ROOT / "_config.yml").read_text())
    extra = {"html": {"favicon", "use_multitoc_numbering"}, "sphinx": {"recursive_update", "local_extensions"}}
    for key, value in ours.items():
        assert key in {*known, "bibtex_bibfiles"}, key
        if isinstance(value, dict) and isinstance(known.get(key), dict):
            assert set(value) <= {*known[key], *extra.get(key, ())}, key
    assert ours["execute"]["execute_notebooks"] == "off"


def test_commands_that_the_prose_gives_exist() -> None:
    from blemore.cli import main

    text = "\n".join(path.read_text(encoding="utf-8") for path in PROSE)
    make = (ROOT / "Makefile").read_text()
    for command in set(re.findall(r"(?:^|`)blemore ([a-z]+)", text, re.MULTILINE)):
        assert command in main.commands, command
    for target in set(re.findall(r"(?:^|`)make ([a-z]+)", text, re.MULTILINE)):
        assert re.search(rf"^{target}:", make, re.MULTILINE), target
    for name, parameter in re.findall(r"notebooks/(\w+)\.ipynb \S+ -p (\w+)", text):
        assert parameter in execution.declared(ROOT / "notebooks" / f"{name}.ipynb")


# The built book, where there is one


@pytest.fixture(scope="module")
def built() -> list[Path]:
    site = ROOT / builder.SITE / "_build" / "html"
    if not (site / "index.html").exists():
        pytest.skip("needs a built book (make book)")
    files = [path for folder in (site, ROOT / pages.BUILT) for path in folder.rglob("*") if path.is_file()]
    files = [
        path for path in files if path.suffix in (".html", ".ipynb", ".json", ".md") or path.name == "searchindex.js"
    ]
    assert len(files) > 15
    return files


def test_nothing_of_the_builder_is_in_the_built_book(built: list[Path]) -> None:
    traces = {str(ROOT), str(Path.home()), sys.prefix}
    traces |= {os.environ[name] for name in ("BLEMORE_MIRROR", "BLEMORE_DATA", "BLEMORE_CACHE") if os.environ.get(name)}
    with contextlib.suppress(KeyError, OSError):  # a user without a name
        traces |= {getpass.getuser()} - {"root"}  # which is also the root of the site
    traces |= {socket.gethostname()} - {"localhost"}
    for path in built:
        text = path.read_bytes()
        for trace in traces:
            place = rb"(?<![\w.-])" + re.escape(trace.encode()) + rb"(?![\w-])"
            assert not re.search(place, text), f"{trace} in {path}"


def test_built_pages_have_no_time_of_execution(built: list[Path]) -> None:
    for path in built:
        if path.suffix == ".ipynb":
            text = path.read_text(encoding="utf-8")
            assert '"papermill"' not in text and "iopub" not in text
            assert not re.search(r"20\d\d-\d\d-\d\dT\d\d:", text)


def test_built_pages_quote_what_pages_found_and_leave_no_quote_open(built: list[Path]) -> None:
    for path in built:
        if path.suffix == ".html":
            assert not re.search(r"\{\{ *\w+\.\w+ *\}\}", path.read_text(encoding="utf-8")), path
