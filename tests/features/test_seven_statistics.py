"""Statistics over time: NumPy's own numbers, whatever the length, the order of frames and the kind of numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from blemore.errors import InputError
from blemore.features import feature_files, seven_statistics
from tests.conftest import real

SHAPES = st.tuples(st.integers(1, 40), st.integers(1, 5))
SERIES = st.one_of(
    hnp.arrays(np.float32, SHAPES, elements=st.floats(-1e3, 1e3, width=32)),
    hnp.arrays(np.float64, SHAPES, elements=st.floats(-1e3, 1e3)),
    hnp.arrays(np.int64, SHAPES, elements=st.integers(-5, 5)),  # many ties
)


def plain(frames: np.ndarray) -> np.ndarray:
    """The seven statistics by one NumPy call each, in double precision: (7, D)."""
    wide = frames.astype(np.float64)
    return np.stack([wide.mean(axis=0), wide.std(axis=0), *np.percentile(wide, (10, 25, 50, 75, 90), axis=0)])


@given(SERIES)
def test_percentiles_are_those_of_numpy(frames: np.ndarray) -> None:
    ours = seven_statistics.percentiles(seven_statistics.ordered_over_time(frames))
    np.testing.assert_allclose(ours, plain(frames)[2:], rtol=1e-12, atol=1e-12)


@given(SERIES)
def test_all_seven_are_numpys_to_the_rounding_of_float32(frames: np.ndarray) -> None:
    np.testing.assert_allclose(seven_statistics.aggregate(frames), plain(frames).ravel(), rtol=1e-6, atol=1e-6)


@given(SERIES, st.randoms(use_true_random=False))
def test_order_of_frames_changes_no_bit(frames: np.ndarray, random) -> None:
    order = list(range(len(frames)))
    random.shuffle(order)
    np.testing.assert_array_equal(seven_statistics.aggregate(frames[order]), seven_statistics.aggregate(frames))


@pytest.mark.parametrize("length", [1, 2, 3, 10, 11, 250])
def test_lengths_at_which_ranks_fall_on_frames_and_between(length: int) -> None:
    frames = np.random.default_rng(length).normal(size=(length, 3)).astype(np.float32)
    np.testing.assert_allclose(seven_statistics.aggregate(frames), plain(frames).ravel(), rtol=1e-6, atol=1e-6)


def test_columns_lie_statistic_by_statistic() -> None:
    got = seven_statistics.aggregate(np.array([[0, 100], [10, 100]], dtype=np.float32)).reshape(7, 2)
    assert dict(zip(seven_statistics.STATISTICS, got.tolist(), strict=True)) == {
        "mean": [5, 100], "std": [5, 0], "p10": [1, 100], "p25": [2.5, 100],
        "p50": [5, 100], "p75": [7.5, 100], "p90": [9, 100],
    }  # fmt: skip


def test_small_change_on_a_large_offset_is_not_lost() -> None:
    frames = np.array([[1e6], [1e6 + 1]])
    assert seven_statistics.aggregate(frames)[1] == 0.5


def test_input_is_left_alone() -> None:
    for kind in (np.float32, np.float64):
        frames = np.array([[3, 1], [1, 2], [2, 3]], dtype=kind)
        before = frames.copy()
        seven_statistics.aggregate(frames)
        np.testing.assert_array_equal(frames, before)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_value_that_is_no_number_is_refused(bad: float) -> None:
    frames = np.ones((5, 3))
    frames[2, 1] = bad
    with pytest.raises(InputError, match="NaN or infinite values"):
        seven_statistics.aggregate(frames)


@pytest.mark.parametrize(
    "frames", [np.ones(3), np.ones((0, 3)), np.ones((3, 0)), np.full((2, 2), "a"), np.ones((1, 2, 3))]
)
def test_what_is_no_series_is_refused_with_its_shape(frames: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"expected numbers \(T, D\)") as error:
        seven_statistics.aggregate(frames)
    assert str(frames.shape) in str(error.value)


def test_real_series_of_openface_give_numpys_numbers() -> None:
    folder = real("openface")
    series = feature_files.read_folder(folder, encoder="openface", subsamples=True)
    aggregated = feature_files.read_folder(folder, encoder="openface")
    assert len(series.names) == 4
    for name, row in zip(aggregated.names, aggregated.x, strict=True):
        expected = plain(series.select([name]).x)
        np.testing.assert_allclose(row.reshape(7, -1), expected, rtol=1e-6, atol=1e-6)
