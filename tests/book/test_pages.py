"""Pages: what runs again and what does not, what a failure leaves behind, and what a page depends on."""

from __future__ import annotations

import ast
import contextlib
import gc
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import nbformat
import papermill
import pytest
from click.testing import CliRunner
from jupyter_client.kernelspec import NoSuchKernel
from papermill.exceptions import PapermillExecutionError

import blemore
from blemore import encoders
from blemore.book import contents, dependencies, execution, pages
from blemore.cli import main
from blemore.encoders import Encoder, Variant
from blemore.errors import Interrupted, PageError, SourceError, UnknownNameError
from blemore.system import fingerprints
from tests.conftest import ROOT

TEMPLATE = """# %% tags=["parameters"]
encoder: str = "wavlm"  # whose page
features: str = ""  # none
profile: str = "quick"  # quick, paper

# %%
value = f"{encoder} {profile}"
"""
"""A notebook that makes several pages."""

CARD = "from blemore.show import page_tables as report\nreport.provenance([], ['paper'], results={'value': str(value)})"


def evaluate(source: str, names: dict[str, object]) -> object:
    """Run a cell; return the value of its last expression."""
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    return eval(compile(ast.Expression(last.value), "cell", "eval"), names) if last else None


def papermill_without_kernel(source: str, out: str, values: dict[str, object], **_: object) -> nbformat.NotebookNode:
    """Do here what papermill does in a kernel."""
    page = nbformat.read(source, as_version=4)
    names: dict[str, object] = {}
    for index, cell in enumerate(page.cells):
        if cell.cell_type != "code":
            continue
        try:
            with contextlib.redirect_stderr(io.StringIO()) as said:
                value = evaluate(cell.source, names)
        except Exception as error:
            name = type(error).__name__
            raise PapermillExecutionError(index, index, cell.source, name, str(error), []) from None
        if said.getvalue():
            cell.outputs += [nbformat.v4.new_output("stream", name="stderr", text=said.getvalue())]
        if "parameters" in cell.metadata.get("tags", []):
            names |= values
        if hasattr(value, "_repr_mimebundle_"):
            cell.outputs += [nbformat.v4.new_output("display_data", data=value._repr_mimebundle_())]
    return page


