"""The ledger: what it finds in the paper, whatever is on the machine, and what it will not let pass."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blemore import clips as clip_tables
from blemore import identity, paper, recorded, released, sources
from blemore.claims import dataset, ledger, results
from blemore.comparison import KINDS, LABELS, VERDICTS, Comparison, known_differences
from blemore.errors import UnknownNameError
from blemore.parameters import LOGGED
from blemore.recorded import Input
from tests.conftest import real

MACHINES = ("nothing", "mirror", "release", "both")

FACTS = {  # design, section 6, and the paper
    "dataset.clips": 3050,
    "dataset.single_clips": 1390,
    "dataset.blended_clips": 1660,
    "split.train_actors": 47,
    "split.test_actors": 11,
    "split.folds": 5,
    "figure2.single": 1390,
    "figure2.blended": 1660,
}
BASELINES = {
    "baseline.single.train.acc_presence": "7.82",
    "baseline.single.train.acc_salience": "0.00",
    "baseline.single.test.acc_presence": "7.41",
    "baseline.single.test.acc_salience": "0.00",
    "baseline.blend.train.acc_presence": "5.70",
    "baseline.blend.train.acc_salience": "3.54",
    "baseline.blend.test.acc_presence": "5.89",
    "baseline.blend.test.acc_salience": "3.59",
}


def furnish(patch: pytest.MonkeyPatch, machine: str, folder: Path) -> None:
    """Put the mirror, the release's metadata, both or neither on the machine."""
    for name in ("BLEMORE_DATA", "BLEMORE_MIRROR"):
        patch.delenv(name, raising=False)
    patch.setenv("BLEMORE_OFFLINE", "1")
    patch.setenv("BLEMORE_CACHE", str(folder / "cache"))
    if machine in ("mirror", "both"):
        patch.setenv("BLEMORE_MIRROR", str(real("mirror")))
    if machine in ("release", "both"):
        (folder / "train_metadata.csv").symlink_to(real("train_metadata.csv"))
        patch.setenv("BLEMORE_DATA", str(folder))


@pytest.fixture(scope="module", params=MACHINES)
def machine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        furnish(patch, request.param, tmp_path_factory.mktemp(request.param))
        yield request.param


@pytest.fixture(scope="module")
def found(machine: str) -> tuple[dict[str, Comparison], tuple[Input, ...]]:
    claims, inputs = ledger.all_claims()
    assert len({claim.id for claim in claims}) == len(claims)
    return {claim.id: claim for claim in claims}, inputs


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    furnish(monkeypatch, "nothing", tmp_path)


Found = tuple[dict[str, Comparison], tuple[Input, ...]]


def test_nothing_differs_unexplained_on_any_machine(found: Found) -> None:
    assert ledger.problems(list(found[0].values())) == []


def test_clips_and_actors_are_counted_as_they_are(found: Found) -> None:
    assert {id: found[0][id].ours for id in FACTS} == FACTS


def test_trivial_baselines_are_the_printed_ones(found: Found) -> None:
    assert {id: f"{found[0][id].ours:.2f}" for id in BASELINES} == BASELINES
    assert all(found[0][id].verdict in ("reproduced", "consistent") for id in BASELINES)


def test_trivial_rows_of_both_tables_hold(found: Found) -> None:
    rows = {id: claim.verdict for id, claim in found[0].items() if ".trivial-" in id}
    assert len(rows) == 2 * 2 * 2
    assert {id.split(".")[0]: verdict for id, verdict in rows.items()} == {
        "table2": "reproduced",
        "table3": "consistent",
    }


def test_every_cell_of_table_2_whose_runs_are_public_is_reproduced(found: Found) -> None:
    cells = {id: claim for id, claim in found[0].items() if id.startswith("table2.") and ".trivial-" not in id}
    assert len(cells) == 13 * 4
    assert {id.split(".")[1] for id, claim in cells.items() if claim.verdict == "reproduced"} == set(LOGGED)
    assert all(claim.verdict == ("reproduced" if claim.ours is not None else "unchecked") for claim in cells.values())
    for claim in cells.values():
        if claim.ours is not None:
            assert f"{claim.ours:.3f}" == f"{claim.paper:.3f}"


