"""The simulation: a clip's features follow from its name, the seed and the world, tell its emotion, and nothing more."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blemore.appendix import fit_to_table2, leaks
from blemore.challenge import clips as clip_tables
from blemore.challenge.clips import from_names
from blemore.results import principal_components, trained_tables
from blemore.simulation import generator

WORLD = generator.world()
CLIPS = clip_tables.standin()
TRAIN = CLIPS.of("train")
FEW = TRAIN.names[::60]
SILENT = leaks.silent(WORLD)


def of(names: list[str], encoder: str = "clip", **how: object) -> np.ndarray:
    return generator.features(encoder, from_names(names, origin="stand-in"), **how).x  # type: ignore[arg-type]


DRAWS = 20
"""Permutations that say what chance gives."""

EVERY = {encoder: of(FEW, encoder) for encoder in ("clip", "hubert", "videoswin")}


@settings(max_examples=15)
@given(st.permutations(range(len(FEW))), st.integers(1, len(FEW)), st.sampled_from(sorted(EVERY)))
def test_features_of_a_clip_depend_on_no_other_clip_and_on_no_order(order: list[int], n: int, encoder: str) -> None:
    chosen = order[:n]
    np.testing.assert_array_equal(of([FEW[i] for i in chosen], encoder), EVERY[encoder][chosen])


def test_features_do_not_know_partition_or_fold() -> None:
    """Test clips are of the same world as training clips: what is simulated is the name, wherever it stands."""
    test = CLIPS.of("test")
    asked = generator.features("wavlm", test).x[:8]
    np.testing.assert_array_equal(of(test.names[:8], "wavlm"), asked)
    folded = from_names(test.names[:8], [0] * 8, origin="stand-in")
    np.testing.assert_array_equal(generator.features("wavlm", folded).x, asked)


def test_training_and_test_features_have_the_same_spread_and_centre() -> None:
    train, test = (
        principal_components.scale(generator.features("openface", CLIPS.of(part)).x) for part in ("train", "test")
    )
    raw = [generator.features("openface", CLIPS.of(part)).x for part in ("train", "test")]
    assert train.shape[1] == test.shape[1]
    spread = np.median(raw[1].std(axis=0) / raw[0].std(axis=0))
    offset = np.median(np.abs(raw[1].mean(axis=0) - raw[0].mean(axis=0)) / raw[0].std(axis=0))
    assert 0.8 < spread < 1.2
    assert offset < 0.5  # eleven actors differ from forty-seven by about a fifth of a spread


@pytest.mark.parametrize("encoder", ["clip", "hubert"])
def test_without_signal_the_emotion_in_a_name_cannot_be_told(encoder: str) -> None:
    """Among clips of one kind (single or blended, which differ in duration), classes share no more variance than chance.

    Against permutations within actors, so that who acts what cannot matter either.
    """
    x = principal_components.scale(generator.features(encoder, TRAIN, parameters=SILENT).x[:, ::3])  # enough columns
    emotions, actors = (TRAIN.table[column].to_numpy(str) for column in ("emotions", "actor"))
    blended = (TRAIN.table["salience"] != "100").to_numpy()
    for kind in (blended, ~blended):
        found = principal_components.eta_squared(x[kind], emotions[kind]).mean()
        drawn = [
            principal_components.eta_squared(x[kind], emotions[kind][leaks.shuffle(actors[kind], seed)]).mean()
            for seed in range(DRAWS)
        ]
        assert found <= np.mean(drawn) + 4 * np.std(drawn)
        told = principal_components.eta_squared(
            principal_components.scale(generator.features(encoder, TRAIN).x[:, ::3])[kind], emotions[kind]
        ).mean()
        assert told > np.mean(drawn) + 4 * np.std(drawn)  # the measure is fine enough to see the emotion


def test_without_signal_salience_in_a_name_cannot_be_told() -> None:
    blended = (TRAIN.table["salience"] != "100").to_numpy()
    x = principal_components.scale(generator.features("clip", TRAIN, parameters=SILENT).x[:, ::3])[blended]
    ratios, actors = (TRAIN.table[column].to_numpy(str)[blended] for column in ("salience", "actor"))
    found = principal_components.eta_squared(x, ratios).mean()
    drawn = [principal_components.eta_squared(x, ratios[leaks.shuffle(actors, seed)]).mean() for seed in range(DRAWS)]
    assert found <= np.mean(drawn) + 4 * np.std(drawn)


def test_names_that_differ_in_version_alone_are_no_more_alike_than_other_clips_of_the_actor() -> None:
    """The rest of a name is drawn anew for each name: nothing but the emotion carries over."""
    singles = [name for name in TRAIN.names if name.endswith("_ver1") and "_mix_" not in name][:300]
    again = [name.removesuffix("_ver1") + "_ver9" for name in singles]
    one, other = (principal_components.scale(of(names, parameters=SILENT)) for names in (singles, again))
    actors = np.array([name.split("_")[0] for name in singles])
    one, other = (principal_components.scale(x, actors) for x in (one, other))
    alike = (one * other).mean(axis=1)
    assert abs(alike.mean()) < 4 * alike.std() / np.sqrt(len(alike))


def test_who_acts_says_nothing_about_what() -> None:
    """Without signal an actor's clips of one emotion are no nearer to one another than to their other clips."""
    x = principal_components.scale(
        generator.features("hubert", TRAIN, parameters=SILENT).x[:, ::3], TRAIN.table["actor"].to_numpy(str)
    )
    single = (TRAIN.table["salience"] == "100").to_numpy()
    pairs = (TRAIN.table["actor"] + TRAIN.table["emotions"]).to_numpy(str)[single]
    actors = TRAIN.table["actor"].to_numpy(str)[single]
    found = principal_components.eta_squared(x[single], pairs).mean()
    drawn = [
        principal_components.eta_squared(x[single], pairs[leaks.shuffle(actors, seed)]).mean() for seed in range(DRAWS)
    ]
    assert found <= np.mean(drawn) + 4 * np.std(drawn)