class Home:
    """A small repository: three pages, and a copy of the package whose modules may be edited."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.package = folder / "copy" / "blemore"
        self.ran: list[str] = []
        self.told: list[str] = []
        (folder / "notebooks").mkdir()
        shutil.copytree(ROOT / "blemore", self.package, ignore=shutil.ignore_patterns("__pycache__"))
        self.write("apart", "value = 1")
        self.write("direct", "from blemore.challenge import thresholds\nvalue = len(thresholds.GRID)")
        self.write("indirect", "from blemore.sources import released\nvalue = 3")

    def source(self, name: str) -> Path:
        return self.folder / "notebooks" / f"{name}.py"

    def twin(self, name: str) -> Path:
        return self.source(name).with_suffix(".ipynb")

    def built(self, name: str) -> Path:
        return self.folder / "build" / "pages" / f"{name}.ipynb"

    def write(self, name: str, body: str, card: str = CARD) -> None:
        self.source(name).write_text(f"# %% [markdown]\n# # {name}\n\n# %%\n{body}\n\n# %%\n{card}\n")

    def execute(self, given: dict[str, str] | None = None) -> list[str]:
        """Execute what has changed; return what ran, in the order of names."""
        self.ran.clear()
        self.told.clear()
        pages.execute(self.told.append, given)
        return sorted(self.ran)

    def edit(self, module: str, text: str = "\nREMARK = 1\n") -> None:
        path = self.package / module
        path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")

    def git(self, *arguments: str) -> None:
        subprocess.run(
            ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", *arguments],
            cwd=self.folder, check=True, capture_output=True,
        )  # fmt: skip

    def commit(self) -> None:
        self.git("init", "-q")
        self.git("add", "notebooks")
        self.git("commit", "-qm", "pages")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in ("BLEMORE_DATA", "BLEMORE_MIRROR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BLEMORE_OFFLINE", "1")
    monkeypatch.setenv("BLEMORE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    found = Home(folder)
    monkeypatch.setattr(fingerprints, "PACKAGE", found.package)
    monkeypatch.setattr(fingerprints, "REFERENCE", found.package / "paper" / "reference")

    def engine(source: str, *arguments: object, **options: object) -> nbformat.NotebookNode:
        found.ran.append(Path(source).stem)
        return papermill_without_kernel(source, *arguments, **options)

    monkeypatch.setattr(papermill, "execute_notebook", engine)
    monkeypatch.setattr(pages, "PARALLEL", 1)  # stderr is redirected for the whole process
    return found


def snapshot(home: Home, name: str) -> tuple[bytes, bytes]:
    return home.built(name).read_bytes(), home.built(name).with_suffix(".json").read_bytes()


def test_interrupted_build_ends_its_kernels_and_says_how_many_pages_are_kept(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.execute()
    for name in ("apart", "direct", "indirect"):
        home.write(name, "value = 4")
    killed = threading.Event()

    def engine(source: str, *arguments: object, **options: object) -> nbformat.NotebookNode:
        if Path(source).stem == "direct":  # the second: the one before it has run
            os.kill(os.getpid(), signal.SIGINT)
            assert killed.wait(60), "no kernel was killed"
            raise RuntimeError("Kernel died")
        return papermill_without_kernel(source, *arguments, **options)

    monkeypatch.setattr(papermill, "execute_notebook", engine)
    monkeypatch.setattr(pages.kernels, "kill", killed.set)
    with pytest.raises(
        Interrupted, match=r"^interrupted; 1 of 3 pages were executed and are kept; `make book` executes"
    ):
        home.execute()
    assert [name for name, found in pages.reasons().items() if found] == ["direct", "indirect"]
    assert home.built("direct").exists(), "the last good page stays"


# What runs again


def test_first_execution_runs_every_page_and_the_second_none(home: Home) -> None:
    assert pages.why("apart") == ["never executed"]
    assert home.execute() == ["apart", "direct", "indirect"]
    assert [line.split(":")[0] for line in home.told if "executed in" in line] == ["apart", "direct", "indirect"]
    before = [snapshot(home, name) for name in pages.names()]
    assert home.execute() == [] and home.told == []
    assert before == [snapshot(home, name) for name in pages.names()]
    assert all(pages.why(name) == [] for name in pages.names())


def test_editing_one_notebook_runs_one_page(home: Home) -> None:
    home.execute()
    home.write("direct", "value = 5")
    assert "notebook changed" in pages.why("direct")
    assert home.execute() == ["direct"]
    assert pages.results()["direct.value"] == "5"


def test_bare_touch_runs_nothing(home: Home) -> None:
    home.execute()
    for path in [*home.folder.rglob("*.py"), *home.folder.rglob("*.ipynb"), *home.folder.rglob("*.csv")]:
        os.utime(path, (2e9, 2e9))
    assert home.execute() == []


def test_editing_a_module_runs_the_pages_that_import_it_directly_or_not_and_no_others(home: Home) -> None:
    home.execute()
    home.edit("challenge/thresholds.py")
    assert pages.why("direct") == pages.why("indirect") == ["module blemore.challenge.thresholds changed"]
    assert pages.why("apart") == []
    assert home.execute() == ["direct", "indirect"]
    assert home.told[0] == "direct: module blemore.challenge.thresholds changed"
    assert home.execute() == []


def test_remark_in_a_module_runs_nothing(home: Home) -> None:
    home.execute()
    home.edit("challenge/thresholds.py", '\n# a remark\n"""Another one."""\n')
    assert home.execute() == []


def test_module_that_comes_to_import_another_brings_it_along(home: Home) -> None:
    home.execute()
    home.edit("show/page_tables.py", "\nfrom blemore.challenge import thresholds\n")
    assert "module blemore.challenge.thresholds is new" in pages.why("apart")
    home.execute()
    home.edit("challenge/thresholds.py")
    assert home.execute() == ["apart", "direct", "indirect"]


def test_editing_a_module_that_nobody_imports_runs_nothing(home: Home) -> None:
    home.execute()
    for module in ("cli/book_commands.py", "book/builder.py", "results/recording.py"):
        home.edit(module)
    assert home.execute() == []


def test_changed_reference_file_runs_the_pages_whose_modules_read_it(home: Home) -> None:
    home.execute()
    home.edit("paper/reference/recorded/hicmae_grid.csv", "kl-100,1,1,1,1\n")
    assert pages.why("indirect") == ["reference recorded/hicmae_grid.csv changed"]
    assert home.execute() == ["indirect"]


def test_changed_lock_file_runs_every_page(home: Home) -> None:
    (home.folder / "requirements.lock").write_text("numpy==2.0\n")
    home.execute()
    (home.folder / "requirements.lock").write_text("numpy==2.1\n")
    assert [pages.why(name) for name in pages.names()] == [["pinned versions changed"]] * 3


def test_changed_input_runs_the_pages_that_asked_for_it(
    home: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    home.write(
        "fed",
        "from blemore.show import page_tables as report; from blemore.sources import lookup as sources\nclips, inputs = sources.clips()",
        "report.provenance(inputs, ['paper'], results={'clips': str(len(clips))})",
    )
    home.execute()
    assert pages.results()["fed.clips"] == "3050"
    (release := tmp_path / "release").mkdir()
    monkeypatch.setenv("BLEMORE_DATA", str(release))
    assert home.execute() == []  # nothing in the folder: as absent as before
    data = release / "train_metadata.csv"
    data.write_text("filename,fold\nA102_ang_int1_ver1,0\n")
    assert pages.why("fed") == ["input zenodo/train_metadata.csv changed"]
    assert home.execute() == ["fed"]
    assert pages.results()["fed.clips"] == "1"
    os.utime(data, (2e9, 2e9))
    assert home.execute() == []
    data.write_text("filename,fold\nA102_ang_int1_ver1,0\nA102_ang_int2_ver1,0\n")
    assert home.execute() == ["fed"]
    data.unlink()
    assert home.execute() == ["fed"]
    assert pages.results()["fed.clips"] == "3050"


OWN = """# %% tags=["parameters"]
features: str = "{default}"  # a table
metadata: str = "{default}"  # its clips

