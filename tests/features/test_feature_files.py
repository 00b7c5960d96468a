"""Feature files in the layouts that people have: what is read, how, and what every refusal says."""

from __future__ import annotations

import io
import json
import os
import pickle
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blemore.challenge import clips
from blemore.errors import InputError
from blemore.features import feature_files

NAMES = ["A9001_ang_int1_ver1", "A9001_mix_ang_hap_30_70_ver1", "A9002_neu_sit1_ver1", "A9002_sad_int2_ver1"]
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:" + 64 * "0" + "\nsize 12345\n"


def plain(frames: np.ndarray) -> np.ndarray:
    """The seven statistics, as NumPy gives them one after the other."""
    wide = frames.astype(np.float64)
    percentiles = [np.percentile(wide, percent, axis=0) for percent in (10, 25, 50, 75, 90)]
    return np.concatenate([wide.mean(axis=0), wide.std(axis=0), *percentiles])


def series(width: int = 3, names: list[str] = NAMES) -> dict[str, np.ndarray]:
    return {
        name: np.random.default_rng(i).normal(size=(4 + i, width)).astype(np.float32) for i, name in enumerate(names)
    }


def saved(folder: Path, arrays: dict[str, np.ndarray]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    return folder


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        feature_files.read(path)
    text = str(caught.value)
    assert "\n" not in text and "allow_pickle" not in text and str(path) in text
    return text


@pytest.mark.parametrize(
    ("shape", "seen"),
    [((5, 1, 3), (5, 3)), ((1, 5, 3), (5, 3)), ((5, 3, 1), (5, 3)), ((1, 1, 3), (1, 3)), ((5, 1, 1, 3), (5, 3)),
     ((1, 3), (1, 3)), ((5, 1), (5, 1)), ((3,), (3,))],
)  # fmt: skip
def test_singleton_axes_are_dropped_but_not_those_of_a_matrix(tmp_path: Path, shape: tuple, seen: tuple) -> None:
    values = np.arange(np.prod(shape), dtype=np.float32)
    np.save(tmp_path / "a.npy", values.reshape(shape))
    np.testing.assert_array_equal(feature_files.read_frames(tmp_path / "a.npy"), values.reshape(seen))


def test_arrays_of_more_axes_are_refused_with_their_shape(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((4, 2, 3)))
    assert "float64 (4, 2, 3)" in refusal(tmp_path)


def test_folders_in_parts_are_one_table_without_what_systems_leave_behind(tmp_path: Path) -> None:
    frames = series()
    for i, name in enumerate(NAMES):
        saved(tmp_path / f"part_{i % 2}", {name: frames[name]})
    for junk in ("__MACOSX/part_0/._a.npy", "part_1/._b.npy", ".DS_Store", "Thumbs.db", "desktop.ini", ".git/c.npy"):
        (tmp_path / junk).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / junk).write_bytes(b"left behind")
    table = feature_files.read(tmp_path)
    assert sorted(table.names) == sorted(NAMES)
    for name in NAMES:
        np.testing.assert_allclose(table.select([name]).x[0], plain(frames[name]), rtol=1e-5, atol=1e-6)


def test_a_link_that_leads_back_ends(tmp_path: Path) -> None:
    saved(tmp_path / "part", series())
    (tmp_path / "part" / "back").symlink_to(tmp_path)
    assert len(feature_files.read(tmp_path).names) == len(NAMES)


def test_two_files_of_one_clip_are_refused_and_both_are_named(tmp_path: Path) -> None:
    frames = series()
    saved(tmp_path / "part_1", frames)
    saved(tmp_path / "part_2", {f"{NAMES[1]}.mov": frames[NAMES[1]]})
    text = refusal(tmp_path)
    assert "1 clip has several files" in text
    assert f"part_1/{NAMES[1]}.npy" in text and f"part_2/{NAMES[1]}.mov.npy" in text


@pytest.mark.parametrize(("odd", "said"), [((5, 4), "(T, 4)"), ((3,), "(3,)")])
def test_the_odd_file_among_many_is_named_and_not_the_first_three(tmp_path: Path, odd: tuple, said: str) -> None:
    names = [f"A9001_ang_int1_ver{i}" for i in range(10, 89)]
    saved(tmp_path, series(names=names))
    for place in (0, 40):
        np.save(tmp_path / f"{names[place]}.npy", np.ones(odd))
        text = refusal(tmp_path)
        assert f"1 of 79 files differ in width or columns; expected (T, 3) as in {names[not place]}.npy" in text
        assert f"got {names[place]}.npy {said};" in text
        np.save(tmp_path / f"{names[place]}.npy", np.ones((5, 3)))
    feature_files.read(tmp_path)


