"""One source of truth for dependencies, and files that must agree with it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement

from tests.conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCK = {
    name.lower(): version
    for name, version in re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
}


def requirements() -> list[Requirement]:
    extras = PROJECT["optional-dependencies"].values()
    return [Requirement(text) for text in (*PROJECT["dependencies"], *(one for extra in extras for one in extra))]


@pytest.mark.parametrize("wanted", requirements(), ids=str)
def test_lock_pins_every_dependency_within_its_range(wanted: Requirement) -> None:
    assert wanted.specifier.contains(LOCK[wanted.name.lower()])


def test_lock_names_no_local_build_and_no_address() -> None:
    text = (ROOT / "requirements.lock").read_text()
    assert "+" not in text
    assert "://" not in text


def test_environment_installs_what_pyproject_says() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    (pip,) = (entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict))
    assert pip == ["--constraint requirements.lock", "--editable .[book,dev,encoders]"]
    (python,) = (entry for entry in environment["dependencies"] if str(entry).startswith("python="))
    assert PROJECT["requires-python"] == f">={python.removeprefix('python=')}"


def test_extras_are_those_that_users_were_promised() -> None:
    assert {"book", "encoders", "egemaps", "videoswin", "dask", "dev"} <= set(PROJECT["optional-dependencies"])


def test_citation_names_the_version_of_the_package() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == PROJECT["version"]
    assert citation["license"] == PROJECT["license"]
    assert "2601.13225" in citation["references"][0]["identifiers"][0]["value"]


def test_help_comes_first_and_names_every_command_that_others_rely_on() -> None:
    shown = subprocess.run(
        ["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert shown.startswith("make help")
    named = set(re.findall(r"^make (\w+)", shown, re.MULTILINE))
    assert {"help", "book", "test", "check", "lint", "bench", "serve", "clean"} <= named


@pytest.mark.parametrize(
    ("given", "ends"), [([], "blemore book"), (["PROFILE=paper"], "blemore book -p profile paper")]
)
def test_make_book_hands_on_a_profile_and_nothing_else(given: list[str], ends: str) -> None:
    plain = {
        key: value for key, value in os.environ.items() if key not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "PROFILE")
    }
    command = ["make", "-n", "book", *given]  # told apart from the make that runs the tests
    shown = subprocess.run(command, cwd=ROOT, env=plain, capture_output=True, text=True, check=True).stdout
    assert shown.rstrip().endswith(ends)


def test_package_version_is_the_projects() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "blemore.cli", "--version"], capture_output=True, text=True, check=True
    )
    assert PROJECT["version"] in shown.stdout


def test_no_file_names_a_path_of_the_machine_it_was_made_on() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    machine = re.compile(rb"/(home|root|work|tmp|Users)/[\w.-]+")
    found = {
        name: machine.search(path.read_bytes())
        for name in tracked
        if name and (path := ROOT / name).is_file() and path.suffix not in (".woff2", ".png")
    }
    assert not {name: match[0] for name, match in found.items() if match and name != "tests/test_project.py"}


def test_map_in_the_guide_lists_the_folders_in_the_order_that_imports_must_keep() -> None:
    (contract,) = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    rows = re.findall(r"^\| `.*", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE)
    listed = [
        name.removesuffix(".py").rstrip("/") for row in rows for name in re.findall(r"`([\w.]+/?)`", row.split("|")[1])
    ]
    assert listed == contract["layers"][::-1]


def test_no_file_name_stands_twice_in_the_package() -> None:
    stems = [path.stem for path in (ROOT / "blemore").rglob("*.py") if not path.stem.startswith("__")]
    folders = [path.name for path in (ROOT / "blemore").rglob("*") if (path / "__init__.py").is_file()]
    twice = {name for name in [*stems, *folders] if [*stems, *folders].count(name) > 1}
    assert twice == set()
