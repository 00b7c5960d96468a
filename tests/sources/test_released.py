"""What is computed from public results: equal to the paper where it must be, and to what was recorded."""

from __future__ import annotations

import csv
import datetime
import json
import shutil
import statistics
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from blemore.challenge import clips, predictions
from blemore.errors import BlemoreError, SourceError, UnknownNameError
from blemore.paper import printed_numbers
from blemore.paper.vocabulary import LOGGED, MODELS, VARIANTS
from blemore.results import recording
from blemore.sources import lookup, recorded, released
from blemore.sources.recorded import Input
from blemore.sources.released import Result
from blemore.system import fingerprints
from tests.conftest import ROOT, real

PRINTED = printed_numbers.table(2).set_index("id")
CELLS = [f"{metric}_{part}" for metric in ("acc_presence", "acc_salience") for part in ("mean", "std")]
ASKS: dict[str, Callable[[], Result]] = {
    "validation": released.validation,
    "tests": released.tests,
    "hicmae_folds": released.hicmae_folds,
    "hicmae_grid": released.hicmae_grid,
    "hicmae_design": released.hicmae_design,
    "classifier_folds": released.classifier_folds,
    "strategy_folds": released.strategy_folds,
}


@pytest.fixture
def nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """None of the public files is here."""
    monkeypatch.delenv("BLEMORE_MIRROR", raising=False)
    monkeypatch.setenv("BLEMORE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("BLEMORE_OFFLINE", "1")


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> Path:
    """All public files are here."""
    monkeypatch.setenv("BLEMORE_MIRROR", str(path := real("mirror")))
    return path


@pytest.fixture(scope="module")
def computed() -> Iterator[dict[str, Result]]:
    """Every table, computed once from the public files."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BLEMORE_MIRROR", str(real("mirror")))
        yield {name: ask() for name, ask in ASKS.items()}


@pytest.fixture(scope="module")
def logged() -> Iterator[pd.DataFrame]:
    """The learning curves of all 105 runs (parsing them takes seconds)."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BLEMORE_MIRROR", str(real("mirror")))
        yield released.COMPUTED["curves"][1]()


def printed_cell(table: pd.DataFrame, row: str, column: str) -> str:
    (value,) = table.query("id == @row and model == 'mlp-512'")[column]
    return f"{value:.3f}"


@pytest.mark.parametrize("row", LOGGED)
def test_authors_summaries_give_table_2_to_the_last_digit(row: str, computed: dict[str, Result]) -> None:
    for column in CELLS:
        assert printed_cell(computed["validation"].table, row, column) == f"{PRINTED.loc[row, column]:.3f}", column


@pytest.mark.parametrize("row", LOGGED)
def test_recorded_summaries_give_table_2_to_the_last_digit(row: str, nothing: None) -> None:
    for column in CELLS:
        assert printed_cell(released.validation().table, row, column) == f"{PRINTED.loc[row, column]:.3f}", column


def test_spread_is_the_sample_standard_deviation_over_five_folds(mirror: Path, computed: dict[str, Result]) -> None:
    (path,) = [p for n, p in lookup.released("summaries").items() if n.endswith("validation_summary_subsampled.csv")]
    with path.open() as file:
        rows = [r for r in csv.DictReader(file) if (r["encoder"], r["model"]) == ("videomae", "MLP_256")]
    (mine,) = computed["validation"].table.query("id == 'videomaev2:sub' and model == 'mlp-256'").to_dict("records")
    assert mine["folds"] == len(rows) == 5
    for metric in ("acc_presence", "acc_salience"):
        values = [float(row[f"best_{metric}"]) for row in rows]
        assert mine[f"{metric}_mean"] == pytest.approx(statistics.mean(values), abs=1e-12)
        assert mine[f"{metric}_std"] == pytest.approx(statistics.stdev(values), abs=1e-12)


def test_validation_has_every_public_row_with_every_classifier_once(computed: dict[str, Result]) -> None:
    table = computed["validation"].table
    assert sorted(zip(table["id"], table["model"], strict=True)) == sorted(
        (row, model) for row in LOGGED for model in MODELS
    )
    assert set(table["folds"]) == {5}
    assert table.notna().all(axis=None)


