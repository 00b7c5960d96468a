"""The simulation taken apart: every step shown is one that is taken."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from blemore.appendix import simulation_steps
from blemore.challenge import clips
from blemore.errors import InputError
from blemore.simulation import generator

WORLD = generator.world()
CLIPS = clips.standin()
TRAIN = CLIPS.of("train")


@pytest.mark.parametrize("modality", ["video", "audio"])
def test_prototypes_stand_at_right_angles(modality: str) -> None:
    found = simulation_steps.prototypes(modality, WORLD)
    np.testing.assert_allclose(found @ found.T, np.eye(6), atol=1e-9)


def test_blend_without_style_lies_between_its_prototypes_by_salience() -> None:
    table = simulation_steps.mixtures(("ang", "fea"), ["A9001"], "audio", 0, replace(WORLD, style=0.0))
    assert table["salience"].tolist() == [70, 50, 30]
    np.testing.assert_allclose(table[["disg", "hap", "sad", "neu"]], 0, atol=1e-9)
    ratio = table["ang"] / table["fea"]
    np.testing.assert_allclose(ratio, (table["salience"] / (100 - table["salience"])) ** WORLD.salience_power)


def test_actors_differ_by_style_alone() -> None:
    plain = simulation_steps.mixtures(("hap", "sad"), ["A9001", "A9002"], "video", 0, WORLD)
    same = simulation_steps.mixtures(("hap", "sad"), ["A9001", "A9002"], "video", 0, replace(WORLD, style=0.0))
    shares = ["hap", "sad"]
    apart = [np.diff([rows[shares].div(rows[shares].sum(axis=1), axis=0).to_numpy()
                      for _, rows in table.groupby("actor")], axis=0) for table in (plain, same)]  # fmt: skip
    np.testing.assert_allclose(apart[1], 0, atol=1e-9)
    assert np.abs(apart[0]).max() > 0.01


def test_path_rises_once_and_falls_once() -> None:
    name = simulation_steps.example(TRAIN, "hap", 0, WORLD)
    steps = np.sign(np.diff(simulation_steps.path(name, "video", 0, WORLD)["shown"].round(9)))
    turns = steps[steps != 0]
    assert turns[0] == 1 and turns[-1] == -1 and (np.diff(turns) != 0).sum() == 1


def test_drift_is_seen_about_what_is_shown() -> None:
    table = simulation_steps.path(simulation_steps.example(TRAIN, "ang", 0, WORLD), "audio", 0, WORLD)
    assert table["seen"].mean() == pytest.approx(table["shown"].mean())
    still = simulation_steps.path(
        simulation_steps.example(TRAIN, "ang", 0, WORLD), "audio", 0, replace(WORLD, drift=0.0)
    )
    np.testing.assert_allclose(still["seen"], still["shown"])


def test_example_has_room_for_a_course_and_shows_the_emotion() -> None:
    name = simulation_steps.example(TRAIN, "sad", 0, WORLD)
    seconds = simulation_steps.durations(TRAIN, 0, WORLD)
    assert "_sad_" in name and "_mix_" not in name and 4 < seconds[name] <= 8


def test_simulated_durations_follow_figure_2() -> None:
    seconds = simulation_steps.durations(CLIPS, 0, WORLD)
    assert list(seconds.index) == CLIPS.names
    counts = clips.duration_counts(seconds)
    from blemore.paper import printed_numbers

    for panel in ("single", "blended"):
        ours, printed = (table.loc[table["panel"] == panel, "clips"] for table in (counts, printed_numbers.figure(2)))
        gap = np.abs(np.cumsum(ours / ours.sum()).to_numpy() - np.cumsum(printed / printed.sum()).to_numpy())
        assert gap.max() < 0.1  # actors have paces, so clips are not independent draws


def test_spectrum_holds_everything_once() -> None:
    table = simulation_steps.spectrum("openface", TRAIN, seed=0)
    assert len(table) == generator.width("openface")
    assert table["variance"].is_monotonic_decreasing
    np.testing.assert_allclose(table.sum(), 1)


def test_half_is_reached_by_the_first_components() -> None:
    assert simulation_steps.half(pd.Series([1.0], index=[1])) == 1
    assert simulation_steps.half(pd.Series([0.25] * 4, index=[1, 2, 3, 4])) == 2


def test_variances_find_the_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generator, "MODALITY", {"openface": "video", "hubert": "audio"})
    found = simulation_steps.variances(TRAIN, seed=0)
    assert (found["emotion"] > 2 * found["emotion_chance"]).all()
    assert (found["actor"] > 2 * found["actor_chance"]).all()
    silent = replace(WORLD, signal=dict.fromkeys(WORLD.signal, 0.0))
    monkeypatch.setattr(generator, "world", lambda: silent)
    assert (simulation_steps.variances(TRAIN, seed=0)["emotion"] < found["emotion"]).all()


def test_encoders_table_names_all_seven() -> None:
    table = simulation_steps.encoders(WORLD)
    assert list(table.index) == list(generator.MODALITY)
    assert table["signal"].to_dict() == WORLD.signal


@pytest.mark.parametrize("pair", [("hap", "neu"), ("hap", "hap"), ("hap", "joy")])
def test_pair_that_no_clip_blends_is_refused(pair: tuple[str, str]) -> None:
    with pytest.raises(InputError, match="no such blend"):
        simulation_steps.pair(*pair)


def test_pair_may_be_named_in_either_order() -> None:
    assert simulation_steps.pair("sad", "hap") == simulation_steps.pair("hap", "sad") == ("hap", "sad")
