"""Training against the public baseline's recorded epochs, against a plain loop, and fast against exact."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmarks.grid_search import plain_grid
from blemore.challenge import labels, thresholds
from blemore.challenge.clips import read_metadata
from blemore.errors import InputError, UnknownNameError
from blemore.features import feature_files, feature_table
from blemore.training import loop, models, precision
from blemore.training.loop import Settings, Split, Trained, fit
from tests.conftest import ROOT, oracle, real
from tests.oracles import plain_training

FIELDS = ("train_loss", "val_loss", "alpha", "beta", "acc_presence", "acc_salience")
RUNS = ["egemaps-0", "egemaps-4", "egemaps-slow", "egemaps-linear", "egemaps-256", "subsampled"]
KINDS = (
    ["neu_sit2"]
    + [f"{e}_int2" for e in labels.BLENDABLE]
    + [f"mix_{a}_{b}_{p}_{q}" for a, b in labels.PAIRS for p, q in ((50, 50), (70, 30), (30, 70))]
)
PRODUCT = "945d3baa"  # start of the SHA-256 of a product, where every recorded epoch was met to the last bit


def recorded_run(index: int) -> tuple[Split, Settings, dict]:
    """A run of the public baseline: its data, settings and recorded answers."""
    run = json.loads(oracle("training.json").read_text())[index]
    if run["features"] == "subsampled.npz":
        with np.load(oracle("subsampled.npz"), allow_pickle=False) as data:
            x, counts, truth, fold = data["X"], data["counts"].astype(np.int64), data["truth"], data["fold"]
    else:
        joined = feature_table.join(
            read_metadata(real("train_metadata.csv")), feature_files.read(real(run["features"]))
        )
        x, counts, truth = joined.features.x, joined.features.counts, joined.clips.truth
        fold = joined.clips.table["fold"].to_numpy(int)
    names = ("model", "learning_rate", "weight_decay", "batch_size", "seed")
    settings = Settings(**{name: run[name] for name in names}, epochs=len(run["epochs"]), mode="exact")
    return split_of(x, truth, counts, fold == run["fold"]), settings, run


def split_of(x: np.ndarray, truth: np.ndarray, counts: np.ndarray, val: np.ndarray) -> Split:
    """Standardised training rows and validation clips, some clips being set aside for validation."""
    inside = np.repeat(val, counts)
    train_x, val_x = feature_table.standardise(x[~inside], x[inside])
    return Split(
        train_x, np.repeat(labels.soft_labels(truth[~val]), counts[~val], axis=0), val_x, counts[val], truth[val]
    )


def small_split(n: int = 70, width: int = 5, seed: int = 0) -> Split:
    """Clips of all kinds with features that tell something of their labels."""
    rng = np.random.default_rng(seed)
    kinds = [labels.saliences(list(pair), list(ratio)) for pair in labels.PAIRS for ratio in labels.RATIOS]
    kinds += [labels.saliences([emotion], [100]) for emotion in labels.EMOTIONS]
    truth = np.array(kinds, dtype=np.int64)[rng.integers(len(kinds), size=n)]
    x = (labels.soft_labels(truth) @ rng.normal(size=(6, width)) + rng.normal(size=(n, width))).astype("f4")
    val = np.arange(n) % 3 == 0
    ones = np.ones(int(val.sum()), dtype=np.int64)
    return Split(x[~val], labels.soft_labels(truth[~val]), x[val], ones, truth[val])


def product() -> str:
    """Digest of a fixed float32 product: tells which kernels this CPU has."""
    whole = torch.arange(32 * 88).remainder(97).sub(48).float().div(7).view(32, 88)
    other = torch.arange(512 * 88).remainder(89).sub(44).float().div(11).view(512, 88)
    with precision.one_thread():
        return hashlib.sha256((whole @ other.T).numpy().tobytes()).hexdigest()[:8]


@functools.cache
def exactly(index: int) -> Trained:
    """What mode exact makes, here and now, of a recorded run."""
    split, settings, _ = recorded_run(index)
    return fit(split, settings)


def same(one: Trained, other: Trained) -> bool:
    """Whether two trainings agree to the last bit."""
    arrays = (
        (one.best, other.best),
        (one.last, other.last),
        *((one.weights[k], other.weights[k]) for k in one.weights),
    )
    return one.epochs == other.epochs and all(np.array_equal(*pair) for pair in arrays)


@pytest.mark.parametrize("index", range(6), ids=RUNS)
def test_every_epoch_of_the_public_baseline_to_the_last_bit(index: int) -> None:
    """Where this processor's kernels round otherwise, losses of five epochs agree within 1e-6."""
    run, got = recorded_run(index)[2], exactly(index)
    if product() == PRODUCT:
        assert [{f: getattr(epoch, f) for f in FIELDS} for epoch in got.epochs] == [
            {f: epoch[f] for f in FIELDS} for epoch in run["epochs"]
        ]
        assert got.best_epoch == run["best"]["epoch"]
    for epoch, expected in zip(got.epochs[:5], run["epochs"][:5], strict=True):
        assert epoch.train_loss == pytest.approx(expected["train_loss"], rel=1e-6)
        assert epoch.val_loss == pytest.approx(expected["val_loss"], rel=1e-6)