def test_figure_4_and_table_3_are_arithmetically_whole(found: Found) -> None:
    diagonal = found[0]["figure4.diagonal"]
    assert (diagonal.ours, diagonal.paper, diagonal.verdict) == (197 / 594, 0.332, "consistent")
    for metric in results.METRICS:
        assert found[0][f"table3.{metric}.fractions"].verdict == "consistent"
        assert found[0][f"table3.{metric}.fractions"].detail == "15 of 15"


def test_label_says_where_counts_and_runs_come_from(machine: str, found: Found) -> None:
    counted = "released" if machine in ("release", "both") else "recorded"
    computed = "released" if machine in ("mirror", "both") else "recorded"
    assert found[0]["dataset.clips"].label == found[0]["baseline.single.train.acc_presence"].label == counted
    assert found[0]["table2.clip.acc_presence_mean"].label == found[0]["5.mlp512"].label == computed
    assert found[0]["baseline.single.test.acc_presence"].label == "paper"
    scripts = {id for id in found[0] if id.startswith("encoder.")}  # what the authors' scripts load is known anywhere
    assert {found[0][id].label for id in scripts} == {"released"}
    assert {claim.label for id, claim in found[0].items() if id not in scripts} <= {
        "paper",
        "recorded",
        counted,
        computed,
    }


def test_what_was_recorded_is_named_with_its_digest(machine: str, found: Found) -> None:
    inputs = {one.name: one.sha256 for one in found[1]}
    needed = {"recorded/durations_range", "recorded/egemaps_variance"}
    needed |= {"recorded/validation", "recorded/tests"} if machine in ("nothing", "release") else set()
    assert needed <= set(inputs)
    assert {name for name in inputs if name.startswith("recorded/")} == needed
    for name in needed:
        assert inputs[name] == recorded.read(name.removeprefix("recorded/")).sha256
    assert all(bool(one.date) == one.name.startswith(("recorded/", "reference/")) for one in found[1])


def test_counts_of_invented_clips_name_the_file_that_they_are_read_from(machine: str, found: Found) -> None:
    inputs = {one.name: one.sha256 for one in found[1]}
    name = "reference/counts_by_partition.csv"
    if machine in ("nothing", "mirror"):  # counts are `recorded` there
        assert inputs[name] == identity.sha256_of(Path(paper.__file__).parent / name)
    else:
        assert name not in inputs


def test_inputs_are_named_once_and_with_their_present_digest(found: Found) -> None:
    names = [one.name for one in found[1]]
    assert len(names) == len(set(names))
    for one in found[1]:
        if not one.name.startswith(("recorded/", "reference/")):
            assert one.sha256 == sources.digest(one.name)


def test_every_claim_can_be_told_as_json_and_in_one_line(found: Found) -> None:
    for claim in found[0].values():
        json.dumps([claim.paper, claim.ours, claim.tolerance, claim.difference], allow_nan=False)
        assert claim.label in LABELS and claim.verdict in VERDICTS and claim.kind in KINDS
        assert claim.what and "\n" not in claim.what + claim.detail
        assert (claim.kind == "exact") == (claim.tolerance == 0)


def test_every_known_difference_has_a_reason_and_a_claim_that_differs(found: Found) -> None:
    for id, reason in known_differences().items():
        assert len(reason) > 60 and "\n" not in reason
        assert found[0][id].verdict == "known difference" and not found[0][id].agrees


def test_claim_that_cannot_be_checked_has_no_number(found: Found) -> None:
    for claim in found[0].values():
        assert (claim.verdict == "unchecked") == (claim.ours is None)


def changed(claims: dict[str, Comparison], id: str, **values: object) -> list[Comparison]:
    """All claims, one of them changed."""
    return [dataclasses.replace(claim, **values) if claim.id == id else claim for claim in claims.values()]


@pytest.mark.parametrize(
    ("id", "ours"),
    [("dataset.clips", 3049), ("table2.clip.acc_salience_std", 0.5), ("5.1.wavlm", "does not hold")],
)
def test_claim_that_differs_unexplained_is_a_problem(id: str, ours: float | str, found: Found) -> None:
    (problem,) = ledger.problems(changed(found[0], id, ours=ours))
    assert id in problem and "known_differences.yml" in problem


def test_explained_difference_that_agrees_is_a_problem(found: Found) -> None:
    (problem,) = ledger.problems(changed(found[0], "split.train_actors", ours=43))
    assert "split.train_actors" in problem and "take it out" in problem


