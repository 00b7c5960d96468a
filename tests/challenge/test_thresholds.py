"""Thresholds against the public baseline's answers and against a per-clip implementation from the rules."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

from benchmarks.grid_search import plain_decision
from blemore.challenge import labels, thresholds
from blemore.challenge.metrics import score
from blemore.errors import InputError
from tests.conftest import ROOT, oracle

PROBABILITIES = hnp.arrays(
    np.float64,
    st.tuples(st.integers(1, 12), st.just(6)),
    elements=st.sampled_from([0, 0.05, 0.1, 0.2, 0.3, 0.5, 1]),
)


CASES = [
    f"{kind}{size}"
    for kind in ("dirichlet", "flat", "neutral", "ties", "onehot", "gridline", "float32")
    for size in (0, 1)
]
TUNED = ("alpha", "beta", "acc_presence", "acc_salience", "presence_only", "salience_only")

with np.load(oracle("ties.npz"), allow_pickle=False) as _ties:
    RANKS, LARGEST = _ties["ranks"], _ties["largest"]
ORDER = {tuple(ranks): tuple(map(int, two)) for ranks, two in zip(RANKS.tolist(), LARGEST, strict=True)}


def largest(row: np.ndarray) -> tuple[int, int]:
    """Emotions of the two largest values of a row, ties as recorded."""
    return ORDER[tuple(np.unique(row, return_inverse=True)[1].tolist())]


@pytest.fixture
def recorded(request: pytest.FixtureRequest) -> dict[str, np.ndarray]:
    """One case of the public baseline: probabilities, truth, and its answers."""
    with np.load(oracle("thresholds.npz"), allow_pickle=False) as data:
        assert sorted({name.split("/")[0] for name in data.files}) == sorted(CASES)
        return {name.split("/")[1]: data[name] for name in data.files if name.startswith(f"{request.param}/")}


@pytest.mark.parametrize("recorded", CASES, indirect=True)
def test_every_score_of_the_public_baseline_is_met_exactly(recorded) -> None:
    scores = thresholds.grid(recorded["probabilities"], recorded["truth"])
    np.testing.assert_array_equal(np.stack([scores.acc_presence, scores.acc_salience], -1), recorded["grid"])
    tuned = thresholds.tune(recorded["probabilities"], recorded["truth"])
    assert [getattr(tuned, name) for name in TUNED] == recorded["tuned"].tolist()


@pytest.mark.parametrize("recorded", CASES, indirect=True)
def test_every_decision_of_the_public_baseline_is_met(recorded) -> None:
    alpha, beta = recorded["tuned"][:2]
    np.testing.assert_array_equal(thresholds.decide(recorded["probabilities"], alpha, beta), recorded["decided"])


@given(PROBABILITIES, st.sampled_from(thresholds.GRID.tolist()), st.sampled_from(thresholds.GRID.tolist()))
def test_decisions_follow_the_written_rules(probabilities, alpha, beta) -> None:
    expected = [plain_decision(row, *largest(row), np.float64(alpha), np.float64(beta)) for row in probabilities]
    np.testing.assert_array_equal(thresholds.decide(probabilities, alpha, beta), expected)


DECIDE_TIES = """
import sys, numpy as np
from blemore.challenge import thresholds
ranks = np.load(sys.argv[1])["ranks"].astype(sys.argv[2])
np.save(sys.argv[3], thresholds.decide(ranks, 0.5, 0.5))
"""


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("without", [False, True], ids=["as it is", "without vector instructions"])
def test_every_tie_is_decided_alike_whatever_the_processor(without: bool, dtype: str, tmp_path: Path) -> None:
    switched_off = " ".join(name for name in __cpu_dispatch__ if __cpu_features__[name]) if without else ""
    program = [sys.executable, "-c", DECIDE_TIES, oracle("ties.npz"), dtype, tmp_path / "decided.npy"]
    subprocess.run(program, check=True, cwd=ROOT, env=os.environ | {"NPY_DISABLE_CPU_FEATURES": switched_off})
    expected = [plain_decision(row, *two, 0.5, 0.5) for row, two in zip(RANKS.astype(float), LARGEST, strict=True)]
    np.testing.assert_array_equal(np.load(tmp_path / "decided.npy"), expected)


@settings(max_examples=20)
@given(PROBABILITIES, st.integers(0, 2**32 - 1))
def test_grid_scores_what_decide_decides(probabilities, seed) -> None:
    rows = np.array(
        [labels.saliences([e], [100]) for e in labels.EMOTIONS]
        + [labels.saliences(p, r) for p in labels.PAIRS for r in labels.RATIOS]
    )
    truth = rows[np.random.default_rng(seed).integers(0, len(rows), len(probabilities))]
    scores = thresholds.grid(probabilities, truth)
    for i, alpha in enumerate(thresholds.GRID):
        for j, beta in enumerate(thresholds.GRID):
            expected = score(thresholds.decide(probabilities, alpha, beta), truth)
            assert scores.acc_presence[i, j] == expected.acc_presence
            assert scores.acc_salience[i, j] == (expected.acc_salience or 0.0)


@given(PROBABILITIES)
def test_decisions_are_valid_saliences(probabilities) -> None:
    decided = thresholds.decide(probabilities, 0.1, 0.1)
    assert (decided.sum(axis=1) == 100).all()
    assert not ((decided[:, 5] > 0) & (decided[:, 5] < 100)).any(), "neutral never blends"


def test_float32_probabilities_are_not_compared_with_a_rounded_alpha() -> None:
    alpha = float(thresholds.GRID[1])
    on_it = np.array([[0.9, alpha, 0, 0, 0, 0]], dtype=np.float32)
    both = bool(np.float64(on_it[0, 1]) >= alpha)
    assert (thresholds.decide(on_it, alpha, 0.05) > 0).sum() == (2 if both else 1)


@pytest.mark.parametrize(
    ("bad", "says"), [(np.ones((3, 5)), "wrong shape"), (np.full((2, 6), np.nan), "NaN or infinite")]
)
def test_unusable_probabilities_are_refused(bad, says) -> None:
    with pytest.raises(InputError, match=says):
        thresholds.tune(bad, np.zeros((len(bad), 6), dtype=int))
