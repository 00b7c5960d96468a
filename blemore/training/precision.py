"""Products of float32 matrices on this machine: one thread, and oneDNN where it is as accurate."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch

from blemore.errors import InputError, first

PRECISIONS = ("highest", "medium")
"""float32 products as they come, or by oneDNN's kernels where :func:`precision_here` recommends them."""

PRODUCT_ERROR = 2e-6
"""Largest root mean square error, relative to that of the exact values, of a product worth trusting."""


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread: two share small products badly, and add up in another order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def matmul_precision(precision: str) -> Iterator[None]:
    """Compute float32 products at one of :data:`PRECISIONS`, and go back to what was before."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(precision)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def product_error(precision: str) -> float:
    """Return the relative root mean square error of a product in float32, against float64."""
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(n, 1024, generator=generator) for n in (32, 512))
    with one_thread(), matmul_precision(precision):
        error = (a @ b.T).double() - a.double() @ b.double().T
    return float(error.pow(2).mean().sqrt().item()) / 32  # the exact values' is sqrt(1024)


@cache
def precision_here() -> str:
    """Return ``medium`` where it selects other kernels on this CPU that are as accurate, else ``highest``.

    With precision ``medium`` torch may use oneDNN, which is twice as fast on some CPUs; on others it may
    round the factors to bfloat16, an error of 2e-3, and on others again it changes nothing.
    """
    usual, other = product_error("highest"), product_error("medium")
    return "medium" if other != usual and other <= PRODUCT_ERROR else "highest"


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
