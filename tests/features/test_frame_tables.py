"""Tables of frames in CSV: OpenFace 3's, OpenFace 2's and others', whole, cut short and with values missing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from blemore.challenge import clips
from blemore.errors import InputError
from blemore.features import feature_files, frame_tables
from tests.cli.test_cli import blemore, document

HEADER = "emotion_index,gaze_yaw,gaze_pitch,action_units\n"


def units(*values: object) -> str:
    return '"[' + ", ".join(map(str, values)) + ']"'


def written(folder: Path, *rows: str, header: str = HEADER) -> Path:
    path = folder / "A9001_ang_int1_ver1.csv"
    path.write_text(header + "".join(f"{row}\n" for row in rows))
    return path


def test_openface_3_gives_eleven_numbers_a_frame_in_order(tmp_path: Path) -> None:
    path = written(tmp_path, f"6,0.5,-1.5,{units(*range(8))}", f"2,0.25,1.0,{units(*range(8, 16))}")
    read = frame_tables.read(path)
    assert read.x.tolist() == [[6, 0.5, -1.5, *range(8)], [2, 0.25, 1.0, *range(8, 16)]]
    assert read.columns[:3] == ("emotion_index", "gaze_yaw", "gaze_pitch") and read.remarks == ()
    assert feature_files.read(tmp_path).x.shape == (1, 77)


def test_other_columns_of_openface_3_and_their_order_do_not_matter_but_are_named(tmp_path: Path) -> None:
    rows = [f"{units(*range(8))},0.5,-1.5,6,Anger,1", f"{units(*range(8))},0.5,-1.5,6,Anger,2"]
    path = written(tmp_path, *rows, header="action_units,gaze_yaw,gaze_pitch,emotion_index,emotion,frame\n")
    read = frame_tables.read(path)
    assert read.x.tolist() == [[6, 0.5, -1.5, *range(8)]] * 2
    assert feature_files.read(tmp_path).remark == "1 of 1 files: columns emotion, frame left out"


def test_missing_values_of_openface_3_are_interpolated_and_what_was_measured_stays(tmp_path: Path) -> None:
    lost = ",,," + units(*["nan"] * 8)
    rows = [
        lost,
        f"0,0,0,{units(*[0] * 8)}",
        lost,
        f"1,2,4,{units(8, *[0] * 6, 'nan')}",
        f"1,nan,4,{units()}",
        "5,8,4,",
    ]
    read = frame_tables.read(written(tmp_path, *rows))
    expected = np.array([[0, 0, 0, 0], [0.5, 1, 2, 4], [1, 2, 4, 8], [1, 5, 4, 8], [5, 8, 4, 8]])
    np.testing.assert_allclose(read.x[:, :4], expected)
    assert not read.x[:, 4:].any()
    assert read.remarks == ("missing values interpolated over time, frames before the first dropped",)


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([f"1,nan,4,{units(*range(8))}"], "gaze_yaw: no number in any frame"),
        ([f"1,2,4,{units(*range(7))}"], r"row 1: action_units; expected a list of 8 numbers; got \[0, 1, 2"),
        ([f"1,2,4,{units('x', *range(7))}"], "row 1: action_units"),
        ([f"x,2,4,{units(*range(8))}"], "a value is not a number"),
        ([f"inf,2,4,{units(*range(8))}"], "NaN or infinite"),
        (["1,2,4"], "line 2 is too short; expected 4 cells; got 3"),
    ],
)
def test_openface_3_that_cannot_be_used_is_one_clear_line(tmp_path: Path, rows: list[str], says: str) -> None:
    written(tmp_path, *rows)
    with pytest.raises(InputError, match=says) as caught:
        feature_files.read(tmp_path)
    assert "A9001_ang_int1_ver1.csv" in str(caught.value) and "\n" not in str(caught.value)


def test_openface_3_without_the_index_of_the_emotion_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, f"Anger,2,4,{units(*range(8))}", header=HEADER.replace("_index", ""))
    with pytest.raises(InputError, match="missing column emotion_index; expected OpenFace 3's"):
        frame_tables.read(path)


def test_a_row_cut_short_is_refused_wherever_a_table_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, "1,2", "", "3", header="a,b\n")
    for read in (frame_tables.read, lambda path: clips.read_csv(path, set())):
        with pytest.raises(InputError, match="line 4 is too short; expected 2 cells; got 1; the file may be cut short"):
            read(path)
    path.write_text("a,b\n1,2\n3,\n")  # an empty cell is no cell less
    assert clips.read_csv(path, set())["b"].isna().tolist() == [False, True]


def test_a_missing_value_of_another_table_is_refused(tmp_path: Path) -> None:
    written(tmp_path, "1,2", "3,", header="a,b\n")
    with pytest.raises(InputError, match="NaN or infinite features"):
        feature_files.read(tmp_path)


def test_all_columns_of_openface_2_are_read_and_the_papers_are_pointed_out(tmp_path: Path) -> None:
    written(tmp_path, "1,1,0.5,1", header="frame,success,AU01_r,AU01_c\n")
    table = feature_files.read(tmp_path)
    assert table.x.shape == (1, 14) and "`blemore extract --encoder openface` gives" in table.remark


def test_the_index_that_pandas_writes_is_no_feature(tmp_path: Path) -> None:
    assert frame_tables.read(written(tmp_path, "0,1,2", "1,3,4", header=",a,b\n")).x.tolist() == [[1, 2], [3, 4]]
    for header, row in ((",a,b\n", "0.5,1,2"), ("a,b,\n", "1,2,3")):
        with pytest.raises(InputError, match="a column has no name"):
            frame_tables.read(written(tmp_path, row, header=header))


def test_aggregate_says_what_was_done_to_the_values(tmp_path: Path) -> None:
    written(tmp_path, f"1,2,4,{units(*range(8))}", ",,,")
    said = "1 of 1 files: missing values interpolated over time"
    out = str(tmp_path / "out.npz")
    assert document("aggregate", str(tmp_path), "--out", out) == {"out": out, "n": 1, "width": 77, "note": said}
    assert blemore("aggregate", str(tmp_path), "--out", out).stderr == f"note: {said}\n"
    assert feature_files.read(out).x[0, :3].tolist() == [1, 2, 4]


@pytest.mark.parametrize("cell", ["1_0", "\u0663"])
def test_a_number_that_other_tables_refuse_is_no_feature(tmp_path: Path, cell: str) -> None:
    with pytest.raises(InputError, match="a value is not a number"):
        frame_tables.read(written(tmp_path, f"{cell},1", header="x,y\n"))
    with pytest.raises(InputError, match="row 1: action_units; expected a list of 8 numbers"):
        frame_tables.read(written(tmp_path, f"6,0.5,-1.5,{units(*range(7), cell)}"))
