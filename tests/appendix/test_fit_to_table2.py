"""The report of the fit: what is refused, what counts as near, and words that follow from the numbers."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from blemore.appendix import fit_to_table2
from blemore.errors import InputError
from blemore.paper import printed_numbers, vocabulary
from blemore.results.trained_tables import ROWS
from blemore.simulation.generator import World

PRINTED = printed_numbers.table(2).set_index("id").loc[list(ROWS)]
SPREAD = {metric: PRINTED[f"{metric}_std"].to_numpy() for metric in fit_to_table2.METRICS}


def report(off: float | np.ndarray = 0.0, roles: dict[str, list[int]] | None = None) -> pd.DataFrame:
    """A report in which every accuracy is the paper's plus some of its spreads."""
    parts = []
    for role, seeds in (roles or {"displayed": [0], "fitted": [1, 2], "fresh": [11]}).items():
        for seed in seeds:
            lines = pd.DataFrame({"id": ROWS, "seed": seed, "role": role})
            for metric in fit_to_table2.METRICS:
                lines[f"{metric}_mean"] = PRINTED[f"{metric}_mean"].to_numpy() + off * SPREAD[metric]
                lines[f"{metric}_std"] = 0.02
            parts.append(lines.assign(epoch=30.0, train_loss=0.5, val_loss=1.1, drop=0.01))
    return pd.concat(parts, ignore_index=True)[list(fit_to_table2.COLUMNS)]


def written(table: pd.DataFrame, folder: Path) -> Path:
    table.to_csv(path := folder / "fit.csv", index=False)
    return path


def test_report_comes_back_as_it_was_written(tmp_path: Path) -> None:
    table = report(0.3)
    pd.testing.assert_frame_equal(fit_to_table2.read(written(table, tmp_path)), table, check_dtype=False)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda t: t.assign(role="shown"), "unknown role; expected displayed, fitted, fresh; got shown"),
        (lambda t: t.replace({"id": {"clip": "klip"}}), "unknown id"),
        (lambda t: t.iloc[1:], r"seed 0 \(displayed\); expected each of 13 rows once; got 12 lines"),
        (lambda t: pd.concat([t, t.iloc[:1]]), r"seed 0 \(displayed\).*got 14 lines"),
        (lambda t: t.assign(acc_presence_mean=1.2), "line 2; expected numbers, accuracies from 0 to 1"),
        (lambda t: t.assign(drop="a lot"), "line 2; expected numbers"),
        (lambda t: t.drop(columns="epoch"), "missing column epoch"),
    ],
)
def test_report_that_cannot_be_right_is_refused(spoil, said: str, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match=said):
        fit_to_table2.read(written(spoil(report()), tmp_path))


def test_paper_itself_meets_every_criterion() -> None:
    assert all(one.met for one in fit_to_table2.criteria(report()))
    assert [one.found for one in fit_to_table2.criteria(report())] == [
        "26 of 26", "13 of 13", "26 of 26", "1.000", "1.000", "4 of 4",
    ]  # fmt: skip


@given(st.floats(-3, 3))
def test_presence_is_near_within_one_spread_and_salience_within_one_and_a_half_or_the_least(off: float) -> None:
    cells = fit_to_table2.cells(report(off))
    for metric, widest in (("acc_presence", SPREAD["acc_presence"]),
                           ("acc_salience", np.maximum(1.5 * SPREAD["acc_salience"], 0.018))):  # fmt: skip
        apart = np.abs(off) * SPREAD[metric]
        sure = np.abs(apart - widest) > 1e-6  # on the edge itself rounding may decide
        assert (cells.xs(metric, level="metric")["near"].to_numpy() == (apart <= widest))[sure].all()
    np.testing.assert_allclose(cells["displayed_sds"], off, atol=1e-9)
    np.testing.assert_allclose(cells["fitted_sds"], off, atol=1e-9)


@given(st.lists(st.floats(-2, 2), min_size=13, max_size=13))
def test_rank_correlation_is_spearmans(off: list[float]) -> None:
    table = report(np.array(off), {"displayed": [0]})
    ours = (table["acc_presence_mean"] + table["acc_salience_mean"]) / 2
    theirs = (PRINTED["acc_presence_mean"] + PRINTED["acc_salience_mean"]) / 2
    assert fit_to_table2.rank_correlation(table, "displayed") == pytest.approx(spearmanr(ours, theirs).statistic)


def test_mean_of_seeds_is_taken_before_it_is_judged() -> None:
    table = report(0.0, {"fitted": [1, 2]})
    for seed, off in ((1, 3.0), (2, -3.0)):  # each alone far off, together on the spot
        rows = table["seed"] == seed
        for metric in fit_to_table2.METRICS:
            table.loc[rows, f"{metric}_mean"] += off * SPREAD[metric]
    assert fit_to_table2.criteria(table)[1].met
    np.testing.assert_allclose(fit_to_table2.cells(table)["fitted_sds"], 0, atol=1e-9)


