"""Feature tables and files: layouts, joins, fusion, scaling, and every refusal."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from blemore.challenge import clips
from blemore.errors import InputError
from blemore.experiments.protocols import settings_for
from blemore.features import feature_files, feature_table

NAMES = ["A102_ang_int1_ver1", "A102_neu_sit1_ver1", "A103_mix_ang_hap_30_70_ver1"]


def make(names: list[str] = NAMES, width: int = 2, counts: list[int] | None = None, **more) -> feature_table.Features:
    rows = sum(counts or [1] * len(names))
    x = np.arange(rows * width, dtype=np.float32).reshape(rows, width)
    return feature_table.table("here", names, x, None if counts is None else np.array(counts),
                          **{"encoder": "mine", **more})  # fmt: skip


@pytest.mark.parametrize("counts", [None, [2, 1, 3]])
def test_a_written_table_comes_back(tmp_path: Path, counts) -> None:
    given = make(counts=counts)
    feature_files.write(tmp_path / "mine.npz", given)
    back = feature_files.read(tmp_path / "mine.npz")
    assert (back.names, back.encoder, back.digest) == (given.names, "mine", given.digest)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.npz"]


def test_simulated_features_stay_simulated_in_a_file(tmp_path: Path) -> None:
    feature_files.write(tmp_path / "mine.npz", make(origin="stand-in"))
    assert feature_files.read(tmp_path / "mine.npz", origin="measured").origin == "stand-in"
    feature_files.write(tmp_path / "mine.npz", make())
    assert feature_files.read(tmp_path / "mine.npz").origin == "measured"
    with np.load(tmp_path / "mine.npz") as arrays:
        assert set(arrays) == {"X", "filenames"}  # the public baseline's layout, and no more


def test_media_suffixes_do_not_matter(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", X=np.zeros((1, 2)), filenames=np.array(["x/" + NAMES[0] + ".mov"]))
    assert feature_files.read(tmp_path / "a.npz").names == (NAMES[0],)


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"X": np.zeros((3, 2))}, "expected X and filenames"),
        ({"X": np.zeros((2, 2)), "filenames": np.array(NAMES)}, r"expected \(3, D\)"),
        ({"X": np.zeros(3), "filenames": np.array(NAMES)}, "wrong shape"),
        ({"X": np.zeros((3, 0)), "filenames": np.array(NAMES)}, "wrong shape"),
        ({"X": np.full((3, 2), "a"), "filenames": np.array(NAMES)}, "not numbers"),
        ({"X": np.zeros((4, 2)), "filenames": np.array([NAMES[0], *NAMES])}, "1 clips occur twice; got A102_ang"),
        ({"X": np.zeros((3, 2)), "filenames": np.array([NAMES])}, "filenames"),
        ({"X": np.array([[0.0], [np.nan], [np.inf]]), "filenames": np.array(NAMES)},
         "NaN or infinite features in 2 of 3 clips; got A102_neu_sit1_ver1, A103"),
        ({"X": np.full((3, 1), 1e300), "filenames": np.array(NAMES)}, "NaN or infinite"),
        ({"X": np.zeros((3, 2)), "filenames": np.array(NAMES), "counts": np.array([1, 0, 2])}, "counts"),
        ({"X": np.zeros((3, 2)), "filenames": np.array(NAMES), "counts": np.array([1, 1])}, "counts"),
        ({"X": np.zeros((3, 2)), "filenames": np.array(NAMES, dtype=object)}, "names as text"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_table_is_one_clear_line(tmp_path: Path, arrays: dict, says: str) -> None:
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(InputError, match=says) as error:
        feature_files.read(tmp_path / "bad.npz")
    assert "bad.npz" in str(error.value) and "\n" not in str(error.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        feature_files.read(tmp_path / "absent.npz")
    (tmp_path / "text.npz").write_text("hello")
    (tmp_path / "empty.npz").write_text("")
    feature_files.write(tmp_path / "cut.npz", make())
    (tmp_path / "cut.npz").write_bytes((tmp_path / "cut.npz").read_bytes()[:300])
    assert not zipfile.is_zipfile(tmp_path / "cut.npz")
    for name in ("text.npz", "empty.npz", "cut.npz"):
        with pytest.raises(InputError, match="cannot be read"):
            feature_files.read(tmp_path / name)
    np.save(tmp_path / "one.npy", np.zeros(3))
    with pytest.raises(InputError, match="one array"):
        feature_files.read(tmp_path / "one.npy")


def test_a_folder_of_frames_is_aggregated_or_kept(tmp_path: Path) -> None:
    frames = {name: np.random.default_rng(i).normal(size=(3 + i, 4)) for i, name in enumerate(NAMES)}
    for name, array in frames.items():
        np.save(tmp_path / f"{name}.npy", array)
    (tmp_path / f"._{NAMES[0]}.npy").write_bytes(b"what macOS leaves on other disks")
    aggregated = feature_files.read(tmp_path, encoder="mine")
    assert aggregated.x.shape == (3, 28)
    np.testing.assert_allclose(aggregated.x[1, 4:8], frames[NAMES[1]].std(axis=0), rtol=1e-6)
    np.testing.assert_allclose(aggregated.x[2, 12:16], np.quantile(frames[NAMES[2]], 0.25, axis=0), rtol=1e-6)
    kept = feature_files.read_folder(tmp_path, encoder="mine", subsamples=True)
    assert kept.counts.tolist() == [3, 4, 5]
    np.testing.assert_array_equal(kept.select([NAMES[1]]).x, frames[NAMES[1]].astype("f4"))


def test_folders_that_do_not_fit(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no \.npy"):
        feature_files.read(tmp_path)
    np.save(tmp_path / f"{NAMES[0]}.npy", np.zeros((2, 3)))
    np.save(tmp_path / f"{NAMES[1]}.npy", np.zeros((2, 4)))
    with pytest.raises(InputError, match="differ in width"):
        feature_files.read(tmp_path)
    np.save(tmp_path / f"{NAMES[1]}.npy", np.array([[0, np.nan, 1.0]]))
    with pytest.raises(InputError, match=f"{NAMES[1]}.npy: NaN"):
        feature_files.read(tmp_path)
    np.save(tmp_path / f"{NAMES[1]}.npy", np.zeros((0, 3)))
    with pytest.raises(InputError, match="not a feature array"):
        feature_files.read(tmp_path)
    for path in tmp_path.iterdir():
        path.unlink()
    (tmp_path / f"{NAMES[1]}.csv").write_text("a,b,c\n1,2,x\n")
    with pytest.raises(InputError, match="not a number"):
        feature_files.read(tmp_path)


def test_join_follows_the_clip_table_and_says_what_is_left_out() -> None:
    table = clips.from_names(NAMES, [0, 0, 1])
    joined = feature_table.join(table, make(["A999_sad_int1_ver1", NAMES[2], NAMES[0]]))
    assert joined.clips.names == list(joined.features.names) == [NAMES[0], NAMES[2]]
    np.testing.assert_array_equal(joined.features.x, [[4, 5], [2, 3]])
    assert joined.note == (
        "mine: 1 of 3 clips have no features (A102_neu_sit1_ver1); "
        "1 of 3 clips with features are not in the clip table (A999_sad_int1_ver1)"
    )
    assert feature_table.join(table, make()).note == ""


def test_subsamples_of_one_row_a_clip_stay_subsamples(tmp_path: Path) -> None:
    feature_files.write(tmp_path / "mine.npz", make(counts=[1, 1, 1]))
    assert feature_files.read(tmp_path / "mine.npz").subsampled
    assert make(counts=[1, 2, 3]).select(NAMES[:1]).subsampled
    assert not make().subsampled
    assert settings_for(make(counts=[1, 1, 1])).epochs == settings_for(make(counts=[2, 1, 1])).epochs


def test_join_keeps_the_rows_of_a_clip_together() -> None:
    joined = feature_table.join(clips.from_names(NAMES[::-1]), make(counts=[2, 1, 3], width=1))
    assert joined.features.x[:, 0].tolist() == [3, 4, 5, 2, 0, 1]
    assert joined.features.counts.tolist() == [3, 1, 2]


def test_features_of_other_clips_are_refused() -> None:
    with pytest.raises(InputError, match="none of its clips is in the clip table"):
        feature_table.join(clips.from_names(NAMES), make(["A999_sad_int1_ver1"]))


def test_fusion_matches_clips_by_name() -> None:
    fused = feature_table.fuse(make(), make(NAMES[::-1], encoder="other", origin="stand-in"))
    assert (fused.encoder, fused.origin, fused.names) == ("mine+other", "stand-in", tuple(NAMES))
    assert fused.x.tolist() == [[0, 1, 4, 5], [2, 3, 2, 3], [4, 5, 0, 1]]
    with pytest.raises(InputError, match="1 clips are in one table only; got A102_ang"):
        feature_table.fuse(make(), make(NAMES[1:]))
    with pytest.raises(InputError, match="aggregate them first"):
        feature_table.fuse(make(), make(counts=[1, 2, 1]))


def test_scaling_uses_the_training_rows_alone() -> None:
    rng = np.random.default_rng(0)
    train, other = rng.normal(3, 2, (50, 4)).astype("f4"), rng.normal(size=(9, 4)).astype("f4")
    train[:, 2] = 7  # no variance: only centred
    got_train, got_other = feature_table.standardise(train, other)
    spread = train.std(axis=0, dtype=np.float64)
    spread[2] = 1
    np.testing.assert_allclose(got_other, (other - train.mean(axis=0, dtype=np.float64)) / spread, rtol=1e-4)
    np.testing.assert_allclose(got_train[:, [0, 1, 3]].std(axis=0), 1, rtol=1e-5)
    assert got_other.dtype == np.float32
    np.testing.assert_array_equal(feature_table.standardise(train, other[:2])[1], got_other[:2])


def test_what_was_done_to_the_values_is_told_with_the_join_and_the_fusion() -> None:
    given = make(remark="frames aggregated")
    assert feature_table.join(clips.from_names(NAMES), given).note == "mine: frames aggregated"
    assert feature_table.fuse(given, make(encoder="other")).remark == "mine: frames aggregated"
    assert given.digest == make().digest


def test_one_name_that_occurs_twice_among_300_000_is_found() -> None:
    names = [f"A1_ang_int1_ver{i}" for i in range(1, 300_001)]
    with pytest.raises(InputError, match="1 clips occur twice; got A1_ang_int1_ver7;"):
        feature_table.table("here", [*names, names[6]], np.ones((300_001, 1)), encoder="mine")


def test_digest_changes_with_anything_that_matters() -> None:
    one = make(counts=[2, 1, 3])
    others = [make(counts=[1, 2, 3]), make(NAMES[::-1], counts=[2, 1, 3]), make(counts=[2, 1, 3], width=1)]
    changed = feature_table.table("here", NAMES, one.x + 1, one.counts, encoder="mine")
    assert len({t.digest for t in (one, changed, *others)}) == 5
    assert make(counts=[2, 1, 3], encoder="other").digest == one.digest
