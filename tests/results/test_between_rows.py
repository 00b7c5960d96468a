"""How rows stand to each other: whose number wins, what is gained, and that no origin is lost on the way."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from blemore.challenge.labels import CLASSES, saliences_of_names
from blemore.paper import printed_numbers
from blemore.results import between_rows
from blemore.sources import recorded
from blemore.sources.released import Result

AUTHORS = Result(recorded.read("validation").table, "recorded", ())


def scores(origin: str, **rows: float) -> Result:
    """A table of MLP-512 scores, both accuracies of a row alike."""
    table = [
        {"id": id.replace("_", "+"), "model": "mlp-512", "acc_presence": x, "acc_salience": x} for id, x in rows.items()
    ]
    return Result(pd.DataFrame(table, columns=["id", "model", "acc_presence", "acc_salience"]), origin, ())


def test_later_rows_replace_earlier_ones_and_keep_their_own_origin() -> None:
    both = between_rows.together(scores("stand-in", clip=0.1, wavlm=0.2), scores("measured", wavlm=0.3, mine=0.4))
    assert both.set_index("id")["origin"].to_dict() == {"clip": "stand-in", "wavlm": "measured", "mine": "measured"}
    assert between_rows.composite(between_rows.reported(both)).to_dict() == {"clip": 0.1, "wavlm": 0.3, "mine": 0.4}


def test_tables_without_rows_keep_their_columns() -> None:
    assert {"id", "model", "origin"} <= set(between_rows.together(scores("measured")).columns)


def test_best_classifier_of_the_authors_runs_is_that_of_the_ledger() -> None:
    table = between_rows.classifiers(AUTHORS.table)
    assert table.index[0] == "CLIP" and list(table.columns) == ["Linear", "MLP-256", "MLP-512", "best"]
    often = between_rows.best_how_often({"theirs": table})
    assert often.loc["theirs"].to_dict() == {"Linear": 0, "MLP-256": 1, "MLP-512": 6, "all": 7}


def test_equal_classifiers_leave_the_row_to_the_smaller() -> None:
    table = scores("measured", clip=0.5).table
    every = pd.concat([table.assign(model=model) for model in ("mlp-512", "linear", "mlp-256")])
    assert between_rows.classifiers(every)["best"].tolist() == ["Linear"]


def test_gain_is_over_each_part_and_a_row_that_is_not_there_leaves_a_gap() -> None:
    here = between_rows.composite(
        between_rows.reported(scores("measured", imagebind=0.2, wavlm=0.3, imagebind_wavlm=0.4).table)
    )
    gains = between_rows.gains({"validation": {"paper": between_rows.printed(2), "here": here}})
    row = gains.loc["ImageBind + WavLM, validation"]
    assert row[["here: over video", "here: over audio"]].tolist() == pytest.approx([0.2, 0.1])
    assert gains.loc["ImageBind + HuBERT, validation", "here: over audio"] != 0
    assert gains["here: over video"].isna().sum() == 3
    assert between_rows.ahead(gains) == "paper, 4 of 4; here, 1 of 1"


def test_gains_of_the_paper_are_those_that_the_ledger_counts() -> None:
    gains = between_rows.gains({"test": {"paper": between_rows.printed(3)}})
    assert between_rows.ahead(gains) == "paper, 3 of 4"
    printed = printed_numbers.table(3).set_index("id")[["acc_presence", "acc_salience"]].mean(axis=1)
    assert gains.loc["ImageBind + HuBERT, test", "paper: over audio"] == pytest.approx(
        printed["imagebind+hubert"] - printed["hubert"]
    )


def test_change_takes_rows_that_have_both_numbers_in_the_papers_order() -> None:
    valid, test = pd.Series({"wavlm": 0.2, "clip": 0.3, "hubert": 0.1}), pd.Series({"wavlm": 0.1, "clip": 0.2})
    assert between_rows.change(valid, test).index.tolist() == ["clip", "wavlm"]
    assert len(between_rows.change(between_rows.printed(2), between_rows.printed(3))) == 13


def test_matrix_has_the_layout_of_figure_4() -> None:
    truth = saliences_of_names(["A1_ang_int1_ver1", "A1_mix_hap_sad_70_30_ver1"])
    matrix, printed = between_rows.matrix(truth[::-1], truth), printed_numbers.figure(4)
    assert matrix.index.equals(printed.index) and matrix.columns.equals(printed.columns)
    assert (matrix.loc["ang", "hap-sad"], matrix.loc["hap-sad", "ang"], int(np.trace(matrix))) == (1, 1, 0)


def by_fold(*rows: tuple[float, float], folds: int = 4) -> pd.DataFrame:
    """Composites of two classifiers on some folds, alternately a little above and below the values given for each row."""
    lines = [
        {"id": f"row{i}", "fold": fold, "linear": low, "mlp-256": low, "mlp-512": high + (-1) ** fold * 0.001 * (i + 1)}
        for i, (low, high) in enumerate(rows)
        for fold in range(folds)
    ]
    return pd.DataFrame(lines)


def test_differences_are_paired_by_fold_and_their_interval_is_students() -> None:
    rng = np.random.default_rng(0)
    folds = pd.DataFrame({"id": np.repeat(["a", "b", "c"], 5), "fold": [0, 1, 2, 3, 4] * 3})
    folds = folds.assign(one=rng.normal(size=15), other=rng.normal(size=15))
    means = (folds["one"] - folds["other"]).to_numpy().reshape(3, 5).mean(axis=0)
    expected = stats.ttest_1samp(means, 0).confidence_interval(0.95)
    mean, low, high = between_rows.paired(folds, "one", "other")
    assert (mean, low, high) == pytest.approx((means.mean(), expected.low, expected.high))


def test_what_all_folds_share_cancels_in_a_paired_difference() -> None:
    folds = by_fold((0.1, 0.2), (0.3, 0.4))
    moved = folds.assign(**{name: folds[name] + folds["fold"] for name in ("linear", "mlp-512")})
    assert between_rows.paired(moved, "mlp-512", "linear") == pytest.approx(
        between_rows.paired(folds, "mlp-512", "linear")
    )


def test_classifiers_of_the_authors_differ_by_what_the_page_says() -> None:
    said = between_rows.classifiers_in_words(recorded.read("classifier_folds").table)
    assert "7 rows" in said and "MLP-512 less Linear +0.015 [+0.009, +0.021]" in said


def test_optimism_that_may_be_nothing_is_called_so() -> None:
    lines = [
        {"protocol": protocol, "fold": fold, "acc_presence": presence, "acc_salience": salience}
        for fold, wobble in enumerate((0.04, -0.04, 0.04))
        for protocol, presence, salience in (("released-code", 0.2 + wobble, 0.15), ("nested", 0.2, 0.1 + wobble / 100))
    ]
    presence, salience, *_ = (said := between_rows.optimism_in_words(pd.DataFrame(lines), "invented")).split("; ")
    assert "invented; one seed" in said
    assert "not distinguishable from 0" in presence and "not distinguishable" not in salience and "+0.050" in salience


def test_optimism_of_several_seeds_is_that_of_their_means_and_says_what_was_trained() -> None:
    chosen, seeds = (recorded.read(f"egemaps_{name}").table for name in ("protocols", "seeds"))
    said = between_rows.optimism_in_words(chosen, "eGeMAPS", seeds)
    nested = chosen[chosen["protocol"] == "nested"].set_index("fold")
    mean = seeds.groupby("fold")[["acc_presence", "acc_salience"]].mean()
    expected = stats.ttest_rel(mean["acc_presence"], nested["acc_presence"].loc[mean.index]).confidence_interval(0.95)
    assert f"presence +0.031 [{expected.low:+.3f}, {expected.high:+.3f}]" in said
    assert (
        "salience +0.046 [+0.016, +0.076]" in said
        and "composite, which is what is chosen by, +0.039 [+0.020, +0.057]" in said
    )
    assert "6 seeds" in said and "nested with one" in said and "taken as independent" in said and "eGeMAPS" in said


def test_classifier_that_is_not_surely_better_is_said_to_be_so() -> None:
    said = between_rows.classifiers_in_words(recorded.read("classifier_folds").table)
    assert "MLP-512 less MLP-256" in said and "not distinguishable from 0" in said.split(";")[1]
    assert "too narrow, by a factor of up to 1.5" in said and "best epoch" in said


def test_strategies_differ_by_what_a_paired_test_of_folds_says() -> None:
    folds = recorded.read("strategy_folds").table
    said = between_rows.strategies_in_words(folds)
    assert "mean over 6 pairs" in said
    for metric, rows in folds.groupby("metric"):
        means = rows.groupby("fold")[["aggregated", "subsampled"]].mean()
        ends = stats.ttest_rel(means["aggregated"], means["subsampled"]).confidence_interval(0.95)
        assert (
            f"{metric} {(means['aggregated'] - means['subsampled']).mean():+.3f} [{ends.low:+.3f}, {ends.high:+.3f}]".replace(
                "-", "−"
            )
            in said
        )


def test_optimism_of_thresholds_is_that_over_all_clips() -> None:
    folds = pd.DataFrame(
        {"variant": "a", "n": [10, 30], "n_blends": [10, 10], "acc_presence": [0.5, 0.1], "acc_salience": [0.1, 0.3]}
    )
    design = pd.DataFrame({"variant": "a", "metric": ["acc_presence", "acc_salience"], "accuracy": [0.15, 0.25]})
    said = between_rows.thresholds_in_words(folds, design)
    assert "presence +0.050 to +0.050; salience −0.050 to −0.050" in said


def test_rows_whose_loss_does_not_turn_early_are_named() -> None:
    early = pd.DataFrame({"epoch": range(1, 101), "val_loss": [abs(epoch - 20) for epoch in range(1, 101)]})
    late = pd.DataFrame({"epoch": range(1, 101), "val_loss": np.linspace(2, 1, 100)})
    said = between_rows.lowest_losses_in_words({"clip": early, "openface": late})
    assert "1 of 2 rows" in said and "OpenFace 100 of 100" in said and "CLIP" not in said
    assert "others" not in between_rows.lowest_losses_in_words({"clip": early})


def test_confusion_in_words_counts_by_hand() -> None:
    counts = pd.DataFrame(0, list(CLASSES), list(CLASSES))
    for true, predicted, clips in (
        ("hap", "hap", 3),
        ("hap", "sad", 1),
        ("ang-hap", "hap", 3),
        ("ang-hap", "neu", 1),
        ("ang", "ang", 1),
    ):
        counts.loc[true, predicted] = clips
    for name in CLASSES:
        counts.loc[name, "neu"] += 1
    said = between_rows.confused(counts)
    hits, clips = 3 + 1 + 1, int(counts.to_numpy().sum())
    assert f"{hits} of {clips} clips" in said and "Neutral is found most often (1 of 1)" in said
    blends = counts.loc[[name for name in CLASSES if "-" in name]]
    assert f"{3 / blends.to_numpy().sum():.0%} of the wrong answers" in said
