"""What something was made of: content, never time; code by what it does, never by its remarks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from blemore.errors import InputError, PageError
from blemore.experiments import stored_runs
from blemore.simulation import kept_features
from blemore.system import fingerprints
from tests.conftest import ROOT

TRAINS = {
    "challenge.labels",
    "challenge.thresholds",
    "experiments.one_training",
    "experiments.stored_runs",
    "features.feature_table",
    "training.adam",
    "training.classifier",
    "training.folds_together",
    "training.gradients",
    "training.loop",
    "training.models",
    "training.precision",
    "training.random_numbers",
}
"""Modules that an edit of may change what comes of a training."""


FOLDERS = {path.parent.name for path in (ROOT / "blemore").glob("*/__init__.py")}
"""Packages, which hold a line of text and no code."""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the package whose modules may be edited."""
    copy = tmp_path / "blemore"
    shutil.copytree(ROOT / "blemore", copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(fingerprints, "PACKAGE", copy)
    monkeypatch.setattr(fingerprints, "REFERENCE", copy / "paper" / "reference")
    return copy


def trains(package: Path) -> str:
    return fingerprints.digest(
        fingerprints.code(package / "experiments/one_training.py", stored_runs.APART, messages=False)
    )


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)


def test_code_of_runs_and_of_simulated_features_is_that_of_the_package(package: Path) -> None:
    assert trains(package) == stored_runs.CODE
    assert fingerprints.digest(fingerprints.code(package / "simulation/generator.py")) == kept_features.CODE


def test_touching_or_explaining_code_changes_nothing(package: Path) -> None:
    for path in package.rglob("*.py"):
        append(path, '\n\n# a remark\n"""And a text that does nothing."""\n')
        os.utime(path, (2e9, 2e9))
    assert trains(package) == stored_runs.CODE


@pytest.mark.parametrize("module", sorted(TRAINS))
def test_editing_code_that_trains_changes_the_identity_of_runs(package: Path, module: str) -> None:
    append(package / f"{module.replace(chr(46), chr(47))}.py", "\n\nif 1 > 2:\n    pass\n")
    assert trains(package) != stored_runs.CODE


def test_rewording_an_error_trains_nothing_again_but_raising_it_elsewhere_does(package: Path) -> None:
    path = package / "features/feature_table.py"
    text = path.read_text()
    said, condition = '"aggregate them first")', "if one.subsampled or other.subsampled:"
    assert text.count(said) == text.count(condition) == 1
    path.write_text(text.replace(said, '"take their mean first")'))
    assert trains(package) == stored_runs.CODE
    assert fingerprints.code(path) != fingerprints.code(
        ROOT / "blemore" / "features/feature_table.py"
    )  # a page may show it
    path.write_text(text.replace(condition, "if one.subsampled:"))
    assert trains(package) != stored_runs.CODE


@pytest.mark.parametrize(
    "module",
    [
        "challenge.clips",
        "paper.printed_numbers",
        "errors",
        "system.files",
        "system.clusters",
        "system.processes",
        "experiments.sweeps",
        "simulation.generator",
        "results.trained_tables",
        "cli.train",
    ],
)
def test_editing_code_that_only_brings_inputs_or_reports_trains_nothing_again(package: Path, module: str) -> None:
    append(package / f"{module.replace(chr(46), chr(47))}.py", "\n\nif 1 > 2:\n    pass\n")
    assert trains(package) == stored_runs.CODE


def test_no_module_that_a_training_loads_is_forgotten() -> None:
    command = "import sys, blemore.experiments.one_training; print(*(name for name in sys.modules if name.startswith('blemore.')))"
    told = subprocess.run([sys.executable, "-c", command], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    inputs = {
        "challenge.clips",
        "errors",
        "system.files",
        "system.fingerprints",
        "paper.printed_numbers",
        "system.csv_files",
    }
    assert {name.removeprefix("blemore.") for name in told.split()} - FOLDERS == TRAINS | inputs
    found = {
        name.removeprefix("module blemore.")
        for name in fingerprints.code(fingerprints.PACKAGE / "experiments/one_training.py", stored_runs.APART)
    }
    assert {name for name in found if " " not in name} - FOLDERS == TRAINS


@pytest.mark.parametrize("library", ["numpy", "scikit-learn", "torch"])
def test_other_version_of_a_library_that_decides_numbers_is_other_code(
    package: Path, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = fingerprints.version
    monkeypatch.setattr(fingerprints, "version", lambda name: "0.0.1" if name == library else version(name))
    assert trains(package) != stored_runs.CODE


def test_module_is_a_part_of_its_own_code(package: Path) -> None:
    assert "module blemore.simulation.generator" in fingerprints.code(package / "simulation/generator.py")
    append(package / "simulation/generator.py", "\n\nSEEDS = 2\n")
    assert fingerprints.digest(fingerprints.code(package / "simulation/generator.py")) != kept_features.CODE


def test_code_that_is_no_python_is_named(package: Path) -> None:
    append(package / "training/adam.py", "x = = 1\n")
    with pytest.raises(PageError, match=r"adam\.py: line \d+ is not Python"):
        trains(package)


def test_file_is_known_by_its_content(tmp_path: Path) -> None:
    (file := tmp_path / "a").write_bytes(b"one")
    first = fingerprints.sha256_of(file)
    os.utime(file, (2e9, 2e9))
    assert fingerprints.sha256_of(file) == first
    file.write_bytes(b"two")
    os.utime(file, (2e9, 2e9))  # other content of the same size and time
    assert fingerprints.sha256_of(file) != first


def test_file_is_read_once_while_it_is_unchanged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    now = time.time_ns
    monkeypatch.setattr(
        time, "time_ns", lambda: now() + 10**10
    )  # what was written just now may change in the same tick
    first = fingerprints.sha256_of(tmp_path)
    monkeypatch.setattr(Path, "open", lambda *given, **more: pytest.fail("read again"))
    assert fingerprints.sha256_of(tmp_path) == first


def test_a_pipe_has_no_digest_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="a device, a pipe or a socket"):
        fingerprints.sha256_of(tmp_path / "pipe")
