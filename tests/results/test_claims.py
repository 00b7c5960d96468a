"""The ledger: what it finds in the paper, whatever is on the machine, and what it will not let pass."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blemore.challenge import clips as clip_tables
from blemore.errors import UnknownNameError
from blemore.paper import printed_numbers
from blemore.paper.comparison import KINDS, LABELS, VERDICTS, Comparison, known_differences
from blemore.paper.vocabulary import LOGGED
from blemore.results import training_noise
from blemore.results.claims import about_dataset, about_encoders, about_projection, about_results, ledger
from blemore.sources import lookup, recorded, released
from blemore.sources.recorded import Input
from blemore.system import fingerprints
from tests.conftest import invented_release, real

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


def test_trivial_baselines_are_the_printed_ones_and_what_holds_by_definition_is_no_reproduction(found: Found) -> None:
    assert {id: f"{found[0][id].ours:.2f}" for id in BASELINES} == BASELINES
    assert {id for id in BASELINES if found[0][id].verdict == "reproduced"} == {
        "baseline.single.train.acc_presence", "baseline.blend.train.acc_presence", "baseline.blend.train.acc_salience"
    }  # fmt: skip
    assert {found[0][id].verdict for id in BASELINES} == {"reproduced", "consistent"}


def test_least_possible_salience_of_a_blend_on_the_test_set_is_a_bound_and_no_number_to_equal() -> None:
    claim = {one.id: one for one in about_dataset.baselines(clip_tables.standin())}["baseline.blend.test.acc_salience"]
    assert (claim.ours, claim.verdict) == ("holds", "consistent") and "3.59 %" in claim.detail


@pytest.mark.parametrize(("printed", "holds"), [(3.59, True), (3.57, False), (5.0, True)])
def test_printed_salience_below_the_least_possible_is_noticed(
    printed: float, holds: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = printed_numbers.number

    def changed_number(id: str) -> printed_numbers.Printed:
        one = number(id)
        return dataclasses.replace(one, value=printed) if id == "baseline.blend.test.acc_salience" else one

    monkeypatch.setattr(printed_numbers, "number", changed_number)
    claim = {one.id: one for one in about_dataset.baselines(clip_tables.standin())}["baseline.blend.test.acc_salience"]
    assert claim.agrees == holds


def test_a_number_that_is_printed_twice_counts_once(found: Found) -> None:
    assert not [id for id in found[0] if ".trivial-" in id or id == "encoder.openface.dimensions"]


def test_trivial_rows_of_both_tables_hold() -> None:
    for number, training in ((2, "reproduced"), (3, "consistent")):
        cells = {one.id: one.verdict for one in about_results.trivial(number, clip_tables.standin())}
        assert len(cells) == 2 * 2 and set(cells.values()) <= {training, "consistent", "unchecked"}
        assert [id for id, verdict in cells.items() if verdict == "unchecked"] == (
            ["table3.trivial-blend.acc_salience"] if number == 3 else []
        )


def test_every_cell_of_table_2_whose_runs_are_public_is_recomputed(found: Found) -> None:
    cells = {id: claim for id, claim in found[0].items() if id.startswith("table2.") and ".trivial-" not in id}
    assert len(cells) == 13 * 4
    assert {id.split(".")[1] for id, claim in cells.items() if claim.verdict == "recomputed"} == set(LOGGED)
    assert all(claim.verdict == ("recomputed" if claim.ours is not None else "unchecked") for claim in cells.values())
    for claim in cells.values():
        if claim.ours is not None:
            assert f"{claim.ours:.3f}" == f"{claim.paper:.3f}"


def test_figure_4_and_table_3_are_arithmetically_whole(found: Found) -> None:
    diagonal = found[0]["figure4.diagonal"]
    assert (diagonal.ours, diagonal.paper, diagonal.verdict) == (197 / 594, 0.332, "consistent")
    for metric in about_results.METRICS:
        assert found[0][f"table3.{metric}.fractions"].verdict == "consistent"
        assert found[0][f"table3.{metric}.fractions"].detail == "15 of 15"


def test_label_says_where_counts_and_runs_come_from(machine: str, found: Found) -> None:
    counted = "released" if machine in ("release", "both") else "recorded"
    computed = "released" if machine in ("mirror", "both") else "recorded"
    assert found[0]["dataset.clips"].label == found[0]["baseline.single.train.acc_presence"].label == counted
    assert found[0]["table2.clip.acc_presence_mean"].label == found[0]["5.mlp512"].label == computed
    assert found[0]["baseline.single.test.acc_presence"].label == "paper"
    checked = [claim for claim in found[0].values() if claim.ours is not None]
    assert {claim.label for claim in checked} <= {"paper", "recorded", counted, computed}


def test_what_was_recorded_is_named_with_its_digest(machine: str, found: Found) -> None:
    inputs = {one.name: one.sha256 for one in found[1]}
    needed = {
        "recorded/durations_range",
        "recorded/durations",
        "recorded/egemaps_variance",
        "recorded/openface_columns",
    }
    needed |= {"recorded/partitions"} if machine in ("nothing", "mirror") else set()  # counts are `recorded` there
    assert ("reference/counts_by_partition.csv" in inputs) == (machine in ("nothing", "mirror"))
    needed |= {"recorded/validation", "recorded/tests"} if machine in ("nothing", "release") else set()
    assert needed <= set(inputs)
    assert {name for name in inputs if name.startswith("recorded/")} == needed
    for name in needed:
        assert inputs[name] == recorded.read(name.removeprefix("recorded/")).sha256
    assert all(bool(one.date) == one.name.startswith("recorded/") for one in found[1])


def test_counts_of_invented_clips_name_the_file_that_they_are_read_from(machine: str, found: Found) -> None:
    inputs = {one.name: one.sha256 for one in found[1]}
    name = "reference/counts_by_partition.csv"
    if machine in ("nothing", "mirror"):  # counts are `recorded` there
        assert inputs[name] == fingerprints.sha256_of(Path(printed_numbers.__file__).parent / name)
    else:
        assert name not in inputs


def test_inputs_are_named_once_and_with_their_present_digest(found: Found) -> None:
    names = [one.name for one in found[1]]
    assert len(names) == len(set(names))
    for one in found[1]:
        if not one.name.startswith(("recorded/", "reference/")):
            assert one.sha256 == lookup.digest(one.name)


def test_every_claim_can_be_told_as_json_and_in_one_line(found: Found) -> None:
    for claim in found[0].values():
        json.dumps([claim.paper, claim.ours, claim.tolerance, claim.difference], allow_nan=False)
        assert claim.label in LABELS and claim.verdict in VERDICTS and claim.kind in KINDS
        assert claim.what and "\n" not in claim.what + claim.detail
        assert (claim.kind == "exact") == (claim.tolerance == 0)


def test_every_known_difference_has_a_reason_and_a_claim_that_differs(found: Found) -> None:
    for id, reason in known_differences().items():
        assert len(reason) > 60 and "\n" not in reason
        assert not found[0][id].agrees
        unknown = found[0][id].label == "measured" and found[0][id].ours is None  # takes features that are not here
        assert found[0][id].verdict == ("unchecked" if unknown else "known difference")


def test_claim_that_cannot_be_checked_has_no_number(found: Found) -> None:
    for claim in found[0].values():
        assert (claim.verdict == "unchecked") == (claim.ours is None)


def changed(claims: dict[str, Comparison], id: str, **values: object) -> list[Comparison]:
    """All claims, one of them changed."""
    return [dataclasses.replace(claim, **values) if claim.id == id else claim for claim in claims.values()]


@pytest.mark.parametrize(
    ("id", "ours"),
    [
        ("dataset.clips", 3049),
        ("encoder.openface.gaze", 7),
        ("table2.clip.acc_salience_std", 0.5),
        ("5.1.wavlm", "does not hold"),
    ],
)
def test_claim_that_differs_unexplained_is_a_problem(id: str, ours: float | str, found: Found) -> None:
    (problem,) = ledger.problems(changed(found[0], id, ours=ours))
    assert id in problem and "known_differences.yml" in problem


def test_explained_difference_that_agrees_is_a_problem(found: Found) -> None:
    (problem,) = ledger.problems(changed(found[0], "split.train_actors", ours=43))
    assert "split.train_actors" in problem and "take it out" in problem


def test_explained_difference_that_is_no_longer_checked_is_a_problem(found: Found) -> None:
    (problem,) = ledger.problems(changed(found[0], "5.5.aggregation", ours=None))
    assert "5.5.aggregation" in problem and "unchecked" in problem


def test_explained_difference_without_a_claim_is_a_problem(found: Found) -> None:
    (problem,) = ledger.problems([claim for id, claim in found[0].items() if id != "dataset.duration_max"])
    assert "dataset.duration_max" in problem and "missing" in problem


def test_two_claims_of_one_name_are_a_problem(found: Found) -> None:
    (problem,) = ledger.problems([*found[0].values(), found[0]["dataset.clips"]])
    assert "dataset.clips" in problem and "more than one" in problem


def test_no_claim_that_is_reproduced_is_the_score_of_a_trained_network(found: Found) -> None:
    claims = list(found[0].values())
    assert ledger.scores_reproduced(claims) == 0
    cell = next(claim for claim in claims if claim.row)
    cell = dataclasses.replace(cell, ours=cell.paper, label="measured", evidence="data")
    assert ledger.scores_reproduced([*claims, cell]) == 1


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
    verdicts = {cell.id.split(".")[1]: cell.verdict for cell in about_results.trained(number, ours)}
    assert verdicts.pop(id) == "by construction"
    assert set(verdicts.values()) == {"unchecked"}


@given(st.floats(0, 1))
def test_measured_row_is_reproduced_within_the_chance_of_a_second_training_and_differs_beyond(value: float) -> None:
    ours = pd.DataFrame([{"id": "clip", "model": "mlp-512", "origin": "measured", "unlike": "", "acc_presence_mean": value,
                          "acc_presence_std": 0.021, "acc_salience_mean": 0.105, "acc_salience_std": 0.012}])  # fmt: skip
    cells = {cell.id: cell for cell in about_results.trained(2, ours) if ".clip." in cell.id}
    cell = cells.pop("trained2.clip.acc_presence_mean")
    allowed = training_noise.tolerances()["acc_presence_mean"]
    assert (cell.kind, cell.tolerance) == ("stochastic", allowed)
    assert cell.verdict == ("reproduced" if abs(value - 0.266) <= allowed + 1e-9 else "differs")
    assert {one.verdict for one in cells.values()} == {"reproduced"}


@given(st.floats(0, 1), st.sampled_from(["other settings: 50 epochs", "3 folds", None]))
def test_row_that_was_trained_otherwise_has_a_number_and_a_reason_but_no_verdict(value: float, why: str | None) -> None:
    numbers = {f"acc_{metric}_{part}": value for metric in ("presence", "salience") for part in ("mean", "std")}
    ours = pd.DataFrame([{"id": "clip", "model": "mlp-512", "origin": "measured", **numbers}])
    told = ours if why is None else ours.assign(unlike=why)
    for cell in (cell for cell in about_results.trained(2, told) if ".clip." in cell.id):
        assert (cell.ours, cell.verdict, cell.detail) == (value, "unchecked", why or "settings unknown")
    simulated = {
        cell.verdict for cell in about_results.trained(2, told.assign(origin="stand-in")) if ".clip." in cell.id
    }
    assert simulated == {"by construction"}


def test_ledger_holds_nothing_simulated_and_no_training_of_ours(found: Found) -> None:
    assert "stand-in" not in {claim.label for claim in found[0].values()}
    assert not [id for id in found[0] if id.startswith("trained")]


def test_simulated_claim_in_the_ledger_would_not_count_as_reproduced(found: Found) -> None:
    claims = changed(found[0], "table2.clip.acc_presence_mean", label="stand-in", evidence="simulation")
    before, after = (sum(one.verdict == "recomputed" for one in some) for some in (found[0].values(), claims))
    assert after == before - 1 and ledger.problems(claims) == []


def test_run_summary_that_is_off_in_the_last_digit_is_noticed(bare: None) -> None:
    validation = released.validation()
    table = validation.table.copy()
    table.loc[(table["id"] == "openface") & (table["model"] == "mlp-512"), "acc_salience_mean"] += 0.001
    claims = about_results.table2(dataclasses.replace(validation, table=table))
    assert [claim.id for claim in claims if claim.verdict == "differs"] == ["table2.openface.acc_salience_mean"]


def test_invented_clips_count_as_those_that_were_recorded() -> None:
    train, label = about_dataset.real_counts(clip_tables.standin())
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
    evidence=st.sampled_from(["data", "authors", "paper"]),
    label=st.sampled_from(["released", "recorded"]),
)
def test_verdict_follows_from_the_evidence_and_not_from_the_label(ours: object, evidence: str, label: str) -> None:
    claim = Comparison("some.claim", "3", "what", ours, ours, label, evidence=evidence)
    agreeing = {"data": "reproduced", "authors": "recomputed", "paper": "consistent"}
    assert claim.verdict == (agreeing[evidence] if ours == ours else "differs")  # NaN is no number


def test_number_that_is_not_one_differs() -> None:
    assert Comparison("some.claim", "3", "what", 0.3, float("nan"), "measured", tolerance=1.0).verdict == "differs"


@pytest.mark.parametrize(("field", "value"), [("label", "relased"), ("kind", "roundin")])
def test_comparison_refuses_what_it_does_not_know(field: str, value: str) -> None:
    with pytest.raises(UnknownNameError, match="did you mean"):
        Comparison(**{"id": "a", "section": "3", "what": "b", "paper": 1, "ours": 1, "label": "paper", field: value})


@pytest.mark.parametrize(("ours", "agrees"), [(0.2665, True), (0.26549, False), (0.26551, True), (0.26651, False)])
def test_rounding_accepts_half_a_unit_of_the_last_digit(ours: float, agrees: bool) -> None:
    claim = Comparison("some.claim", "3", "what", 0.266, ours, "measured", kind="rounding", tolerance=0.0005)
    assert claim.agrees is agrees


def test_statements_follow_the_tables_they_speak_of(bare: None) -> None:
    two, three = (printed_numbers.table(number).set_index("id") for number in (2, 3))
    composite = (three["acc_presence"] + three["acc_salience"]) / 2
    pairs = [row for row in composite.index if "+" in row]
    beats = sum(all(composite[pair] > composite[part] for part in pair.split("+")) for pair in pairs)
    found = {claim.id: claim for claim in about_results.statements(released.validation())}
    assert found["5.2.fusion"].detail.count(f", {beats} of {len(pairs)} in composite") == 1
    fell = [
        row for row in three.index
        if not row.startswith("trivial")
        and composite[row] < (two.loc[row, "acc_presence_mean"] + two.loc[row, "acc_salience_mean"]) / 2
    ]  # fmt: skip
    assert f"falls in {len(fell)} of 13 rows" in found["5.5.drop"].detail


CHECKS: dict[str, Callable[[], list[Comparison]]] = {
    "related work": about_dataset.related_work,
    "figure 4": about_results.figure4,
    "fractions": about_results.table3_fractions,
}


@pytest.mark.parametrize("name", CHECKS)
def test_what_the_paper_alone_decides_is_labelled_paper(name: str) -> None:
    assert {claim.label for claim in CHECKS[name]()} == {"paper"}


def release_of_widths(patch: pytest.MonkeyPatch, folder: Path, **widths: int) -> None:
    """Put one file of features for each encoder into a folder in the release's layout."""
    names = {"hubert": "HuBERT_large", "wavlm": "WavLM_large", "videomaev2": "VideoMAEv2"}
    for encoder, width in widths.items():
        where = folder / "pre_extracted_train_data" / f"{names[encoder]}_train"
        where.mkdir(parents=True)
        (where / "._A9001_ang_int1_ver1.npy").write_bytes(b"what macOS adds")
        np.save(where / "A9001_ang_int1_ver1.npy", np.zeros((3, 1, width), np.float32))
    patch.setenv("BLEMORE_DATA", str(folder))


