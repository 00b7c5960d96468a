"""Trainings side by side: what the plain loop gives, whatever else is in the stack."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from blemore.errors import InputError
from blemore.experiments import stored_runs
from blemore.experiments.stored_runs import Task
from blemore.training import folds_together, loop, precision
from blemore.training.loop import Settings, Split, Trained
from tests.experiments.test_stored_runs import small_data
from tests.training.test_loop import recorded_run, same, small_split

SCORES = ("alpha", "beta", "acc_presence", "acc_salience")
MODELS = ["linear", "mlp-256", "mlp-512"]


def stacked(**changes) -> Settings:
    return Settings(**{"learning_rate": 1e-3, "epochs": 6, "mode": "stacked", **changes})


def folds(**more) -> list[Split]:
    """Splits of five folds of different numbers of rows, not all of them of as many batches."""
    data = small_data(**more)
    unequal = np.where(np.arange(len(data.fold)) % 12 < 5, 0, data.fold)
    data = replace(data, fold=unequal)
    return [
        stored_runs.split(data, Task("mine", Settings(), tuple(f for f in data.folds if f != k), (k,)))
        for k in data.folds
    ]


def assert_close(got: Trained, plain: Trained, rel: float) -> None:
    assert len(got.epochs) == len(plain.epochs)
    for one, other in zip(got.epochs, plain.epochs, strict=True):
        assert one.train_loss == pytest.approx(other.train_loss, rel=rel)
        assert one.val_loss == pytest.approx(other.val_loss, rel=rel)
        assert [getattr(one, key) for key in SCORES] == [getattr(other, key) for key in SCORES]
    assert got.best_epoch == plain.best_epoch
    np.testing.assert_allclose(got.best, plain.best, atol=rel)
    np.testing.assert_allclose(got.last, plain.last, atol=rel)


@pytest.mark.parametrize("subsampled", [False, True])
@pytest.mark.parametrize("model", MODELS)
def test_a_stack_gives_what_the_plain_loop_gives(model: str, subsampled: bool) -> None:
    splits = folds(subsampled=subsampled)
    settings = stacked(model=model, batch_size=16)
    assert len({-(-len(split.train_x) // 16) for split in splits}) > 1  # else no fold waits for another
    assert any(len(split.train_x) % 16 for split in splits)  # else no batch is short
    for got, split in zip(folds_together.fit(splits, [settings] * len(splits)), splits, strict=True):
        assert_close(got, loop.fit(split, replace(settings, mode="exact")), rel=1e-5)


@pytest.mark.parametrize("index", range(6))
def test_the_recorded_runs_of_the_public_baseline_are_met_but_for_rounding(index: int) -> None:
    split, settings, run = recorded_run(index)
    epochs = min(settings.epochs, 10)  # later, rounding may grow
    (got,) = folds_together.fit([split], [replace(settings, mode="stacked", epochs=epochs)])
    for one, expected in zip(got.epochs, run["epochs"], strict=False):
        assert one.train_loss == pytest.approx(expected["train_loss"], rel=1e-4)
        assert one.val_loss == pytest.approx(expected["val_loss"], rel=1e-4)
        assert one.acc_presence == pytest.approx(expected["acc_presence"], abs=1.5 / len(split.val_counts))


@pytest.mark.parametrize("model", MODELS)
def test_a_training_does_not_depend_on_what_else_is_in_the_stack(model: str) -> None:
    splits = folds(width=9)
    settings = [stacked(model=model, batch_size=16, epochs=epochs) for epochs in (3, 5, 4, 5, 2)]
    whole = folds_together.fit(splits, settings)
    backwards = folds_together.fit(splits[::-1], settings[::-1])[::-1]
    for i, split in enumerate(splits):
        (alone,) = folds_together.fit([split], [settings[i]])
        assert same(whole[i], alone) and same(backwards[i], alone)


def test_without_truth_nothing_is_chosen() -> None:
    split = small_split()
    unseen = replace(split, val_truth=None)
    _, blind = folds_together.fit([split, unseen], [stacked(epochs=7), stacked()])
    assert blind.best_epoch == 6
    assert all(epoch.val_loss is epoch.alpha is epoch.acc_presence is None for epoch in blind.epochs)
    np.testing.assert_array_equal(blind.best, blind.last)
    np.testing.assert_allclose(blind.last, loop.fit(unseen, stacked(mode="exact")).last, atol=1e-5)


def test_probabilities_too_small_for_the_loss_have_the_plain_loops_gradient() -> None:
    split = small_split()
    far = replace(split, train_x=split.train_x * np.float32(40))
    (got,) = folds_together.fit([far], [stacked(epochs=2)])
    assert_close(got, loop.fit(far, stacked(epochs=2, mode="exact")), rel=1e-4)


def test_training_leaves_no_global_state() -> None:
    before = torch.get_num_threads(), torch.get_float32_matmul_precision(), torch.get_rng_state()
    folds_together.fit([small_split()], [stacked(epochs=1, precision="medium")])
    assert (torch.get_num_threads(), torch.get_float32_matmul_precision()) == before[:2]
    assert torch.equal(torch.get_rng_state(), before[2])


def test_divergence_and_empty_sides_are_one_clear_line() -> None:
    split = small_split()
    wild = replace(split, train_x=split.train_x * np.float32(1e30))
    with pytest.raises(InputError, match="lower the learning rate"):
        folds_together.fit([split, wild], [stacked(learning_rate=1e30)] * 2)
    with pytest.raises(InputError, match="no clip to predict"):
        folds_together.fit([split, replace(split, val_x=split.val_x[:0])], [stacked()] * 2)
    with pytest.raises(InputError, match=r"use blemore\.training\.folds_together\.fit"):
        loop.fit(split, stacked())


def test_wide_features_make_small_stacks() -> None:
    assert folds_together.members(stacked(), 112) > 5 > folds_together.members(stacked(), 616) > 1
    assert folds_together.members(stacked(), 14336) == 1
    assert folds_together.members(replace(stacked(), device="cuda"), 14336) > 100


@pytest.mark.parametrize("model", MODELS)
def test_an_epoch_computes_on_one_device_alone(model: str, monkeypatch) -> None:
    """On torch's device without memory, which refuses tensors of another device, as CUDA does."""
    settings = stacked(model=model, epochs=1)
    object.__setattr__(settings, "device", "meta")
    with precision.one_thread(), torch.no_grad():
        stack = folds_together._Stack([[split] for split in folds()], [settings] * 5)
        monkeypatch.setattr(torch.Tensor, "tolist", lambda losses: [0.0] * len(losses))
        for member in stack.members:
            monkeypatch.setattr(member, "follow", lambda *_: None)
        stack.epoch(1)
        assert stack._weights.logits(0, torch.zeros(3, 4, device="meta")).device.type == "meta"
