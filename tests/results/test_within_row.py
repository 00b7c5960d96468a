"""Spreads of presence accuracy: every clip counts once, in its class and for its actor."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blemore.challenge import clips
from blemore.challenge.labels import CLASSES, EMOTIONS, saliences_of_names
from blemore.challenge.metrics import score
from blemore.results import within_row

TABLE = clips.standin().of("train").table
NAMES = TABLE["filename"].tolist()[::9]
FOLDS = dict(zip(TABLE["filename"], TABLE["fold"].astype(int), strict=True))


def validation(names: list[str], right: list[bool]) -> SimpleNamespace:
    """A cross-validation that decides some clips rightly, and the others for an emotion that is not theirs."""
    truth = np.array(saliences_of_names(names))
    wrong = np.eye(len(EMOTIONS), dtype=np.int64)[truth.argmin(axis=1)] * 100
    decided = np.where(np.array(right)[:, None], truth, wrong)
    folds = np.array([FOLDS[name] for name in names])
    parts = [
        SimpleNamespace(fold=int(fold), names=tuple(np.array(names)[folds == fold]), decided=decided[folds == fold],
                        truth=truth[folds == fold])
        for fold in np.unique(folds)
    ]  # fmt: skip
    return SimpleNamespace(folds=parts, decided=decided, truth=truth)


@given(st.lists(st.booleans(), min_size=len(NAMES), max_size=len(NAMES)))
def test_means_over_classes_and_over_actors_are_the_accuracy(right: list[bool]) -> None:
    made = validation(NAMES, right)
    table = within_row.clips_of(made)
    accuracy = score(made.decided, made.truth).acc_presence
    assert sorted(table["filename"]) == sorted(NAMES)
    for groups in (within_row.by_class(table), within_row.by_actor(table)):
        assert groups["clips"].sum() == len(NAMES)
        assert np.average(groups["mean"], weights=groups["clips"]) == pytest.approx(accuracy)


def test_classes_come_in_the_order_of_figure_4_and_folds_frame_their_mean() -> None:
    table = within_row.by_class(within_row.clips_of(validation(NAMES, [i % 3 > 0 for i in range(len(NAMES))])))
    assert table["emotions"].tolist() == [name for name in CLASSES if name in set(table["emotions"])]
    assert (table["low"] <= table["mean"]).all() and (table["mean"] <= table["high"]).all()


def test_actors_come_from_the_hardest_to_the_easiest_with_their_fold() -> None:
    table = within_row.by_actor(within_row.clips_of(validation(NAMES, [i % 4 == 0 for i in range(len(NAMES))])))
    assert table["mean"].is_monotonic_increasing
    actors = dict(zip(TABLE["actor"], TABLE["fold"].astype(int), strict=True))
    assert all(actors[row.actor] == row.fold for row in table.itertuples())


def test_actors_who_are_alike_spread_as_chance_says() -> None:
    random = np.random.default_rng(0)
    groups = pd.DataFrame({"clips": 50, "mean": random.binomial(50, 0.3, 4000) / 50})
    assert within_row.chance_spread(groups) == pytest.approx(groups["mean"].std(), rel=0.05)
