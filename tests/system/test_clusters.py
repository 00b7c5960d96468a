"""Clusters: what cannot work is refused in one line, before work is sent."""

from __future__ import annotations

import importlib.metadata
from dataclasses import replace
from pathlib import Path

import pytest

from blemore import encoders
from blemore.encoders import extraction
from blemore.errors import InputError
from blemore.system import clusters
from blemore.training import precision


class FakeClient:
    """A cluster as the check of workers sees it."""

    def __init__(self, threads: dict[str, int], versions: dict[str, str] | None) -> None:
        self._threads, self._versions = threads, versions

    def nthreads(self) -> dict[str, int]:
        return self._threads

    def run(self, function, *package: str) -> dict[str, str]:
        if self._versions is None:
            raise importlib.metadata.PackageNotFoundError(*package)
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


@pytest.mark.parametrize(
    "address",
    ["", "foo", "tcp://127.0.0.1", "tcp://127.0.0.1:abc", "http://127.0.0.1:8786", "tcp://h:99999", "tcp://:"],
)
def test_what_is_no_address_is_refused_before_anyone_is_called(address: str, monkeypatch) -> None:
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(distributed, "Client", lambda *_, **__: pytest.fail("called"))
    with pytest.raises(InputError, match="expected tcp://host:8786; got '"), clusters.connected(address):
        pass


def test_addresses_with_a_port_are_called() -> None:
    pytest.importorskip("distributed")
    for address in ("tcp://127.0.0.1:8786", "localhost:8786", "tls://host:1", "tcp://[::1]:8786"):
        clusters.check_address(address)


def test_workers_whose_products_round_otherwise_are_refused() -> None:
    precision.check_precision("tcp://b", FakeClient({}, {"tcp://a": "medium"}))
    with pytest.raises(InputError, match="at precision medium round otherwise than here; got tcp://c"):
        precision.check_precision("tcp://b", FakeClient({}, {"tcp://a": "medium", "tcp://c": "highest"}))