def test_csv_columns_go_by_name(tmp_path: Path) -> None:
    (tmp_path / f"{NAMES[0]}.csv").write_text("frame,a,b\n1,1,2\n2,3,4\n")
    (tmp_path / f"{NAMES[1]}.csv").write_text("frame,b,a\n1,20,10\n")
    table = feature_files.read(tmp_path)
    assert table.x[:, :2].tolist() == [[2, 3], [10, 20]]
    kept = feature_files.read_folder(tmp_path, encoder="mine", subsamples=True)
    assert kept.x.tolist() == [[1, 2], [3, 4], [10, 20]]
    (tmp_path / f"{NAMES[2]}.csv").write_text("a,b\n1,2\n")
    (tmp_path / f"{NAMES[3]}.csv").write_text("a,c\n1,2\n")
    assert f"got {NAMES[3]}.csv (T, 2), columns not in both: b, c" in refusal(tmp_path)


@pytest.mark.parametrize("text", ["1,2,3\n4,5,6\n", "0\n5\n", "0,1\n2,3\n", ",0.5,1e-3\n1,2,3\n", "-1, 2\n3,4\n"])
def test_a_csv_file_without_header_keeps_its_first_frame_by_being_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    assert "has no header line: its first line is numbers" in refusal_of(tmp_path)


@pytest.mark.parametrize("text", ["0,1,2\n4,5,6\n", ",0,1,2\n0,4,5,6\n"])
def test_the_header_that_pandas_writes_above_columns_without_names_is_one(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    assert feature_files.read(tmp_path).x[0, :3].tolist() == [4, 5, 6]


def refusal_of(folder: Path) -> str:
    """Like `refusal`, where the error names a file of the folder."""
    with pytest.raises(InputError) as caught:
        feature_files.read(folder)
    assert str(folder) in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", ["a.npy", "a.csv"])
def test_a_git_lfs_pointer_says_so(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(POINTER)
    assert refusal_of(tmp_path).endswith("is a Git LFS pointer, not the file itself; run git lfs pull")
    (tmp_path / "table.npz").write_text(POINTER)
    assert "run git lfs pull" in refusal(tmp_path / "table.npz")
    with pytest.raises(InputError, match=r"^[^:]*: is a Git LFS pointer, not the file itself; run git lfs pull$"):
        clips.read_metadata(tmp_path / name)


def bytes_of(kind: str) -> bytes:
    buffer = io.BytesIO()
    if kind == ".npy":
        np.save(buffer, np.ones((3, 4)))
    else:
        np.savez(buffer, X=np.ones((2, 4)), filenames=np.array(NAMES[:2]))
    return buffer.getvalue()


@pytest.mark.parametrize("kind", [".npy", ".npz"])
@settings(max_examples=60)
@given(part=st.floats(0, 0.999))
def test_a_file_cut_anywhere_is_told_to_be_copied_again(
    tmp_path_factory: pytest.TempPathFactory, kind: str, part: float
) -> None:
    whole = bytes_of(kind)
    path = tmp_path_factory.getbasetemp() / f"cut{kind}"
    path.write_bytes(whole[: int(part * len(whole))])
    with pytest.raises(
        InputError, match=r"cannot be read: it is (empty|cut short).*; copy or extract it again$"
    ) as caught:
        feature_files.read(path) if kind == ".npz" else feature_files.read_frames(path)
    assert "pickle" not in str(caught.value) and "as text" not in str(caught.value)


def test_an_empty_file_says_so(tmp_path: Path) -> None:
    for name in ("a.npy", "b.npz"):
        (tmp_path / name).write_bytes(b"")
    assert f"{tmp_path / 'a.npy'}: cannot be read: it is empty" in refusal_of(tmp_path)
    assert "cannot be read: it is empty" in refusal(tmp_path / "b.npz")


def test_objects_and_pickles_get_the_advice_that_is_theirs(tmp_path: Path) -> None:
    np.savez(tmp_path / "names.npz", X=np.ones((1, 2)), filenames=np.array(NAMES[:1], dtype=object))
    assert "it holds Python objects; save numbers as float32 and names as text" in refusal(tmp_path / "names.npz")
    (tmp_path / "a.npz").write_bytes(pickle.dumps({"X": 1}))
    assert "it is a pickle, and pickles are not loaded; save" in refusal(tmp_path / "a.npz")


def test_names_in_bytes_are_read_and_those_that_are_no_text_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", X=np.ones((2, 2)), filenames=np.array([name.encode() for name in NAMES[:2]]))
    assert feature_files.read(tmp_path / "a.npz").names == tuple(NAMES[:2])
    np.savez(tmp_path / "a.npz", X=np.ones((1, 2)), filenames=np.array([b"\xff\xfe"]))
    assert "filenames are not text" in refusal(tmp_path / "a.npz")
    np.savez(tmp_path / "a.npz", X=np.ones((2, 2)), filenames=np.arange(2))
    assert "expected (N,) texts; got int64 (2,)" in refusal(tmp_path / "a.npz")


def test_members_that_are_not_needed_are_not_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", X=np.ones((1, 2)), filenames=np.array(NAMES[:1]))
    header = io.BytesIO()
    claim = {"descr": "<f4", "fortran_order": False, "shape": (10**15,)}
    np.lib.format.write_array_header_1_0(header, claim)
    with zipfile.ZipFile(tmp_path / "a.npz", "a") as archive:
        archive.writestr("more.npy", header.getvalue())
    assert feature_files.read(tmp_path / "a.npz").x.shape == (1, 2)
    with zipfile.ZipFile(tmp_path / "b.npz", "w") as archive:
        archive.writestr("X.npy", header.getvalue())
        archive.writestr("filenames.npy", b"no array")
    assert "cannot be read" in refusal(tmp_path / "b.npz")


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda member: b"no array", "X is not an array"),
        (lambda member: member.replace(b"(1, 2)", b"(True,)"), "cut short or damaged"),
        (lambda member: member.replace(b"<f8", b"<c16"), "cannot be read"),
        (lambda member: member[:-1], "cut short or damaged"),
    ],
)
def test_an_archive_with_a_damaged_member_is_one_clear_line(tmp_path: Path, damage: Callable, says: str) -> None:
    np.savez(tmp_path / "a.npz", X=np.ones((1, 2)), filenames=np.array(NAMES[:1]))
    with zipfile.ZipFile(tmp_path / "a.npz") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        for name, content in members.items():
            archive.writestr(name, damage(content) if name == "X.npy" else content)
    assert says in refusal(tmp_path / "a.npz")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.npy")
    assert "a.npy: cannot be read; got a device, a pipe or a socket" in refusal_of(tmp_path)


