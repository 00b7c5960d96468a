"""The paper's numbers: their form, and what the paper and the released clip names say independently.

A file is never compared with one that it was derived from (the test rows of ``counts`` follow from
Figures 3 and 4, so they are held against neither).
"""

from __future__ import annotations

import csv
import re
from importlib.resources import files

import numpy as np
import pandas as pd
import pytest

from blemore.challenge.labels import CLASSES, PAIRS
from blemore.errors import UnknownNameError
from blemore.paper import printed_numbers

NUMBERS = printed_numbers.numbers()

COLUMNS = {
    "numbers.csv": "id,places,printed,value,unit,decimals,n",
    "table1_datasets.csv": (
        "dataset,participants,samples,single_blended_samples,single_blended_classes,modalities,salience"
    ),
    "table2_validation.csv": ("encoder,method,acc_presence_mean,acc_presence_std,acc_salience_mean,acc_salience_std"),
    "table3_test.csv": "encoder,method,acc_presence,acc_salience",
    "figure2_durations.csv": "panel,left_s,right_s,clips",
    "figure3_structure.csv": "part,clips",
    "figure4_confusion.csv": ",".join(["true\\predicted", *CLASSES]),
    "counts_by_partition.csv": "partition,actors,emotions,salience,clips",
}

UNITS = {"clips", "subsamples", "frames", "datasets", "actors", "emotions", "classes", "conditions", "folds"}
UNITS |= {"tasks", "categories", "metrics", "encoders", "strategies", "statistics", "configurations"}
UNITS |= {"version", "dimensions", "axes", "pixels", "layers", "units", "epochs", "percentile", "rank"}
UNITS |= {"accuracy", "%", "probability", "dimensionless", "hours", "s", "ms", "m", "kHz"}

WORDS = {"zero": 0, "one": 1, "single": 1, "unit": 1, "two": 2, "second": 2, "three": 3, "five": 5, "six": 6}
WORDS |= {"seven": 7}

PRINTED = re.compile(
    r"(?:[A-Za-z][A-Za-z-]*[-/])?"  # the name of a variant: MAFW-43, ViT-B/16
    r"(?P<whole>\d{1,3}(?:,\d{3})+|\d+)(?:\.(?P<fraction>\d+))?(?:e(?P<exponent>-?\d+))?"
    r"(?P<suffix>k|th|D)?"
)

N_BY_PARTITION = {"train": (2456, 1326), "test": (594, 334)}

METRICS = ("acc_presence", "acc_salience")


def parse(printed: str) -> tuple[float, int]:
    """Value and decimals of a number as the paper prints it."""
    if printed in WORDS:
        return WORDS[printed], 0
    match = PRINTED.fullmatch(printed)
    assert match, printed
    fraction, exponent = match["fraction"] or "", int(match["exponent"] or 0)
    exponent += 3 if match["suffix"] == "k" else 0
    mantissa = f"{match['whole'].replace(',', '')}.{fraction or 0}"
    return float(f"{mantissa}e{exponent}"), len(fraction) - exponent


def value(id: str) -> float:
    return printed_numbers.number(id).value


def rows_by_id(table: int) -> pd.DataFrame:
    return printed_numbers.table(table).rename(columns=lambda name: name.removesuffix("_mean")).set_index("id")


def part(name: str) -> int:
    return int(printed_numbers.figure(3).set_index("part")["clips"][name])


def training_counts() -> pd.DataFrame:
    counts = printed_numbers.counts()
    return counts[counts["partition"] != "test"]


@pytest.mark.parametrize("name", COLUMNS)
def test_file_has_its_columns_and_no_ragged_row(name: str) -> None:
    text = files("blemore.paper").joinpath("reference", name).read_text(encoding="utf-8")
    header, *rows = csv.reader(text.splitlines())
    assert header == next(csv.reader([COLUMNS[name]]))
    assert {len(row) for row in rows} == {len(header)}


