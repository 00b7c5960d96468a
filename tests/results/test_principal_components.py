"""Principal components: shares that add up, pictures that do not depend on chance, identity that goes away."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.linear_model import LinearRegression

from blemore.challenge import clips
from blemore.challenge.labels import PAIRS
from blemore.errors import InputError, UnknownNameError
from blemore.features import feature_files, feature_table
from blemore.results import principal_components
from blemore.sources import recorded
from tests.conftest import real

CLIPS = clips.standin().of("train")
ACTORS = CLIPS.table["actor"].to_numpy(str)


def make(x: np.ndarray, table: clips.Clips = CLIPS) -> feature_table.Features:
    return feature_table.table("here", table.names, x, encoder="mine")


def noise(width: int = 6, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(len(CLIPS), width))


def of_actors(width: int = 6) -> np.ndarray:
    """Columns that tell actors apart and nothing else."""
    names, codes = np.unique(ACTORS, return_inverse=True)
    return np.random.default_rng(1).normal(size=(len(names), width))[codes]


@given(
    hnp.arrays(np.float64, (12, 3), elements=st.floats(-9, 9)), st.lists(st.integers(0, 3), min_size=12, max_size=12)
)
def test_share_between_groups_is_r_squared_of_group_means(x: np.ndarray, groups: list[int]) -> None:
    shares = principal_components.eta_squared(x, groups)
    assert ((shares >= 0) & (shares <= 1 + 1e-9)).all()
    indicators = np.eye(4)[groups]
    for column, share in zip(x.T, shares, strict=True):
        if np.var(column) > 1e-3:
            assert share == pytest.approx(
                LinearRegression().fit(indicators, column).score(indicators, column), abs=1e-6
            )


def test_groups_drawn_at_random_hold_the_share_of_chance() -> None:
    groups = np.random.default_rng(3).permutation(ACTORS)
    assert principal_components.eta_squared(noise(400), groups).mean() == pytest.approx(
        principal_components.chance(groups), rel=0.05
    )


def test_scaling_within_actors_leaves_nothing_of_them() -> None:
    x = noise() + 5 * of_actors()
    scaled = principal_components.scale(x, ACTORS)
    assert principal_components.eta_squared(scaled, ACTORS).max() < 1e-20
    for actor in np.unique(ACTORS):
        np.testing.assert_allclose(scaled[actor == ACTORS].std(axis=0), 1)


def test_column_without_variance_is_centred_and_holds_no_share() -> None:
    x = np.array([[7.0, 1.0], [7.0, 2.0]])
    np.testing.assert_array_equal(principal_components.scale(x)[:, 0], 0)
    assert principal_components.eta_squared(x, ["a", "b"]).tolist() == [0, 1]


def test_components_are_those_of_the_singular_values() -> None:
    x = principal_components.scale(noise(4) @ np.diag([4, 2, 1, 0.5]) @ np.ones((4, 4)) + noise(4, 1))
    found = principal_components.project(x, 4)
    values = np.linalg.svd(x, compute_uv=False) ** 2
    np.testing.assert_allclose(found.explained, values / values.sum())
    np.testing.assert_allclose(np.square(found.points).sum(axis=0), values)


def test_sign_of_a_component_does_not_depend_on_the_order_of_clips() -> None:
    x = noise() @ np.diag([9, 5, 3, 2, 1, 1])
    order = np.random.default_rng(0).permutation(len(x))
    np.testing.assert_allclose(
        principal_components.project(x[order]).points, principal_components.project(x).points[order], atol=1e-8
    )


def test_fewer_columns_than_components_are_no_error() -> None:
    assert principal_components.project(noise(1), 5).points.shape == (len(CLIPS), 1)


def test_shares_find_what_was_put_in() -> None:
    emotions = (CLIPS.truth / 100) @ np.random.default_rng(2).normal(size=(6, 6))
    table = principal_components.shares(
        make(of_actors() + 0.5 * emotions + 0.2 * noise()), CLIPS, components=3
    ).set_index(["way", "part"])
    raw, alone = (
        table.loc[(principal_components.WAYS[0], "all columns")],
        table.loc[(principal_components.WAYS[1], "all columns")],
    )
    assert raw["actor"] > 0.6 > 0.3 > raw["emotion"]
    assert alone["actor"] == pytest.approx(0, abs=1e-12) and alone["emotion"] > 0.7
    assert table.index.get_level_values("part")[:4].tolist() == ["all columns", "PC1", "PC2", "PC3"]
    assert table["explained"].drop("all columns", level="part").groupby(level="way").sum().max() <= 1


def test_shares_of_all_columns_are_those_of_all_components() -> None:
    """Turning the axes moves no variance."""
    table = principal_components.shares(make(noise(5) + of_actors(5)), CLIPS, components=5)
    for _, rows in table.groupby("way"):
        parts = rows.iloc[1:]
        np.testing.assert_allclose(np.average(parts["emotion"], weights=parts["explained"]), rows["emotion"].iloc[0])
        assert parts["explained"].sum() == pytest.approx(1)


@pytest.mark.parametrize(("first", "second"), [("hap", "sad"), ("sad", "hap"), ("fea", "ang")])
def test_plane_holds_the_pair_and_its_blends_with_the_second_to_the_right(first: str, second: str) -> None:
    raw, alone = principal_components.planes(make(noise()), CLIPS, first, second)
    singles = CLIPS.table["emotions"].isin([first, second]).sum()
    for plane in (raw, alone):
        assert np.isin(plane.salience, (0, 100)).sum() == singles < len(plane.points)
        means = [plane.points[plane.salience == end].mean(axis=0) for end in (0, 100)]
        assert (means[1] >= means[0]).all()
    assert (raw.way, alone.way) == principal_components.WAYS and alone.actor.max() < 1e-20


def test_salience_is_that_of_the_second_emotion() -> None:
    names = ["A1_hap_int1_ver1", "A1_mix_hap_sad_70_30_ver1", "A1_sad_int1_ver1"]
    table = clips.from_names([one.replace("A1", f"A{i}") for i in (1, 2) for one in names])
    assert principal_components.of_pair(table, "hap", "sad")[1].tolist() == [0, 30, 100] * 2
    assert principal_components.of_pair(table, "sad", "hap")[1].tolist() == [100, 70, 0] * 2


def test_places_run_from_one_emotion_to_the_other() -> None:
    shown = CLIPS.truth[:, [3]] / 100 - CLIPS.truth[:, [4]] / 100
    (plane, _) = principal_components.planes(
        make(np.concatenate([shown, 0.01 * noise(1)], axis=1)), CLIPS, "hap", "sad"
    )
    table = principal_components.along(plane)
    assert table["salience"].tolist() == [0, 30, 50, 70, 100]
    np.testing.assert_allclose(table["mean"], [0, 0.3, 0.5, 0.7, 1], atol=0.05)


def test_line_of_a_pair_asked_for_backwards_is_turned() -> None:
    table = principal_components.lines(make(noise()), CLIPS)
    assert len(table) == len(PAIRS) * len(principal_components.WAYS) * 5
    forth, back = principal_components.line(table, "hap", "sad"), principal_components.line(table, "sad", "hap")
    plane = principal_components.planes(make(noise()), CLIPS, "sad", "hap")[0]
    np.testing.assert_allclose(
        back[back["way"] == principal_components.WAYS[0]]["mean"], principal_components.along(plane)["mean"], atol=1e-9
    )
    assert back["clips"].sum() == forth["clips"].sum()


def test_what_cannot_be_drawn_is_refused() -> None:
    ready = make(noise())
    with pytest.raises(UnknownNameError, match="neu"):
        principal_components.planes(ready, CLIPS, "hap", "neu")
    with pytest.raises(InputError, match="hap twice"):
        principal_components.planes(ready, CLIPS, "hap", "hap")
    few = clips.from_names(["A1_hap_int1_ver1", "A1_sad_int1_ver1"])
    with pytest.raises(InputError, match="fewer than two of hap, sad, blends"):
        principal_components.planes(make(np.ones((2, 2)), few), few, "hap", "sad")
    with pytest.raises(InputError, match="join them first"):
        principal_components.shares(ready.select(CLIPS.names[::-1]), CLIPS)
    twice = feature_table.table("here", few.names, np.ones((3, 2)), np.array([2, 1]), encoder="mine:sub")
    with pytest.raises(InputError, match="aggregate them"):
        principal_components.shares(twice, few)


def test_recorded_shares_are_those_of_the_real_features() -> None:
    table = clips.read_metadata(real("train_metadata.csv"))
    joined = feature_table.join(table, feature_files.read(real("egemaps_static_features.npz"), encoder="egemaps"))
    for name, mine in (("egemaps_variance", principal_components.shares(joined.features, joined.clips)),
                       ("egemaps_lines", principal_components.lines(joined.features, joined.clips))):  # fmt: skip
        theirs = recorded.read(name).table
        for column in theirs.select_dtypes("number"):
            np.testing.assert_allclose(mine[column], theirs[column], atol=1e-5)


def test_shares_in_words_are_those_of_the_table() -> None:
    said = principal_components.shares_in_words(recorded.read("egemaps_variance").table)
    assert (
        "Identity holds 21% of the variance and emotion 4%" in said
        and "identity holds 0% by construction, and emotion 6%" in said
    )
    assert "By chance alone it would be 2% and 1%" in said
    assert "most in PC6 (8%)" in said
