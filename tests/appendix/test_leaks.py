"""What cannot be learnt is not learnt: labels shuffled, emotion taken out; at reduced size, and the report of the full one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blemore.appendix import leaks
from blemore.challenge import clips as clip_tables
from blemore.errors import InputError
from blemore.simulation import generator

WORLD = generator.world()
TRAIN = clip_tables.standin().of("train")


@pytest.mark.parametrize("kind", ["shuffled", "shuffled within actors"])
def test_shuffled_labels_are_not_learnt(kind: str) -> None:
    """All folds, clips and epochs of the quick profile, one encoder."""
    found = leaks.check(kind, TRAIN, "clip", WORLD)
    limits = leaks.LIMITS[kind]
    assert found["presence"] <= limits["presence"] == 0.10
    assert found["composite"] <= limits["composite"] == 0.065


def test_without_signal_nothing_is_learnt_from_true_labels() -> None:
    """The emotion is in the name of a clip, and its features are made from the name: none of it must come through."""
    found = [leaks.check("signal off", TRAIN, "clip", WORLD, seed=seed)["composite"] for seed in (0, 1, 2)]
    assert np.mean(found) <= leaks.LIMITS["signal off"]["composite"] == 0.075


def test_checks_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same training with the emotion left in scores far above the limit, after a third of the epochs."""
    monkeypatch.setattr(leaks, "silent", lambda world: world)
    told = leaks.check("signal off", TRAIN, "openface", WORLD, changes={"epochs": 16})
    assert told["composite"] > leaks.LIMITS["signal off"]["composite"] + 0.03


def test_silent_world_is_the_same_but_for_the_signal() -> None:
    silent = vars(leaks.silent(WORLD))
    assert set(silent["signal"].values()) == {0.0} and list(silent["signal"]) == list(WORLD.signal)
    assert {**silent, "signal": WORLD.signal} == vars(WORLD)


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=30), st.integers(0, 99))
def test_shuffling_moves_rows_within_their_group_only(groups: list[str], seed: int) -> None:
    names = np.array(groups)
    order = leaks.shuffle(names, seed)
    assert sorted(order) == list(range(len(groups)))
    assert (names[order] == names).all()
    np.testing.assert_array_equal(order, leaks.shuffle(names, seed))


def test_shuffling_over_all_leaves_few_in_place() -> None:
    assert (leaks.shuffle(np.zeros(1000), 0) == np.arange(1000)).sum() < 10


def report() -> pd.DataFrame:
    rows = [("shuffled", "clip", seed, 0.08, 0.03, 0.055) for seed in (0, 1)]
    rows += [("signal off", "clip", seed, 0.09, 0.05, value) for seed, value in ((0, 0.07), (1, 0.078))]
    return pd.DataFrame(rows, columns=list(leaks.COLUMNS))


def test_verdicts_are_of_means_over_seeds() -> None:
    found = leaks.verdicts(report()).set_index("check")
    assert found["kept"].tolist() == [True, True] and found["seeds"].tolist() == [2, 2]
    assert found.at["signal off", "composite"] == pytest.approx(0.074)
    spoilt = report()
    spoilt.loc[0, "presence"] = 0.13  # 0.105 as a mean, with a composite that is kept
    assert leaks.verdicts(spoilt)["kept"].tolist() == [False, True]
    assert leaks.shown(leaks.verdicts(spoilt))["verdict"].tolist() == ["exceeded", "kept"]


def test_report_comes_back_and_a_strange_one_is_refused(tmp_path: Path) -> None:
    report().to_csv(path := tmp_path / "leaks.csv", index=False)
    pd.testing.assert_frame_equal(leaks.read(path), report(), check_dtype=False)
    report().replace({"check": {"shuffled": "stirred"}}).to_csv(path, index=False)
    with pytest.raises(InputError, match=r"unknown check.*stirred"):
        leaks.read(path)
    report().assign(salience="little").to_csv(path, index=False)
    with pytest.raises(InputError, match="line 2; expected numbers"):
        leaks.read(path)