def test_every_data_file_is_known() -> None:
    present = {path.name for path in files("blemore.paper").joinpath("reference").iterdir()}
    simulated = {"standin_fit.csv", "standin_leaks.csv"}  # reports on the stand-in, nothing of the paper
    assert {name for name in present if name.endswith(".csv")} == set(COLUMNS) | simulated


def test_ids_are_unique() -> None:
    text = files("blemore.paper").joinpath("reference", "numbers.csv").read_text(encoding="utf-8")
    ids = [row["id"] for row in csv.DictReader(text.splitlines())]
    assert len(ids) == len(set(ids)) == len(NUMBERS)


@pytest.mark.parametrize("id", NUMBERS)
def test_number_is_well_formed(id: str) -> None:
    number = NUMBERS[id]
    assert re.fullmatch(r"[a-z][a-z0-9_]*(\.[a-z0-9][a-z0-9_+:-]*)+", id)
    assert (number.value, number.decimals) == parse(number.printed)
    assert number.unit in UNITS
    assert re.fullmatch(r"abstract|section [1-5](\.[1-7])?", number.places[0])
    assert all(re.fullmatch(r"section [1-5](\.[1-7])?|(table|figure) [1-5]", place) for place in number.places[1:])
    assert len(set(number.places)) == len(number.places)


@pytest.mark.parametrize("id", NUMBERS)
def test_accuracies_and_only_they_have_a_number_of_clips(id: str) -> None:
    number = NUMBERS[id]
    if not id.endswith(METRICS):
        assert number.n is None
        assert number.unit != "accuracy"
        return
    assert number.unit in ("accuracy", "%")
    partition = "test" if id.startswith("test.") or ".test." in id else "train"
    assert number.n == N_BY_PARTITION[partition][METRICS.index(id.rpartition(".")[2])]


def test_section_is_the_first_place() -> None:
    assert printed_numbers.number("dataset.actors").section == "abstract"
    assert printed_numbers.number("split.folds").section == "3.1"


def test_unknown_number_suggests_a_close_one() -> None:
    with pytest.raises(UnknownNameError, match=r"training\.lerning_rate.*did you mean 'training\.learning_rate'"):
        printed_numbers.number("training.lerning_rate")
    assert issubclass(UnknownNameError, LookupError)


@pytest.mark.parametrize(
    ("read", "wrong"), [(printed_numbers.table, 4), (printed_numbers.figure, 1), (printed_numbers.figure, 5)]
)
def test_unknown_table_or_figure_is_refused(read, wrong) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UnknownNameError, match="known: "):
        read(wrong)


@pytest.mark.parametrize(
    "read",
    [
        lambda: printed_numbers.table(1),
        lambda: printed_numbers.table(3),
        lambda: printed_numbers.figure(4),
        printed_numbers.counts,
    ],
)
def test_frames_are_copies(read) -> None:  # type: ignore[no-untyped-def]
    before = read()
    spoilt = read()
    spoilt.iloc[0, -1] = spoilt.iloc[1, -1]
    spoilt["new"] = 0
    pd.testing.assert_frame_equal(read(), before)


def test_dictionary_of_numbers_is_a_copy() -> None:
    printed_numbers.numbers().clear()
    assert len(printed_numbers.numbers()) == len(NUMBERS)


def test_tables_2_and_3_have_the_same_row_ids() -> None:
    ids = [list(printed_numbers.table(number)["id"]) for number in (2, 3)]
    assert set(ids[0]) == set(ids[1])
    assert all(len(set(column)) == 15 for column in ids)
    singles = {id for id in ids[0] if id in printed_numbers.ENCODERS}
    assert singles == set(printed_numbers.ENCODERS)
    assert {id for id in ids[0] if id.endswith(":sub")} == {"videomaev2:sub", "videoswin:sub"}


