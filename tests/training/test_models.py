"""Models: architecture, start values, loss and the averaging of logits."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from blemore.errors import UnknownNameError
from blemore.training import models
from blemore.training.adam import SLICE, SlicedAdam
from blemore.training.gradients import Gradients


@pytest.mark.parametrize("name", models.MODELS)
def test_start_values_are_those_of_torchs_own_layers(name: str) -> None:
    model = models.build(name, 11, torch.Generator().manual_seed(3))
    with torch.random.fork_rng():
        torch.manual_seed(3)
        hidden = models.HIDDEN[name]
        usual = [nn.Linear(11, hidden), nn.ReLU(), nn.Linear(hidden, 6)] if hidden else [nn.Linear(11, 6)]
    x = torch.arange(22.0).view(2, 11)
    assert torch.equal(model(x), nn.Sequential(*usual)(x))
    assert sum(p.numel() for p in model.parameters()) == models.n_parameters(name, 11)


def test_unknown_model() -> None:
    with pytest.raises(UnknownNameError, match="mlp-256"):
        models.build("mlp-257", 3, torch.Generator())


def test_loss_is_the_divergence_of_the_formula() -> None:
    logits = torch.tensor([[2.0, 0, -1, 0.5, 0, 0], [0, 0, 0, 0, 0, 40]])
    labels = torch.tensor([[0.7, 0.3, 0, 0, 0, 0], [1.0, 0, 0, 0, 0, 0]])
    expected = 0.0
    for row, y in zip(logits.tolist(), labels.tolist(), strict=True):
        total = sum(math.exp(z) for z in row)
        expected += sum(q * (math.log(q) - math.log(max(math.exp(z) / total, 1e-8)))
                        for z, q in zip(row, y, strict=True) if q) / 2  # fmt: skip
    assert models.kl_loss(logits, labels).item() == pytest.approx(expected, rel=1e-6)


def test_logits_not_probabilities_are_averaged_over_a_clip() -> None:
    logits = torch.tensor([[3.0, 0, 0, 0, 0, 0], [0, 1.0, 0, 0, 0, 0], [0, 0, 5.0, 0, 0, 0]])
    got = models.clip_probabilities(logits, np.array([2, 1]))
    np.testing.assert_allclose(got[0], torch.softmax(torch.tensor([1.5, 0.5, 0, 0, 0, 0]), 0), rtol=1e-6)
    np.testing.assert_allclose(got[1], torch.softmax(logits[2], 0), rtol=1e-6)


@pytest.mark.parametrize("weight_decay", [0.0, 1e-3])
def test_sliced_adam_steps_like_torchs_default_adam(weight_decay: float) -> None:
    start = [torch.linspace(-1, 1, n).view(shape) for n, shape in
             ((SLICE + 1000, (8, -1)), (300, (3, 100)), (7, (7,)))]  # fmt: skip
    ours, theirs = ([nn.Parameter(t.clone()) for t in start] for _ in range(2))
    sliced = SlicedAdam(ours, lr=1e-3, weight_decay=weight_decay)
    usual = torch.optim.Adam(theirs, lr=1e-3, weight_decay=weight_decay)
    generator = torch.Generator().manual_seed(0)
    for _ in range(20):
        for a, b in zip(ours, theirs, strict=True):
            a.grad = torch.randn(a.shape, generator=generator) ** 3
            b.grad = a.grad.clone()
        sliced.step()
        usual.step()
    for a, b in zip(ours, theirs, strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("name", models.MODELS)
@pytest.mark.parametrize("scale", [1.0, 100.0])  # the second makes probabilities below the loss's smallest
def test_gradients_are_those_of_autograd(name: str, scale: float) -> None:
    generator = torch.Generator().manual_seed(0)
    model = models.build(name, 13, generator)
    x = torch.randn(21, 13, generator=generator) * scale
    y = torch.softmax(torch.randn(21, 6, generator=generator) * 5, dim=1).round(decimals=1)
    expected = models.kl_loss(model(x), y)
    expected.backward()
    usual = [parameter.grad for parameter in model.parameters()]
    if scale > 1:
        assert (torch.softmax(model(x), dim=1) < models.SMALLEST).any()
    model.zero_grad()
    assert torch.equal(Gradients(model)(x, y), expected.detach())
    for parameter, gradient in zip(model.parameters(), usual, strict=True):
        assert parameter.grad is not None and gradient is not None
        assert torch.equal(parameter.grad, gradient)
