"""Strict runs of notebooks: what is refused before a kernel starts, what a run leaves behind, and the twins."""

from __future__ import annotations

import ast
import copy
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import jupytext
import nbformat
import numpy as np
import papermill
import pytest
from click.testing import CliRunner
from papermill.exceptions import PapermillExecutionError

from blemore import cli
from blemore.book import execution, kernels, parameters
from blemore.book.parameters import ParameterError
from blemore.errors import BlemoreError, InputError, PageError, UnknownNameError
from tests.conftest import ROOT, real
from tests.system.test_processes import gone, within

FOLDER = ROOT / "notebooks"
SOURCES = sorted(FOLDER.glob("*.py"))

SMALL = """# %% [markdown]
# # A small page

# %% tags=["parameters"]
text: str = "a"  # any text
count: int = 1
share: float = 0.5
flag: bool = False
several: list = [1, 2]
encoder: str = "imagebind"
metadata: str = ""

# %%
import os
print(text, count, share, flag, several, encoder)
print(os.environ["BLEMORE_OFFLINE"])

# %%
{"count": count}
"""

FAILING = """# %% [markdown]
# # A page that fails

# %% tags=["parameters"]
count: int = 1

# %%
doubled = 2 * count

# %%

# the comment above the failing line
raise ValueError(f"doubled is {doubled}\\nand that is too much")
"""


def write(folder: Path, name: str, source: str) -> Path:
    """Write a py:percent source and its twin; return the twin."""
    path = folder / f"{name}.py"
    path.write_text(source)
    twin = path.with_suffix(".ipynb")
    twin.write_text(execution.twin(path))
    return twin


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLEMORE_OFFLINE", "1")
    monkeypatch.delenv("BLEMORE_DATA", raising=False)