@pytest.mark.parametrize("table", [2, 3])
def test_blank_cells_are_those_of_the_trivial_baselines(table: int) -> None:
    frame = printed_numbers.table(table).set_index("id")
    trivial = frame.index.str.startswith("trivial")
    assert (frame["method"].eq("") == trivial).all()
    for column in frame.columns[2:]:
        expected = trivial if column.endswith("std") else np.zeros(15, bool)
        assert (frame[column].isna() == expected).all()


@pytest.mark.parametrize("table", [2, 3])
def test_accuracies_have_the_declared_decimals(table: int) -> None:
    accuracies = printed_numbers.table(table).iloc[:, 3:].to_numpy(dtype=float)
    accuracies = accuracies[~np.isnan(accuracies)]
    assert np.array_equal(accuracies, accuracies.round(printed_numbers.DECIMALS))
    assert ((accuracies >= 0) & (accuracies <= 1)).all()


def test_figure_4_has_its_own_class_order_on_both_axes() -> None:
    confusion = printed_numbers.figure(4)
    assert tuple(confusion.index) == tuple(confusion.columns) == CLASSES
    assert (confusion.index.name, confusion.columns.name) == ("true", "predicted")
    assert (confusion.to_numpy() >= 0).all()


def test_counts_cover_every_class_and_ratio_once_a_partition() -> None:
    counts = printed_numbers.counts()
    pairs = ["-".join(pair) for pair in PAIRS]
    cells = {(emotion, "100") for emotion in CLASSES[:6]}
    cells |= {(pair, ratio) for pair in pairs for ratio in ("30/70", "50/50", "70/30")}
    for _, rows in counts.groupby("partition"):
        assert len(rows) == len(cells)
        assert set(zip(rows["emotions"], rows["salience"], strict=True)) == cells
        assert rows["actors"].nunique() == 1


@pytest.mark.parametrize(
    ("id", "dataset", "column", "piece"),
    [
        ("dataset.clips", "BLEMORE", "samples", 0),
        ("dataset.actors", "BLEMORE", "participants", 0),
        ("dataset.single_clips", "BLEMORE", "single_blended_samples", 0),
        ("dataset.blended_clips", "BLEMORE", "single_blended_samples", 1),
        ("dataset.basic_emotions", "BLEMORE", "single_blended_classes", 0),
        ("dataset.blends", "BLEMORE", "single_blended_classes", 1),
        ("related.c_expr_db.videos", "C-EXPR-DB", "samples", 0),
        ("related.c_expr_db.compound_classes", "C-EXPR-DB", "single_blended_classes", 1),
        ("related.mpiiemo.videos", "MPIIEmo", "samples", 0),
        ("related.imed.participants", "IMED", "participants", 0),
        ("related.imed.videos", "IMED", "samples", 0),
        ("related.imed.basic_classes", "IMED", "single_blended_classes", 0),
        ("related.imed.compound_classes", "IMED", "single_blended_classes", 1),
        ("related.cmed.videos", "CMED", "samples", 0),
        ("related.md_mer.participants", "MD-MER", "participants", 0),
        ("related.mafw.compound_task_clips", "MAFW", "samples", 0),
        ("related.mafw.single_clips", "MAFW", "single_blended_samples", 0),
        ("related.mafw.compound_clips", "MAFW", "single_blended_samples", 1),
        ("related.mafw.single_classes", "MAFW", "single_blended_classes", 0),
        ("related.mafw.compound_classes", "MAFW", "single_blended_classes", 1),
    ],
)
def test_prose_repeats_table_1(id: str, dataset: str, column: str, piece: int) -> None:
    cell = str(printed_numbers.table(1).set_index("dataset").loc[dataset, column]).split(" / ")[piece]
    assert value(id) == int(cell.split(" + ")[0])
    assert "table 1" in printed_numbers.number(id).places