def encoder_verdicts() -> dict[str, str]:
    claims, _ = about_encoders.claims()
    return {claim.id.removeprefix("encoder."): claim.verdict for claim in claims}


def test_encoder_claims_that_nothing_here_decides_are_unchecked(bare: None) -> None:
    verdicts = encoder_verdicts()
    assert verdicts["audio.dimensions"] == verdicts["videomaev2.patch_size"] == "unchecked"


def test_widths_are_read_from_the_features_of_the_release(
    bare: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    release_of_widths(monkeypatch, tmp_path, hubert=1024, wavlm=1024, videomaev2=1408)
    verdicts = encoder_verdicts()
    assert (verdicts["audio.dimensions"], verdicts["videomaev2.patch_size"]) == ("reproduced", "known difference")


def test_widths_that_contradict_the_text_are_noticed(
    bare: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    release_of_widths(monkeypatch, tmp_path, hubert=1024, wavlm=768, videomaev2=768)
    verdicts = encoder_verdicts()
    assert (verdicts["audio.dimensions"], verdicts["videomaev2.patch_size"]) == ("differs", "reproduced")
    problems = ledger.problems(about_encoders.claims()[0])
    assert any("encoder.videomaev2.patch_size" in one and "take it out" in one for one in problems)


def test_features_that_cannot_be_read_leave_their_claim_open(
    bare: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    release_of_widths(monkeypatch, tmp_path, hubert=1024, wavlm=1024, videomaev2=1408)
    (tmp_path / "pre_extracted_train_data" / "VideoMAEv2_train" / "A9001_ang_int1_ver1.npy").write_bytes(b"cut")
    claims = {claim.id: claim for claim in about_encoders.claims()[0]}
    assert claims["encoder.videomaev2.patch_size"].verdict == "unchecked"
    assert "cannot be read" in claims["encoder.videomaev2.patch_size"].detail
    assert claims["encoder.audio.dimensions"].verdict == "reproduced"


def test_columns_of_openface_are_those_that_the_program_wrote(bare: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package's own list of columns decides nothing; the header of the program's file does."""
    read = recorded.read

    def fewer(name: str) -> recorded.Recorded:
        found = read(name)
        if name != "openface_columns":
            return found
        return dataclasses.replace(found, table=found.table.assign(columns=found.table["columns"] - 1))

    before = encoder_verdicts()
    monkeypatch.setattr("blemore.encoders.openface.COLUMNS", ())
    monkeypatch.setattr("blemore.encoders.openface.GAZE", ())
    assert encoder_verdicts() == before and before["openface.gaze"] == "reproduced"
    monkeypatch.setattr(recorded, "read", fewer)
    assert {verdict for id, verdict in encoder_verdicts().items() if "openface" in id} == {"differs"}


@pytest.mark.parametrize("most", [33, 34, 35, 36, 37])
def test_most_frequent_ratio_of_a_test_blend_is_bounded_and_not_chosen(
    most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    figure = printed_numbers.figure

    def changed_figure(number: int) -> pd.DataFrame:
        table = figure(number)
        if number == 4:
            table.loc["ang-hap", "ang-hap"] += most - 35
        return table

    monkeypatch.setattr(printed_numbers, "figure", changed_figure)
    monkeypatch.setattr(about_dataset, "standin", lambda: pytest.fail("asked which ratios invented test clips have"))
    clips = clip_tables.from_names(["A102_ang_int1_ver1", "A102_mix_ang_hap_50_50_ver1"])
    claims = {claim.id: claim for claim in about_dataset.baselines(clips)}
    claim = claims["baseline.blend.test.acc_salience"]
    largest = max(int(table_sum) for name, table_sum in changed_figure(4).sum(axis=1).items() if "-" in str(name))
    least = min(max(a, b, largest - a - b) for a in range(largest + 1) for b in range(largest + 1 - a))
    assert f"which is {100 * least / (334 + most - 35):.2f} %" in claim.detail
    assert "least possible" in claim.detail and claim.evidence == "paper"


def test_statements_say_how_far_apart_and_in_how_many_the_tables_are(found: Found) -> None:
    fusion, ranking = found[0]["5.2.fusion"], found[0]["5.5.ranking"]
    assert fusion.verdict == "consistent" and "4 of 4 in presence, 3 of 4 in composite" in fusion.detail
    assert "less than one clip" in found[0]["5.2.wavlm"].detail
    assert ranking.detail == "rank correlation: composite 0.77, presence 0.85, salience 0.10"
    cells = [one for id, one in found[0].items() if id.startswith("table3.") and one.verdict == "recomputed"]
    assert cells and all("nothing is computed" in cell.detail for cell in cells)


def test_what_rests_on_an_assumption_says_so(found: Found) -> None:
    assert "Assumed" in found[0]["figure3.equal"].detail
    assert found[0]["figure3.equal"].verdict == "consistent"


def test_shortest_and_longest_clip_are_compared_by_one_rule(found: Found) -> None:
    bars = printed_numbers.figure(2)
    shortest, longest = (found[0][f"dataset.duration_{which}"] for which in ("min", "max"))
    assert (shortest.ours, longest.ours) == (bars["left_s"].min(), bars["right_s"].max())
    assert (shortest.kind, shortest.tolerance, shortest.label) == (longest.kind, longest.tolerance, longest.label)
    assert (shortest.verdict, longest.verdict) == ("consistent", "known difference")


def test_known_clip_beyond_the_bars_of_figure_2_is_noticed() -> None:
    spans, bars = recorded.read("durations_range").table, printed_numbers.figure(2).assign(clips=0)
    longer = spans.assign(longest_s=spans["longest_s"] + 1)
    verdicts = [
        {one.id: one.verdict for one in about_dataset.durations(table, bars, "measured")} for table in (spans, longer)
    ]
    assert [one["figure2.known"] for one in verdicts] == ["consistent", "differs"]


@pytest.mark.parametrize("bar", [0, 34, 69])
def test_bar_of_figure_2_with_more_known_clips_than_the_paper_has_is_noticed(bar: int) -> None:
    spans, bars = recorded.read("durations_range").table, printed_numbers.figure(2)
    assert (
        about_dataset.durations(spans, bars, "recorded")[2].verdict == "consistent"
    )  # a part of all, and never a proof
    bars.loc[bar, "clips"] += 1
    found = about_dataset.durations(spans, bars, "recorded")[2]
    assert (found.id, found.verdict) == ("figure2.known", "differs") and "1 of 70 bars" in found.detail


def test_known_clips_contradict_no_bar_of_figure_2(found: Found) -> None:
    assert found[0]["figure2.known"].verdict == "consistent"
    assert "1,251 of 3,050 clips" in found[0]["figure2.known"].detail


def test_evidence_in_words_is_computed_from_the_tables(monkeypatch: pytest.MonkeyPatch, bare: None) -> None:
    table = printed_numbers.table

    def changed_table(number: int) -> pd.DataFrame:
        values = table(number)
        if number == 3:
            values.loc[values["id"] == "videomaev2", "acc_presence"] = 0.295
            values.loc[values["id"] == "hubert", "acc_salience"] = 0.114
        return values

    validation = released.validation()
    before = {claim.id: claim.detail for claim in about_results.statements(validation)}
    assert before["5.2.videomaev2"] == "0.293" and "below HuBERT" in before["5.2.best"]
    assert "equal to VideoMAEv2 + WavLM" in before["5.2.best"] and "equal to ImageBind + WavLM" in before["5.2.best"]
    monkeypatch.setattr(printed_numbers, "table", changed_table)
    after = {claim.id: claim.detail for claim in about_results.statements(validation)}
    assert after["5.2.videomaev2"] == "0.295" and "below" not in after["5.2.best"]


def test_tolerances_tell_different_encoders_apart() -> None:
    """Of all pairs of rows of Table 2, few are so close that one could be another's retraining."""
    printed = printed_numbers.table(2).query("not id.str.startswith('trivial')").set_index("id")
    columns = [column for column in printed if column.startswith("acc_")]
    allowed = pd.Series(training_noise.tolerances())[columns]
    close = [
        (one, other)
        for one in printed.index
        for other in printed.index
        if one < other and ((printed.loc[one, columns] - printed.loc[other, columns]).abs() <= allowed + 1e-9).all()
    ]
    found, pairs = about_results.confused()
    assert ({tuple(sorted(pair)) for pair in found}, pairs) == (set(close), 13 * 12 // 2)
    assert len(found) == len(close) <= 3
    assert ("clip", "wavlm") not in close and ("hubert", "openface") not in close


@pytest.mark.parametrize("metric", about_results.METRICS)
@pytest.mark.parametrize("spread", [0.02, 0.03, 0.05])
def test_tolerances_cover_two_trainings_that_differ_by_chance_and_not_more(metric: str, spread: float) -> None:
    """Simulated folds trained twice, under a chance that was estimated: 95 in 100 means and standard deviations agree."""
    seeds = training_noise.retrained().table
    n, all_ = ("n", 2456) if metric == "acc_presence" else ("n_blends", 1326)
    share = seeds.groupby("fold")[n].first().sum() / all_
    random = np.random.default_rng(1)
    variance = seeds.groupby("fold")[metric].var().mean() * share * 25 / random.chisquare(25, (20_000, 1, 1))
    twice = random.normal(0.27, spread, (20_000, 1, 5)) + random.normal(0, np.sqrt(variance), (20_000, 2, 5))
    for part, numbers in (("mean", twice.mean(axis=2)), ("std", twice.std(axis=2, ddof=1))):
        assert 0.93 < (abs(np.diff(numbers)) <= training_noise.tolerances()[f"{metric}_{part}"]).mean() < 0.97


def test_row_fails_by_chance_more_often_than_a_number_and_less_than_its_four_numbers_would_apart() -> None:
    assert 0.05 < training_noise.fails() < 4 * 0.05


def test_seeds_that_tell_the_chance_are_those_of_the_recorded_training() -> None:
    seeds, protocols = training_noise.retrained(), recorded.read("egemaps_protocols")
    ours = seeds.table.query("seed == 0").set_index("fold")["n"].tolist()
    assert ours == protocols.table.query("protocol == 'released-code'").sort_values("fold")["n"].tolist()
    assert seeds.sha256 == protocols.sha256 and seeds.table["seed"].nunique() >= 5


def test_identity_is_checked_with_the_features_of_the_release(
    bare: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert about_projection.statements()[0][0].verdict == "unchecked"
    invented_release(tmp_path, ("WavLM_large", "VideoMAEv2"))
    monkeypatch.setenv("BLEMORE_DATA", str(tmp_path))
    claims, inputs = about_projection.statements()
    assert (claims[0].verdict, claims[0].label) == ("reproduced", "measured")
    assert {"zenodo/WavLM_large_train", "zenodo/VideoMAEv2_train"} <= {one.name for one in inputs}
    assert {one.id: one.verdict for one in ledger.all_claims()[0]}["5.4.identity"] == "reproduced"


def hubert_claim() -> Comparison:
    rows, _ = about_encoders.claims()
    return next(row for row in rows if row.id == "encoder.audio.dimensions")


def test_a_folder_twice_in_the_release_leaves_its_claims_unchecked_and_says_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    release_of_widths(monkeypatch, tmp_path, hubert=1024, wavlm=1024, videomaev2=1408)
    (tmp_path / "copy" / "HuBERT_large_train").mkdir(parents=True)
    row = hubert_claim()
    assert row.ours is None and "holds HuBERT_large_train more than once" in row.detail


@pytest.mark.parametrize("found", ["hidden", "axes", "linked"])
def test_widths_are_read_as_the_features_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, found: str) -> None:
    release_of_widths(monkeypatch, tmp_path, hubert=1024, wavlm=1024, videomaev2=1408)
    folder = next(tmp_path.rglob("HuBERT_large_train"))
    if found == "hidden":
        (folder / ".cache").mkdir()
        np.save(folder / ".cache" / "a.npy", np.ones((3, 7), np.float32))
    for path in list(folder.glob("A*.npy")):
        if found == "axes":
            np.save(path, np.load(path).reshape(1, -1, 1024, 1))
        elif found == "linked":
            (tmp_path / "elsewhere").mkdir(exist_ok=True)
            path.rename(tmp_path / "elsewhere" / path.name)
    if found == "linked":
        (folder / "part_1").symlink_to(tmp_path / "elsewhere")
    assert hubert_claim().ours == 1024