def test_a_link_to_nothing_is_not_left_out(tmp_path: Path) -> None:
    saved(tmp_path, series())
    (tmp_path / "lost.npy").symlink_to(tmp_path / "annex" / "lost.npy")
    assert "lost.npy: no such file" in refusal_of(tmp_path)


def test_an_array_that_an_archive_holds_twice_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", X=np.ones((1, 2)), filenames=np.array(NAMES[:1]))
    with zipfile.ZipFile(tmp_path / "a.npz") as archive:
        x = archive.read("X.npy")
    with zipfile.ZipFile(tmp_path / "a.npz", "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("X.npy", x)
    assert "holds X twice" in refusal(tmp_path / "a.npz")


def test_frames_under_repeated_names_are_aggregated_and_that_is_said(tmp_path: Path) -> None:
    frames = series()
    names = [name for name in NAMES for _ in frames[name]]
    np.savez(tmp_path / "STACK.npz", X=np.concatenate(list(frames.values())), filenames=np.array(names))
    table = feature_files.read(tmp_path / "STACK.npz")
    assert table.names == tuple(NAMES) and not table.subsampled
    np.testing.assert_allclose(table.x, [plain(frames[name]) for name in NAMES], rtol=1e-5, atol=1e-6)
    assert table.remark.startswith("22 rows of 4 clips aggregated to seven statistics")


def test_sequences_are_aggregated_over_time_and_that_is_said(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(4, 5, 3)).astype(np.float32)
    np.savez(tmp_path / "SEQUENCE.npz", X=x, filenames=np.array(NAMES))
    table = feature_files.read(tmp_path / "SEQUENCE.npz")
    np.testing.assert_allclose(table.x, [plain(frames) for frames in x], rtol=1e-5, atol=1e-6)
    assert table.remark.startswith("20 rows of 4 clips aggregated")
    np.savez(tmp_path / "one.npz", X=x[:, :1], filenames=np.array(NAMES))
    one = feature_files.read(tmp_path / "one.npz")
    np.testing.assert_array_equal(one.x, x[:, 0])
    assert one.remark == ""


@pytest.mark.parametrize("order", [[0, 0, 1, 2, 3], [0, 1, 0, 1], [0, 1, 2, 3, 0], [0, 0, 1, 1, 0]])
def test_a_name_that_only_occurs_again_is_no_series_of_frames(tmp_path: Path, order: list[int]) -> None:
    names = [NAMES[i] for i in order]
    np.savez(tmp_path / "a.npz", X=np.ones((len(names), 2)), filenames=np.array(names))
    assert "clips occur twice" in refusal(tmp_path / "a.npz")


@pytest.mark.parametrize("shape", [(), (4,), (4, 0, 3), (4, 2, 0), (4, 2, 3, 3), (3, 2, 3)])
def test_an_array_of_another_shape_is_refused(tmp_path: Path, shape: tuple) -> None:
    np.savez(tmp_path / "a.npz", X=np.ones(shape), filenames=np.array(NAMES))
    assert f"X has the wrong shape; expected (4, D); got {shape}" in refusal(tmp_path / "a.npz")


def test_nan_in_one_of_many_frames_names_the_clip(tmp_path: Path) -> None:
    x = np.ones((4, 5, 3))
    x[2, 1, 1] = np.nan
    np.savez(tmp_path / "a.npz", X=x, filenames=np.array(NAMES))
    assert f"{NAMES[2]}: NaN or infinite features" in refusal(tmp_path / "a.npz")


def test_a_value_beyond_float32_is_refused_by_the_name_of_its_file(tmp_path: Path) -> None:
    saved(tmp_path, {NAMES[0]: np.array([[1e300, 1.0], [1.0, 1.0]])})
    assert f"{NAMES[0]}.npy: NaN or infinite" in refusal_of(tmp_path)
    with pytest.raises(InputError, match="NaN or infinite"):
        feature_files.read_folder(tmp_path, encoder="mine", subsamples=True)


def about() -> dict[str, object]:
    return {"format": 1, "clip": "0", "encoder": "mine"}


@pytest.mark.parametrize("place", [-1, 200])
def test_a_bit_that_flipped_since_extraction_is_refused(tmp_path: Path, place: int) -> None:
    path = tmp_path / f"{NAMES[0]}.npy"
    feature_files.write_frames(path, np.ones((30, 3), np.float32), about())
    feature_files.read(tmp_path)
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    assert f"{path}: has changed since extraction" in refusal_of(tmp_path) and "extract this clip again" in refusal_of(
        tmp_path
    )
    path.with_suffix(".json").unlink()
    feature_files.read(tmp_path)


def test_a_json_of_others_beside_features_says_nothing_of_them(tmp_path: Path) -> None:
    saved(tmp_path, {NAMES[0]: np.ones((2, 2))})
    for text in ("[" * 100_000, "{", json.dumps({"features": "0"})):
        (tmp_path / f"{NAMES[0]}.json").write_text(text)
        feature_files.read(tmp_path)


def test_frames_of_one_file_at_a_time_are_in_memory(tmp_path: Path) -> None:
    names = [f"A9001_ang_int1_ver{i}" for i in range(1, 61)]
    for name in names:
        np.save(tmp_path / f"{name}.npy", np.ones((400, 64), np.float32))
    feature_files.read(tmp_path)  # what is imported and cached on the way
    tracemalloc.start()
    try:
        table = feature_files.read(tmp_path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    one, all_of_them = 400 * 64 * 4, 60 * 400 * 64 * 4
    assert peak < 3 * table.x.nbytes + 8 * one < all_of_them / 4


def test_singleton_axes_of_stacked_frames_are_dropped(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(4, 5, 3))
    for shape in (x.shape, (4, 5, 1, 3), (4, 1, 5, 3)):
        np.savez(tmp_path / "t.npz", X=x.reshape(shape), filenames=np.array(NAMES))
        np.testing.assert_allclose(feature_files.read(tmp_path / "t.npz").x[0], plain(x[0]), rtol=1e-5)


def test_files_of_a_format_that_few_have_are_named(tmp_path: Path) -> None:
    saved(tmp_path, series())
    (tmp_path / "metadata.csv").write_text("filename,fold\nA,0\n")
    says = refusal(tmp_path)
    assert "holds files of two formats" in says and "4 .npy and 1 .csv, among them metadata.csv" in says