@pytest.fixture
def no_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever starts a kernel fails the test."""

    def started(*_: object, **__: object) -> NoReturn:
        raise AssertionError("a kernel was started")

    monkeypatch.setattr(papermill, "execute_notebook", started)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return write(tmp_path, "small", SMALL)


# Refused before a kernel starts


@pytest.mark.parametrize(
    ("values", "error", "said"),
    [
        ({"cuont": 2}, UnknownNameError, r"unknown parameter of small.ipynb 'cuont'; did you mean 'count'\?"),
        ({"Count": 2}, UnknownNameError, "did you mean 'count'"),
        ({"": 2}, UnknownNameError, "known: text, count, share"),
        ({"count": "2"}, ParameterError, "parameter count of small.ipynb: expected int, got '2'"),
        ({"count": 1.5}, ParameterError, "expected int, got 1.5"),
        ({"count": True}, ParameterError, "expected int, got True"),
        ({"count": None}, ParameterError, "expected int, got None"),
        ({"count": np.int64(3)}, ParameterError, "expected int"),
        ({"flag": 1}, ParameterError, "expected bool, got 1"),
        ({"flag": "true"}, ParameterError, "expected bool, got 'true'"),
        ({"share": True}, ParameterError, "expected float, got True"),
        ({"share": "0.1"}, ParameterError, "expected float, got '0.1'"),
        ({"text": 3}, ParameterError, "expected str, got 3"),
        ({"text": None}, ParameterError, "expected str, got None"),
        ({"text": Path("a")}, ParameterError, "expected str"),
        ({"several": (1, 2)}, ParameterError, "expected list"),
        ({"several": "1"}, ParameterError, "expected list, got '1'"),
        ({"encoder": "imagebnd"}, UnknownNameError, "unknown encoder 'imagebnd'; did you mean 'imagebind'"),
        ({"encoder": "wavlm"}, ParameterError, "'wavlm'.*not public"),
        ({"metadata": "nowhere.csv"}, ParameterError, "parameter metadata: no such file: nowhere.csv"),
        ({"metadata": "."}, ParameterError, "parameter metadata: no such file"),
        ({"text": "b", "cuont": 2}, UnknownNameError, "cuont"),
    ],
)
def test_wrong_parameter_is_refused_before_a_kernel_starts(
    values: dict[str, object], error: type[BlemoreError], said: str, small: Path, no_kernel: None, tmp_path: Path
) -> None:
    with pytest.raises(error, match=said) as caught:
        execution.run(small, tmp_path / "made" / "out.ipynb", values)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "made").exists()


def test_whole_number_serves_as_a_float(small: Path) -> None:
    execution.check(small, {"share": 1, "several": [3], "flag": True, "text": "", "count": -1})


@pytest.mark.parametrize(
    ("content", "said"),
    [("", "notebook"), ("{}", "notebook"), ("[]", "notebook"), ('{"cells": 3}', "notebook"), ("\x00\x01", "notebook")],
)
def test_file_that_is_no_notebook_is_refused(content: str, said: str, no_kernel: None, tmp_path: Path) -> None:
    path = tmp_path / "fake.ipynb"
    path.write_text(content)
    with pytest.raises(InputError, match=f"fake.ipynb.*{said}") as caught:
        execution.run(path, tmp_path / "out.ipynb")
    assert "\n" not in str(caught.value)


def test_absent_notebook_and_folder_are_refused(no_kernel: None, tmp_path: Path) -> None:
    (tmp_path / "folder.ipynb").mkdir()
    for name in ("absent.ipynb", "folder.ipynb"):
        with pytest.raises(InputError, match=f"{name}: no such notebook"):
            execution.run(tmp_path / name, tmp_path / "out.ipynb")


def test_source_in_place_of_its_twin_is_refused_and_the_twin_named(small: Path, no_kernel: None) -> None:
    with pytest.raises(InputError, match=r"small.py: not an .ipynb; .*twin"):
        execution.run(small.with_suffix(".py"), small.with_name("out.ipynb"))


def test_notebook_without_parameters_takes_none(no_kernel: None, tmp_path: Path) -> None:
    plain = write(tmp_path, "plain", "# %%\n1 + 1\n")
    assert execution.declared(plain) == {}
    with pytest.raises(UnknownNameError, match=r"unknown parameter of plain.ipynb 'count'"):
        execution.run(plain, tmp_path / "out.ipynb", {"count": 1})


@pytest.mark.parametrize(
    ("line", "name"),
    [("count: int = 2 + x", "count"), ("where = __import__('pathlib').Path('x')", "where")],
)
def test_default_that_is_no_plain_value_is_one_clear_error(
    line: str, name: str, no_kernel: None, tmp_path: Path
) -> None:
    path = write(tmp_path, "odd", f'# %% tags=["parameters"]\n{line}\n')
    with pytest.raises(InputError, match=f"parameter {name} has a default that is not a plain value; got") as caught:
        execution.declared(path)
    assert "\n" not in str(caught.value)


def test_default_may_hold_a_hash(no_kernel: None, tmp_path: Path) -> None:
    path = write(tmp_path, "odd", '# %% tags=["parameters"]\nname = "a # b"\n')
    assert execution.declared(path) == {"name": "a # b"}


def test_notebook_without_a_kernel_name_is_read_as_python(no_kernel: None, tmp_path: Path) -> None:
    path = write(tmp_path, "plain", '# %% tags=["parameters"]\ncount: int = 1\n')
    page = nbformat.read(path, as_version=4)
    page.metadata = {}
    nbformat.write(page, path)
    assert execution.declared(path) == {"count": 1}


def test_output_that_is_a_folder_is_refused(small: Path, no_kernel: None, tmp_path: Path) -> None:
    (tmp_path / "out.ipynb").mkdir()
    with pytest.raises(InputError, match=r"out.ipynb"):
        execution.run(small, tmp_path / "out.ipynb")


@pytest.mark.parametrize(("code", "said"), [(-35, "signal 35"), (-11, "SIGSEGV"), (3, "exit code 3"), (None, "")])
def test_end_of_a_kernel_is_told_whatever_the_signal(code: int | None, said: str) -> None:
    assert kernels._ended(code) == said


def test_output_below_a_file_is_refused(small: Path, no_kernel: None, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"file/out.ipynb"):
        execution.run(small, tmp_path / "file" / "out.ipynb")


def test_notebook_is_never_written_over_itself(small: Path, no_kernel: None) -> None:
    before = small.read_text()
    with pytest.raises(InputError, match=r"small.ipynb"):
        execution.run(small, small.parent / "." / "small.ipynb")
    assert small.read_text() == before


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        (
            {"text": "3", "count": "3", "share": "3", "flag": "true"},
            {"text": "3", "count": 3, "share": 3, "flag": True},
        ),
        ({"flag": "False", "share": "1e-3"}, {"flag": False, "share": 1e-3}),
        ({"several": "[3, 4]"}, {"several": [3, 4]}),
        ({"count": "-2"}, {"count": -2}),
        ({"text": "[1]"}, {"text": "[1]"}),
    ],
)
def test_parameters_given_as_text_become_what_the_notebook_declares(
    texts: dict[str, str], values: dict[str, object], small: Path
) -> None:
    found = execution.typed(small, texts)
    assert found == values and [type(one) for one in found.values()] == [type(one) for one in values.values()]
    execution.check(small, found)


@pytest.mark.parametrize("text", ["1.5", "one", "True", "", "[1]", "1 + 1"])
def test_text_that_is_no_whole_number_is_refused_as_one(text: str, small: Path, no_kernel: None) -> None:
    with pytest.raises(ParameterError, match=r"parameter count of small.ipynb: expected int"):
        execution.run(small, small.with_name("out.ipynb"), execution.typed(small, {"count": text}))


@pytest.mark.parametrize("text", ["1", "yes", "None", "[True]", ""])
def test_text_that_is_no_truth_value_is_refused_as_one(text: str, small: Path, no_kernel: None) -> None:
    with pytest.raises(ParameterError, match=r"parameter flag of small.ipynb: expected bool"):
        execution.run(small, small.with_name("out.ipynb"), execution.typed(small, {"flag": text}))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["notebooks/results.ipynb", "-p", "encodr", "clip"], "did you mean 'encoder'"),
        (["notebooks/results.ipynb", "-p", "encoder", "wavln"], "did you mean 'wavlm'"),
        (["notebooks/results.ipynb", "-p", "model", "mlp-521"], "did you mean 'mlp-512'"),
        (["notebooks/dataset.ipynb", "-p", "source", "zenod"], "did you mean 'zenodo'"),
        (["notebooks/dataset.ipynb", "-p", "metadata", "nowhere.csv"], "no such file: nowhere.csv"),
        (["notebooks/thresholds.ipynb", "-p", "variant", "kl"], "unknown variant 'kl'"),
        (["notebooks/ledger.ipynb", "-p", "source", "auto"], "unknown parameter of ledger.ipynb 'source'"),
        (["notebooks/absent.ipynb"], "no such notebook"),
        (["notebooks/results.py"], "not an .ipynb"),
    ],
)
def test_command_refuses_in_one_line_with_exit_2(
    given: list[str], said: str, no_kernel: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(ROOT)
    out = tmp_path / "out.ipynb"
    result = CliRunner().invoke(cli.main, ["run", given[0], str(out), *given[1:], "--json"])
    assert result.exit_code == 2, result.output
    assert result.stdout == "" and result.stderr.count("\n") == 1
    assert result.stderr.startswith("error: ") and said in result.stderr
    assert not out.exists()


# What a run leaves behind


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Path]]:
    """The small page, run twice with the same parameters, from and into different folders."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BLEMORE_OFFLINE", "1")
        outs = []
        for name in ("first", "second"):
            folder = tmp_path_factory.mktemp(name)
            out = folder / "new" / "{count}.ipynb"  # papermill fills templates in paths
            execution.run(write(folder, "small", SMALL), out, {"count": 7, "share": 2, "text": "b"})
            outs.append(out)
        yield outs


