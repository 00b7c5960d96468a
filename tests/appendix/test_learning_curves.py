"""Learning curves beside the authors': epochs in one count, drops of one kind, words that follow from numbers."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from blemore.appendix import learning_curves
from blemore.experiments.protocols import cross_validate_all
from blemore.paper.vocabulary import LOGGED
from blemore.results import trained_tables
from blemore.sources import lookup, recorded, released
from blemore.sources.released import Result
from blemore.training.loop import Settings
from tests.experiments.test_stored_runs import small_data

RECORDED = Result(recorded.read("validation").table, "recorded", ())


@pytest.fixture
def no_logs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither logs nor summaries of the authors are on this machine."""
    monkeypatch.setenv("BLEMORE_CACHE", str(tmp_path))
    monkeypatch.delenv("BLEMORE_MIRROR", raising=False)


@pytest.mark.parametrize(("subsampled", "theirs"), [(False, 200), (True, 300)])
def test_whole_trainings_have_the_same_length_in_one_count(subsampled: bool, theirs: int) -> None:
    data = small_data(subsampled=subsampled)
    for epochs in (1, 5):
        (done,) = cross_validate_all({"mine": data}, [Settings("linear", epochs=epochs)], ["released-code"], jobs=1)
        assert epochs * learning_curves.paper_epochs(done) == pytest.approx(theirs)


@pytest.mark.usefixtures("no_logs")
def test_drop_of_the_authors_is_from_each_folds_best_to_the_last_epoch() -> None:
    curves = recorded.read("curves").table
    for row in LOGGED:
        last = curves.query("id == @row and model == 'mlp-512'").iloc[-1]
        best = RECORDED.table.query("id == @row and model == 'mlp-512'").iloc[0]
        wanted = (best["acc_presence_mean"] + best["acc_salience_mean"]) / 2
        wanted -= (last["acc_presence"] + last["acc_salience"]) / 2
        found = learning_curves.drop(row, "mlp-512", RECORDED)
        assert found == pytest.approx(wanted) and found >= 0
    assert learning_curves.drop("clip", "linear", RECORDED) != learning_curves.drop(
        "clip", "linear", RECORDED
    )  # NaN: not recorded


@pytest.mark.usefixtures("no_logs")
def test_rows_are_compared_where_the_authors_have_them(tmp_path: Path) -> None:
    clips = lookup.clips("standin")[0]
    chosen = {"rows": ["openface"], "models": ["linear"], "test": False, "folder": tmp_path, "jobs": 1}
    done = trained_tables.train(clips, "standin", **chosen)
    (line,) = learning_curves.compare(released.validation(), done).to_dict("records")
    mine, theirs = trained_tables.summary(done.validation["openface", "linear"]), RECORDED.table.query(
        "id == 'openface' and model == 'linear'"
    ).iloc[0]  # fmt: skip
    assert line["epoch_ours"] == pytest.approx(4 * mine["epoch"])
    assert (line["train_loss_ours"], line["drop_ours"]) == (mine["train_loss"], mine["drop"])
    assert (line["epoch_authors"], line["val_loss_authors"]) == (theirs["epoch"], theirs["val_loss"])


def both(authors: list[float], ours: list[float]) -> pd.DataFrame:
    columns = {f"{name}_{who}": values for name in learning_curves.QUANTITIES
               for who, values in (("authors", authors), ("ours", ours))}  # fmt: skip
    return pd.DataFrame({"id": ["clip"] * len(ours), "model": ["linear"] * len(ours), **columns})


def test_summary_is_one_sided_only_where_nine_in_ten_are() -> None:
    ten = [100.0] * 10
    for below, word in ((10, "lower"), (9, "lower"), (8, "not one-sided"), (1, "higher"), (0, "higher")):
        ours = [50.0] * below + [150.0] * (10 - below)
        found = learning_curves.differences(both(ten, ours))
        assert set(found["ours_are"]) == {word} and set(found["lower"]) == {below}
    assert set(learning_curves.differences(both(ten, ten))["ours_are"]) == {"not one-sided"}


def test_pairs_without_the_authors_number_are_left_out() -> None:
    table = both([100.0, 100.0], [50.0, 150.0])
    table.loc[1, "drop_authors"] = float("nan")
    found = learning_curves.differences(table)
    assert found["pairs"].tolist() == [2, 2, 2, 1]
    assert learning_curves.shown(table)["drop"].tolist() == ["100", "–"]


def test_farthest_pair_is_named_whichever_way_it_is_off() -> None:
    table = both([100.0, 100.0, 100.0], [50.0, 90.0, 210.0])
    table["model"] = ["linear", "mlp-256", "mlp-512"]
    assert learning_curves.farthest(table).startswith(
        "Farthest apart is CLIP with mlp-512: it peaks at epoch 210, the authors' at 100"
    )
    assert "CLIP with linear: it peaks at epoch 50" in learning_curves.farthest(table.iloc[:2])


def test_words_follow_from_the_numbers() -> None:
    one, other = (
        learning_curves.in_words(learning_curves.differences(both([100.0], [value]))) for value in (50.0, 150.0)
    )
    assert "peak at epoch 50 of the paper's count in the median, the authors' at 100; earlier in 1 of 1" in one
    assert "peak at epoch 150" in other and "earlier in 0 of 1" in other
