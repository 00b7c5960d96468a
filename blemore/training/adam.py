"""Adam with its usual roundings, in slices that stay in the processor's cache (paper, section 4.7).

On a CPU, torch's default Adam passes some ten times over arrays of the size of the weights, and through
new memory; for wide features that is most of the training time. Doing all operations on one slice before
the next one is the same arithmetic, element by element, at a fraction of the memory traffic. torch's own
``fused=True`` is faster still, but rounds differently; where training is chaotic that changes which epoch
is best.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor, nn

BETAS = (0.9, 0.999)
"""Decay rates of the two moments: torch's defaults."""

EPSILON = 1e-8
"""Added to the denominator: torch's default."""

SLICE = 1 << 17
"""Elements worked on at a time; tensors smaller than that are put together."""


class SlicedAdam:
    """Adam (Kingma and Ba, 2015) with L2 weight decay; steps equal torch's default ``Adam`` bit for bit.

    Parameters
    ----------
    parameters : iterable of nn.Parameter
        float32, on the CPU; their memory is replaced, so that small ones lie in one piece.
    lr, weight_decay : float
    """

    def __init__(self, parameters: Iterable[nn.Parameter], *, lr: float, weight_decay: float) -> None:
        self._lr, self._weight_decay, self._steps = lr, weight_decay, 0
        given = list(parameters)
        small = [p for p in given if p.numel() < SLICE]
        groups = [[p] for p in given if p.numel() >= SLICE] + ([small] if small else [])
        scratch = torch.empty(2, SLICE)
        self._groups = [(group, _slices(group, scratch)) for group in groups]

    @torch.no_grad()
    def step(self) -> None:
        """Change every parameter once; each needs a gradient."""
        self._steps += 1
        first, second = BETAS
        size = -self._lr / (1 - first**self._steps)
        root = np.float32((1 - second**self._steps) ** 0.5)
        decay, tiny = np.float32(second), np.float32(EPSILON)
        for group, slices in self._groups:
            for gradient, s in zip(torch.split(_gradient(group), SLICE), slices, strict=True):
                torch.add(gradient, s.weight, alpha=self._weight_decay, out=s.decayed)
                s.mean.lerp_(s.decayed, 1 - first)
                # operations of one rounding give the same bits in numpy, at half the price of a call;
                # square roots do not: torch may take those of a library that rounds them otherwise
                np.multiply(s.square_array, decay, out=s.square_array)
                s.square.addcmul_(s.decayed, s.decayed, value=1 - second)
                torch.sqrt(s.square, out=s.below)
                np.divide(s.below_array, root, out=s.below_array)
                np.add(s.below_array, tiny, out=s.below_array)
                s.weight.addcdiv_(s.mean, s.below, value=size)


class _Slice:
    """A slice of the weights, their two moments, and scratch memory for it; arrays share tensors' memory."""

    __slots__ = ("below", "below_array", "decayed", "mean", "square", "square_array", "weight")

    def __init__(self, weight: Tensor, mean: Tensor, square: Tensor, scratch: Tensor) -> None:
        self.weight, self.mean, self.square = weight, mean, square
        self.decayed, self.below = scratch[0, : len(weight)], scratch[1, : len(weight)]
        self.square_array, self.below_array = square.numpy(), self.below.numpy()


def _slices(tensors: list[nn.Parameter], scratch: Tensor) -> list[_Slice]:
    """Put tensors' values in one piece, and cut it."""
    flat = torch.cat([tensor.detach().reshape(-1) for tensor in tensors])
    place = 0
    for tensor in tensors:
        tensor.data = flat[place : place + tensor.numel()].view_as(tensor)
        place += tensor.numel()
    values, means, squares = (torch.split(t, SLICE) for t in (flat, torch.zeros_like(flat), torch.zeros_like(flat)))
    return [_Slice(v, m, q, scratch) for v, m, q in zip(values, means, squares, strict=True)]


def _gradient(tensors: list[nn.Parameter]) -> Tensor:
    given = [tensor.grad.reshape(-1) for tensor in tensors if tensor.grad is not None]
    return given[0] if len(given) == 1 else torch.cat(given)
