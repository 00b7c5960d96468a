"""What the page on aggregation shows: shapes, scalers, strategies and fusions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from blemore.challenge import clips
from blemore.errors import InputError
from blemore.features import feature_table
from blemore.paper import printed_numbers
from blemore.results import aggregation
from blemore.sources import recorded, released

CLIPS = clips.standin()


def make(x: np.ndarray, table: clips.Clips = CLIPS) -> feature_table.Features:
    return feature_table.table("here", table.names, x, encoder="mine")


def test_only_the_flat_course_has_other_statistics() -> None:
    table = aggregation.seven(aggregation.shapes())
    for other in ("the same backwards", "two short apexes"):
        assert table.loc[other].tolist() == table.loc["onset, apex, offset"].tolist()
    differ = table.columns[(table.loc["flat"] - table.loc["onset, apex, offset"]).abs() > 1e-6]
    assert list(differ) == ["std", "p10", "p25", "p50", "p75", "p90"]


def test_slow_course_is_livelier_than_flicker() -> None:
    t = np.linspace(0, 1, 60)
    flicker = np.random.default_rng(0).normal(size=60)
    assert aggregation.liveliest(np.stack([flicker, np.sin(3 * t), np.ones(60)], axis=1)) == 1
    assert aggregation.liveliest(np.ones((1, 3))) == 0


def test_frames_of_a_folder_come_by_clip(tmp_path: Path) -> None:
    for i, name in enumerate(("a", "b")):
        np.save(tmp_path / f"{name}.npy", np.full((i + 2, 3), float(i)))
    series, folder = aggregation.frames_in(tmp_path)
    assert {name: x.shape for name, x in series.items()} == {"a": (2, 3), "b": (3, 3)}
    assert (series["b"] == 1).all() and len(folder.sha256) == 64
    assert aggregation.longest(series).shape == (3, 3)
    with pytest.raises(InputError, match="expected 0 to 1; got 2"):
        aggregation.longest(series, 2)


def test_scored_clips_that_help_to_scale_look_less_strange() -> None:
    names, codes = np.unique(CLIPS.table["actor"].to_numpy(str), return_inverse=True)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(len(names), 40))[codes] + rng.normal(size=(len(CLIPS), 40))
    table = aggregation.scaling(make(x), CLIPS)
    assert list(table.index) == list(aggregation.SCALERS)
    strict, loose, own = table["offset"]
    assert strict > 1.1 * loose > 0 and own == pytest.approx(0, abs=1e-6)
    assert table.loc[aggregation.SCALERS[2], "spread"] == pytest.approx(1)


def test_scaling_looks_at_no_clip_outside_the_folds() -> None:
    x = np.random.default_rng(0).normal(size=(len(CLIPS), 3))
    moved = x + 50.0 * (CLIPS.table["partition"] == "test").to_numpy()[:, None]
    assert aggregation.scaling(make(moved), CLIPS).equals(aggregation.scaling(make(x), CLIPS))


def test_scaling_needs_five_folds_and_a_row_a_clip() -> None:
    few = clips.from_names(["A1_hap_int1_ver1", "A2_sad_int1_ver1"], [0, 1])
    with pytest.raises(InputError, match="all five folds"):
        aggregation.scaling(make(np.ones((2, 2)), few), few)
    twice = feature_table.table("here", few.names, np.ones((3, 2)), np.array([2, 1]), encoder="mine:sub")
    with pytest.raises(InputError, match="aggregate them"):
        aggregation.scaling(twice, few)


def test_strategies_are_compared_within_encoder_and_classifier() -> None:
    table = aggregation.strategies(released.Result(recorded.read("validation").table, "recorded", ()))
    assert table.groupby(["id", "model", "metric"]).size().tolist() == [1] * 12
    ours = table.query("model == 'mlp-512' and metric == 'presence'").set_index("id")
    printed = printed_numbers.table(2).set_index("id")["acc_presence_mean"]
    for id in ("videomaev2", "videoswin"):
        assert ours.at[id, "aggregated"] == pytest.approx(printed[id], abs=5e-4)
        assert ours.at[id, "subsampled"] == pytest.approx(printed[f"{id}:sub"], abs=5e-4)


def test_fusions_stand_beside_their_printed_parts() -> None:
    table = aggregation.fusions().set_index(["table", "id", "metric"])
    assert len(table) == 2 * 4 * 2
    assert table.loc[(2, "imagebind+wavlm", "presence")].tolist() == [0.290, 0.265, 0.345]
    assert table.loc[(3, "videomaev2+hubert", "salience")].tolist() == [0.054, 0.120, 0.114]