def test_signal_changes_the_emotion_and_nothing_else() -> None:
    """Noise is drawn apart from the signal: twice the signal moves every frame twice as far from silence."""
    names = from_names(FEW[:5], origin="stand-in")
    double = replace(WORLD, signal={name: 2 * value for name, value in WORLD.signal.items()})
    series = [dict(generator.frames("imagebind", names, parameters=one)) for one in (SILENT, WORLD, double)]
    for name in names.names:
        silent, once, twice = (one[name].astype(float) for one in series)
        np.testing.assert_allclose(twice - silent, 2 * (once - silent), atol=1e-3)


def test_another_process_simulates_the_same() -> None:
    code = (
        "from blemore.simulation import generator as standin; from blemore.challenge.clips import from_names; "
        f"print(standin.features('videomaev2:sub', from_names({FEW[:6]!r}, origin='stand-in')).digest)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert told == generator.features("videomaev2:sub", from_names(FEW[:6], origin="stand-in")).digest


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """The book's own training of six rows of the displayed seed, which have all seven encoders between them."""
    which = ("openface", "clip", "videoswin", "hubert", "videomaev2:sub", "imagebind+wavlm")
    folder = tmp_path_factory.mktemp("runs")
    done = trained_tables.train(
        TRAIN, "standin", rows=which, models=[trained_tables.REPORTED], test=False, folder=folder
    )
    return done.table2().table.set_index("id")


def test_report_of_the_fit_is_of_this_simulation(landed: pd.DataFrame) -> None:
    """Other kernels may choose other epochs, some clips apart; a changed signal or noise moves a row by more."""
    report = fit_to_table2.read().query("role == 'displayed'").set_index("id").loc[landed.index]
    for metric in ("acc_presence_mean", "acc_salience_mean"):
        assert (landed[metric] - report[metric]).abs().max() < 0.015, metric
