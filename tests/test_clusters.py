"""Clusters: what cannot work is refused in one line, before work is sent."""

from __future__ import annotations

import importlib.metadata
from dataclasses import replace
from pathlib import Path

import pytest

from blemore import clusters, encoders, extraction
from blemore.errors import InputError


class FakeClient:
    """A cluster as the check of workers sees it."""

    def __init__(self, threads: dict[str, int], versions: dict[str, str] | None) -> None:
        self._threads, self._versions = threads, versions

    def nthreads(self) -> dict[str, int]:
        return self._threads

    def run(self, function, package: str) -> dict[str, str]:
        if self._versions is None:
            raise importlib.metadata.PackageNotFoundError(package)
        return self._versions


@pytest.mark.parametrize(
    ("threads", "versions", "says"),
    [
        ({}, {}, "has no workers; start some"),
        ({"tcp://a": 8}, {}, "several threads; got tcp://a; start them with --nthreads 1"),
        ({"tcp://a": 1}, None, "blemore on workers; expected .*; got none on tcp://a"),
        ({"tcp://a": 1}, {"tcp://a": "0.0.1"}, "blemore on workers; expected .*; got 0.0.1 on tcp://a"),
    ],
)
def test_a_cluster_that_cannot_work_is_one_clear_line(threads, versions, says) -> None:
    with pytest.raises(InputError, match=says):
        clusters.check_workers("tcp://b", FakeClient(threads, versions), ("blemore",))


def test_a_package_that_is_not_here_is_one_clear_line() -> None:
    with pytest.raises(InputError, match="no_such_package: is not installed here"):
        clusters.check_workers("tcp://b", FakeClient({"tcp://a": 1}, {}), ("no_such_package",))


def test_packages_are_compared_under_the_names_that_they_are_installed_by() -> None:
    with pytest.raises(InputError, match=r"PyYAML on workers; expected .*; got 0.0.1"):
        clusters.check_workers("tcp://b", FakeClient({"tcp://a": 1}, {"tcp://a": "0.0.1"}), ("yaml",))


def test_workers_must_have_what_the_encoder_imports(tmp_path: Path, scheduler: str) -> None:
    (tmp_path / "clip.mp4").touch()
    encoder = replace(encoders.get("wavlm"), libraries=("no_such_package",))
    with pytest.raises(InputError, match="no_such_package: is not installed here"):
        extraction.extract(encoder, [tmp_path], tmp_path, scheduler=scheduler)
