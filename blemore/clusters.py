"""Work on many machines: joblib's Dask backend, checked before it is trusted with work."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import joblib

from blemore.errors import InputError, first
from blemore.precision import precision_here


@contextmanager
def connected(
    scheduler: str,
    shared: Sequence[object] = (),
    packages: Sequence[str] = ("blemore", "torch"),
    precisions: Collection[str] = (),
) -> Iterator[int]:
    """Let joblib compute on a cluster; the value is its number of workers.

    Parameters
    ----------
    scheduler : str
        Address of a Dask scheduler, ``tcp://host:8786``.
    shared : sequence
        Large arguments of the tasks, sent to each worker once.
    packages : sequence of str
        What workers must have in the version that is here.
    precisions : collection of str
        Of the products to compute there, see :data:`blemore.precision.PRECISIONS`.

    Raises
    ------
    InputError
        If Dask is not installed, this is no address, nobody answers, or the workers cannot do the work.
    """
    try:
        from distributed import Client
    except ImportError:
        raise InputError("scheduler", "dask is not installed", fix="pip install 'blemore[dask]'") from None
    check_address(scheduler)
    try:
        client = Client(scheduler, timeout=10, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise InputError(
            scheduler, "no Dask scheduler answers", got=str(error).splitlines()[0], fix="check the address"
        ) from None
    with client:
        workers = check_workers(scheduler, client, packages)
        if "medium" in precisions:
            check_precision(scheduler, client)
        with joblib.parallel_config("dask", client=client, scatter=list(shared) or None):
            yield workers


def check_address(scheduler: str) -> None:
    """Check that Dask could connect to an address: to others it would try in vain, for long."""
    from distributed.comm import addressing, registry

    try:
        scheme, place = addressing.parse_address(addressing.normalize_address(scheduler))
        port = addressing.parse_host_port(place)[1]
    except ValueError:
        scheme, port = "", 0
    if scheme not in registry.backends or not 0 < port < 1 << 16:
        raise InputError("scheduler", "no address of a scheduler", expected="tcp://host:8786", got=repr(scheduler))


def check_workers(scheduler: str, client: Any, packages: Sequence[str]) -> int:
    """Check what joblib would wait for without end, that workers are there and have the packages; count them."""
    if not (threads := client.nthreads()):
        raise InputError(scheduler, "has no workers", fix=f"start some: dask worker {scheduler} --nthreads 1")
    if many := [worker for worker, count in threads.items() if count != 1]:
        raise InputError(scheduler, "workers have several threads", got=first(many), fix="start them with --nthreads 1")
    for package in packages:
        here = importlib.metadata.version(package)
        try:
            there = client.run(importlib.metadata.version, package)
        except importlib.metadata.PackageNotFoundError:
            there = dict.fromkeys(threads, "none")
        if other := {worker: version for worker, version in there.items() if version != here}:
            raise InputError(
                scheduler,
                f"{package} on workers",
                expected=here,
                got=first([f"{version} on {worker}" for worker, version in other.items()]),
                fix="install the same version there",
            )
    return len(threads)


def check_precision(scheduler: str, client: Any) -> None:
    """Check that products at precision medium are as accurate on every worker as they are meant to be."""
    there = client.run(precision_here)
    if other := [worker for worker, precision in there.items() if precision != "medium"]:
        raise InputError(
            scheduler,
            "float32 products of workers at precision medium round otherwise than here",
            got=first(other),
            fix="take workers with processors like this machine's, or train exact",
        )
