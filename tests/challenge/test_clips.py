"""The clip table: the real one, the invented one, and files that cannot be one."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blemore.challenge import clips
from blemore.errors import BlemoreError, ClipNameError, InputError
from blemore.paper import printed_numbers
from tests.conftest import real

SINGLE, NEUTRAL, BLEND = "A102_ang_int1_ver1", "A303_neu_sit2_ver1", "A411_mix_ang_hap_30_70_ver1"
GOOD = f"filename,fold\n{SINGLE},0\n{NEUTRAL},1\n{BLEND},2\n"


@pytest.fixture
def write(tmp_path: Path):
    def write(content: str | bytes, name: str = "metadata.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture(scope="module")
def released() -> clips.Clips:
    return clips.read_metadata(real("train_metadata.csv"))


@pytest.fixture(scope="module")
def standin() -> clips.Clips:
    return clips.standin()


def test_released_clips_have_the_published_counts(released: clips.Clips) -> None:
    parts = released.partitions()
    assert parts["clips"].tolist() == [522, 486, 468, 472, 508]
    assert parts["actors"].tolist() == [10, 9, 9, 9, 10]
    assert parts["blended"].sum() == 1326
    assert (len(released), released.table["actor"].nunique()) == (2456, 47)
    assert released.origin == "released"


def test_released_truth_is_what_the_label_columns_say(released: clips.Clips) -> None:
    with real("train_metadata.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    order = ["ang", "disg", "fea", "hap", "sad", "neu"]
    for row, name, truth in zip(rows, released.names, released.truth.tolist(), strict=True):
        expected = [0] * 6
        if row["emotion_2"]:
            expected[order.index(row["emotion_1"])] = int(float(row["emotion_1_salience"]))
            expected[order.index(row["emotion_2"])] = int(float(row["emotion_2_salience"]))
        else:
            expected[order.index(row["emotion_1"])] = 100
        assert (name, truth) == (row["filename"], expected)


def test_released_clips_are_counted_as_by_hand(released: clips.Clips) -> None:
    with real("train_metadata.csv").open(newline="") as file:
        by_hand = Counter(
            (
                f"fold{row['fold']}",
                "-".join(filter(None, (row["emotion_1"], row["emotion_2"]))),
                f"{float(row['emotion_1_salience']):.0f}/{float(row['emotion_2_salience']):.0f}"
                if row["emotion_2"]
                else "100",
            )
            for row in csv.DictReader(file)
        )
    assert {tuple(row[:3]): row[3] for row in released.counts().to_numpy().tolist()} == by_hand


def test_order_of_columns_and_rows_does_not_change_the_counts(write, released: clips.Clips) -> None:
    given = pd.read_csv(real("train_metadata.csv"), dtype=str)
    turned = given.iloc[::-1, ::-1]
    again = clips.read_metadata(write(turned.to_csv(index=False)))
    pd.testing.assert_frame_equal(again.counts(), released.counts())
    assert again.names == released.names[::-1]
    np.testing.assert_array_equal(again.truth, released.truth[::-1])


def test_standin_has_the_published_counts_in_every_cell(standin: clips.Clips) -> None:
    published = printed_numbers.counts()[["partition", "emotions", "salience", "clips"]]
    keys = ["partition", "emotions", "salience"]
    expected = published[published["clips"] > 0].sort_values(keys).reset_index(drop=True)
    pd.testing.assert_frame_equal(
        standin.counts().sort_values(keys).reset_index(drop=True), expected, check_dtype=False
    )


def test_standin_has_the_published_totals(standin: clips.Clips) -> None:
    parts = standin.partitions()
    assert parts.loc["test"].tolist() == [11, 594, 260, 334]
    assert parts[["actors", "clips", "single", "blended"]].sum().tolist() == [58, 3050, 1390, 1660]
    equal = int(((standin.truth == 50).sum(axis=1) == 2).sum())
    assert (equal, 1660 - equal) == (553, 1107)


def test_standin_cannot_be_taken_for_real(standin: clips.Clips) -> None:
    assert standin.origin == "stand-in"
    assert standin.of("train").origin == "stand-in"
    with real("train_metadata.csv").open(newline="") as file:
        actors = {row["filename"].split("_")[0] for row in csv.DictReader(file)}
    assert not actors & set(standin.table["actor"])


def test_standin_folds_share_no_actor(standin: clips.Clips) -> None:
    place = standin.table["fold"].astype(object).where(standin.table["fold"].notna(), "test")
    assert (place.groupby(standin.table["actor"]).nunique() == 1).all()


def test_partitions_make_up_the_table(standin: clips.Clips) -> None:
    train, test = standin.of("train"), standin.of("test")
    assert (len(train), len(test)) == (2456, 594)
    assert sorted(train.names + test.names) == sorted(standin.of("train", "test").names)
    assert test.table["fold"].isna().all()
    assert train.table.index.tolist() == list(range(2456))


def test_every_training_clip_is_in_one_fold_and_no_test_clip_in_any(standin: clips.Clips) -> None:
    folds = np.stack([standin.in_fold(fold) for fold in clips.FOLDS])
    assert folds.dtype == bool
    np.testing.assert_array_equal(folds.sum(axis=0), standin.table["partition"] == "train")


@settings(deadline=None)
@given(st.permutations([SINGLE, NEUTRAL, BLEND]), st.sampled_from(["", ".mov"]), st.sampled_from(["", "a/b/"]))
def test_table_from_names_keeps_their_order(names: list[str], suffix: str, folder: str) -> None:
    table = clips.from_names([folder + name + suffix for name in names])
    assert table.names == names
    assert table.table["fold"].isna().all()
    assert list(table.table.columns) == list(clips.COLUMNS)


def test_a_clip_is_described_by_its_name() -> None:
    row = clips.from_names([NEUTRAL, BLEND]).table.to_dict("records")
    assert [(r["actor"], r["emotions"], r["salience"], r["version"]) for r in row] == [
        ("A303", "neu", "100", 1),
        ("A411", "ang-hap", "30/70", 1),
    ]
    assert row[0]["situation"] == 2
    assert pd.isna(row[0]["intensity"])
    assert pd.isna(row[1]["intensity"])


@pytest.mark.parametrize(
    "content",
    [
        GOOD,
        "\ufeff" + GOOD,
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("filename,fold", '"filename","fold"'),
        GOOD.replace("filename,fold", " filename , fold "),
        GOOD.replace(",", ", "),
        GOOD.replace(",", " ,"),
        GOOD.replace(",0\n", ",0.0\n"),
        GOOD.replace("_ver1,", "_ver1.mov,"),
        "".join(",".join(line.split(",")[::-1]) + "\n" for line in GOOD.splitlines()),
        GOOD + "\n\n",
        GOOD.rstrip("\n"),
    ],
    ids=[
        "plain",
        "bom",
        "crlf",
        "quoted",
        "wide header",
        "after",
        "before",
        "float",
        "mov",
        "turned",
        "blank",
        "no end",
    ],
)
def test_how_the_metadata_are_written_does_not_matter(write, content: str) -> None:
    read = clips.read_metadata(write(content))
    assert read.names == [SINGLE, NEUTRAL, BLEND]
    assert read.table["fold"].tolist() == [0, 1, 2]


def test_extra_columns_are_kept_behind_the_known_ones(write) -> None:
    read = clips.read_metadata(write(f"gender,fold,filename,note\nf,3,{SINGLE},x\nm,4,{BLEND},\n"))
    assert list(read.table.columns) == [*clips.COLUMNS, "gender", "note"]
    assert read.table["gender"].tolist() == ["f", "m"]
    assert read.table["note"].isna().tolist() == [False, True]


@pytest.mark.parametrize("share", ["", "100", "100.0"])
def test_a_single_emotion_may_be_said_to_be_all_of_it(write, share: str) -> None:
    head = "filename,fold,emotion_1,emotion_2,emotion_1_salience,emotion_2_salience"
    assert len(clips.read_metadata(write(f"{head}\n{SINGLE},0,ang,,{share},\n"))) == 1


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "cannot be read as CSV"),
        ("\n\n", "cannot be read as CSV"),
        ("filename,fold\n", "has no rows"),
        ("name,fold\nx,0\n", "missing column filename"),
        ("filename\nx\n", "missing column fold"),
        ("a\nx\n", "missing column filename, fold"),
        (GOOD.replace(",", ";"), "the columns are separated by semicolons"),
        (GOOD.replace(",", "\t"), "the columns are separated by tabs"),
        (GOOD.replace("filename,fold", "Filename,FOLD"), "write the names of columns in lower case"),
        (GOOD.replace(",1\n", ",0_1\n"), "got '0_1'"),
        (GOOD.replace(",1\n", ",١\n"), "expected 0 to 4"),
        (GOOD.replace("_ver1,", f"_ver{'1' * 5000},"), "more than nine digits"),
        (bytes(range(256)), "is not UTF-8"),
        (GOOD.encode("utf-16"), "is not UTF-8"),
        (GOOD.replace(",1\n", ",5\n"), "expected 0 to 4; got '5'"),
        (GOOD.replace(",1\n", ",-1\n"), "expected 0 to 4; got '-1'"),
        (GOOD.replace(",1\n", ",1.5\n"), "expected 0 to 4; got '1.5'"),
        (GOOD.replace(",1\n", ",one\n"), "expected 0 to 4; got 'one'"),
        (GOOD.replace(",1\n", ",\n"), "fold of A303_neu_sit2_ver1"),
        (GOOD.replace(",1\n", ",inf\n"), "expected 0 to 4; got 'inf'"),
        (GOOD.replace(",1\n", ",1e400\n"), "expected 0 to 4"),
        (GOOD + f"{SINGLE},0\n", "a clip occurs twice"),
        (GOOD + f"{SINGLE}.mov,0\n", "a clip occurs twice"),
        (GOOD + "A102_sad_int1_ver1,3\n", "an actor is in more than one fold"),
        (f"filename,fold,emotion_1\n{SINGLE},0,sad\n", "emotion_1 of A102_ang_int1_ver1 contradicts its name"),
        (f"filename,fold,emotion_2\n{SINGLE},0,hap\n", "emotion_2 of A102_ang_int1_ver1 contradicts its name"),
        (f"filename,fold,emotion_1_salience\n{BLEND},0,70\n", "emotion_1_salience of"),
        (f"filename,fold,emotion_1_salience\n{BLEND},0,most\n", "emotion_1_salience of"),
        (f"filename,fold,emotion_1_salience\n{SINGLE},0,70\n", "emotion_1_salience of"),
        (f"filename,fold,video_id\n{SINGLE},0,A103\n", "video_id of"),
        (f"filename,fold,mix\n{SINGLE},0,1\n", "mix of"),
        (f"filename,fold,version\n{SINGLE},0,2\n", "version of"),
        (f"filename,fold,intensity_level\n{SINGLE},0,2\n", "intensity_level of"),
        (f"filename,fold,situation\n{NEUTRAL},0,1\n", "situation of"),
    ],
)
def test_metadata_that_cannot_be_used_are_refused(write, content: str | bytes, says: str) -> None:
    path = write(content)
    with pytest.raises(InputError) as caught:
        clips.read_metadata(path)
    assert says in str(caught.value)
    assert str(caught.value).count(str(path)) == 1
    assert len(str(caught.value).splitlines()) == 1


def test_folds_counted_from_1_are_told_to_be(write) -> None:
    counted = f"filename,fold\n{SINGLE},3\n{NEUTRAL},4\n{BLEND},5\n"
    with pytest.raises(InputError, match=rf"fold of {BLEND}; expected 0 to 4; got '5'; .*counted from 1: subtract 1"):
        clips.read_metadata(write(counted))
    with pytest.raises(InputError) as caught:
        clips.read_metadata(write(counted.replace(",3", ",0")))
    assert "subtract" not in str(caught.value), "0 says that they are counted from 0"


@pytest.mark.parametrize("name", ["", "  ", "NA", "nan", "test_0001"])
def test_a_row_without_a_clip_name_is_refused(write, name: str) -> None:
    with pytest.raises(BlemoreError) as caught:
        clips.read_metadata(write(GOOD + f"{name},3\n"))
    assert "'nan'" not in str(caught.value) or name == "nan", "an empty cell is not a clip called nan"


def test_the_file_with_a_bad_clip_name_is_named(write) -> None:
    path = write(GOOD + "A102_joy_int1_ver1,0\n")
    with pytest.raises((ClipNameError, InputError)) as caught:
        clips.read_metadata(path)
    assert "'joy'" in str(caught.value)
    assert path.name in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        f"filename,fold\nx,{SINGLE},0\n",
        f"filename,fold\n{SINGLE},0,\n",
        f"filename,fold\n{SINGLE},0,x\n{BLEND},1,x\n",
        f"filename,fold\n{SINGLE},0\n{BLEND},1,x\n",
    ],
)
def test_rows_longer_than_the_header_are_refused_as_such(write, content: str) -> None:
    with pytest.raises(InputError, match=r"cannot be read as CSV|fields|columns"):
        clips.read_metadata(write(content))


@pytest.mark.parametrize("header", ["filename,fold,fold", "filename,fold, fold", "filename,fold,fold "])
def test_a_column_that_occurs_twice_is_refused(write, header: str) -> None:
    with pytest.raises(InputError, match="twice"):
        clips.read_metadata(write(f"{header}\n{SINGLE},0,1\n"))


@pytest.mark.parametrize("read", [clips.read_metadata, lambda path: clips.read_csv(path, set())])
def test_what_is_no_file_is_refused(tmp_path: Path, read) -> None:
    with pytest.raises(InputError, match="no such file"):
        read(tmp_path / "absent.csv")
    with pytest.raises(InputError, match="cannot be read"):
        read(tmp_path)
    (tmp_path / "file.csv").write_text(GOOD)
    with pytest.raises(InputError):
        read(tmp_path / "file.csv" / "deeper.csv")
    with pytest.raises(InputError):
        read(tmp_path / ("a" * 300))


@pytest.mark.parametrize("suffix", [".gz", ".zip", ".bz2", ".xz", ".zst", ".tar"])
def test_a_table_is_read_by_its_content_and_never_unpacked_by_its_suffix(write, suffix: str) -> None:
    assert len(clips.read_metadata(write(GOOD, f"metadata.csv{suffix}"))) == 3


@pytest.mark.parametrize("address", ["http://127.0.0.1:1/metadata.csv", "s3://bucket/metadata.csv"])
def test_an_address_is_not_fetched(address: str) -> None:
    with pytest.raises(InputError, match="no such file"):
        clips.read_metadata(address)


def test_durations_of_the_released_clips_are_read(released: clips.Clips) -> None:
    seconds = clips.read_durations(real("durations_train.csv"), released)
    assert len(seconds) == 1251
    assert seconds.index.tolist() == [name for name in released.names if name in set(seconds.index)]
    assert seconds["A102_ang_int1_ver1"] == 6.06


def test_no_bar_of_figure_2_has_more_clips_of_known_duration_than_clips(released: clips.Clips) -> None:
    counted = clips.duration_counts(clips.read_durations(real("durations_train.csv"), released))
    assert (counted["clips"] <= printed_numbers.figure(2)["clips"]).all()
    assert counted["clips"].sum() == 1251


def test_bars_of_figure_2_are_equally_wide_and_their_printed_edges_rounded() -> None:
    bars = printed_numbers.figure(2).query("panel == 'blended'")
    first, last = bars["left_s"].min(), bars["right_s"].max()
    width = (last - first) / len(bars)  # 0.558 s: no multiple of the 0.01 s that edges are printed to
    assert np.abs(bars["left_s"] - (first + width * np.arange(len(bars)))).max() < 0.01
    on_edges = pd.Series(bars["left_s"].to_numpy(), index=[f"A1_mix_ang_hap_30_70_ver{i}" for i in range(len(bars))])
    expected = np.bincount(((on_edges - first) / width).astype(int), minlength=len(bars))
    counted = clips.duration_counts(on_edges).query("panel == 'blended'")
    assert counted["clips"].tolist() == expected.tolist()
    assert expected.tolist() != [1] * len(bars)  # as printed, each edge opens a bar


def test_bars_keep_their_edges_and_the_reference_is_not_written_to() -> None:
    before = printed_numbers.figure(2)
    seconds = pd.Series([0.01, 1e6, 5.0], index=[SINGLE, NEUTRAL, BLEND])
    counted = clips.duration_counts(seconds)
    pd.testing.assert_frame_equal(printed_numbers.figure(2), before)
    pd.testing.assert_frame_equal(counted.drop(columns="clips"), before.drop(columns="clips"))
    single = counted.loc[counted["panel"] == "single", "clips"].tolist()
    assert (single[0], single[-1], sum(single), int(counted["clips"].sum())) == (1, 1, 2, 3)


def test_durations_are_summarised_by_panel() -> None:
    seconds = pd.Series([1.0, 4.0, 2.0, 9.0], index=[SINGLE, NEUTRAL, "A1_sad_int1_ver1", BLEND])
    summary = clips.duration_range(seconds).set_index("panel")
    assert summary.loc["single"].tolist() == [3, 1, 2, 4]
    assert summary.loc["blended"].tolist() == [1, 9, 9, 9]


@pytest.mark.parametrize("value", ["0", "-1", "", "nan", "long", "inf", "1e400"])
def test_a_duration_that_is_no_positive_number_is_refused(write, value: str) -> None:
    path = write(f"filename,duration_s\n{SINGLE},{value}\n")
    with pytest.raises(InputError, match=f"duration of {SINGLE}"):
        clips.read_durations(path, clips.from_names([SINGLE]))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (f"filename,duration_s\n{SINGLE},1\n{SINGLE}.mov,2\n", "a clip occurs twice"),
        ("filename,duration_s\nother,1\n", "none of its clips"),
        (f"filename,seconds\n{SINGLE},1\n", "missing column duration_s"),
    ],
)
def test_durations_that_cannot_be_used_are_refused(write, content: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        clips.read_durations(write(content), clips.from_names([SINGLE]))


def test_durations_come_in_the_tables_order_whatever_else_the_file_has(write) -> None:
    path = write(f"duration_s,filename\n2,{BLEND}.mov\n9,other\n1,{SINGLE}\n")
    seconds = clips.read_durations(path, clips.from_names([SINGLE, NEUTRAL, BLEND]))
    assert seconds.to_dict() == {SINGLE: 1.0, BLEND: 2.0}
    assert seconds.index.tolist() == [SINGLE, BLEND]


def test_semicolons_are_noticed_behind_a_comma_in_a_heading(write) -> None:
    with pytest.raises(InputError, match="separated by semicolons; expected commas"):
        clips.read_metadata(write(f"filename;fold;emotion, first\n{SINGLE};0;ang\n"))


def test_a_heading_may_hold_semicolons(write) -> None:
    assert len(clips.read_metadata(write(f"filename,fold,rated (a;b;c;d)\n{SINGLE},0,1\n"))) == 1


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_another_encoding_is_named_as_not_utf_8(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "metadata.csv"
    path.write_bytes(f"filename,fold,place\n{SINGLE},0,Malm\u00f6\n".encode(encoding))
    with pytest.raises(InputError, match="is not UTF-8; save the table as CSV in UTF-8"):
        clips.read_metadata(path)
