"""What something was made of: content, never time; code by what it does, never by its remarks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from blemore import identity, runs, simulated
from blemore.errors import InputError, PageError
from tests.conftest import ROOT

TRAINS = {"adam", "draws", "features", "gradients", "heads", "labels", "models", "precision", "runs", "stacks", "tasks",
          "thresholds", "training"}  # fmt: skip
"""Modules that an edit of may change what comes of a training."""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the package whose modules may be edited."""
    copy = tmp_path / "blemore"
    shutil.copytree(ROOT / "blemore", copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(identity, "PACKAGE", copy)
    monkeypatch.setattr(identity, "REFERENCE", copy / "reference")
    return copy


def trains(package: Path) -> str:
    return identity.digest(identity.code(package / "tasks.py", runs.APART, messages=False))


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)


def test_code_of_runs_and_of_simulated_features_is_that_of_the_package(package: Path) -> None:
    assert trains(package) == runs.CODE
    assert identity.digest(identity.code(package / "standin.py")) == simulated.CODE


def test_touching_or_explaining_code_changes_nothing(package: Path) -> None:
    for path in package.rglob("*.py"):
        append(path, '\n\n# a remark\n"""And a text that does nothing."""\n')
        os.utime(path, (2e9, 2e9))
    assert trains(package) == runs.CODE


@pytest.mark.parametrize("module", sorted(TRAINS))
def test_editing_code_that_trains_changes_the_identity_of_runs(package: Path, module: str) -> None:
    append(package / f"{module}.py", "\n\nif 1 > 2:\n    pass\n")
    assert trains(package) != runs.CODE


def test_rewording_an_error_trains_nothing_again_but_raising_it_elsewhere_does(package: Path) -> None:
    path = package / "features.py"
    text = path.read_text()
    said, condition = '"aggregate them first")', "if one.subsampled or other.subsampled:"
    assert text.count(said) == text.count(condition) == 1
    path.write_text(text.replace(said, '"take their mean first")'))
    assert trains(package) == runs.CODE
    assert identity.code(path) != identity.code(ROOT / "blemore" / "features.py")  # a page may show it
    path.write_text(text.replace(condition, "if one.subsampled:"))
    assert trains(package) != runs.CODE


@pytest.mark.parametrize(
    "module", ["clips", "paper", "errors", "files", "clusters", "processes", "sweeps", "standin", "rows", "cli/train"]
)
def test_editing_code_that_only_brings_inputs_or_reports_trains_nothing_again(package: Path, module: str) -> None:
    append(package / f"{module}.py", "\n\nif 1 > 2:\n    pass\n")
    assert trains(package) == runs.CODE


def test_no_module_that_a_training_loads_is_forgotten() -> None:
    command = "import sys, blemore.tasks; print(*(name for name in sys.modules if name.startswith('blemore.')))"
    told = subprocess.run([sys.executable, "-c", command], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    inputs = {"clips", "errors", "files", "identity", "paper", "tables"}
    assert {name.removeprefix("blemore.") for name in told.split()} == TRAINS | inputs
    found = {name.removeprefix("module blemore.") for name in identity.code(identity.PACKAGE / "tasks.py", runs.APART)}
    assert {name for name in found if " " not in name} == TRAINS


@pytest.mark.parametrize("library", ["numpy", "scikit-learn", "torch"])
def test_other_version_of_a_library_that_decides_numbers_is_other_code(
    package: Path, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = identity.version
    monkeypatch.setattr(identity, "version", lambda name: "0.0.1" if name == library else version(name))
    assert trains(package) != runs.CODE


def test_module_is_a_part_of_its_own_code(package: Path) -> None:
    assert "module blemore.standin" in identity.code(package / "standin.py")
    append(package / "standin.py", "\n\nSEEDS = 2\n")
    assert identity.digest(identity.code(package / "standin.py")) != simulated.CODE


def test_code_that_is_no_python_is_named(package: Path) -> None:
    append(package / "adam.py", "x = = 1\n")
    with pytest.raises(PageError, match=r"adam\.py: line \d+ is not Python"):
        trains(package)


def test_file_is_known_by_its_content(tmp_path: Path) -> None:
    (file := tmp_path / "a").write_bytes(b"one")
    first = identity.sha256_of(file)
    os.utime(file, (2e9, 2e9))
    assert identity.sha256_of(file) == first
    file.write_bytes(b"two")
    os.utime(file, (2e9, 2e9))  # other content of the same size and time
    assert identity.sha256_of(file) != first


def test_file_is_read_once_while_it_is_unchanged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    now = time.time_ns
    monkeypatch.setattr(
        time, "time_ns", lambda: now() + 10**10
    )  # what was written just now may change in the same tick
    first = identity.sha256_of(tmp_path)
    monkeypatch.setattr(Path, "open", lambda *given, **more: pytest.fail("read again"))
    assert identity.sha256_of(tmp_path) == first


def test_a_pipe_has_no_digest_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="a device, a pipe or a socket"):
        identity.sha256_of(tmp_path / "pipe")