def test_two_runs_are_equal_byte_for_byte(runs: list[Path]) -> None:
    assert runs[0].read_bytes() == runs[1].read_bytes()


def test_braces_in_a_folders_name_are_no_template(tmp_path: Path) -> None:
    (folder := tmp_path / "{other}").mkdir()
    with pytest.raises(PageError, match="ValueError: doubled is 2"):
        execution.run(write(folder, "failing", FAILING), folder / "out.ipynb")


def test_run_shows_what_the_parameters_say(runs: list[Path]) -> None:
    page = nbformat.read(runs[0], as_version=4)
    streams = "".join(o.text for cell in page.cells for o in cell.get("outputs", []) if o.output_type == "stream")
    assert streams == "b 7 2 False [1, 2] imagebind\n1\n"
    assert page.cells[-1].outputs[0].data["text/plain"] == "{'count': 7}"


def test_run_leaves_no_time_no_path_and_no_random_id(runs: list[Path]) -> None:
    text = runs[0].read_text()
    page = nbformat.reads(text, as_version=4)
    nbformat.validate(page)
    assert set(page.metadata) == {"kernelspec", "language_info"}
    assert [cell.id for cell in page.cells] == [f"cell-{i}" for i in range(len(page.cells))]
    assert str(runs[0].parent) not in text and "/tmp" not in text
    assert not re.search(r"20\d\d-\d\d-\d\dT", text)
    for cell in page.cells:
        assert not {"papermill", "execution"} & set(cell.metadata)


