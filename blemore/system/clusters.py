"""Work on many machines: Dask, alone or below joblib, checked before it is trusted with work."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import joblib

from blemore.errors import InputError, first

PATIENCE = 60
"""Seconds without a result after which it is asked whether there are workers, and that new ones are waited for."""

Item = TypeVar("Item")
Value = TypeVar("Value")


@contextmanager
def connected(
    scheduler: str, shared: Sequence[object] = (), check: Callable[[str, Any], None] | None = None
) -> Iterator[int]:
    """Let joblib compute on a cluster; the value is its number of workers.

    Parameters
    ----------
    scheduler : str
        See :func:`opened`.
    shared : sequence
        Large arguments of the tasks, sent to each worker once.
    check : function, optional
        Takes the address and the client, and raises if the workers cannot do the work.
    """
    with opened(scheduler) as client, joblib.parallel_config("dask", client=client, scatter=list(shared) or None):
        if check:
            check(scheduler, client)
        yield len(client.nthreads())


@contextmanager
def opened(scheduler: str, packages: Sequence[str] = ("blemore", "torch")) -> Iterator[Any]:
    """Open a client of a cluster whose workers can do the work.

    Parameters
    ----------
    scheduler : str
        Address of a Dask scheduler, ``tcp://host:8786``.
    packages : sequence of str
        What is imported, and must be on workers in the version that is here.

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
        check_workers(scheduler, client, packages)
        yield client


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


def results(
    client: Any, scheduler: str, function: Callable[[Item], Value], items: Sequence[Item]
) -> Iterator[tuple[Item, Value | Exception]]:
    """Call a function on workers; yield each item with its value, or with what the call raised, when it ends.

    Whatever lies on a worker that is killed counts as its killer. So what was killed is tried once more, one item
    after the other, before it is yielded as ``distributed.KilledWorker``.

    Raises
    ------
    InputError
        If the scheduler or all workers are lost.
    """
    from distributed import KilledWorker

    killed = []
    for item, value in _results(client, scheduler, function, items):
        if isinstance(value, KilledWorker):
            killed.append(item)
        else:
            yield item, value
    for item in killed:
        yield from _results(client, scheduler, function, [item])


def _results(
    client: Any, scheduler: str, function: Callable[[Item], Value], items: Sequence[Item]
) -> Iterator[tuple[Item, Value | Exception]]:
    from distributed import as_completed

    fix = "start it and this again; what is done is kept"
    left = dict(zip(client.map(function, items, pure=False), items, strict=True))
    while left:
        try:
            ended = as_completed(list(left), loop=client.loop, timeout=PATIENCE)  # type: ignore[no-untyped-call]
            for future in ended:
                if future.cancelled():
                    raise InputError(scheduler, "was lost during the work", fix=fix)
                yield left.pop(future), future.exception() if future.status == "error" else future.result()
        except TimeoutError:
            try:
                client.wait_for_workers(1, timeout=PATIENCE)
            except TimeoutError:
                raise InputError(scheduler, "has no workers any more", fix=fix.replace("it", "some")) from None


def check_workers(scheduler: str, client: Any, packages: Sequence[str]) -> None:
    """Check what would be waited for without end, that workers are there and have the packages."""
    if not (threads := client.nthreads()):
        raise InputError(scheduler, "has no workers", fix=f"start some: dask worker {scheduler} --nthreads 1")
    if many := [worker for worker, count in threads.items() if count != 1]:
        raise InputError(scheduler, "workers have several threads", got=first(many), fix="start them with --nthreads 1")
    known = importlib.metadata.packages_distributions()  # cv2 is imported, opencv-python is installed
    for package in [known.get(name, [name])[0] for name in packages]:
        try:
            here = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            raise InputError(package, "is not installed here", fix="install it as on the workers") from None
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