def test_fresh_seeds_are_judged_one_by_one() -> None:
    far = report(2.5, {"fresh": [11]})
    near = report(0.0, {"fresh": list(range(12, 21))})
    nine_in_ten = pd.concat([far, near])
    assert fit_to_table2.criteria(nine_in_ten)[2] == fit_to_table2.Criterion(
        "seeds never fitted on: within 2 printed spreads", "9 cells in 10", "234 of 260", True
    )
    assert not fit_to_table2.criteria(pd.concat([nine_in_ten, far.assign(seed=30)]))[2].met


def test_fusion_must_beat_the_better_of_its_parts() -> None:
    table = report(0.0, {"displayed": [0]})
    fused = table["id"] == "imagebind+wavlm"
    best = table.loc[table["id"] == "imagebind"]
    table.loc[fused, ["acc_presence_mean", "acc_salience_mean"]] = best[
        ["acc_presence_mean", "acc_salience_mean"]
    ].to_numpy()
    found = fit_to_table2.fusions(table, "displayed")
    assert found["above"].to_dict() == {row: row != "imagebind+wavlm" for row in ROWS if "+" in row}
    assert fit_to_table2.criteria(table)[-1].found == "3 of 4"


def test_roles_that_are_missing_are_neither_met_nor_counted() -> None:
    table = report(0.0, {"displayed": [0]})
    found = {one.what: one for one in fit_to_table2.criteria(table)}
    absent = [one for what, one in found.items() if "displayed" not in what]
    assert len(absent) == 3 and not any(one.met for one in absent)
    assert {one.found for one in absent} == {"not measured"}
    shown = fit_to_table2.shown(fit_to_table2.cells(table), "acc_presence")
    assert set(shown["fresh seeds"]) == {"–"} and "nan" not in shown.to_string()
    assert fit_to_table2.seeds(table) == "displayed 0"


@pytest.mark.parametrize(
    ("off", "word"),
    [
        (1.2, "misses: 1.20 above, limit 1.00"),
        (-2.0, "misses: 2.00 below, limit 1.00"),
        (1.03, "misses: 1.03 above, limit 1.00"),
        (0.5, "within"),
    ],
)
def test_table_says_in_words_what_misses(off: float, word: str) -> None:
    shown = fit_to_table2.shown(fit_to_table2.cells(report(off)), "acc_presence")
    assert set(shown["verdict"]) == {word}
    assert list(shown.index) == [vocabulary.name_of(row) for row in ROWS]
    assert shown.loc["CLIP", "paper"] == "0.266 ± 0.021"


def test_displayed_seed_is_what_is_trained_here_whatever_the_report_has_for_it() -> None:
    now = report(0.5, {"displayed": [7]}).drop(columns=["role", "seed"]).assign(model="mlp-512", folds=5)
    other = now.assign(model="linear", acc_presence_mean=0.9)
    held = fit_to_table2.with_displayed(report(), pd.concat([now, other]), 7)
    np.testing.assert_allclose(fit_to_table2.cells(held)["displayed_sds"], 0.5, atol=1e-9)
    assert fit_to_table2.seeds(held) == "displayed 7; fitted 1, 2; fresh 11"
    pd.testing.assert_frame_equal(
        held[held["role"] != "displayed"].reset_index(drop=True),
        report().query("role != 'displayed'").reset_index(drop=True),
    )


def test_page_says_how_far_the_report_is_from_what_is_trained() -> None:
    now = report(0.0, {"displayed": [0]}).query("id in ['clip', 'wavlm']").assign(model="mlp-512")
    now.loc[now["id"] == "clip", "acc_presence_mean"] += 0.004
    said = fit_to_table2.freshness(report(), now, 0, "quick")
    assert "2 rows" in said and "within 0.004" in said
    for seed, profile in ((7, "quick"), (0, "paper")):
        assert f"seed {seed} in profile {profile}" in fit_to_table2.freshness(report(), now, seed, profile)


def test_every_common_parameter_of_the_simulation_is_explained() -> None:
    assert set(fit_to_table2.MEANING) == {field.name for field in fields(World)} - {"signal"}


def test_committed_report_can_be_read_and_shows_the_seed_of_the_book() -> None:
    from blemore.simulation.generator import DISPLAYED_SEED

    fit = fit_to_table2.read()
    assert set(fit.loc[fit["role"] == "displayed", "seed"]) == {DISPLAYED_SEED}
    fresh, others = (set(fit.loc[where, "seed"]) for where in (fit["role"] == "fresh", fit["role"] != "fresh"))
    assert not fresh & others