def plainly(
    x: np.ndarray, shares: np.ndarray, counts: np.ndarray, val: np.ndarray, settings: Settings
) -> list[plain_training.Epoch]:
    """Epochs of the second implementation, on one thread."""
    names = ("model", "learning_rate", "weight_decay", "batch_size", "seed", "epochs")
    chosen = {name: getattr(settings, name) for name in names}
    with torch.random.fork_rng(), precision.one_thread():
        return list(plain_training.train(x, shares, counts, val, **chosen))


def test_the_second_implementation_trains_as_the_public_baseline() -> None:
    _, settings, run = recorded_run(RUNS.index("subsampled"))
    with np.load(oracle("subsampled.npz"), allow_pickle=False) as data:
        shares, val = (data["truth"] / 100).astype("f4"), data["fold"] == run["fold"]
        epochs = plainly(data["X"], shares, data["counts"].astype(int), val, settings)
    found = [(epoch.train_loss, epoch.val_loss) for epoch in epochs]
    expected = [(epoch["train_loss"], epoch["val_loss"]) for epoch in run["epochs"]]
    if product() == PRODUCT:
        assert found == expected
    np.testing.assert_allclose(found[:5], expected[:5], rtol=1e-6)


@pytest.mark.parametrize("seed", [0, 42])
@pytest.mark.parametrize("subsampled", [False, True], ids=["aggregated", "subsampled"])
@pytest.mark.parametrize("model", models.MODELS)
def test_a_second_implementation_gives_the_same_bits_on_this_processor(model: str, subsampled: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    names = [f"A{900 + n}_{kind}_ver1" for n, kind in enumerate(rng.choice(KINDS, 90))]
    counts = rng.integers(1, 6, len(names)) if subsampled else np.ones(len(names), dtype=np.int64)
    shares = np.array([plain_training.shares(name) for name in names], dtype=np.float32)
    told = np.repeat(shares, counts, axis=0) @ rng.normal(size=(6, 88))
    x = (told + rng.normal(2, 3, size=told.shape)).astype(np.float32)
    val = np.arange(len(names)) % 3 == 0
    settings = Settings(model=model, learning_rate=1e-2, batch_size=32, seed=seed, epochs=4, mode="exact")

    truth = labels.saliences_of_names(names)
    split = split_of(x, truth, counts, val)
    got = fit(split, settings)
    assert same(fit(split, replace(settings, mode="fast")), got)
    expected = plainly(x, shares, counts, val, settings)
    assert [(one.train_loss, one.val_loss) for one in got.epochs] == [
        (one.train_loss, one.val_loss) for one in expected
    ]
    np.testing.assert_array_equal(got.last, expected[-1].probabilities)
    for one, other in zip(got.epochs, expected, strict=True):
        presence, salience = plain_grid(other.probabilities, truth[val])
        alpha, beta = np.unravel_index(np.argmax(0.5 * presence + 0.5 * salience), presence.shape)
        assert (one.alpha, one.beta) == (thresholds.GRID[alpha], thresholds.GRID[beta])
        assert (one.acc_presence, one.acc_salience) == (presence[alpha, beta], salience[alpha, beta])


@pytest.mark.parametrize("index", range(6), ids=RUNS)
def test_fast_gives_the_bits_of_exact(index: int) -> None:
    split, settings, _ = recorded_run(index)
    assert same(fit(split, replace(settings, mode="fast")), exactly(index))


@pytest.mark.parametrize("model", ["linear", "mlp-512"])
def test_fast_gives_the_bits_of_exact_on_wide_features(model: str) -> None:
    split, settings = small_split(width=4100), Settings(model=model, learning_rate=1e-3, epochs=3, mode="exact")
    assert same(fit(split, replace(settings, mode="fast")), fit(split, settings))


@pytest.mark.parametrize("index", range(6), ids=RUNS)
def test_medium_precision_decides_as_exact_but_for_a_clip(index: int) -> None:
    split, settings, _ = recorded_run(index)
    if precision.precision_here() != "medium":
        pytest.skip("precision medium is not chosen here: its products are the same, or less accurate")
    assert split.val_truth is not None
    exact, medium = exactly(index), fit(split, replace(settings, mode="fast", precision="medium"))
    pairs = [
        (getattr(a, loss), getattr(b, loss))
        for a, b in zip(exact.epochs, medium.epochs, strict=True)
        for loss in ("train_loss", "val_loss")
    ]
    print(f"{RUNS[index]}: largest relative difference of losses {max(abs(a - b) / a for a, b in pairs):.1e}")
    one, other = (trained.epochs[trained.best_epoch - 1] for trained in (exact, medium))
    blends = int(((split.val_truth > 0).sum(axis=1) == 2).sum())
    assert round(abs(one.acc_presence - other.acc_presence) * len(split.val_truth)) <= 1
    assert round(abs(one.acc_salience - other.acc_salience) * blends) <= 1


def baseline_loop():
    """The loop of benchmarks/training.py: data loaders, default Adam, per-clip grid search."""
    spec = importlib.util.spec_from_file_location("benchmark", ROOT / "benchmarks" / "training.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.baseline


@pytest.mark.parametrize("model", ["linear", "mlp-256"])
def test_a_plain_loop_with_data_loaders_gives_the_same_bits(model: str) -> None:
    split, settings = small_split(), Settings(model=model, learning_rate=1e-2, epochs=3, mode="exact")
    with torch.random.fork_rng(), precision.one_thread():
        plain = tuple(epoch for epoch, _, _ in baseline_loop()(split, settings))
    assert fit(split, settings).epochs == plain


def test_training_leaves_no_global_state() -> None:
    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    before = torch.get_num_threads(), torch.get_float32_matmul_precision()
    fit(small_split(), Settings(epochs=1, precision="medium"))
    assert torch.equal(torch.rand(1), expected)
    assert (torch.get_num_threads(), torch.get_float32_matmul_precision()) == before


def test_best_probabilities_are_those_of_the_best_epoch() -> None:
    split, settings = small_split(), Settings(learning_rate=1e-2, epochs=12)
    trained = fit(split, settings)
    assert 1 < trained.best_epoch < 12  # else this test would say nothing
    again = fit(split, replace(settings, epochs=trained.best_epoch))
    np.testing.assert_array_equal(trained.best, again.last)
    np.testing.assert_array_equal(fit(split, settings).last, trained.last)


def test_one_training_scores_several_sets_of_clips_as_if_each_were_alone() -> None:
    split, settings = small_split(), Settings(learning_rate=1e-2, epochs=5)
    assert split.val_truth is not None
    other = replace(split, val_x=split.val_x[::2], val_counts=split.val_counts[::2], val_truth=split.val_truth[::2])
    for got, alone in zip(loop.fit_each([split, other], settings), (split, other), strict=True):
        expected = fit(alone, settings)
        assert got.epochs == expected.epochs
        np.testing.assert_array_equal(got.best, expected.best)
        np.testing.assert_array_equal(got.last, expected.last)


def test_without_truth_nothing_is_chosen() -> None:
    trained = fit(replace(small_split(), val_truth=None), Settings(epochs=3))
    assert trained.best_epoch == 3
    assert all(epoch.val_loss is epoch.alpha is epoch.acc_presence is None for epoch in trained.epochs)
    np.testing.assert_array_equal(trained.best, trained.last)
    np.testing.assert_allclose(trained.last.sum(axis=1), 1, rtol=1e-6)


def test_the_truth_of_validation_clips_does_not_reach_the_weights() -> None:
    split = small_split()
    assert split.val_truth is not None
    shuffled = replace(split, val_truth=split.val_truth[::-1].copy())
    assert np.array_equal(fit(split, Settings(epochs=3)).last, fit(shuffled, Settings(epochs=3)).last)


def test_divergence_is_one_clear_line() -> None:
    split = small_split()
    with pytest.raises(InputError, match="lower the learning rate"):
        fit(replace(split, train_x=split.train_x * np.float32(1e30)), Settings(learning_rate=1e30, epochs=5))


def test_an_empty_side_is_one_clear_line() -> None:
    split = small_split()
    with pytest.raises(InputError, match="no clip to predict"):
        fit(replace(split, val_x=split.val_x[:0]), Settings())
    with pytest.raises(InputError, match="no clip to train on"):
        fit(replace(split, train_x=split.train_x[:0]), Settings())


@pytest.mark.parametrize(
    "wrong",
    [{"epochs": 0}, {"seed": -1}, {"batch_size": True}, {"learning_rate": float("nan")},
     {"learning_rate": 0.0}, {"weight_decay": -1.0}, {"mode": "exact", "precision": "medium"}],
)  # fmt: skip
def test_settings_out_of_range_are_refused(wrong: dict) -> None:
    with pytest.raises(InputError, match="setting"):
        Settings(**wrong)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'mlp-512'"):
        Settings(model="mlp_512")
    with pytest.raises(UnknownNameError, match="epochs"):
        loop.paper_settings(epoch=3)


def test_a_device_that_is_not_here_is_one_clear_line(monkeypatch) -> None:
    with pytest.raises(UnknownNameError, match="known: cpu, cuda"):
        Settings(device="gpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="no CUDA device is here; got cuda:1"):
        fit(small_split(), Settings(device="cuda:1"))


def test_the_papers_settings() -> None:
    aggregated, subsampled = loop.paper_settings(), loop.paper_settings(subsampled=True)
    assert (aggregated.batch_size, aggregated.epochs) == (32, 200)
    assert (subsampled.batch_size, subsampled.epochs) == (512, 300)
    assert (aggregated.learning_rate, aggregated.weight_decay) == (5e-6, 1e-3)


def test_faster_products_are_chosen_only_where_they_are_as_accurate(monkeypatch) -> None:
    for error, expected in ((1e-7, "medium"), (2e-3, "highest"), (2.5e-7, "highest")):
        precision.precision_here.cache_clear()
        monkeypatch.setattr(precision, "product_error", lambda p, e=error: e if p == "medium" else 2.5e-7)
        assert precision.precision_here() == expected
    precision.precision_here.cache_clear()
