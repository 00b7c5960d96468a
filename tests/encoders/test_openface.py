"""OpenFace's CSV: real files, and copies that the tests spoil."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from blemore import encoders
from blemore.encoders import openface
from blemore.errors import InputError
from blemore.features.seven_statistics import aggregate
from tests.cli.test_cli import document
from tests.conftest import real

UNITS = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 45)
POSE = [f"pose_{kind}{axis}" for kind in "RT" for axis in "xyz"]
GAZE = [f"gaze_{eye}_{axis}" for eye in (0, 1) for axis in "xyz"]
EXPECTED = [*(f"AU{unit:02}_r" for unit in UNITS), *POSE, *GAZE, "gaze_angle_x", "gaze_angle_y"]
CLIPS = ["A220_mix_ang_disg_30_70_ver1", "A220_mix_ang_disg_50_50_ver1", "A220_neu_sit1_ver1", "A327_ang_int1_ver1"]


def written(folder: Path, n: int = 20, bad: tuple[int, ...] = (), separator: str = ",", **changed: float) -> Path:
    """A file of `n` rows in which feature j of frame i is 100 i + j, and bad frames read -1."""
    values = 100.0 * np.arange(n)[:, None] + np.arange(len(EXPECTED))
    values[list(bad)] = -1
    table = pd.DataFrame(values, columns=EXPECTED)[EXPECTED[::-1]]  # the file's order is another
    good = ~np.isin(np.arange(n), bad)
    table.insert(0, "confidence", np.where(good, 0.98, changed.get("confidence", 0.1)))
    table.insert(1, "success", np.where(good, 1, changed.get("success", 0)))
    table.insert(0, "frame", np.arange(1, n + 1))
    text = table.to_csv(index=False)
    (folder / "clip.csv").write_text(text.replace(",", separator))
    return folder / "clip.csv"


@pytest.mark.parametrize("name", CLIPS)
def test_real_files_give_31_columns_in_order_and_217_statistics(name: str) -> None:
    path = real(f"openface/{name}.csv")
    rows = encoders.get("openface").open()(path)
    np.testing.assert_array_equal(rows, pd.read_csv(path)[EXPECTED].to_numpy(np.float32))
    assert aggregate(rows).shape == (217,)
    assert openface.read(path).flag == "" and openface.read(path).good == 1


def test_the_commands_make_of_the_real_files_a_table_of_217_columns(tmp_path: Path) -> None:
    folder = real(f"openface/{CLIPS[0]}.csv").parent
    paths = [str(folder / f"{name}.csv") for name in CLIPS]
    done = document("extract", "--encoder", "openface", *paths, "--out", str(tmp_path / "openface"))
    assert (done["extracted"], done["failed"]) == (4, 0)
    document("aggregate", str(tmp_path / "openface"), "--out", str(tmp_path / "openface.npz"))
    with np.load(tmp_path / "openface.npz", allow_pickle=False) as table:
        assert table["filenames"].tolist() == CLIPS and table["X"].shape == (4, 217)
        for row, path in zip(table["X"], paths, strict=True):
            frames = pd.read_csv(path)[EXPECTED].to_numpy()
            np.testing.assert_allclose(row[:31], frames.mean(axis=0), rtol=1e-4, atol=1e-5)
            np.testing.assert_allclose(row[-31:], np.percentile(frames, 90, axis=0), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", CLIPS[:1])
def test_a_spoilt_copy_of_a_real_file_is_interpolated(name: str, tmp_path: Path) -> None:
    table = pd.read_csv(real(f"openface/{name}.csv"))
    table.loc[[10, 11], EXPECTED] = 999.0
    table.loc[[10, 11], "success"] = 0
    table.columns = [table.columns[0], *(" " + column for column in table.columns[1:])]  # as OpenFace writes them
    table.to_csv(tmp_path / "clip.csv", index=False)
    tracked = openface.read(tmp_path / "clip.csv")
    whole = pd.read_csv(real(f"openface/{name}.csv"))[EXPECTED].to_numpy()
    np.testing.assert_allclose(tracked.frames[10], whole[9] * 2 / 3 + whole[12] / 3, rtol=1e-6)
    np.testing.assert_array_equal(np.delete(tracked.frames, [10, 11], 0), np.delete(whole, [10, 11], 0).astype("f4"))
    assert tracked.flag == f"2 of {len(table)} frames lost the face: interpolated"


def test_columns_are_taken_by_name_with_or_without_blanks(tmp_path: Path) -> None:
    plain = openface.read(written(tmp_path)).frames
    np.testing.assert_array_equal(openface.read(written(tmp_path, separator=", ")).frames, plain)
    assert plain[3].tolist() == [300 + j for j in range(31)]


@pytest.mark.parametrize("why", [{"confidence": 0.84, "success": 1}, {"confidence": 0.99, "success": 0}])
def test_frames_of_low_confidence_or_without_success_are_interpolated(tmp_path: Path, why: dict) -> None:
    tracked = openface.read(written(tmp_path, bad=(5, 6, 19), **why))
    assert tracked.frames[5, 2] == pytest.approx(502) and tracked.frames[6, 2] == pytest.approx(602)
    assert tracked.frames[19, 2] == pytest.approx(1802), "the last good frame is held"
    assert (tracked.good, len(tracked.frames)) == (17 / 20, 20)


def test_what_a_lost_frame_holds_does_not_matter_unless_it_is_kept(tmp_path: Path) -> None:
    whole = openface.read(written(tmp_path, bad=(0, 5, 6))).frames
    path = written(tmp_path, bad=(0, 5, 6))
    path.write_text(path.read_text().replace("-1.0", "").replace("0.1", ""))
    np.testing.assert_array_equal(openface.read(path).frames, whole)
    path = written(tmp_path, bad=(0, 5, 6, 7))
    path.write_text(path.read_text().replace("-1.0", "nan"))
    with pytest.raises(InputError, match="row 1, column AU01_r: not a number; run OpenFace again"):
        openface.read(path)


def test_confidence_of_exactly_the_threshold_is_good(tmp_path: Path) -> None:
    assert openface.read(written(tmp_path, bad=(5,), confidence=0.85, success=1)).flag == ""


def test_frames_before_the_first_good_one_are_dropped(tmp_path: Path) -> None:
    tracked = openface.read(written(tmp_path, bad=(0, 1, 7)))
    assert len(tracked.frames) == 18 and tracked.frames[0, 0] == 200
    assert "2 of them dropped at the start" in tracked.flag


def test_with_too_few_good_frames_all_stay_as_they_are_and_the_clip_is_flagged(tmp_path: Path) -> None:
    extract = encoders.get("openface").open()
    rows = extract(written(tmp_path, bad=(0, 5, 6, 7)))
    assert len(rows) == 20 and (rows[[0, 5, 6, 7]] == -1).all()
    assert extract.flag == "4 of 20 frames lost the face: kept as they are"
    extract(written(tmp_path))
    assert extract.flag == "", "a flag belongs to the last file alone"


def test_a_file_without_rows_gives_one_row_of_zeros(tmp_path: Path) -> None:
    tracked = openface.read(written(tmp_path, n=0))
    assert tracked.frames.shape == (1, 31) and not tracked.frames.any() and "no frame" in tracked.flag


def test_files_that_are_not_of_openface_2_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path)
    text = path.read_text()
    for spoilt, says in [(text.replace("AU45_r", "AU46_r"), "missing column AU45_r"), (text.replace("300.0", "x"), "number"),
                         (text.replace("300.0", ""), "not a number"), ("", "cannot be read")]:  # fmt: skip
        path.write_text(spoilt)
        with pytest.raises(InputError, match=says):
            openface.read(path)


def test_columns_are_counted_by_what_openface_calls_them(tmp_path: Path) -> None:
    names = [
        "frame",
        "gaze_0_x",
        "gaze_angle_y",
        "pose_Tx",
        "pose_Rz",
        "pose_Rx",
        "AU01_r",
        "AU45_r",
        "AU01_c",
        "eye_lmk_x_0",
        "x_0",
    ]
    (tmp_path / "a.csv").write_text(f"{', '.join(names)}\n{', '.join('0' for _ in names)}\n")
    assert openface.kinds(tmp_path / "a.csv").to_dict() == {"action_units": 2, "head_pose": 3, "gaze": 2}
