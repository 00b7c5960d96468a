"""One way to hold a number of ours against the paper's: tolerance, verdict, known differences."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blemore.errors import UnknownNameError
from blemore.paper import comparison, printed_numbers
from blemore.paper.comparison import EVIDENCE, KINDS, LABELS, VERDICTS, Comparison, of_number, of_statement

REAL = ("released", "measured", "recorded")
NUMBERS = st.floats(-1e6, 1e6)


def compare(printed: float | str, ours: float | str | None, label: str = "measured", **more) -> Comparison:
    return Comparison("an.id", "3.1", "something", printed, ours, label, **more)


POSSIBLE = [
    ("paper", "paper"), ("measured", "data"), ("measured", "paper"), ("stand-in", "simulation"),
    *((label, evidence) for label in ("released", "recorded") for evidence in ("data", "authors", "paper")),
]  # fmt: skip


@settings(deadline=None)
@given(NUMBERS, NUMBERS, st.floats(0, 1e3))
def test_numbers_agree_where_they_are_no_further_apart_than_the_tolerance(printed, ours, tolerance) -> None:
    found = compare(printed, ours, kind="rounding", tolerance=tolerance)
    assert found.difference == ours - printed
    if abs(abs(ours - printed) - tolerance) > 1e-8:
        assert found.agrees == (abs(ours - printed) < tolerance)


@settings(deadline=None)
@given(st.integers(0, 1000), st.integers(0, 4))
def test_what_rounds_to_the_printed_number_agrees_and_one_unit_beside_it_does_not(units, decimals) -> None:
    step = 10.0**-decimals
    printed = round(units * step, decimals)
    tolerance = printed_numbers.half_unit(decimals)
    for ours, agrees in ((0.4999, True), (-0.4999, True), (0.5, True), (0.51, False), (-0.51, False), (1, False)):
        found = compare(printed, printed + ours * step, kind="rounding", tolerance=tolerance)
        assert found.agrees == agrees, ours


@pytest.mark.parametrize(("ours", "agrees"), [(3050, True), (3049, False), (3051, False), (3050.0001, False)])
def test_counts_must_be_exact(ours: float, agrees: bool) -> None:
    assert compare(3050, ours).agrees == agrees


@pytest.mark.parametrize("ours", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_never_agrees(ours: float) -> None:
    found = compare(1.0, ours, kind="rounding", tolerance=0.5)
    assert not found.agrees
    assert found.verdict == "differs"


@pytest.mark.parametrize(
    ("printed", "ours", "agrees"),
    [("ViT-B/16", "ViT-B/16", True), ("ViT-B/16", "ViT-g/14", False), (1.0, "1.0", False), ("1.0", 1.0, False)],
)
def test_words_agree_where_they_are_the_same(printed, ours, agrees: bool) -> None:
    found = compare(printed, ours)
    assert found.difference is None
    assert found.agrees == agrees
    assert found.verdict == ("reproduced" if agrees else "differs")


@pytest.mark.parametrize("label", REAL)
def test_only_data_reproduce_a_number(label: str) -> None:
    assert compare(1, 1, label, evidence="data").verdict == "reproduced"
    assert compare(1, 2, label, evidence="data").verdict == "differs"


@pytest.mark.parametrize("label", ["released", "recorded"])
def test_results_of_the_authors_and_numbers_of_the_paper_reproduce_nothing(label: str) -> None:
    assert compare(1, 1, label, evidence="authors").verdict == "recomputed"
    assert compare(1, 1, label, evidence="paper").verdict == "consistent"


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("evidence", ["", "none", *EVIDENCE])
def test_label_and_evidence_that_contradict_each_other_are_refused(label: str, evidence: str) -> None:
    implied = label in ("paper", "measured", "stand-in") and not evidence
    if (label, evidence) in POSSIBLE or implied:
        assert (label, compare(1, 1, label, evidence=evidence).evidence) in POSSIBLE
    else:
        with pytest.raises(UnknownNameError, match="evidence"):
            compare(1, 1, label, evidence=evidence)


@pytest.mark.parametrize("ours", [1, 2])
def test_simulated_data_prove_nothing_whether_they_agree_or_not(ours: int) -> None:
    assert compare(1, ours, "stand-in").verdict == "by construction"


def test_the_paper_against_itself_is_consistent_and_no_reproduction() -> None:
    assert compare(1, 1, "paper").verdict == "consistent"
    assert compare(1, 2, "paper").verdict == "differs"


@pytest.mark.parametrize(("label", "evidence"), POSSIBLE)
def test_what_cannot_be_computed_is_unchecked_wherever_it_would_come_from(label: str, evidence: str) -> None:
    found = compare(1, None, label, evidence=evidence)
    assert found.verdict == "unchecked"
    assert found.difference is None


def test_known_difference_is_one_that_is_listed_and_still_differs() -> None:
    listed = next(iter(comparison.known_differences()))
    assert Comparison(listed, "3.1", "x", 1, 2, "measured").verdict == "known difference"
    assert Comparison(listed, "3.1", "x", 1, 1, "measured").verdict == "reproduced"
    assert Comparison(listed, "3.1", "x", 1, 2, "stand-in").verdict == "by construction"


def test_every_known_difference_has_a_reason_of_one_line() -> None:
    for id, reason in comparison.known_differences().items():
        assert len(reason) > 40, id
        assert reason == " ".join(reason.split())


@pytest.mark.parametrize("given", [{"label": "guessed"}, {"kind": "roughly"}])
def test_unknown_labels_and_kinds_of_tolerance_are_refused(given: dict[str, str]) -> None:
    with pytest.raises(UnknownNameError):
        compare(1, 1, **given)


def test_every_verdict_explained_is_reached_and_no_other() -> None:
    listed = next(iter(comparison.known_differences()))
    found = {
        Comparison(id, "1", "x", 1, ours, label, evidence=evidence).verdict
        for id in (listed, "other")
        for ours in (None, 1, 2)
        for label, evidence in POSSIBLE
    }
    assert found == set(VERDICTS)


@pytest.mark.parametrize("id", printed_numbers.numbers())
def test_a_number_of_the_prose_agrees_with_itself_and_not_with_one_unit_more(id: str) -> None:
    printed = printed_numbers.number(id)
    same = of_number(id, printed.value, "measured", "itself")
    assert (same.agrees, same.section, same.kind in KINDS) == (True, printed.section, True)
    unit = 10.0**-printed.decimals
    assert not of_number(id, printed.value + unit, "measured", "more").agrees
    assert of_number(id, None, "measured", "absent").verdict == "unchecked"


def test_counts_of_the_prose_are_held_exactly_and_percentages_to_their_last_digit() -> None:
    assert of_number("dataset.clips", 3050.4, "measured", "x").verdict != "reproduced"
    single = of_number("baseline.single.train.acc_presence", 7.824, "measured", "x")
    assert (single.kind, single.tolerance, single.decimals, single.unit) == ("rounding", 0.005, 2, "%")
    assert single.agrees
    assert not of_number("baseline.single.train.acc_presence", 7.826, "measured", "x").agrees


def test_what_is_counted_is_exact_and_what_is_measured_is_rounded() -> None:
    kinds = {
        id: of_number(id, printed.value, "measured", "itself").kind for id, printed in printed_numbers.numbers().items()
    }
    exact = (
        "dataset.clips",
        "split.folds",
        "encoder.openface.dimensions",
        "encoder.audio.dimensions",
        "training.epochs.aggregated",
    )
    rounded = (
        "dataset.duration_min",
        "dataset.duration_max",
        "encoder.hubert.pretraining",
        "validation.wavlm.acc_presence",
    )
    assert {kinds[id] for id in exact} == {"exact"} and {kinds[id] for id in rounded} == {"rounding"}
    assert not of_number("encoder.openface.gaze", 8.4, "measured", "x").agrees


def test_a_number_that_the_paper_does_not_print_is_refused() -> None:
    with pytest.raises(UnknownNameError):
        of_number("dataset.clip", 1, "measured", "x")


def test_cells_of_a_table_are_grouped_by_row_and_column() -> None:
    places = (("clip", "a"), ("my.own+b:sub", "a"), ("clip", "b"))
    cells = [compare(1, 1, row=row, column=column) for row, column in places]
    grouped = comparison.by_row(cells)
    assert grouped == {"clip": {"a": cells[0], "b": cells[2]}, "my.own+b:sub": {"a": cells[1]}}


def test_one_cell_that_differs_decides_the_rows_verdict() -> None:
    cells = [compare(1, 1), compare(1, None), compare(1, 2), compare(1, 1, "paper")]
    assert comparison.worst(cells) is cells[2]
    assert comparison.worst(cells[:2]) is cells[1]
    assert comparison.worst([cells[3], cells[0]]) is cells[3]


@pytest.mark.parametrize(("holds", "verdict"), [(True, "reproduced"), (False, "differs"), (None, "unchecked")])
def test_a_statement_holds_or_not_or_cannot_be_checked(holds: bool | None, verdict: str) -> None:
    assert of_statement("an.id", "5.1", "x", holds, "measured").verdict == verdict