# %%
from pathlib import Path
value = " ".join(Path(name).read_text() for name in (features, metadata) if name)

# %%
{card}
"""


@pytest.mark.parametrize("name", ["features", "metadata"])
def test_changed_file_that_a_parameter_names_runs_the_pages_that_have_it(home: Home, name: str) -> None:
    home.source("own").write_text(OWN.format(default="", card=CARD))
    (file := home.folder / "mine.npz").write_text("1")
    (home.folder / "other").write_text("0")
    given = {"features": "other", "metadata": "other", name: "mine.npz"}
    assert "own" in home.execute(given) and home.execute(given) == []
    file.write_text("2")
    assert pages.reasons(given) == {"apart": [], "direct": [], "indirect": [], "own": [f"{name} mine.npz changed"]}
    assert home.execute(given) == ["own"] and "2" in pages.results()["own.value"]
    os.utime(file, (2e9, 2e9))
    assert home.execute(given) == []


def test_changed_file_that_a_notebook_names_by_default_runs_its_page(home: Home) -> None:
    (file := home.folder / "mine.npz").write_text("1")
    home.source("own").write_text(OWN.format(default=file.name, card=CARD))
    home.execute()
    file.write_text("2")
    changed = ["features mine.npz changed", "metadata mine.npz changed"]
    assert pages.why("own") == changed
    file.unlink()
    assert pages.why("own") == changed


def test_changed_file_in_a_folder_that_a_parameter_names_is_noticed(home: Home) -> None:
    home.source("own").write_text(OWN.format(default="", card=CARD))
    (folder := home.folder / "mine").mkdir()
    (folder / "one.npy").write_text("1")

    def parts() -> dict[str, str]:
        return dependencies.parts(home.source("own"), {"features": "mine"}, [])

    first = parts()
    os.utime(folder / "one.npy", (2e9, 2e9))
    assert parts() == first
    for change in (lambda: (folder / "one.npy").write_text("2"), lambda: (folder / "two.npy").write_text("")):
        before = parts()
        change()
        assert {name for name, digest in parts().items() if before[name] != digest} == {"features mine"}


def test_source_that_cannot_be_read_stops_before_any_page_runs(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.write(
        "fed",
        "from blemore.show import page_tables as report; from blemore.sources import lookup as sources",
        "report.provenance(sources.clips()[1], ['paper'])",
    )
    home.execute()
    monkeypatch.setenv("BLEMORE_DATA", "nowhere")
    with pytest.raises(SourceError, match=r"BLEMORE_DATA=nowhere is not a folder"):
        pages.why("fed")


def test_lost_page_and_spoilt_record_run_again(home: Home) -> None:
    home.execute()
    home.built("apart").unlink()
    home.built("direct").with_suffix(".json").write_text("{")
    home.built("indirect").with_suffix(".json").write_text('{"parts": {}}')
    assert [pages.why(name) for name in pages.names()] == [["never executed"]] * 3
    assert home.execute() == ["apart", "direct", "indirect"]


def test_record_of_an_earlier_version_is_no_error(home: Home) -> None:
    home.execute()
    path = home.built("apart").with_suffix(".json")
    state = json.loads(path.read_text())
    path.write_text(json.dumps({**state, "inputs": ["recorded/durations", "file/metadata", "released/summaries"]}))
    home.execute()
    assert home.execute() == []


def test_notebook_edited_while_its_page_runs_runs_again(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = papermill.execute_notebook

    def slow(source: str, *arguments: object, **options: object) -> nbformat.NotebookNode:
        page = engine(source, *arguments, **options)
        if Path(source).stem == "apart" and len(home.ran) == 1:
            home.write("apart", "value = 2")  # somebody saves the notebook meanwhile
        return page

    monkeypatch.setattr(papermill, "execute_notebook", slow)
    home.execute()
    assert pages.results()["apart.value"] == "1"
    assert home.execute() == ["apart"]
    assert pages.results()["apart.value"] == "2"


def test_record_of_a_page_holds_no_time_and_no_path(home: Home) -> None:
    home.execute()
    text = home.built("apart").with_suffix(".json").read_text()
    assert str(home.folder) not in text and str(ROOT) not in text
    home.built("apart").unlink()
    home.execute()
    assert home.built("apart").with_suffix(".json").read_text() == text


def test_results_are_those_of_present_pages(home: Home) -> None:
    home.execute()
    assert pages.results() == {"apart.value": "1", "direct.value": "20", "indirect.value": "3"}
    home.source("direct").unlink()
    assert set(pages.results()) == {"apart.value", "indirect.value"}


# Several pages of one notebook, and parameters of the whole build


@pytest.fixture
def reports(home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """Beside the three pages, a template that makes one each of two encoders and of a fusion of them."""
    rows = ("clip", "wavlm", "clip+wavlm")
    made = [contents.Page(f"encoder-{contents.slug(row)}", "encoder", {"encoder": row}, row) for row in rows]
    monkeypatch.setattr(contents, "TEMPLATES", {"encoder": lambda source: made})
    home.source("encoder").write_text(f"{TEMPLATE}\n# %%\n{CARD}\n")
    return home


REPORTS = ["encoder-clip", "encoder-wavlm", "encoder-clip-wavlm"]


def changed() -> dict[str, str]:
    """What has changed, by the name of the page; nothing of those that are up to date."""
    return {name: "; ".join(why) for name, why in pages.reasons().items() if why}


def test_template_makes_its_pages_each_with_its_own_parameters(reports: Home) -> None:
    assert pages.names() == ["apart", "direct", *REPORTS, "indirect"]
    reports.execute()
    found = {name: text for name, text in pages.results().items() if name.startswith("encoder")}
    assert found == {
        "encoder-clip.value": "clip quick",
        "encoder-wavlm.value": "wavlm quick",
        "encoder-clip-wavlm.value": "clip+wavlm quick",
    }
    assert not reports.built("encoder").exists()
    before = [snapshot(reports, name) for name in pages.names()]
    assert reports.execute() == [] and reports.told == []
    assert before == [snapshot(reports, name) for name in pages.names()]


def test_editing_a_template_runs_its_pages_and_no_others(reports: Home) -> None:
    reports.execute()
    reports.source("encoder").write_text(f"{TEMPLATE}\n# %%\nvalue += '!'\n\n# %%\n{CARD}\n")
    assert changed() == dict.fromkeys(REPORTS, "notebook changed")
    assert reports.execute() == ["encoder"] * 3


def test_page_whose_parameters_change_runs_again_alone(reports: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    reports.execute()
    made = contents.TEMPLATES["encoder"]("encoder")
    made[1].values["profile"] = "paper"
    assert changed() == {"encoder-wavlm": "parameters changed"}


def test_failing_page_of_a_template_leaves_the_others_alone(reports: Home) -> None:
    reports.execute()
    before = {name: snapshot(reports, name) for name in REPORTS}
    broken = TEMPLATE.replace("value = ", "assert encoder != 'wavlm'\nvalue = '2 ' + ")
    reports.source("encoder").write_text(f"{broken}\n# %%\n{CARD}\n")
    (line,) = failure(reports).splitlines()
    assert "notebooks/encoder.ipynb: cell 2 failed with AssertionError" in line and "encoder='wavlm'" in line
    assert "its last good version stays" in line
    assert snapshot(reports, "encoder-wavlm") == before["encoder-wavlm"]
    assert pages.results()["encoder-clip.value"] == "2 clip quick"
    assert set(changed()) == {"encoder-wavlm"}


def test_noise_of_a_page_of_a_template_names_both(reports: Home) -> None:
    noisy = TEMPLATE + "\nimport sys\nif encoder == 'clip':\n    print('a warning', file=sys.stderr)\n"
    reports.source("encoder").write_text(f"{noisy}\n# %%\n{CARD}\n")
    assert "notebooks/encoder.py for encoder-clip: writes to stderr" in failure(reports)


def test_parameter_of_the_build_goes_to_the_pages_that_declare_it(reports: Home) -> None:
    reports.execute()
    reports.ran.clear()
    assert pages.execute(reports.told.append, {"profile": "paper"}) == REPORTS
    assert reports.ran == ["encoder"] * 3
    assert pages.results()["encoder-wavlm.value"] == "wavlm paper"
    assert pages.results()["apart.value"] == "1"
    assert changed() == dict.fromkeys(REPORTS, "parameters changed")
    assert not any(pages.reasons({"profile": "paper"}).values())


def test_parameter_of_the_build_that_is_the_default_changes_nothing(reports: Home) -> None:
    reports.execute()
    assert not any(pages.reasons({"profile": "quick"}).values())
    reports.ran.clear()
    assert pages.execute(reports.told.append, {"profile": "quick"}) == [] and reports.ran == []


def test_page_keeps_the_parameter_that_makes_it_what_it_is(reports: Home) -> None:
    pages.execute(reports.told.append, {"encoder": "hubert"})
    assert pages.results()["encoder-wavlm.value"] == "wavlm quick"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"profil": "paper"},
            r"unknown parameter of any page 'profil'; did you mean 'profile'\? \(known: encoder, .*\)",
        ),
        ({"profile": "papre"}, r"unknown profile 'papre'; did you mean 'paper'"),
    ],
    ids=["name", "value"],
)
def test_parameter_that_no_page_can_take_stops_before_any_runs(given: dict[str, str], said: str, reports: Home) -> None:
    with pytest.raises(UnknownNameError, match=said):
        pages.execute(reports.told.append, given)
    assert reports.ran == []


@pytest.mark.parametrize("command", ["why", "book"])
@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["-p", "profil", "paper"], "unknown parameter of any page 'profil'; did you mean 'profile'?"),
        (["-p", "profile", "paper", "-p", "profile", "quick"], "parameter profile: given more than once"),
    ],
    ids=["unknown", "twice"],
)
def test_commands_refuse_parameters_in_one_line(command: str, given: list[str], said: str, reports: Home) -> None:
    (reports.folder / "_config.yml").write_text("title: small\n")
    execution.write_twins()
    result = CliRunner().invoke(main, [command, *given])
    assert result.exit_code == 2 and said in result.stderr and result.stderr.count("\n") == 1


def test_command_names_what_a_parameter_would_change(reports: Home) -> None:
    reports.execute()
    result = CliRunner().invoke(main, ["why", "-p", "profile", "paper", "--json"])
    reasons = json.loads(result.stdout)["pages"]
    assert {name for name, why in reasons.items() if why} == set(REPORTS)


# What a failure leaves behind


def failure(home: Home) -> str:
    with pytest.raises(PageError) as caught:
        home.execute()
    return str(caught.value)


def test_failed_page_keeps_the_last_good_one_and_says_where_it_failed(home: Home) -> None:
    home.write(
        "fed",
        "from blemore.show import page_tables as report; from blemore.sources import lookup as sources",
        "report.provenance(sources.clips()[1], ['paper'])",
    )
    home.execute()
    before = snapshot(home, "fed")
    home.write("fed", "value = 1 / 0")
    home.write("apart", "value = 7")
    said = failure(home)
    assert "notebooks/fed.ipynb: cell 2 failed with ZeroDivisionError: division by zero" in said
    assert "parameters: defaults" in said and "zenodo/train_metadata.csv" in said
    assert "its last good version stays" in said
    assert snapshot(home, "fed") == before
    assert pages.results()["apart.value"] == "7"  # others have run
    assert "notebook changed" in pages.why("fed")


def test_page_that_never_succeeded_says_that_there_is_no_earlier_one(home: Home) -> None:
    home.write("apart", "value = 1 / 0")
    assert "there is no earlier version" in failure(home)
    assert not home.built("apart").exists()
    assert sorted(pages.results()) == ["direct.value", "indirect.value"]


@pytest.mark.parametrize(
    ("body", "card", "said"),
    [
        ("import sys\nvalue = 2\nprint('a warning', file=sys.stderr)", CARD, "writes to stderr.*a warning"),
        ("value = 2", "value", "shows 0 provenance cards"),
        ("value = 2\n" + CARD + "\n\n# %%\nvalue = 2", CARD, "shows 2 provenance cards"),
    ],
    ids=["noise", "no card", "two cards"],
)
def test_page_that_is_refused_leaves_the_last_good_one(body: str, card: str, said: str, home: Home) -> None:
    home.execute()
    before = snapshot(home, "apart")
    home.write("apart", body, card)
    with pytest.raises(PageError, match=f"(?s)notebooks/apart.py: {said}.*its last good version stays"):
        home.execute()
    assert snapshot(home, "apart") == before


def test_taking_back_a_refused_edit_brings_back_the_good_page(home: Home) -> None:
    home.execute()
    before = snapshot(home, "apart")
    home.write("apart", "value = 2", "value")
    failure(home)
    home.write("apart", "value = 1")
    home.execute()
    assert snapshot(home, "apart") == before


def test_failed_page_can_be_mended_and_executed_again(home: Home) -> None:
    home.execute()
    home.write("apart", "value = 1 / 0")
    failure(home)
    home.write("apart", "value = 1 / 2")
    assert home.execute() == ["apart"]
    assert pages.results()["apart.value"] == "0.5"


def test_new_page_that_failed_at_first_can_be_mended(home: Home) -> None:
    home.commit()
    home.execute()
    home.write("new", "value = 1 / 0")
    failure(home)
    home.write("new", "value = 4")
    assert home.execute() == ["new"]


def test_notebook_that_is_no_python_fails_as_a_page_while_others_run(home: Home) -> None:
    home.execute()
    before = snapshot(home, "apart")
    home.write("apart", "value = = 1")
    home.write("direct", "value = 6")
    said = failure(home)
    assert "notebooks/apart." in said and "line 5" in said and "syntax" in said.lower()
    assert snapshot(home, "apart") == before
    assert pages.results()["direct.value"] == "6"


def test_module_that_is_no_python_is_named(home: Home) -> None:
    home.execute()
    home.edit("challenge/thresholds.py", "x = = 1\n")
    said = failure(home)
    assert "challenge/thresholds.py" in said and "syntax" in said.lower() and "Traceback" not in said


def test_kernel_that_cannot_start_fails_as_a_page(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def engine(*_: object, **__: object) -> None:
        raise NoSuchKernel("python3")

    monkeypatch.setattr(papermill, "execute_notebook", engine)
    said = failure(home)
    assert all(f"notebooks/{name}.ipynb" in said for name in pages.names()) and "python3" in said


def test_all_failures_are_told_one_a_line(home: Home) -> None:
    home.write("apart", "raise ValueError('first\\nsecond')")
    home.write("direct", "value = 1 / 0")
    lines = failure(home).splitlines()
    assert [line.split(":")[0] for line in lines] == ["notebooks/apart.ipynb", "notebooks/direct.ipynb"]


# Twins


def spoil(twin: Path) -> bytes:
    """Edit a twin by hand, as somebody does who opens it in Jupyter."""
    page = nbformat.read(twin, as_version=4)
    page.cells[1].source = "value = 1000"
    nbformat.write(page, twin)
    return twin.read_bytes()


def test_missing_and_stale_twins_are_written(home: Home) -> None:
    home.execute()
    assert home.twin("apart").read_text() == execution.twin(home.source("apart"))
    home.write("apart", "value = 9")
    home.execute()
    assert home.twin("apart").read_text() == execution.twin(home.source("apart"))


@pytest.mark.parametrize("source_too", [False, True], ids=["twin alone", "source too"])
def test_twin_edited_by_hand_is_refused_and_stays(source_too: bool, home: Home) -> None:
    home.execute()
    edited = spoil(home.twin("apart"))
    if source_too:
        home.write("apart", "value = 9")
    with pytest.raises(PageError, match=r"notebooks/apart.ipynb was edited.*notebooks/apart.py.*make twins"):
        home.execute()
    assert home.twin("apart").read_bytes() == edited
    assert home.ran == []


def test_edited_source_beside_its_committed_twin_is_no_edit_by_hand(home: Home) -> None:
    execution.write_twins()
    home.commit()  # a fresh clone: twins as committed, nothing executed yet
    home.write("apart", "value = 9")
    assert home.execute() == ["apart", "direct", "indirect"]
    assert pages.results()["apart.value"] == "9"


def test_twin_that_make_twins_wrote_is_no_edit_by_hand(home: Home) -> None:
    execution.write_twins()
    home.commit()
    home.execute()
    home.write("apart", "value = 8")
    execution.write_twins()  # make twins
    home.write("apart", "value = 9")
    assert home.execute() == ["apart"]


def test_twin_is_no_edit_by_hand_after_all_that_was_built_is_removed(home: Home) -> None:
    execution.write_twins()
    home.commit()
    home.write("apart", "value = 8")
    home.execute()
    shutil.rmtree(home.folder / "build")  # make clean
    home.write("apart", "value = 9")
    assert home.execute() == ["apart", "direct", "indirect"]


def test_twin_edited_by_hand_in_a_fresh_clone_is_refused_and_stays(home: Home) -> None:
    execution.write_twins()
    home.commit()
    edited = spoil(home.twin("apart"))
    with pytest.raises(PageError, match=r"apart.ipynb was edited"):
        home.execute()
    assert home.twin("apart").read_bytes() == edited


def test_twin_edited_by_hand_that_git_does_not_know_is_refused_and_stays(home: Home) -> None:
    home.commit()
    home.write("mine", "value = 1")
    execution.write_twins()
    edited = spoil(home.twin("mine"))
    with pytest.raises(PageError, match=r"mine.ipynb was edited"):
        home.execute()
    assert home.twin("mine").read_bytes() == edited


def test_twin_edited_by_hand_and_committed_is_refused_and_stays(home: Home) -> None:
    execution.write_twins()
    edited = spoil(home.twin("apart"))
    home.commit()  # as Colab does: saved to the repository
    with pytest.raises(PageError, match=r"apart.ipynb was edited"):
        home.execute()
    assert home.twin("apart").read_bytes() == edited


# Two kernels at a time


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[list[str], list[str], list[str]]]:
    """Two pages that wait for each other, in real kernels: what ran, what was told, what was left open.

    Each opens one end of a pipe, which takes until the other does; one after the other, both would be cut off.
    """
    folder = tmp_path_factory.mktemp("together")
    os.mkfifo(folder / "pipe")
    (folder / "notebooks").mkdir()
    for name, mode in (("reads", "r"), ("writes", "w")):
        body = textwrap.dedent(f"""\
            import os, signal
            signal.alarm(100)  # the kernel ends if nobody opens the other end
            pipe = open("pipe", "{mode}")
            signal.alarm(0)
            value = "met"
            """)
        (folder / "notebooks" / f"{name}.py").write_text(f"# %%\n{body}\n# %%\n{CARD}\n")
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings(record=True) as left:
        warnings.simplefilter("always")
        patch.chdir(folder)
        patch.setenv("BLEMORE_OFFLINE", "1")
        told: list[str] = []
        ran = pages.execute(told.append)
        assert pages.results() == {"reads.value": "met", "writes.value": "met"}
        gc.collect()
        yield ran, told, [str(one.message) for one in left if issubclass(one.category, ResourceWarning)]


def test_two_pages_run_at_the_same_time_in_kernels_of_their_own(
    together: tuple[list[str], list[str], list[str]],
) -> None:
    ran, told, _ = together
    assert ran == ["reads", "writes"]
    assert sum("executed in" in line for line in told) == 2


def test_pages_that_ran_leave_nothing_open(together: tuple[list[str], list[str], list[str]]) -> None:
    assert together[2] == []


# What a page depends on


SOURCES = {path.stem: path for path in sorted((ROOT / "notebooks").glob("*.py"))}


@pytest.fixture(scope="module")
def loaded() -> dict[str, set[str]]:
    """The modules of the package that are loaded by the imports of each page, each in a process of its own."""
    imports = {
        name: [ast.unparse(node) for node in ast.parse(path.read_text()).body
               if isinstance(node, ast.Import | ast.ImportFrom)]
        for name, path in SOURCES.items()
    }  # fmt: skip
    code = textwrap.dedent("""\
        import json, os, sys
        import pandas, seaborn  # once for all, since they take long
        for name, lines in json.loads(sys.argv[1]).items():
            if not os.fork():
                exec("\\n".join(lines))
                print(name, *(module for module in sys.modules if module.split(".")[0] == "blemore"), flush=True)
                os._exit(0)
            os.wait()
        """)
    command = [sys.executable, "-c", code, json.dumps(imports)]
    lines = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return {line.split()[0]: set(line.split()[1:]) for line in lines}


@pytest.mark.parametrize("name", SOURCES)
def test_page_depends_on_every_module_that_its_imports_load(name: str, loaded: dict[str, set[str]]) -> None:
    assert "blemore.paper.printed_numbers" in loaded[name]
    assert loaded[name] <= fingerprints.modules(SOURCES[name])


@pytest.mark.parametrize(
    ("name", "depends"), [("dataset", False), ("thresholds", True), ("results", True), ("ledger", True)]
)
def test_pages_that_depend_on_the_thresholds(name: str, depends: bool) -> None:
    assert ("blemore.challenge.thresholds" in fingerprints.modules(SOURCES[name])) is depends


def test_no_page_depends_on_how_pages_are_made_or_commands_are_given() -> None:
    for source in SOURCES.values():
        assert not fingerprints.modules(source) & {
            "blemore.cli",
            "blemore.book.builder",
            "blemore.book.pages",
            "blemore.book.execution",
        }


def test_every_reference_file_is_claimed_by_a_module() -> None:
    package = Path(blemore.__file__).parent
    texts = [path.read_text(encoding="utf-8") for path in package.rglob("*.py")]
    files = {path for path in fingerprints.REFERENCE.rglob("*") if path.is_file()}
    assert set(fingerprints.reference_files(texts)) == files


def test_every_recorded_table_is_a_dependency_of_the_pages_that_show_it() -> None:
    shown = {"dataset": {"partitions", "durations", "durations_range"}, "thresholds": {"hicmae_folds", "hicmae_grid"},
             "results": {"validation", "tests", "curves"}, "ledger": {"validation", "tests", "durations", "durations_range"},
             "aggregation": {"validation", "egemaps_scaling"}, "pca": {"egemaps_variance", "egemaps_lines"},
             "standin": {"validation", "curves"}}  # fmt: skip
    for name, tables in shown.items():
        parts = dependencies.parts(SOURCES[name], {}, [])
        assert {f"reference recorded/{table}.csv" for table in tables} <= set(parts), name


@pytest.mark.parametrize(
    ("line", "module"),
    [
        ("from blemore.challenge import thresholds", "blemore.challenge.thresholds"),
        ("from blemore.challenge import labels as l, thresholds as t", "blemore.challenge.thresholds"),
        ("import blemore.challenge.thresholds", "blemore.challenge.thresholds"),
        ("import blemore.challenge.thresholds as t", "blemore.challenge.thresholds"),
        ("from blemore.challenge.thresholds import GRID", "blemore.challenge.thresholds"),
        ("def f():\n    from blemore.challenge import thresholds", "blemore.challenge.thresholds"),
        ("from blemore.results.claims import about_dataset", "blemore.results.claims.about_dataset"),
        ("from blemore.results.claims import about_dataset", "blemore.results.claims"),
        ("import blemore.results.claims.about_dataset", "blemore.results.claims"),
        ("from blemore.results.claims.about_dataset import counts", "blemore.results.claims"),
    ],
)
def test_every_way_to_import_a_module_counts(line: str, module: str, tmp_path: Path) -> None:
    (path := tmp_path / "page.py").write_text(line + "\n")
    assert module in fingerprints.modules(path)


def test_other_packages_and_names_in_modules_are_no_dependencies(tmp_path: Path) -> None:
    (path := tmp_path / "page.py").write_text(
        "import numpy\nfrom blemore.paper.printed_numbers import number\nimport blemorelike\n"
    )
    assert {"blemore", "blemore.paper.printed_numbers"} <= fingerprints.modules(path)
    assert not {"numpy", "blemore.paper.printed_numbers.number", "blemorelike"} & fingerprints.modules(path)


def test_parameters_are_a_dependency_whatever_their_order(tmp_path: Path) -> None:
    (path := tmp_path / "page.py").write_text("from blemore.paper import printed_numbers as paper\n")
    first = dependencies.parts(path, {"a": 1, "b": "x"}, [])
    assert first == dependencies.parts(path, {"b": "x", "a": 1}, [])
    other = dependencies.parts(path, {"a": 2, "b": "x"}, [])
    assert {name for name in first if first[name] != other[name]} == {"parameters"}


def test_files_are_those_that_the_parameters_cell_names_with_or_without_a_type(tmp_path: Path) -> None:
    (page := tmp_path / "page.py").write_text(
        '# %% tags=["parameters"]\nfeatures = "mine.npz"\n\n# %%\nmetadata: str = "other.csv"\n'
    )
    parts = dependencies.parts(page, {}, [])
    assert "features mine.npz" in parts and not any("other.csv" in part for part in parts)
    assert dependencies.parts(page, {"features": "own.npz"}, []).keys() >= {"features own.npz"}


def test_encoders_of_other_packages_are_a_dependency_of_pages_that_know_encoders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    variant = Variant("only", 2, "clip", "1 per clip")
    (page := tmp_path / "page.py").write_text("from blemore import encoders\n")
    (other := tmp_path / "other.py").write_text("from blemore.paper import printed_numbers as paper\n")

    def parts_with(licence: str) -> dict[str, str]:
        mine = Encoder("mine", "Mine", "audio", "clip", licence, "nowhere", (variant,), print)
        monkeypatch.setattr(encoders, "known", lambda: {**encoders.REGISTRY, "mine": mine})
        return dependencies.parts(page, {}, [])

    assert "encoders of other packages" not in dependencies.parts(page, {}, [])
    first = parts_with("MIT")
    assert {name for name in first if first[name] != parts_with("BSD")[name]} == {"encoders of other packages"}
    assert "encoders of other packages" not in dependencies.parts(other, {}, [])


def test_parts_name_things_without_a_path() -> None:
    for source in SOURCES.values():
        for name, digest in dependencies.parts(source, {}, ["zenodo/train_metadata.csv"]).items():
            assert str(ROOT) not in name and (len(digest) == 64 or digest == "absent")