def test_explained_difference_that_is_no_longer_checked_is_a_problem(found: Found) -> None:
    (problem,) = ledger.problems(changed(found[0], "5.2.fusion", ours=None))
    assert "5.2.fusion" in problem and "unchecked" in problem


def test_explained_difference_without_a_claim_is_a_problem(found: Found) -> None:
    (problem,) = ledger.problems([claim for id, claim in found[0].items() if id != "dataset.duration_max"])
    assert "dataset.duration_max" in problem and "missing" in problem


def test_two_claims_of_one_name_are_a_problem(found: Found) -> None:
    (problem,) = ledger.problems([*found[0].values(), found[0]["dataset.clips"]])
    assert "dataset.clips" in problem and "more than one" in problem


def test_release_that_lacks_clips_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    table = pd.read_csv(real("train_metadata.csv"))
    furnish(monkeypatch, "nothing", tmp_path)
    monkeypatch.setenv("BLEMORE_DATA", str(tmp_path))
    actor = table["filename"].str.startswith("A102_")
    assert actor.sum() > 20
    table[~actor].to_csv(tmp_path / "train_metadata.csv", index=False)
    claims, _ = ledger.all_claims()
    differing = {claim.id for claim in claims if claim.verdict == "differs"}
    assert {"dataset.clips", "dataset.single_clips", "dataset.blended_clips"} <= differing
    assert len(ledger.problems(claims)) >= len(differing)


SOME = st.floats(0, 1) | st.just(0.266)


@given(st.sampled_from((2, 3)), st.sampled_from(("clip", "imagebind+wavlm")), SOME)
def test_stand_in_is_never_reproduced_whatever_its_numbers(number: int, id: str, value: float) -> None:
    numbers = {f"acc_{metric}{part}": value for metric in ("presence", "salience") for part in ("", "_mean", "_std")}
    ours = pd.DataFrame([{"id": id, "model": "mlp-512", "origin": "stand-in", **numbers}])
    verdicts = {cell.id.split(".")[1]: cell.verdict for cell in results.trained(number, ours)}
    assert verdicts.pop(id) == "by construction"
    assert set(verdicts.values()) == {"unchecked"}


@given(st.floats(0, 1))
def test_measured_row_is_reproduced_within_the_printed_spread_and_differs_beyond(value: float) -> None:
    ours = pd.DataFrame([{"id": "clip", "model": "mlp-512", "origin": "measured", "acc_presence_mean": value,
                          "acc_presence_std": 0.021, "acc_salience_mean": 0.105, "acc_salience_std": 0.012}])  # fmt: skip
    cells = {cell.id: cell for cell in results.trained(2, ours) if ".clip." in cell.id}
    cell = cells.pop("trained2.clip.acc_presence_mean")
    assert (cell.kind, cell.tolerance) == ("stochastic", 0.021)
    assert cell.verdict == ("reproduced" if abs(value - 0.266) <= 0.021 + 1e-9 else "differs")
    assert {one.verdict for one in cells.values()} == {"reproduced"}


def test_ledger_holds_nothing_simulated_and_no_training_of_ours(found: Found) -> None:
    assert "stand-in" not in {claim.label for claim in found[0].values()}
    assert not [id for id in found[0] if id.startswith("trained")]


def test_simulated_claim_in_the_ledger_would_not_count_as_reproduced(found: Found) -> None:
    claims = changed(found[0], "table2.clip.acc_presence_mean", label="stand-in")
    before, after = (sum(one.verdict == "reproduced" for one in some) for some in (found[0].values(), claims))
    assert after == before - 1 and ledger.problems(claims) == []


def test_run_summary_that_is_off_in_the_last_digit_is_noticed(bare: None) -> None:
    validation = released.validation()
    table = validation.table.copy()
    table.loc[(table["id"] == "openface") & (table["model"] == "mlp-512"), "acc_salience_mean"] += 0.001
    claims = results.table2(dataclasses.replace(validation, table=table))
    assert [claim.id for claim in claims if claim.verdict == "differs"] == ["table2.openface.acc_salience_mean"]


def test_invented_clips_count_as_those_that_were_recorded() -> None:
    train, label = dataset.real_counts(clip_tables.standin())
    assert label == "recorded"
    ours = train.partitions().reset_index()
    pd.testing.assert_frame_equal(ours, recorded.read("partitions").table, check_dtype=False)