def test_every_number_placed_in_table_1_is_checked_against_it() -> None:
    placed = {id for id, number in NUMBERS.items() if "table 1" in number.places}
    mark = test_prose_repeats_table_1.pytestmark[0]  # type: ignore[attr-defined]
    assert placed == {case[0] for case in mark.args[1]}


def test_single_and_blended_samples_of_table_1_sum_to_samples() -> None:
    rows = printed_numbers.table(1).set_index("dataset")
    complete = rows[rows["single_blended_samples"] != ""]
    assert len(complete) == 5
    for _, row in complete.iterrows():
        assert sum(map(int, row["single_blended_samples"].split(" / "))) == row["samples"]


def test_size_rank_in_table_1() -> None:
    samples = printed_numbers.table(1).set_index("dataset")["samples"]
    assert (samples >= samples["BLEMORE"]).sum() == value("dataset.size_rank")


def test_figure_3_agrees_with_the_prose_and_with_itself() -> None:
    assert part("single") == value("dataset.single_clips")
    assert part("blended") == value("dataset.blended_clips")
    assert part("single") + part("blended") == value("dataset.clips")
    assert part("blended, equal salience") + part("blended, unequal salience") == part("blended")


@pytest.mark.parametrize("panel", ["single", "blended"])
def test_bars_of_figure_2_sum_to_figure_3(panel: str) -> None:
    bars = printed_numbers.figure(2).query("panel == @panel")
    assert bars["clips"].sum() == part(panel)


@pytest.mark.parametrize("panel", ["single", "blended"])
def test_bars_of_figure_2_are_contiguous_and_of_one_width(panel: str) -> None:
    bars = printed_numbers.figure(2).query("panel == @panel")
    assert np.array_equal(bars["left_s"].iloc[1:], bars["right_s"].iloc[:-1])
    widths = bars["right_s"] - bars["left_s"]
    assert np.ptp(widths) < 0.021  # edges are given to 0.01 s


def test_figure_4_agrees_with_the_best_test_accuracy() -> None:
    confusion = printed_numbers.figure(4).to_numpy()
    printed = printed_numbers.number("test.videomaev2+hubert.acc_presence")
    assert np.trace(confusion) == round(printed.value * printed.n) == 197  # type: ignore[operator]
    assert abs(np.trace(confusion) / confusion.sum() - printed.value) <= printed.tolerance


def test_released_training_clips_and_figure_4_make_up_the_data_set() -> None:
    training = training_counts()
    blend = training["emotions"].str.contains("-")
    test = printed_numbers.figure(4).sum(axis="columns")
    assert training.loc[~blend, "clips"].sum() + test.iloc[:6].sum() == value("dataset.single_clips")
    assert training.loc[blend, "clips"].sum() + test.iloc[6:].sum() == value("dataset.blended_clips")


def test_clips_scored_are_those_counted() -> None:
    training = training_counts()
    blends = training.loc[training["salience"] != "100", "clips"].sum()
    assert (training["clips"].sum(), blends) == N_BY_PARTITION["train"]
    test = printed_numbers.figure(4).sum(axis="columns")
    assert (test.sum(), test.iloc[6:].sum()) == N_BY_PARTITION["test"]


def test_trivial_baselines_of_the_prose_follow_from_the_class_counts() -> None:
    training = training_counts().groupby(["emotions", "salience"])["clips"].sum().reset_index()
    single = training.loc[training["salience"] == "100", "clips"].max()
    blends = training[training["salience"] != "100"]
    test = printed_numbers.figure(4).sum(axis="columns")
    most_frequent = {
        "single.train.acc_presence": single,
        "blend.train.acc_presence": blends.groupby("emotions")["clips"].sum().max(),
        "blend.train.acc_salience": blends["clips"].max(),
        "single.test.acc_presence": test.iloc[:6].max(),
        "blend.test.acc_presence": test.iloc[6:].max(),
    }
    for id, clips in most_frequent.items():
        printed = printed_numbers.number(f"baseline.{id}")
        assert printed.n is not None
        assert abs(100 * clips / printed.n - printed.value) <= printed.tolerance, id