def test_runs_are_the_105_of_the_authors(mirror: Path) -> None:
    runs = released.runs()
    assert len(runs) == 105
    assert not runs.duplicated(["id", "model", "fold"]).any()
    assert runs["epoch"].min() >= 1
    assert runs["epoch"].max() <= 300


def test_runs_without_the_summaries_are_one_clear_error(nothing: None) -> None:
    with pytest.raises(SourceError, match="blemore data fetch released"):
        released.runs()


def test_test_summary_holds_whole_numbers_of_clips(computed: dict[str, Result]) -> None:
    for column, n in (("acc_presence", 594), ("acc_salience", 334)):
        hits = computed["tests"].table[column] * n
        np.testing.assert_allclose(hits, hits.round(), atol=1e-6)


@pytest.mark.parametrize(
    ("variant", "presence", "salience"),
    [("kl-100", "0.275 ± 0.022", "0.153 ± 0.026"), ("ce-100", "0.253 ± 0.023", "0.163 ± 0.025")],
)
@pytest.mark.parametrize("here", [True, False])
def test_hicmae_logits_score_as_known(
    variant: str, presence: str, salience: str, here: bool, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue("mirror" if here else "nothing")
    folds = (request.getfixturevalue("computed")["hicmae_folds"] if here else released.hicmae_folds()).table
    spread = released.spread(folds, ["variant"]).set_index("variant").loc[variant]
    assert f"{spread['acc_presence_mean']:.3f} ± {spread['acc_presence_std']:.3f}" == presence
    assert f"{spread['acc_salience_mean']:.3f} ± {spread['acc_salience_std']:.3f}" == salience


def test_hicmae_splits_are_the_papers_folds(mirror: Path) -> None:
    train = clips.read_metadata(real("train_metadata.csv")).table
    fold_of = dict(zip(train["filename"], train["fold"], strict=True))
    seen = []
    for variant, fold, table in released._hicmae():
        seen.append((variant, fold))
        assert {fold_of[name] for name in table.names} == {fold}
        assert len(table.names) == len(set(table.names)) == (train["fold"] == fold).sum()
    assert sorted(seen) == sorted((variant, fold) for variant in VARIANTS for fold in range(5))


def test_hicmae_decisions_are_of_all_training_clips(computed: dict[str, Result]) -> None:
    folds = computed["hicmae_folds"].table
    for _, rows in folds.groupby("variant"):
        assert rows["n"].tolist() == [522, 486, 468, 472, 508]
        assert rows["n_blends"].sum() == 1326
        for who in ("decided", "true"):
            kinds = rows[[f"{who}_{kind}" for kind in ("single", "equal", "unequal")]]
            assert (kinds.sum(axis=1) == rows["n"]).all()
        assert (rows["true_equal"] + rows["true_unequal"] == rows["n_blends"]).all()


def test_hicmae_grid_has_each_pair_of_thresholds_once_and_presence_follows_alpha_alone(
    computed: dict[str, Result],
) -> None:
    grid = computed["hicmae_grid"].table
    assert set(grid["variant"]) == set(VARIANTS)
    for variant, values in grid.groupby("variant"):
        assert len(values) == 400 and not values.duplicated(["alpha", "beta"]).any()
        assert (values.groupby("alpha")["acc_presence"].nunique() == 1).all()
        best = ((values["acc_presence"] + values["acc_salience"]) / 2).max()
        folds = computed["hicmae_folds"].table
        folds = folds[folds["variant"] == variant]
        assert best <= ((folds["acc_presence"] + folds["acc_salience"]) / 2).mean() + 1e-12


def test_curves_cover_every_epoch_and_reach_no_higher_than_the_folds_own_best(
    logged: pd.DataFrame, computed: dict[str, Result]
) -> None:
    best = computed["validation"].table.set_index(["id", "model"])
    for key, curve in logged.groupby(["id", "model"]):
        last = 300 if key[0].endswith(":sub") else 200
        assert curve["epoch"].tolist() == list(range(1, last + 1))
        reached = (curve["acc_presence"] + curve["acc_salience"]).max()
        assert reached <= best.loc[key, ["acc_presence_mean", "acc_salience_mean"]].sum() + 1e-6


def test_logs_hold_at_the_selected_epoch_what_the_summary_says(mirror: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    (run,) = released.runs().query("id == 'clip' and model == 'mlp-512' and fold == 3").to_dict("records")
    (path,) = [p for name, p in lookup.released("logs").items() if "/clip_MLP_512_fold3/" in name]
    log = EventAccumulator(str(path), size_guidance={"scalars": 0}).Reload()
    for tag, column in released._SCALARS.items():
        at = {event.step + 1: event.value for event in log.Scalars(tag)}
        assert at[run["epoch"]] == pytest.approx(run[column], abs=1e-5), column


def test_curves_of_one_row_equal_those_of_the_whole(mirror: Path, logged: pd.DataFrame) -> None:
    found = released.curves("videoswin:sub", "linear")
    assert found.origin == "released"
    expected = logged.query("id == 'videoswin:sub' and model == 'linear'").reset_index(drop=True)
    pd.testing.assert_frame_equal(found.table, expected)


@pytest.mark.parametrize("name", released.COMPUTED)
def test_recorded_table_equals_the_one_computed_now(
    name: str, mirror: Path, computed: dict[str, Result], request: pytest.FixtureRequest
) -> None:
    if name == "curves":
        fresh = request.getfixturevalue("logged").query("model == 'mlp-512'").reset_index(drop=True)
    else:
        fresh = computed[name].table
    earlier = recorded.read(name)
    pd.testing.assert_frame_equal(earlier.table, fresh, check_dtype=False, rtol=0, atol=5.0001e-7)
    group = released.COMPUTED[name][0]
    assert (earlier.input, earlier.sha256) == (f"released/{group}", lookup.digest(f"released/{group}"))


def test_counts_and_durations_recorded_equal_those_counted_now() -> None:
    metadata, durations = real("train_metadata.csv"), real("durations_train.csv")
    table = clips.read_metadata(metadata)
    seconds = clips.read_durations(durations, table)
    for name, fresh, path in (
        ("partitions", table.partitions().reset_index(), metadata),
        ("durations", clips.duration_counts(seconds), durations),
        ("durations_range", clips.duration_range(seconds), durations),
    ):
        earlier = recorded.read(name)
        pd.testing.assert_frame_equal(earlier.table, fresh, check_dtype=False, rtol=0, atol=5.0001e-7)
        assert (earlier.input, earlier.sha256) == (path.name, fingerprints.sha256_of(path))


def test_every_recorded_table_has_an_input_digest_and_a_day() -> None:
    files = {path.stem for path in recorded.FOLDER.glob("*.csv")}
    assert {*released.COMPUTED, "partitions", "durations", "durations_range"} <= files
    assert set(json.loads((recorded.FOLDER / recorded.INDEX).read_text())) == files
    for name in files:
        earlier = recorded.read(name)
        assert len(earlier.sha256) == 64 and earlier.input and "/work" not in earlier.input
        datetime.date.fromisoformat(earlier.date)


def test_recorded_tables_travel_with_the_package() -> None:
    """What package-data of pyproject.toml does not name is missing from every installation but an editable one."""
    package = ROOT / "blemore"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    patterns = project["tool"]["setuptools"]["package-data"]["blemore"]
    carried = {path for pattern in patterns for path in package.glob(pattern)}
    assert {path for path in (package / "reference").rglob("*") if path.is_file()} <= carried


def test_recorded_tables_hold_means_and_counts_but_no_clips() -> None:
    for path in recorded.FOLDER.glob("*"):
        assert "_ver" not in path.read_text() and "_mix_" not in path.read_text(), path.name


@pytest.mark.parametrize("name", ASKS)
def test_without_files_the_recorded_table_comes_with_label_date_and_digest(name: str, nothing: None) -> None:
    result, earlier = ASKS[name](), recorded.read(name)
    pd.testing.assert_frame_equal(result.table, earlier.table)
    assert result.origin == "recorded"
    group = released.COMPUTED[name][0]
    assert result.inputs == (
        Input(f"released/{group}", "absent"),
        Input(f"recorded/{name}", earlier.sha256, earlier.date),
    )


@pytest.mark.parametrize("name", ASKS)
def test_with_files_the_table_is_released_and_undated(name: str, computed: dict[str, Result]) -> None:
    result = computed[name]
    assert result.origin == "released" and not any(one.date for one in result.inputs)
    assert [one.name for one in result.inputs] == [f"released/{released.COMPUTED[name][0]}"]


def test_half_of_a_group_is_never_computed_from(nothing: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in lookup.files_of("summaries")[1:]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(real("mirror") / name, tmp_path / name)
    monkeypatch.setenv("BLEMORE_MIRROR", str(tmp_path))
    assert released.validation().origin == "recorded"


def test_file_with_other_content_is_refused_and_not_quietly_replaced_by_the_recorded(
    nothing: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in lookup.files_of("summaries"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("encoder,model\n")
    monkeypatch.setenv("BLEMORE_MIRROR", str(tmp_path))
    with pytest.raises(SourceError, match="content is not the pinned one"):
        released.validation()


@pytest.mark.parametrize("row", LOGGED)
def test_offline_curves_are_those_recorded_of_the_reported_classifier(row: str, nothing: None) -> None:
    found = released.curves(row, "mlp-512")
    assert found.origin == "recorded" and found.inputs[-1].date == recorded.read("curves").date
    assert found.table["epoch"].tolist() == list(range(1, (300 if row.endswith(":sub") else 200) + 1))
    assert set(found.table["id"]) == {row}


@pytest.mark.parametrize("model", ["linear", "mlp-256"])
def test_offline_curves_of_another_classifier_say_how_to_get_them(model: str, nothing: None) -> None:
    with pytest.raises(SourceError, match=f"imagebind, {model} here; run `blemore data fetch released --logs`"):
        released.curves("imagebind", model)


@pytest.mark.parametrize("here", ["mirror", "nothing"])
@pytest.mark.parametrize(("row", "model"), [("wavlm", "mlp-512"), ("clip", "mlp-521")])
def test_curves_that_nobody_published_are_one_clear_error(
    row: str, model: str, here: str, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue(here)
    with pytest.raises(BlemoreError, match=f"{row}|{model}") as caught:
        released.curves(row, model)
    assert "fetch" not in str(caught.value)  # no download would bring them


def test_unknown_recorded_table_is_refused_with_a_suggestion() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'validation'"):
        recorded.read("validatoin")


def test_recording_again_changes_nothing_and_keeps_the_day(mirror: Path, tmp_path: Path) -> None:
    table, day = recorded.read("validation").table, datetime.date(2026, 1, 2)
    assert recorded.write(tmp_path, "validation", table, "released/summaries", "0" * 64, day)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert not recorded.write(tmp_path, "validation", table, "released/summaries", "0" * 64, datetime.date(2027, 1, 1))
    assert before == {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert recorded.write(tmp_path, "validation", table, "released/summaries", "1" * 64, datetime.date(2027, 1, 1))
    assert "2027-01-01" in (tmp_path / recorded.INDEX).read_text()


def test_recording_needs_every_public_file(nothing: None, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is not here; run `blemore data fetch released --logs` first"):
        recording.record(datetime.date(2026, 1, 1), folder=tmp_path)
    assert not list(tmp_path.iterdir())


def test_released_logits_are_read_in_the_projects_order_as_probabilities(mirror: Path) -> None:
    name = next(n for n in lookup.files_of("predictions") if "eval_split01" in n)
    with lookup.released("predictions")[name].open() as file:
        row = next(csv.DictReader(file))
    logits = [float(text) for text in row["pred"].strip("[]").replace(",", " ").split()]
    neu, ang, disg, fea, hap, sad = np.exp(logits) / np.sum(np.exp(logits))
    read = predictions.read_table(lookup.released("predictions")[name])
    assert read.names[0] == Path(row["id"]).stem
    np.testing.assert_allclose(read.probabilities[0], [ang, disg, fea, hap, sad, neu], rtol=1e-12)