def test_run_leaves_its_output_alone_in_the_folder(runs: list[Path]) -> None:
    assert [path.name for path in runs[0].parent.iterdir()] == ["{count}.ipynb"]
    assert runs[0].stat().st_mode & 0o444 == 0o444


def test_page_is_the_same_however_its_prints_were_cut_into_messages() -> None:
    def printed(*texts: str) -> nbformat.NotebookNode:
        outputs = [nbformat.v4.new_output("stream", name="stdout", text=text) for text in texts]
        return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("print()", outputs=outputs)])

    assert execution.scrub(printed("a\n", "b\n")) == execution.scrub(printed("a\nb\n"))


def test_scrubbing_twice_changes_nothing(runs: list[Path]) -> None:
    page = nbformat.read(runs[0], as_version=4)
    assert execution.scrub(copy.deepcopy(page)) == page


def test_failing_cell_leaves_the_earlier_output_and_is_reported_in_one_line(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    failing, out = write(tmp_path, "failing", FAILING), tmp_path / "out" / "page.ipynb"
    out.parent.mkdir()
    out.write_text("the last good page")
    with pytest.raises(PageError) as caught:
        execution.run(failing, out, {"count": 3})
    text = str(caught.value)
    assert "failing.ipynb" in text and "ValueError: doubled is 6" in text and "too much" in text
    assert "count=3" in text
    assert re.search(r"\bcell 4\b", text), "counted in the notebook that was given, from 1"
    assert "\n" not in text
    assert out.read_text() == "the last good page"
    assert [path.name for path in out.parent.iterdir()] == ["page.ipynb"]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "line", ["import os; os._exit(3)", "import sys; sys.exit(0)"], ids=["kernel dies", "cell exits"]
)
def test_page_that_ends_early_is_no_page(line: str, tmp_path: Path) -> None:
    early = write(tmp_path, "early", f"# %%\n{line}\n\n# %%\nprint('the end')\n")
    with pytest.raises(PageError, match=r"early.ipynb"):
        execution.run(early, tmp_path / "out.ipynb")
    assert not (tmp_path / "out.ipynb").exists()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "SIGKILL, perhaps because memory ran out"),
        ("import ctypes; ctypes.string_at(0)", "SIGSEGV; Fatal Python error: Segmentation fault"),
        ("import os; os._exit(3)", "exit code 3"),
    ],
)
def test_kernel_that_dies_leaves_its_reason_in_the_message(line: str, said: str, tmp_path: Path) -> None:
    page = write(tmp_path, "page", f"# %%\n{line}\n")
    with pytest.raises(PageError, match=re.escape(said)) as caught:
        execution.run(page, tmp_path / "out.ipynb")
    assert "\n" not in str(caught.value) and "Kernel died" in str(caught.value)


def staying(folder: Path, told: Path) -> Path:
    """Write a notebook that tells the process of its kernel, and then takes ten minutes."""
    lines = [
        "import os, time",
        f"with open({str(told)!r}, 'w') as file: print(os.getpid(), file=file)",
        "time.sleep(600)",
    ]
    return write(folder, "stays", "\n".join(["# %%", *lines]))


