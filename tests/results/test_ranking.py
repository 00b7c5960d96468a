"""Standings: one row for every encoder, each with its own label, simulated once."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from blemore import encoders
from blemore.paper import printed_numbers
from blemore.results import ranking, trained_tables
from blemore.show import figures
from blemore.sources import lookup
from blemore.sources.recorded import Input
from blemore.sources.released import Result
from blemore.system import fingerprints

CLIPS = lookup.clips("standin")[0]
DONE = Result(
    printed_numbers.table(2).query("id in ['clip', 'wavlm', 'imagebind+wavlm']").assign(model="mlp-512"), "stand-in", ()
)


@pytest.fixture(autouse=True)
def _nothing_public(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("BLEMORE_DATA", "BLEMORE_MIRROR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BLEMORE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """What rows are asked to train; they train nothing."""
    calls: list[dict[str, object]] = []

    def train(clips: object, source: str, **how: object) -> SimpleNamespace:
        calls.append({"source": source, **how})
        return SimpleNamespace(table2=lambda: DONE, absent={})

    monkeypatch.setattr(trained_tables, "train", train)
    return calls


def test_what_is_simulated_is_scored_once_for_the_same_question(asked: list, tmp_path: Path) -> None:
    def scores(**changes: object) -> Result:
        return ranking.trained(
            CLIPS, "auto", **{"model": "mlp-512", "profile": "quick", "seed": 0, **changes}, folder=tmp_path
        )

    first, again = scores(), scores()
    assert len(asked) == 1 and asked[0]["source"] == "standin" and asked[0]["models"] == ["mlp-512"]
    pd.testing.assert_frame_equal(first.table, again.table)
    assert first.table[list(ranking.SCORES)].to_numpy().tolist() == DONE.table[list(ranking.SCORES)].to_numpy().tolist()
    assert (first.origin, first.inputs) == ("stand-in", ())
    for changes in ({"seed": 1}, {"profile": "paper"}, {"model": "linear"}):
        scores(**changes)
    assert len(asked) == 4


def test_scores_are_computed_anew_when_the_code_that_makes_them_changes(
    asked: list, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    how = {"model": "mlp-512", "profile": "quick", "seed": 0, "folder": tmp_path}
    ranking.trained(CLIPS, "standin", **how)
    code = fingerprints.code
    monkeypatch.setattr(
        fingerprints, "code", lambda *given: {**code(*given), "module blemore.simulation.generator": "another"}
    )
    ranking.trained(CLIPS, "standin", **how)
    assert len(asked) == 2


def test_scores_that_lack_a_row_are_not_kept(asked: list, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = trained_tables.train
    how = {"model": "mlp-512", "profile": "quick", "seed": 0, "folder": tmp_path}
    lacking = SimpleNamespace(
        table2=lambda: Result(DONE.table.head(1), "stand-in", ()), absent={"wavlm": "no disk space"}
    )
    monkeypatch.setattr(trained_tables, "train", lambda *_, **__: lacking)
    assert ranking.trained(CLIPS, "standin", **how).table["id"].tolist() == ["clip"]
    monkeypatch.setattr(trained_tables, "train", whole)
    assert len(ranking.trained(CLIPS, "standin", **how).table) == len(DONE.table) > 1


def test_of_a_release_every_encoder_is_tried_and_nothing_kept(
    asked: list, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data" / "WavLM_large_train").mkdir(parents=True)
    monkeypatch.setenv("BLEMORE_DATA", str(tmp_path / "data"))
    for _ in range(2):
        ranking.trained(CLIPS, "auto", "mlp-512", profile="quick", seed=0, folder=tmp_path / "runs")
    assert len(asked) == 2 and {"hicmae", "egemaps", "openface3", *trained_tables.ROWS} == set(asked[0]["rows"])
    assert not (tmp_path / "runs").exists()


def test_every_encoder_has_one_row_with_the_label_of_its_own_scores() -> None:
    table = ranking.everyone(DONE, "mlp-512").table.set_index("id")
    assert set(table.index) == {*encoders.known(), *trained_tables.ROWS} and table.index.is_unique
    assert table["label"].to_dict() == {
        name: {"clip": "stand-in", "wavlm": "stand-in", "imagebind+wavlm": "stand-in", "egemaps": "recorded",
               "hicmae": "recorded"}.get(name, "")
        for name in table.index
    }  # fmt: skip
    assert (table["acc_presence_mean"].isna() == (table["label"] == "")).all()
    printed = printed_numbers.table(2).set_index("id")
    assert table.at["openface", "paper_acc_presence_mean"] == printed.at["openface", "acc_presence_mean"]
    assert np.isnan(table.at["egemaps", "paper_acc_presence_mean"])


def test_features_of_ones_own_join_the_others_or_replace_them_with_their_own_label() -> None:
    mine = Result(DONE.table.head(1).assign(acc_presence_mean=0.9), "measured", (Input("file/features", "ab"),))
    found = ranking.everyone(DONE, "mlp-512", {"mine": mine, "egemaps": mine})
    table = found.table.set_index("id")
    for name in ("mine", "egemaps"):
        assert (table.at[name, "label"], table.at[name, "acc_presence_mean"]) == ("measured", 0.9)
    assert table.at["clip", "label"] == "stand-in"
    assert Input("file/features", "ab") in found.inputs


def test_caption_says_that_the_released_fine_tuning_is_the_best_of_four() -> None:
    table = ranking.everyone(DONE, "mlp-512").table
    assert "HiCMAE is the best of its 4 fine-tunings" in figures.standings(table, "clip", "mlp-512").text
    own = table.assign(label=table["label"].where(table["id"] != "hicmae", "measured"))
    assert "fine-tunings" not in figures.standings(own, "clip", "mlp-512").text


def test_another_classifier_has_no_recorded_egemaps() -> None:
    table = ranking.everyone(Result(DONE.table.assign(model="linear"), "stand-in", ()), "linear").table.set_index("id")
    assert table.at["egemaps", "label"] == "" and table.at["clip", "label"] == "stand-in"


def test_ranking_puts_the_best_first_and_those_without_a_score_last() -> None:
    table = ranking.ranked(ranking.everyone(DONE, "mlp-512").table)
    scored = table["label"] != ""
    composite = table[["acc_presence_mean", "acc_salience_mean"]].mean(axis=1)
    assert composite[scored].is_monotonic_decreasing and scored.tolist() == sorted(scored, reverse=True)
    assert len(table) == len(ranking.everyone(DONE, "mlp-512").table)
