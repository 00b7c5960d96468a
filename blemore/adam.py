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

SLICE = 1 << 16
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
        everything = list(parameters)
        small = [p for p in everything if p.numel() < SLICE]
        self._groups = [_Group([p]) for p in everything if p.numel() >= SLICE]
        self._groups += [_Group(small)] if small else []
        self._parameters = everything
        largest = max(len(part[0]) for group in self._groups for part in group.parts)
        self._scratch = torch.empty(2, largest)

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for parameter in self._parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Change every parameter once; each needs a gradient."""
        self._steps += 1
        first, second = BETAS
        size = -self._lr / (1 - first**self._steps)
        root = np.float32((1 - second**self._steps) ** 0.5)
        decay, tiny = np.float32(second), np.float32(EPSILON)
        for group in self._groups:
            for gradient, (weight, mean, square) in zip(group.gradients(), group.parts, strict=True):
                decayed, below = self._scratch[:, : len(weight)]
                torch.add(gradient, weight, alpha=self._weight_decay, out=decayed)
                mean.lerp_(decayed, 1 - first)
                # operations of one rounding give the same bits in numpy, at half the price of a call;
                # square roots do not: torch may take those of a library that rounds them otherwise
                np.multiply(square.numpy(), decay, out=square.numpy())
                square.addcmul_(decayed, decayed, value=1 - second)
                root_mean = torch.sqrt(square, out=below).numpy()
                np.divide(root_mean, root, out=root_mean)
                np.add(root_mean, tiny, out=root_mean)
                weight.addcdiv_(mean, below, value=size)


class _Group:
    """Tensors that lie in one piece, and the slices of their values and two moments."""

    def __init__(self, tensors: list[nn.Parameter]) -> None:
        self._tensors = tensors
        flat = torch.cat([tensor.detach().reshape(-1) for tensor in tensors])
        place = 0
        for tensor in tensors:
            tensor.data = flat[place : place + tensor.numel()].view_as(tensor)
            place += tensor.numel()
        slices = (flat, torch.zeros_like(flat), torch.zeros_like(flat))
        self.parts = list(zip(*(torch.split(whole, SLICE) for whole in slices), strict=True))

    def gradients(self) -> tuple[Tensor, ...]:
        given = [tensor.grad.reshape(-1) for tensor in self._tensors if tensor.grad is not None]
        flat = given[0] if len(given) == 1 else torch.cat(given)
        return torch.split(flat, SLICE)