@pytest.mark.parametrize("id", [id for id in NUMBERS if id.startswith("baseline.")])
def test_trivial_baselines_of_the_prose_round_to_the_tables(id: str) -> None:
    _, kind, partition, metric = id.split(".")
    table = {"train": 2, "test": 3}[partition]
    assert f"table {table}" in printed_numbers.number(id).places
    assert round(value(id) / 100, printed_numbers.DECIMALS) == rows_by_id(table).loc[f"trivial-{kind}", metric]


@pytest.mark.parametrize("id", [id for id in NUMBERS if id.startswith(("validation.", "test."))])
def test_accuracies_of_the_prose_repeat_the_tables(id: str) -> None:
    protocol, row, metric = id.split(".")
    table = {"validation": 2, "test": 3}[protocol]
    assert f"table {table}" in printed_numbers.number(id).places
    assert value(id) == rows_by_id(table).loc[row, metric]


@pytest.mark.parametrize(("metric", "n"), list(zip(METRICS, N_BY_PARTITION["test"], strict=True)))
def test_every_test_accuracy_is_a_whole_number_of_clips(metric: str, n: int) -> None:
    possible = {round(k / n, printed_numbers.DECIMALS) for k in range(n + 1)}
    assert len(possible) < 1000  # else any three decimals would pass
    assert set(printed_numbers.table(3)[metric]) <= possible


@pytest.mark.parametrize(
    ("total", "summands"),
    [
        (
            "encoder.openface.dimensions",
            ["encoder.openface.action_units", "encoder.openface.head_pose", "encoder.openface.gaze"],
        ),
        ("dataset.actors", ["split.train_actors", "split.test_actors"]),
        ("dataset.clips", ["dataset.single_clips", "dataset.blended_clips"]),
        ("related.mafw.compound_task_clips", ["related.mafw.single_clips", "related.mafw.compound_clips"]),
        (
            "related.mafw.compound_classes",
            ["related.mafw.two_expression_classes", "related.mafw.three_expression_classes"],
        ),
        (
            "related.mafw.all_classes",
            ["related.mafw.non_blended_classes", "related.mafw.compound_classes"],
        ),
        ("label.sum", ["label.example.happiness", "label.example.sadness"]),
    ],
)
def test_printed_parts_sum_to_the_printed_whole(total: str, summands: list[str]) -> None:
    assert value(total) == pytest.approx(sum(map(value, summands)), abs=1e-12)


def test_statistics_are_mean_std_and_the_listed_percentiles() -> None:
    percentiles = [value(id) for id in NUMBERS if id.startswith("aggregation.percentile.")]
    assert percentiles == sorted(percentiles)
    assert value("aggregation.statistics") == 2 + len(percentiles)


def test_grouped_classes_of_cmed_are_those_of_table_1() -> None:
    classes = printed_numbers.table(1).set_index("dataset").loc["CMED", "single_blended_classes"]
    assert value("related.cmed.grouped_classes") == sum(map(int, str(classes).split(" / ")))


def test_encoder_counts_of_the_prose_cover_the_tables() -> None:
    assert value("encoder.video.count") + value("encoder.audio.count") == len(printed_numbers.ENCODERS)
    fusions = printed_numbers.table(2)["id"].str.contains("+", regex=False).sum()
    assert fusions == value("fusion.video_encoders") * value("encoder.audio.count")


def test_folds_of_the_prose_are_those_of_the_released_clips() -> None:
    assert training_counts()["partition"].nunique() == value("split.folds")


@pytest.mark.parametrize("decimals", range(-3, 7))
def test_half_unit_is_half_the_step_to_the_next_printed_number(decimals: int) -> None:
    assert 2 * printed_numbers.half_unit(decimals) * 10.0**decimals == pytest.approx(1, rel=1e-12)
