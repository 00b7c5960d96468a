"""Thresholds against the public baseline's answers and against a per-clip implementation from the rules."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from benchmarks.grid_search import plain_decision
from blemore import labels, thresholds
from blemore.errors import InputError
from blemore.metrics import score
from tests.conftest import oracle

PROBABILITIES = hnp.arrays(
    np.float64,
    st.tuples(st.integers(1, 12), st.just(6)),
    elements=st.sampled_from([0, 0.05, 0.1, 0.2, 0.3, 0.5, 1]),
)


@pytest.fixture(scope="module")
def cases() -> tuple[dict, dict]:
    answers = json.loads(oracle("thresholds.json").read_text())
    with np.load(oracle("thresholds.npz"), allow_pickle=False) as data:
        return answers, dict(data)


def test_every_case_of_the_public_baseline_is_met_exactly(cases) -> None:
    answers, arrays = cases
    for case in answers["index"]:
        key = case["key"]
        probabilities = arrays[f"{key}/probs"]
        truth = labels.saliences_of_names(arrays[f"{key}/filenames"].tolist())
        scores = thresholds.grid(probabilities, truth)
        np.testing.assert_array_equal(np.stack([scores.acc_presence, scores.acc_salience], -1), arrays[f"{key}/grid"])
        tuned = thresholds.tune(probabilities, truth)
        assert {name: getattr(tuned, name) for name in case if name not in ("key", "n")} == {
            name: case[name] for name in case if name not in ("key", "n")
        }, key


def test_every_decision_of_the_public_baseline_is_met(cases) -> None:
    answers, arrays = cases
    for case in answers["index"]:
        key = case["key"]
        names = arrays[f"{key}/filenames"].tolist()
        decided = thresholds.decide(arrays[f"{key}/probs"], case["alpha"], case["beta"])
        expected = [
            labels.saliences([e["emotion"] for e in entry], [e["salience"] for e in entry])
            for entry in (answers["decoded"][key][name] for name in names)
        ]
        np.testing.assert_array_equal(decided, expected, err_msg=key)


@given(PROBABILITIES, st.sampled_from(thresholds.GRID.tolist()), st.sampled_from(thresholds.GRID.tolist()))
def test_decisions_follow_the_written_rules(probabilities, alpha, beta) -> None:
    expected = [plain_decision(row, np.float64(alpha), np.float64(beta)) for row in probabilities]
    np.testing.assert_array_equal(thresholds.decide(probabilities, alpha, beta), expected)


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
