"""Where data come from: the pinned files, the mirror, the cache and the release, and never the network."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import socket
import time
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import numpy as np
import pooch
import pytest
import requests

from blemore.challenge import clips
from blemore.errors import BlemoreError, InputError, SourceError, UnknownNameError
from blemore.features import feature_files, release_folder
from blemore.results.claims import ledger
from blemore.sources import lookup, released
from blemore.sources.recorded import Input
from blemore.system import environment, fingerprints
from tests.conftest import real

SIZES = {"summaries": 4, "predictions": 20, "logs": 105}


def refuse(*_: object, **__: object) -> NoReturn:
    raise AssertionError("the network was asked")


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing is here: no release, no mirror, an empty cache; and whoever opens a connection fails."""
    for name in ("BLEMORE_DATA", "BLEMORE_MIRROR", "BLEMORE_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BLEMORE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The mirror of the public files."""
    path = real("mirror")
    monkeypatch.setenv("BLEMORE_MIRROR", str(path))
    return path


@pytest.fixture
def own_mirror(mirror: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A mirror of the four summaries that a test may spoil."""
    copy = tmp_path / "mirror"
    for name in lookup.files_of("summaries"):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(mirror / name, copy / name)
    monkeypatch.setenv("BLEMORE_MIRROR", str(copy))
    return copy


@pytest.fixture
def release(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder of the release with two clips in its metadata, in a sub-folder."""
    folder = tmp_path / "zenodo"
    (folder / "blemore_data").mkdir(parents=True)
    (folder / "blemore_data" / lookup.METADATA).write_text(
        "filename,fold\nA102_ang_int1_ver1,0\nA411_mix_ang_hap_30_70_ver1,1\n"
    )
    monkeypatch.setenv("BLEMORE_DATA", str(folder))
    return folder


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def one_line(caught: pytest.ExceptionInfo[BaseException]) -> str:
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_every_pinned_file_is_in_one_group_at_a_full_commit_with_a_sha256() -> None:
    registry = lookup.registry()
    assert {group: len(lookup.files_of(group)) for group in lookup.GROUPS} == SIZES
    assert sorted(name for group in lookup.GROUPS for name in lookup.files_of(group)) == sorted(registry)
    for name, sha256 in registry.items():
        assert re.fullmatch(r"[\w-]+/[\w-]+/[0-9a-f]{40}/[^\s\\]+", name) and ".." not in name
        assert re.fullmatch(r"[0-9a-f]{64}", sha256)


@pytest.mark.parametrize("group", SIZES)
def test_fetching_from_the_mirror_stores_its_very_bytes(
    group: str, mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    got = lookup.fetch([group], progress=False)[group]
    assert len(got) == SIZES[group]
    for name, path in got.items():
        assert path.is_relative_to(environment.cache_folder())
        assert path.read_bytes() == (mirror / name).read_bytes()
    monkeypatch.delenv("BLEMORE_MIRROR")
    assert lookup.released(group) == got  # the cache serves without the mirror
    monkeypatch.setattr(lookup, "_download", refuse)
    assert lookup.fetch([group], progress=False)[group] == got  # and what is there is not had again


def test_mirror_serves_while_the_network_is_off(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLEMORE_OFFLINE", "1")
    assert len(lookup.fetch(["summaries"], progress=False)["summaries"]) == SIZES["summaries"]


def test_wrong_content_of_the_mirror_is_refused_and_named(own_mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    spoilt = lookup.files_of("summaries")[1]
    (own_mirror / spoilt).write_text("encoder,model\n")
    with pytest.raises(SourceError) as caught:
        lookup.fetch(["summaries"], progress=False)
    text = one_line(caught)
    assert spoilt in text and lookup.registry()[spoilt] in text
    assert not (environment.cache_folder() / spoilt).exists()
    with pytest.raises(SourceError, match=re.escape(spoilt)):
        lookup.released("summaries")


def test_wrong_content_of_the_mirror_is_not_copied_again_and_again(
    own_mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (own_mirror / lookup.files_of("summaries")[0]).write_text("encoder,model\n")

    def wait(seconds: float) -> NoReturn:
        raise AssertionError(f"waits {seconds} s for a file on disk to change")

    monkeypatch.setattr(time, "sleep", wait)
    with pytest.raises(SourceError):
        lookup.fetch(["summaries"], progress=False)


def test_spoilt_download_is_refused_until_it_is_fetched_anew(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lookup.fetch(["summaries"], progress=False)
    monkeypatch.delenv("BLEMORE_MIRROR")
    spoilt = environment.cache_folder() / lookup.files_of("summaries")[0]
    spoilt.write_text("encoder,model\n")
    with pytest.raises(SourceError) as caught:
        lookup.released("summaries")
    text = one_line(caught)
    assert str(spoilt) in text and "blemore data fetch released" in text
    assert lookup.registry()[lookup.files_of("summaries")[0]] in text and fingerprints.sha256_of(spoilt) in text
    monkeypatch.setenv("BLEMORE_MIRROR", str(mirror))
    lookup.fetch(["summaries"], progress=False)
    monkeypatch.delenv("BLEMORE_MIRROR")
    assert len(lookup.released("summaries")) == SIZES["summaries"]


def test_offline_without_a_mirror_is_one_clear_error_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLEMORE_OFFLINE", "1")
    with pytest.raises(SourceError, match=r"BLEMORE_OFFLINE is set.*BLEMORE_MIRROR") as caught:
        lookup.fetch(list(lookup.GROUPS), progress=False)
    assert lookup.files_of("summaries")[0] in one_line(caught)
    assert not files_in(environment.cache_folder())


def test_network_that_fails_is_one_clear_error_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def half(self: object, url: str, output_file: str, store: object, **_: object) -> NoReturn:
        assert url == lookup.ORIGIN + lookup.files_of("summaries")[0]
        Path(output_file).write_text("half of it")
        raise requests.ConnectionError("no route to host")

    monkeypatch.setattr(time, "sleep", lambda _: None)
    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", half)
    with pytest.raises(SourceError, match=r"no route to host.*BLEMORE_MIRROR") as caught:
        lookup.fetch(["summaries"], progress=False)
    assert lookup.files_of("summaries")[0] in one_line(caught)
    assert not files_in(environment.cache_folder())


def test_mirror_that_lacks_a_file_is_named_and_not_replaced_by_the_network(own_mirror: Path) -> None:
    lacking = lookup.files_of("summaries")[2]
    (own_mirror / lacking).unlink()
    with pytest.raises(SourceError, match=f"{re.escape(lacking)} is not in the mirror .*BLEMORE_MIRROR"):
        lookup.fetch(["summaries"], progress=False)


def test_a_cache_that_cannot_be_written_to_is_named(
    mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("BLEMORE_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(SourceError, match="set BLEMORE_CACHE to a folder that can be written to") as caught:
        lookup.fetch(["summaries"], progress=False)
    assert "BLEMORE_MIRROR" not in one_line(caught), "which was set, and is not the cause"


def test_spoilt_file_of_the_mirror_is_not_to_be_deleted(own_mirror: Path) -> None:
    (own_mirror / lookup.files_of("summaries")[1]).write_text("encoder,model\n")
    with pytest.raises(SourceError, match="copy the file into the mirror again, or correct BLEMORE_MIRROR") as caught:
        lookup.released("summaries")
    assert "delete" not in one_line(caught)


def test_mirror_that_is_no_folder_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BLEMORE_MIRROR", str(tmp_path / "nowhere"))
    for ask in (lambda: lookup.fetch(["summaries"], progress=False), lambda: lookup.digest("released/summaries")):
        with pytest.raises(SourceError, match=r"BLEMORE_MIRROR=.*nowhere is not a folder"):
            ask()


def test_incomplete_group_counts_as_absent(own_mirror: Path) -> None:
    assert len(lookup.released("summaries")) == SIZES["summaries"]
    (own_mirror / lookup.files_of("summaries")[3]).unlink()
    assert lookup.released("summaries") == {}
    assert lookup.digest("released/summaries") == "absent"


def test_digests_of_released_groups_differ_and_are_absent_without_files(
    mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digests = [lookup.digest(f"released/{group}") for group in lookup.GROUPS]
    assert len(set(digests)) == 3 and all(re.fullmatch(r"[0-9a-f]{64}", one) for one in digests)
    monkeypatch.delenv("BLEMORE_MIRROR")
    assert {lookup.digest(f"released/{group}") for group in lookup.GROUPS} == {"absent"}


def test_unknown_group_is_refused_with_a_suggestion() -> None:
    for ask in (lookup.files_of, lookup.released, lambda name: lookup.digest(f"released/{name}")):
        with pytest.raises(UnknownNameError, match="did you mean 'summaries'"):
            ask("sumaries")


def test_release_is_found_in_a_sub_folder(release: Path) -> None:
    for source in ("auto", "zenodo"):
        clips, inputs = lookup.clips(source)
        assert clips.names == ["A102_ang_int1_ver1", "A411_mix_ang_hap_30_70_ver1"]
        assert clips.origin == "released"
        digest = fingerprints.sha256_of(release / "blemore_data" / lookup.METADATA)
        assert inputs == (Input("zenodo/train_metadata.csv", digest),)


def test_digest_of_the_release_changes_with_its_content_alone(release: Path) -> None:
    path = release / "blemore_data" / lookup.METADATA
    before = lookup.digest("zenodo/train_metadata.csv")
    path.touch()
    path.rename(release / lookup.METADATA)
    assert lookup.digest("zenodo/train_metadata.csv") == before
    with (release / lookup.METADATA).open("a") as file:
        file.write("A102_ang_int2_ver1,0\n")
    assert lookup.digest("zenodo/train_metadata.csv") not in (before, "absent")
    (release / lookup.METADATA).unlink()
    assert lookup.digest("zenodo/train_metadata.csv") == "absent"


def test_release_with_two_metadata_files_is_refused_and_both_are_named(release: Path) -> None:
    (release / "copy").mkdir()
    shutil.copyfile(release / "blemore_data" / lookup.METADATA, release / "copy" / lookup.METADATA)
    with pytest.raises(InputError) as caught:
        lookup.clips()
    text = one_line(caught)
    assert "more than once" in text and "blemore_data/train_metadata.csv" in text
    assert "copy/train_metadata.csv" in text and str(Path.cwd()) not in text


def spread(folder: Path) -> None:
    """Ready features of two encoders as an archive of the release leaves them, with what macOS adds."""
    names = ["A102_ang_int1_ver1", "A411_mix_ang_hap_30_70_ver1"]
    train, test = (folder / f"pre_extracted_{partition}_data" for partition in ("train", "test"))
    for place in (train / "VideoMAEv2_train" / "part_1", train / "OpenFace_3_train", test / "HiCMAE_test"):
        place.mkdir(parents=True)
    for i, name in enumerate(names):
        np.save(train / "VideoMAEv2_train" / "part_1" / f"{name}.npy", np.full((3 + i, 1, 8), i, np.float32))
        (train / "OpenFace_3_train" / f"{name}.csv").write_text(
            f'emotion_index,gaze_yaw,gaze_pitch,action_units\n{i},0.5,-0.5,"[0, 1, 2, 3, 4, 5, 6, 7]"\n'
        )
    np.save(test / "HiCMAE_test" / "test_0001.npy", np.ones(6))
    for path in list(folder.rglob("*.*")):
        beside = folder / "__MACOSX" / path.relative_to(folder).with_name(f"._{path.name}")
        beside.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(b"left behind")
    (folder / "__MACOSX" / lookup.METADATA).write_text("left behind")


def test_ready_features_are_found_as_archives_leave_them(release: Path) -> None:
    assert not lookup.has_features()
    spread(release)
    assert lookup.has_features()
    table = lookup.clips()[0]
    read, (given,) = lookup.features("videomaev2", table)
    assert read.x.shape == (2, 56) and read.x[:, 0].tolist() == [0, 1] and read.origin == "measured"
    assert given == Input("zenodo/VideoMAEv2_train", lookup.digest("zenodo/VideoMAEv2_train"))
    kept, _ = lookup.features("videomaev2:sub", table)
    assert kept.counts.tolist() == [3, 4] and kept.x.shape == (7, 8)
    faces, _ = lookup.features("openface3", table)
    assert faces.x[:, :11].tolist() == [[i, 0.5, -0.5, *range(8)] for i in range(2)]
    test, _ = lookup.features("hicmae", table, partition="test")
    assert (test.names, test.x.shape) == (("test_0001",), (1, 6)), "a row alone is aggregated already"
    with pytest.raises(SourceError, match="WavLM_large_train is not here"):
        lookup.features("wavlm", table)


def test_a_folder_inside_a_folder_of_the_same_name_is_no_second_one(release: Path) -> None:
    spread(release)
    folder = release / "pre_extracted_train_data" / "VideoMAEv2_train"
    (folder / "part_1").rename(folder / folder.name)
    assert release_folder.in_release("VideoMAEv2_train") == folder
    assert lookup.features("videomaev2", lookup.clips()[0])[0].x.shape == (2, 56)


def test_digest_of_a_folder_is_that_of_its_files_alone(release: Path) -> None:
    spread(release)
    before = lookup.digest("zenodo/VideoMAEv2_train")
    folder = release_folder.in_release("VideoMAEv2_train")
    assert folder is not None
    (folder / ".DS_Store").write_bytes(b"left behind")
    (folder / "part_1" / "Thumbs.db").write_bytes(b"left behind")
    assert lookup.digest("zenodo/VideoMAEv2_train") == before
    changed = next(folder.rglob("*.npy"))
    content = bytearray(changed.read_bytes())
    content[-1] ^= 1  # the same size, perhaps within one tick of the clock
    changed.write_bytes(content)
    assert lookup.digest("zenodo/VideoMAEv2_train") != before


def test_a_file_that_did_not_change_is_digested_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[object] = []
    digest, now = hashlib.file_digest, time.time_ns

    def counted(file: object, name: str) -> object:
        read.append(file)
        return digest(file, name)

    monkeypatch.setattr(hashlib, "file_digest", counted)
    for name in ("a.npy", "b.npy"):
        (tmp_path / name).write_bytes(name.encode())
    fingerprints.sha256_of(tmp_path)
    first = fingerprints.sha256_of(tmp_path)
    assert len(read) == 4, "what was written just now may change within the same tick"
    monkeypatch.setattr(time, "time_ns", lambda: now() + 10**10)
    assert {fingerprints.sha256_of(tmp_path) for _ in range(3)} == {first}
    assert len(read) == 6
    (tmp_path / "b.npy").write_bytes(b"longer content")
    assert fingerprints.sha256_of(tmp_path) != first and len(read) == 7


def test_release_that_is_no_folder_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for place in (tmp_path / "nowhere", tmp_path / "file"):
        (tmp_path / "file").write_text("")
        monkeypatch.setenv("BLEMORE_DATA", str(place))
        for ask in (lookup.clips, lookup.describe, lambda: lookup.digest("zenodo/train_metadata.csv")):
            with pytest.raises(SourceError, match=f"BLEMORE_DATA=.*{place.name} is not a folder"):
                ask()


def test_release_without_metadata_counts_as_absent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BLEMORE_DATA", str(tmp_path))
    assert lookup.clips()[0].origin == "stand-in"
    with pytest.raises(SourceError, match=r"train_metadata.csv is not here; set BLEMORE_DATA"):
        lookup.clips("zenodo")


def test_nothing_on_disk_gives_the_stand_in_and_names_what_was_looked_for() -> None:
    clips, inputs = lookup.clips()
    assert (len(clips), clips.origin) == (3050, "stand-in")
    assert inputs == (Input("zenodo/train_metadata.csv", "absent"),)


def test_stand_in_asked_for_by_name_ignores_the_release(release: Path) -> None:
    clips, inputs = lookup.clips("standin")
    assert (len(clips), clips.origin, inputs) == (3050, "stand-in", ())


def test_metadata_file_comes_before_any_source(release: Path, tmp_path: Path) -> None:
    given = tmp_path / "given.csv"
    given.write_text("filename,fold\nA103_sad_int1_ver1,3\n")
    for source in ("auto", "standin", "zenodo"):
        clips, inputs = lookup.clips(source, given)
        assert (clips.names, clips.origin) == (["A103_sad_int1_ver1"], "released")
        assert inputs == (Input("file/metadata", fingerprints.sha256_of(given)),)


@pytest.mark.parametrize("source", ["zenod", "ZENODO", ""])
def test_unknown_source_is_refused(source: str) -> None:
    with pytest.raises(UnknownNameError, match=r"unknown source .*known: auto, standin, zenodo"):
        lookup.clips(source)


@pytest.mark.parametrize("place", ["nowhere.csv", "."])
def test_metadata_that_is_no_file_is_one_clear_error(place: str, tmp_path: Path) -> None:
    with pytest.raises(BlemoreError) as caught:
        lookup.clips("auto", tmp_path / place)
    assert str(tmp_path / place) in one_line(caught)


def test_description_says_what_is_here_without_saying_where(mirror: Path, release: Path) -> None:
    rows = lookup.describe()
    assert [row["name"] for row in rows] == ["standin", "zenodo", *(f"released/{group}" for group in SIZES)]
    assert all(row["here"] for row in rows)
    assert [row["sha256"] is None for row in rows] == [True, False, False, False, False]
    text = json.dumps(rows)
    assert str(mirror) not in text and str(release) not in text


def test_description_of_an_empty_machine_has_the_stand_in_alone() -> None:
    assert [row["name"] for row in lookup.describe() if row["here"]] == ["standin"]
    assert all(row["sha256"] is None for row in lookup.describe())


def test_nothing_touches_the_network_unless_a_download_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLEMORE_OFFLINE", "1")
    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", refuse)
    lookup.describe()
    lookup.clips()
    for ask in (released.validation, released.tests, released.hicmae_folds, released.hicmae_grid):
        assert ask().origin == "recorded"
    assert ledger.all_claims()[0]
    with pytest.raises(SourceError):
        lookup.fetch(["logs"], progress=False)
    assert not files_in(environment.cache_folder())


@pytest.mark.parametrize(("value", "off"), [("1", True), ("yes", True), ("0", False), ("", False)])
def test_offline_is_switched_by_its_variable(value: str, off: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLEMORE_OFFLINE", value)
    assert environment.offline() is off


def test_features_are_read_from_a_file_or_simulated(tmp_path: Path) -> None:
    few = clips.from_names(["A9001_ang_int1_ver1", "A9002_sad_int1_ver1"])
    simulated, none = lookup.features("wavlm", few)
    assert (simulated.origin, simulated.names, none) == ("stand-in", tuple(few.names), ())
    feature_files.write(tmp_path / "mine.npz", replace(simulated, origin="measured"))
    read, (one,) = lookup.features("mine", few, path=tmp_path / "mine.npz")
    assert (read.encoder, read.origin, one.name) == ("mine", "measured", "file/features")
    with pytest.raises(SourceError, match="set BLEMORE_DATA"):
        lookup.features("wavlm", few, "zenodo")
    with pytest.raises(UnknownNameError, match="zenod"):
        lookup.features("wavlm", few, "zenod")


@pytest.mark.parametrize("depth", [0, 3])
def test_an_error_of_the_release_holds_no_path_of_the_machine_however_long(
    bare: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, depth: int
) -> None:
    top = tmp_path.joinpath(*["x" * 100] * depth)
    (top / "HuBERT_large_train").mkdir(parents=True)
    (top / "HuBERT_large_train" / "A102_ang_int1_ver1.npy").write_bytes(b"\x93NUMPY")
    monkeypatch.setenv("BLEMORE_DATA", str(top))
    with pytest.raises(SourceError, match=r"^HuBERT_large_train/A102_ang_int1_ver1.npy: cannot be read"):
        lookup.features("hubert", clips.standin(), "zenodo")