def test_real_clips_have_the_counts_that_the_invented_ones_have(bare: None) -> None:
    train = clip_tables.read_metadata(real("train_metadata.csv"))
    invented = clip_tables.standin().of("train")
    columns = ["partition", "emotions", "salience"]
    for table in (train, invented):
        assert (len(table), table.table["actor"].nunique()) == (2456, 47)
        assert table.partitions()["clips"].tolist() == [522, 486, 468, 472, 508]
        assert table.partitions()["actors"].tolist() == [10, 9, 9, 9, 10]
        assert table.partitions()["blended"].sum() == 1326
    pd.testing.assert_frame_equal(
        train.counts().sort_values(columns).reset_index(drop=True),
        invented.counts().sort_values(columns).reset_index(drop=True),
        check_dtype=False,
    )


def test_equal_and_unequal_blends_are_553_and_1107() -> None:
    salience = clip_tables.standin().table["salience"].value_counts()
    assert (salience["100"], salience["50/50"], salience["30/70"] + salience["70/30"]) == (1390, 553, 1107)


@given(
    ours=st.one_of(st.none(), st.text(max_size=5), st.floats(allow_nan=True), st.integers()),
    printed=st.one_of(st.text(max_size=5), st.floats(allow_nan=False, allow_infinity=False), st.integers()),
    tolerance=st.floats(0, 1e6),
    id=st.sampled_from(["some.claim", *known_differences()]),
)
def test_stand_in_is_never_a_reproduction(ours: object, printed: object, tolerance: float, id: str) -> None:
    claim = Comparison(id, "3", "what", printed, ours, "stand-in", tolerance=tolerance)
    assert claim.verdict in ("by construction", "unchecked")


@given(
    ours=st.one_of(st.text(max_size=5), st.floats(allow_infinity=False), st.integers()),
    label=st.sampled_from(["released", "measured", "recorded", "paper"]),
)
def test_reproduced_needs_data_and_consistent_needs_none(ours: object, label: str) -> None:
    claim = Comparison("some.claim", "3", "what", ours, ours, label)
    agrees = ours == ours  # not so for NaN
    expected = ("consistent" if label == "paper" else "reproduced") if agrees else "differs"
    assert claim.verdict == expected


def test_number_that_is_not_one_differs() -> None:
    assert Comparison("some.claim", "3", "what", 0.3, float("nan"), "measured", tolerance=1.0).verdict == "differs"


@pytest.mark.parametrize(("field", "value"), [("label", "relased"), ("kind", "roundin")])
def test_comparison_refuses_what_it_does_not_know(field: str, value: str) -> None:
    with pytest.raises(UnknownNameError, match="did you mean"):
        Comparison(**{"id": "a", "section": "3", "what": "b", "paper": 1, "ours": 1, "label": "paper", field: value})


@pytest.mark.parametrize(("ours", "agrees"), [(0.2665, True), (0.26549, False), (0.26551, True), (0.26651, False)])
def test_rounding_accepts_half_a_unit_of_the_last_digit(ours: float, agrees: bool) -> None:
    claim = Comparison("some.claim", "3", "what", 0.266, ours, "released", kind="rounding", tolerance=0.0005)
    assert claim.agrees is agrees


def test_statements_follow_the_tables_they_speak_of(bare: None) -> None:
    two, three = (paper.table(number).set_index("id") for number in (2, 3))
    composite = (three["acc_presence"] + three["acc_salience"]) / 2
    pairs = [row for row in composite.index if "+" in row]
    beats = sum(all(composite[pair] > composite[part] for part in pair.split("+")) for pair in pairs)
    found = {claim.id: claim for claim in results.statements(released.validation())}
    assert found["5.2.fusion"].detail.startswith(f"{beats} of {len(pairs)} ")
    fell = [
        row for row in three.index
        if not row.startswith("trivial")
        and composite[row] < (two.loc[row, "acc_presence_mean"] + two.loc[row, "acc_salience_mean"]) / 2
    ]  # fmt: skip
    assert f"falls in {len(fell)} of 13 rows" in found["5.5.drop"].detail


CHECKS: dict[str, Callable[[], list[Comparison]]] = {
    "related work": dataset.related_work,
    "figure 4": results.figure4,
    "fractions": results.table3_fractions,
}


@pytest.mark.parametrize("name", CHECKS)
def test_what_the_paper_alone_decides_is_labelled_paper(name: str) -> None:
    assert {claim.label for claim in CHECKS[name]()} == {"paper"}