@pytest.mark.parametrize(
    ("number", "by"), [(signal.SIGINT, ""), (signal.SIGTERM, " (SIGTERM)"), (signal.SIGHUP, " (SIGHUP)")]
)
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="asks /proc which processes run")
def test_run_that_is_stopped_says_so_in_one_line_and_ends_its_kernel(
    number: signal.Signals, by: str, tmp_path: Path
) -> None:
    out, told = tmp_path / "out" / "page.ipynb", tmp_path / "pid"
    command = [sys.executable, "-m", "blemore.cli", "run", str(staying(tmp_path, told)), str(out)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as run:
        assert within(120, lambda: told.exists() and told.read_text().endswith("\n"))
        run.send_signal(number)
        _, said = run.communicate(timeout=120)
    assert run.returncode == 128 + number
    assert said == f"error: interrupted; no file is incomplete; run the same command again{by}\n"
    assert within(60, lambda: gone(int(told.read_text())))
    assert list(out.parent.iterdir()) == []


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="asks /proc which processes run")
def test_killed_run_takes_its_kernel_along_and_leaves_nothing_behind_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, told = tmp_path / "out" / "page.ipynb", tmp_path / "pid"
    stays = staying(tmp_path, told)
    with tempfile.TemporaryDirectory() as name:  # short enough for the paths of sockets
        temporary = Path(name)
        command = [sys.executable, "-m", "blemore.cli", "run", str(stays), str(out)]
        with subprocess.Popen(command, cwd=ROOT, env={**os.environ, "TMPDIR": name}) as run:
            assert within(120, lambda: told.exists() and told.read_text().endswith("\n"))
            run.kill()
        kernel = int(told.read_text())
        assert within(60, lambda: gone(kernel))
        assert len(list(temporary.iterdir())) == 1 and list(out.parent.iterdir()) == []
        monkeypatch.setattr(tempfile, "tempdir", name)
        execution.run(write(tmp_path, "plain", "# %%\n1 + 1\n"), out)
        assert list(temporary.iterdir()) == [] and list(out.parent.iterdir()) == [out]


def test_long_path_of_temporary_files_does_not_stop_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    temporary = tmp_path / ("long" * 40)
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    execution.run(write(tmp_path, "plain", "# %%\n1 + 1\n"), tmp_path / "out.ipynb")
    monkeypatch.setattr(execution.kernels.os, "access", lambda place, _: place == str(temporary))
    with pytest.raises(InputError, match="the path is too long for sockets; set TMPDIR"):
        execution.run(tmp_path / "plain.ipynb", tmp_path / "out.ipynb")


def test_device_is_never_replaced_by_a_page(small: Path, no_kernel: None, tmp_path: Path) -> None:
    (tmp_path / "out.ipynb").symlink_to(os.devnull)
    with pytest.raises(InputError, match=r"out.ipynb: cannot be replaced by a file"):
        execution.run(small, tmp_path / "out.ipynb")


