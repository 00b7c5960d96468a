"""Gradients of the paper's classifiers without autograd (paper, section 4.6).

These networks are two products deep, so their gradients can be written down. That saves the recording of
each step, which costs as much as the products where features are few, and new memory of the size of the
weights, which costs as much where they are many. The operations are those that autograd would run, in the
same precision and order: the bits are the same.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from blemore.training.models import SMALLEST


class Gradients:
    """Puts the gradients of :func:`blemore.training.models.kl_loss` into a classifier's parameters.

    Parameters
    ----------
    model : nn.Sequential
        Of :func:`blemore.training.models.build`, on the CPU.
    """

    def __init__(self, model: nn.Sequential) -> None:
        layers = [layer for layer in model if isinstance(layer, nn.Linear)]
        self._hidden, self._last = (layers[0] if len(layers) == 2 else None), layers[-1]
        self._wide = torch.empty_like(layers[0].weight)

    @torch.no_grad()
    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the loss of a batch, x (M, D) and y (M, 6), after writing each parameter's gradient."""
        if self._hidden is None:
            loss, at_logits = _head(self._last(x), y)
            _put(self._last, at_logits, x, self._wide)
            return loss
        hidden = self._hidden(x).relu_()
        loss, at_logits = _head(self._last(hidden), y)
        _put(self._last, at_logits, hidden, None)
        at_hidden = torch.ops.aten.threshold_backward(at_logits @ self._last.weight, hidden, 0)
        _put(self._hidden, at_hidden, x, self._wide)
        return loss


def _head(logits: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Return the loss, and its gradient at the logits."""
    p = torch.softmax(logits, dim=1)
    kept = p.clamp(min=SMALLEST)
    loss = nn.functional.kl_div(kept.log(), y, reduction="batchmean")
    at_p = (y * (-torch.ones(()) / len(y))).div_(kept).masked_fill_(p < SMALLEST, 0)
    return loss, torch.ops.aten._softmax_backward_data(at_p, p, 1, torch.float32)


def _put(layer: nn.Linear, at_output: Tensor, x: Tensor, memory: Tensor | None) -> None:
    layer.weight.grad = torch.mm(at_output.t(), x, out=memory)
    layer.bias.grad = at_output.sum(dim=0)