def test_dataset_page_shows_the_real_clips(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(ROOT)
    metadata, out = os.path.relpath(real("train_metadata.csv"), ROOT), tmp_path / "dataset.ipynb"
    given = ["run", "notebooks/dataset.ipynb", str(out), "-p", "metadata", metadata, "--json"]
    result = CliRunner().invoke(cli.main, given)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["parameters"] == {"metadata": metadata}
    text = out.read_text()
    assert "Eight of 2,456 clips in the table" in text
    assert "A102_" in text and "A9001" not in text  # real names, no invented ones
    assert "label-stand-in" not in text
    assert str(ROOT) not in text


# Plain papermill, which knows nothing of all this


def test_plain_papermill_stops_in_the_first_cells_at_a_wrong_value(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(ROOT)
    out = tmp_path / "out.ipynb"
    with pytest.raises(PapermillExecutionError, match="did you mean 'kl-100'"):
        papermill.execute_notebook("notebooks/thresholds.ipynb", str(out), {"variant": "kl-10"}, progress_bar=False)
    page = nbformat.read(out, as_version=4)
    assert sum(bool(cell.get("execution_count")) for cell in page.cells) <= 3  # defaults, injected, the check


WRONG = [
    ("dataset", "source", "zenod"),
    ("dataset", "source", True),
    ("dataset", "metadata", "nowhere.csv"),
    ("dataset", "durations", "nowhere.csv"),
    ("results", "encoder", "clap"),
    ("results", "encoder", 3),
    ("results", "model", "mlp-521"),
    ("thresholds", "variant", None),
    ("aggregation", "openface", "nowhere"),
    ("pca", "encoder", "wavln"),
    ("pca", "beside", "videomae"),
    ("pca", "first", "neu"),
    ("pca", "second", "joy"),
    ("pca", "profile", "fast"),
]


@pytest.mark.parametrize(("name", "parameter", "value"), WRONG)
def test_first_cell_after_the_parameters_refuses_a_wrong_value(name: str, parameter: str, value: object) -> None:
    code = [cell for cell in nbformat.read(FOLDER / f"{name}.ipynb", as_version=4).cells if cell.cell_type == "code"]
    assert "parameters" in code[0].metadata.tags
    names: dict[str, object] = {}
    exec(code[0].source, names)
    assert parameter in names
    with pytest.raises(BlemoreError, match=parameter):
        exec(code[1].source, names | {parameter: value})


# The committed notebooks and their twins


def test_every_text_parameter_of_the_committed_notebooks_is_checked_and_passes_its_check() -> None:
    checked = {*parameters.CHOICES, *parameters.PATHS}
    for source in SOURCES:
        defaults = execution.declared(source.with_suffix(".ipynb"))
        assert {name for name, value in defaults.items() if isinstance(value, str)} <= checked
        execution.check(source.with_suffix(".ipynb"), defaults)


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_committed_twin_is_that_of_its_source(source: Path) -> None:
    twin = source.with_suffix(".ipynb")
    assert twin.read_text(encoding="utf-8") == execution.twin(source), "run `make twins`"


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_committed_twin_is_stripped(source: Path) -> None:
    page = nbformat.read(source.with_suffix(".ipynb"), as_version=4)
    nbformat.validate(page)
    assert page.metadata.kernelspec.name == "python3"
    assert {"kernelspec", "language_info"} <= set(page.metadata) <= {"kernelspec", "language_info", "blemore"}
    for cell in page.cells:
        assert cell.get("outputs", []) == [] and cell.get("execution_count") is None
        assert set(cell.metadata) <= {"tags", "mystnb"}


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_parameter_cell_has_one_typed_parameter_a_line(source: Path) -> None:
    cells = [cell for cell in jupytext.read(source).cells if "parameters" in cell.metadata.get("tags", [])]
    assert len(cells) <= 1
    for line in "".join(cell.source for cell in cells).splitlines():
        assert isinstance(ast.parse(line).body[0], ast.AnnAssign)


def test_every_twin_has_a_source() -> None:
    assert {path.stem for path in FOLDER.glob("*.ipynb")} == {path.stem for path in SOURCES}


def test_cells_of_the_committed_notebooks_are_short() -> None:
    for source in SOURCES:
        for cell in jupytext.read(source).cells:
            if cell.cell_type == "code":
                assert len(cell.source.splitlines()) <= 16, f"{source.name}: {cell.source.splitlines()[0]}"


def test_twins_are_written_where_they_differ_and_nowhere_else(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.py").write_text(f"# %%\n{name} = 1\n")
    assert [path.name for path in execution.write_twins(tmp_path)] == ["a.ipynb", "b.ipynb"]
    stamp = (tmp_path / "b.ipynb").stat().st_mtime_ns
    (tmp_path / "a.py").write_text("# %%\na = 2\n")
    assert [path.name for path in execution.write_twins(tmp_path)] == ["a.ipynb"]
    assert (tmp_path / "b.ipynb").stat().st_mtime_ns == stamp
    assert execution.write_twins(tmp_path) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.ipynb", "a.py", "b.ipynb", "b.py"]


@pytest.mark.parametrize("page", ["results", "encoder", "pca", "training"])
@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"features": "{folder}/absent.npz", "metadata": "{folder}/m.csv"}, "no such file or folder"),
        ({"features": "{folder}"}, "features and metadata go together"),
        ({"metadata": "{folder}/m.csv"}, "features and metadata go together"),
        ({"seed": -1}, "seed: expected 0 or more"),
    ],
    ids=str,
)
def test_what_a_user_names_is_checked_before_a_kernel_starts(
    page: str, given: dict[str, object], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def started(*_: object, **__: object) -> NoReturn:
        raise AssertionError("a kernel was started")

    monkeypatch.setattr(papermill, "execute_notebook", started)
    (tmp_path / "m.csv").write_text("filename,fold\n")
    values = {name: str(one).format(folder=tmp_path) if isinstance(one, str) else one for name, one in given.items()}
    with pytest.raises(ParameterError, match=said):
        execution.run(FOLDER / f"{page}.ipynb", tmp_path / "out.ipynb", values)
