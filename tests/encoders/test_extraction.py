"""Extraction: killed and resumed, in processes, on a cluster, and with bad clips among good ones."""

from __future__ import annotations

import ctypes
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blemore import encoders
from blemore.encoders import Encoder, Variant, clip_features, clip_files, extraction, media, synthetic_clips
from blemore.encoders.registry import Opening
from blemore.errors import InputError, Interrupted, SourceError, UnknownNameError, WorkError
from blemore.features import feature_files
from blemore.system import clusters
from tests.cli.test_cli import blemore, document, refused
from tests.conftest import ROOT

pytest.importorskip("av", reason="needs the extra 'encoders'")


class MeanColour:
    """Mean red, green and blue of each frame: an encoder that needs no model."""

    def __init__(self, opening: Opening) -> None:
        self.opening, self.flag = opening, ""

    def __call__(self, path: Path) -> np.ndarray:
        rows = np.array([frame.mean(axis=(0, 1)) for frame in media.frames(path)], dtype=np.float32)
        self.flag = "dark" if rows.mean() < 50 else ""
        return rows if self.opening.variant == "rgb" else rows[:, :1]


CHOICES = (Variant("rgb", 3, "frame", "25", revision="1"), Variant("red", 1, "frame", "25", revision="1"))
MEAN = Encoder("mean", "Mean colour", "video", "clip", "none", "here", CHOICES, MeanColour)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of 20 clips of nobody."""
    folder = tmp_path_factory.mktemp("clips")
    synthetic_clips.write_clips(folder, 20, seconds=0.4, size=64)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def statuses(outcomes: list[clip_features.Outcome]) -> dict[str, int]:
    return {status: count for status, count in extraction.summary(outcomes).items() if isinstance(count, int)}


def test_every_clip_becomes_one_array_beside_what_it_was_made_of(clips: Path, tmp_path: Path) -> None:
    outcomes = extraction.extract(MEAN, [clips], tmp_path)
    assert statuses(outcomes) == {"extracted": 20, "kept": 0, "failed": 0}
    assert [Path(one.clip).stem for one in outcomes] == sorted(synthetic_clips.names(20))
    for name in synthetic_clips.names(20):
        array = np.load(tmp_path / f"{name}.npy", allow_pickle=False)
        assert array.shape == (10, 3) and array.dtype == np.float32
        made_of = json.loads((tmp_path / f"{name}.json").read_text())
        assert (made_of["encoder"], made_of["variant"], made_of["revision"]) == ("mean", "rgb", "1")
    assert len(contents(tmp_path)) == 40


SABOTEUR = """
import os, signal, sys
from blemore import encoders; from blemore.system import files
from blemore.cli import main
from tests.encoders.test_extraction import MEAN

encoders.REGISTRY["mean"] = MEAN
left, whole = int(sys.argv.pop(1)), files.write_atomically

def half(path, content):
    global left
    left -= 1
    if left == 0:
        with files.replacing(path) as part:
            part.write_text("half")
            os.kill(os.getpid(), signal.SIGKILL)
    whole(path, content)

files.write_atomically = half
main()
"""


def test_the_command_killed_twice_at_random_and_resumed_leaves_what_an_uninterrupted_run_leaves(
    clips: Path, tmp_path: Path
) -> None:
    mixed, whole, killed = (tmp_path / name for name in ("mixed", "whole", "killed"))
    shutil.copytree(clips, mixed)
    corrupt = sorted(mixed.iterdir())[8]
    corrupt.write_bytes(corrupt.read_bytes()[:-500])

    def extracted(out: Path, writes: int) -> subprocess.CompletedProcess[str]:
        """Run the command, and kill it in the midst of a write, if it writes so often."""
        command = ["extract", "--encoder", "mean", str(mixed), "--out", str(out)]
        return subprocess.run(
            [sys.executable, "-c", SABOTEUR, str(writes), *command], cwd=ROOT, capture_output=True, text=True
        )

    assert extracted(whole, 1_000).returncode == 1
    rng = random.Random(0)
    for _ in range(2):  # among 38 writes, two a clip
        assert extracted(killed, rng.randint(2, 19)).returncode == -signal.SIGKILL
        assert 0 < len(list(killed.glob("*.json"))) < 19 and list(killed.glob(".*.part"))
    last = extracted(killed, 1_000)
    assert last.returncode == 1 and re.fullmatch(
        rf"\d+ extracted, \d+ already there, 1 failed: {killed}\n", last.stdout
    )
    lines = [line for line in last.stderr.splitlines() if "failed: " in line]
    assert len(lines) == 1 and f"failed: {corrupt}: is truncated; expected at least" in lines[0]
    assert contents(killed) == contents(whole) and len(contents(whole)) == 2 * 19


def test_a_corrupt_clip_is_one_line_and_the_rest_finish(clips: Path, tmp_path: Path, capsys) -> None:
    whole = sorted(clips.iterdir())
    bad = tmp_path / "A9009_hap_int1_ver1.mp4"
    bad.write_bytes(whole[0].read_bytes()[:3_000])
    outcomes = extraction.extract(MEAN, [*whole[:3], bad, *whole[3:5]], tmp_path / "out")
    assert [one.status for one in outcomes] == ["extracted"] * 3 + ["failed"] + ["extracted"] * 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and lines[0].startswith(f"failed: {bad}: is truncated; expected at least")
    assert not list((tmp_path / "out").glob("A9009*"))


def test_what_a_library_stumbles_over_is_one_line_too(clips: Path, tmp_path: Path) -> None:
    def stumble(path: Path) -> np.ndarray:
        raise RuntimeError("sizes differ\nin many ways")

    stumbling = replace(MEAN, name="stumbling", load=lambda opening: stumble)
    (outcome,) = extraction.extract(stumbling, [next(clips.iterdir())], tmp_path)
    assert outcome.problem.endswith("cannot be extracted; got RuntimeError sizes differ and 1 more")


@pytest.mark.parametrize(
    "value",
    [np.full((2, 3), np.nan, np.float32), np.zeros((0, 3), np.float32), np.zeros((2, 3)), np.zeros(3, np.float32)],
)
def test_features_that_are_none_are_refused(clips: Path, tmp_path: Path, value: np.ndarray) -> None:
    broken = replace(MEAN, name=f"broken {value.dtype} {value.shape}", load=lambda opening: lambda path: value)
    (outcome,) = extraction.extract(broken, [next(clips.iterdir())], tmp_path)
    assert outcome.status == "failed" and "features" in outcome.problem


@pytest.mark.parametrize(("device", "precision"), [("cpu", "float32"), ("cpu:0", "float32"), ("meta", "float16")])
def test_half_precision_is_used_except_on_a_cpu(clips: Path, tmp_path: Path, device: str, precision: str) -> None:
    clip = next(clips.iterdir())
    extraction.extract(MEAN, [clip], tmp_path, device=device)
    assert json.loads((tmp_path / f"{clip.stem}.json").read_text())["precision"] == precision
    assert MEAN.open(device=device).opening.precision == precision


def test_features_of_another_width_than_declared_are_refused(clips: Path, tmp_path: Path) -> None:
    wide = replace(MEAN, name="wide", choices=(replace(CHOICES[0], dim=4),))
    (outcome,) = extraction.extract(wide, [next(clips.iterdir())], tmp_path)
    assert outcome.status == "failed"
    assert "features; expected float32 (T, 4), at least one row; got float32 (10, 3)" in outcome.problem


def test_nothing_is_done_twice_and_the_model_is_not_even_opened(clips: Path, tmp_path: Path) -> None:
    extraction.extract(MEAN, [clips], tmp_path)
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    closed = replace(MEAN, load=lambda opening: pytest.fail("opened again"))
    clip_features._MODELS.clear()
    assert statuses(extraction.extract(closed, [clips], tmp_path)) == {"extracted": 0, "kept": 20, "failed": 0}
    assert before == {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}


@pytest.mark.parametrize("change", ["clip", "variant", "revision", "weights", "features", "sidecar", "device"])
def test_whatever_features_depend_on_makes_them_new(clips: Path, tmp_path: Path, change: str) -> None:
    path, out = tmp_path / "A9001_ang_int1_ver1.mp4", tmp_path / "out"
    one, two = sorted(clips.iterdir())[:2]
    path.write_bytes(one.read_bytes())
    extraction.extract(MEAN, [path], out)
    encoder, options = MEAN, {}
    if change == "clip":
        path.write_bytes(two.read_bytes())
    elif change == "variant":
        options = {"variant": "red"}
    elif change == "revision":
        encoder = replace(MEAN, choices=(replace(CHOICES[0], revision="2"),))
    elif change == "weights":
        (tmp_path / "weights.bin").write_bytes(b"weights")
        options = {"weights": tmp_path / "weights.bin"}
    elif change == "features":
        np.save(out / f"{path.stem}.npy", np.ones((2, 3), np.float32))
    elif change == "sidecar":
        sidecar = out / f"{path.stem}.json"
        sidecar.write_text(sidecar.read_text().replace(f'"format": {clip_features.FORMAT}', '"format": 1'))
    else:
        options = {"device": "meta"}
    assert extraction.extract(encoder, [path], out, **options)[0].status == "extracted"
    assert extraction.extract(encoder, [path], out, **options)[0].status == "kept"


def test_a_clip_that_fails_leaves_no_features_of_what_it_was_before(clips: Path, tmp_path: Path) -> None:
    path, out = tmp_path / "clip.mp4", tmp_path / "out"
    path.write_bytes(next(clips.iterdir()).read_bytes())
    extraction.extract(MEAN, [path], out)
    path.write_bytes(path.read_bytes()[:-500])
    assert extraction.extract(MEAN, [path], out)[0].status == "failed"
    assert contents(out) == {}


def test_what_is_remarkable_about_a_clip_is_said_each_time(tmp_path: Path, capsys) -> None:
    path = tmp_path / "dark.mp4"
    media.write(path, [np.zeros((64, 64, 3), np.uint8)] * 2)
    for status in ("extracted", "kept"):
        (outcome,) = extraction.extract(MEAN, [path], tmp_path / "out")
        assert (outcome.status, outcome.flag) == (status, "dark")
        assert f"{status}: {path}: dark" in capsys.readouterr().err


MARKED = "A9001_hap"
"""What happens in a clip happens in those whose names begin so: early ones, and not the first."""


class Disturbed(MeanColour):
    """An encoder that computes its rows in a callback of a C library, in which something happens once."""

    happens: Any = None

    def __call__(self, path: Path) -> np.ndarray:
        whole, rows = super().__call__(path), []

        def callback() -> None:
            rows.extend(whole[:5])
            if path.stem.startswith(MARKED) and (happens := Disturbed.happens):
                Disturbed.happens = None
                happens()
            rows.extend(whole[5:])

        ctypes.CFUNCTYPE(None)(callback)()
        return np.array(rows)


DISTURBED = replace(MEAN, name="disturbed", load=Disturbed)


def interrupted(out: Path, clips: Path, **how: Any) -> int:
    """Extract until the end is asked for, and return how many clips the message says are kept."""
    with pytest.raises(Interrupted) as caught:
        extraction.extract(DISTURBED, [clips], out, **how)
    says = r"interrupted: (\d+) of 20 clips are done and kept in (.*); run the same command again for the others"
    found = re.fullmatch(says, str(caught.value))
    assert found and found[2] == str(out)
    return int(found[1])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_during_a_clip_leaves_it_out_and_the_next_run_adds_it(
    clips: Path, tmp_path: Path, monkeypatch, number: int, capfd
) -> None:
    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(Disturbed, "happens", lambda: os.kill(os.getpid(), number))
    kept = interrupted(tmp_path / "out", clips)
    assert "press Ctrl-C again to stop immediately" in capfd.readouterr().err
    before = [path for path in sorted(clips.iterdir()) if path.stem < MARKED]
    assert {path.stem for path in (tmp_path / "out").iterdir()} == {path.stem for path in before}
    assert kept == len(before) > 0
    assert handlers == (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM))
    assert statuses(extraction.extract(DISTURBED, [clips], tmp_path / "out"))["extracted"] == 20 - kept
    extraction.extract(DISTURBED, [clips], tmp_path / "undisturbed")
    assert contents(tmp_path / "out") == contents(tmp_path / "undisturbed")


def test_a_clip_that_fails_because_of_a_signal_is_not_reported_as_bad_and_loses_nothing(
    clips: Path, tmp_path: Path, monkeypatch, capsys
) -> None:
    def cut() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        raise ValueError("cut short")

    extraction.extract(DISTURBED, [clips], tmp_path)
    before = {name: content for name, content in contents(tmp_path).items() if not name.endswith(".json")}
    newer = replace(DISTURBED, choices=(replace(CHOICES[0], revision="2", dim=4),))
    monkeypatch.setattr(Disturbed, "happens", cut)
    marked = [path for path in clips.iterdir() if path.stem.startswith(MARKED)]
    with pytest.raises(Interrupted, match="interrupted: 0 of"):
        extraction.extract(newer, [*marked, clips], tmp_path)
    assert before == {name: content for name, content in contents(tmp_path).items() if not name.endswith(".json")}
    assert "failed" not in capsys.readouterr().err


def test_an_error_that_a_library_ignored_fails_the_clip(clips: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    def stumble() -> None:
        raise ValueError("no room")

    monkeypatch.setattr(Disturbed, "happens", stumble)
    outcomes = extraction.extract(DISTURBED, [clips], tmp_path)
    (bad,) = [one for one in outcomes if one.status == "failed"]
    assert MARKED in bad.clip and bad.problem.endswith("features may be wrong; got ValueError no room")
    assert len(list(tmp_path.glob("*.npy"))) == 19 and not (tmp_path / f"{Path(bad.clip).stem}.npy").exists()
    assert statuses(extraction.extract(DISTURBED, [clips], tmp_path)) == {"extracted": 1, "kept": 19, "failed": 0}


def test_an_interrupt_that_an_encoder_raises_keeps_what_is_finished(clips: Path, tmp_path: Path) -> None:
    class Raising(MeanColour):
        def __call__(self, path: Path) -> np.ndarray:
            if path.stem.startswith(MARKED):
                raise KeyboardInterrupt
            return super().__call__(path)

    before = [path for path in sorted(clips.iterdir()) if path.stem < MARKED]
    with pytest.raises(Interrupted, match=f"interrupted: {len(before)} of 20 clips"):
        extraction.extract(replace(MEAN, name="raising", load=Raising), [clips], tmp_path)
    assert len(list(tmp_path.glob("*.json"))) == len(before) > 0


class Terminal(MeanColour):
    """An encoder in a process of its own, in which a terminal sends Ctrl-C to all processes."""

    def __call__(self, path: Path) -> np.ndarray:
        if path.stem.startswith(MARKED):
            for process in (os.getppid(), os.getpid()):
                os.kill(process, signal.SIGINT)
        return super().__call__(path)


def test_ctrl_c_reaches_processes_through_the_one_that_coordinates_them(clips: Path, tmp_path: Path) -> None:
    out, quiet = tmp_path / "out", replace(MEAN, name="terminal")
    with pytest.raises(Interrupted, match=r"interrupted: \d+ of 20 clips are done and kept"):
        extraction.extract(replace(quiet, load=Terminal), [clips], out, jobs=2)
    left = {path.name: path.read_bytes() for path in out.glob("*.npy")}
    extraction.extract(quiet, [clips], tmp_path / "undisturbed")
    whole = contents(tmp_path / "undisturbed")
    assert 0 < len(left) < 20 and left.items() <= whole.items()
    extraction.extract(quiet, [clips], out)
    assert {name: content for name, content in contents(out).items() if not name.endswith(".part")} == whole


SLOW = """
import sys, time
from pathlib import Path
from blemore import encoders
from blemore.cli import main

def slow(path):
    Path(started, path.stem).touch()
    time.sleep(120)  # or until the process is ended

started, one = sys.argv.pop(1), encoders.Variant("only", 1, "clip", "1")
encoders.REGISTRY["slow"] = encoders.Encoder("slow", "", "video", "clip", "", "", (one,), lambda opening: slow)
main()
"""


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_second_interrupt_ends_at_once(clips: Path, tmp_path: Path, jobs: str) -> None:
    started, log, out = tmp_path / "started", tmp_path / "log", tmp_path / "out"
    started.mkdir()
    command = ["extract", "--encoder", "slow", str(clips), "--out", str(out), "--jobs", jobs]
    with log.open("w") as stderr:
        process = subprocess.Popen([sys.executable, "-c", SLOW, str(started), *command], cwd=ROOT, stderr=stderr)
    for ready in (lambda: len(list(started.iterdir())) == int(jobs), lambda: "press Ctrl-C again" in log.read_text()):
        while not ready():
            assert process.poll() is None, log.read_text()
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
    assert process.wait() == -signal.SIGINT
    assert "Traceback" not in log.read_text() and not list(out.glob("*.npy"))


@pytest.mark.parametrize("variant", ["functionals", "low-level"])
def test_a_signal_in_the_midst_of_opensmile_leaves_no_short_features(
    clips: Path, tmp_path: Path, monkeypatch, variant: str
) -> None:
    smile = pytest.importorskip("opensmile", reason="needs the extra 'egemaps'").core.smile.Smile
    plain, paths, left = smile._sink_callback, sorted(clips.iterdir())[:3], [2]

    def signalling(*given: Any) -> Any:
        inner = plain(*given)

        def callback(*frame: Any) -> None:
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGINT)
            inner(*frame)

        return callback

    monkeypatch.setattr(smile, "_sink_callback", staticmethod(signalling))
    egemaps = encoders.get("egemaps")
    with pytest.raises(Interrupted, match=r"interrupted: [01] of 3 clips are done"):
        extraction.extract(egemaps, paths, tmp_path / "out", variant=variant)
    extraction.extract(egemaps, paths, tmp_path / "out", variant=variant)
    extraction.extract(egemaps, paths, tmp_path / "undisturbed", variant=variant)
    assert contents(tmp_path / "out") == contents(tmp_path / "undisturbed")


@pytest.mark.usefixtures("mean")
def test_the_exit_code_and_one_line_say_that_a_run_was_interrupted(clips: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(encoders.REGISTRY, "mean", DISTURBED)
    monkeypatch.setattr(Disturbed, "happens", lambda: os.kill(os.getpid(), signal.SIGINT))
    arguments = ("extract", "--encoder", "mean", str(clips), "--out", str(tmp_path / "out"), "--json")
    done = blemore(*arguments)
    assert done.exit_code == 130 and done.stdout == ""
    assert done.stderr.splitlines()[-1].startswith("error: interrupted: ")
    again = blemore(*arguments)
    assert again.exit_code == 0 and json.loads(again.stdout)["kept"] > 0


def test_processes_give_the_same_files(clips: Path, tmp_path: Path, capsys) -> None:
    extraction.extract(MEAN, [clips], tmp_path / "one")
    extraction.extract(MEAN, [clips], tmp_path / "two", jobs=2, progress=True)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert "mean: 100%" in capsys.readouterr().err


def test_an_encoder_that_cannot_be_opened_ends_the_batch_in_one_line(clips: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="weights are not here"):
        extraction.extract(replace(MEAN, name="absent", load=absent), [clips], tmp_path, jobs=2)
    assert list(tmp_path.iterdir()) == []


def absent(opening: Opening) -> MeanColour:
    raise SourceError("weights are not here")


def test_a_dask_cluster_gives_the_same_files(clips: Path, tmp_path: Path, scheduler: str) -> None:
    paths = sorted(clips.iterdir())[:5]
    extraction.extract(MEAN, paths, tmp_path / "here")
    extraction.extract(MEAN, paths, tmp_path / "there", scheduler=scheduler)
    assert contents(tmp_path / "here") == contents(tmp_path / "there")


def test_wrong_requests_are_refused(clips: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="processes; expected 1 or more"):
        extraction.extract(MEAN, [clips], tmp_path, jobs=0)
    with pytest.raises(UnknownNameError, match="variant of mean 'blue'"):
        extraction.extract(MEAN, [clips], tmp_path, variant="blue")
    with pytest.raises(InputError, match="no such file"):
        extraction.extract(MEAN, [clips / "absent.mp4"], tmp_path)
    with pytest.raises(InputError, match=r"folder holds nothing to read; expected files .mp4 or .mov"):
        extraction.extract(MEAN, [tmp_path], tmp_path)
    with pytest.raises(InputError, match="none are given"):
        extraction.extract(MEAN, [], tmp_path)
    with pytest.raises(InputError, match=r"weights.bin: no such file"):
        extraction.extract(MEAN, [clips], tmp_path, weights=tmp_path / "weights.bin")


VIDEO, SOUND = clip_files.suffixes(MEAN), clip_files.suffixes(encoders.get("wavlm"))


def made(folder: Path, *names: str) -> Path:
    """Make files whose content is their name."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


def taken(folder: Path, suffixes: tuple[str, ...] = VIDEO, out: Path | None = None) -> list[str]:
    return [str(path.relative_to(folder)) for path in clip_files.gather([folder], suffixes, out)]


def test_two_clips_of_one_name_are_refused_and_one_that_is_named_twice_is_taken_once(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = next(clips.iterdir())
    (tmp_path / one.name).write_bytes(one.read_bytes())
    with pytest.raises(InputError, match="has the same name as"):
        clip_files.gather([clips, tmp_path], VIDEO)
    whole = clip_files.gather([clips], VIDEO)
    assert clip_files.gather([clips, one], VIDEO) == whole
    monkeypatch.chdir(clips.parent)
    assert clip_files.gather([clips, Path(clips.name), clips / ".." / clips.name], VIDEO) == whole


def test_folders_within_are_read_and_what_systems_hide_is_not(tmp_path: Path) -> None:
    made(tmp_path, "part_2/b.mp4", "part_1/c.MOV", "part_1/deeper/a.webm", "d.mkv", "e.avi", "notes.txt")
    made(tmp_path, "._d.mkv", "part_1/._c.MOV", "__MACOSX/part_1/x.mp4", ".trash/y.mp4", "part_1/.DS_Store")
    assert taken(tmp_path) == ["d.mkv", "e.avi", "part_1/c.MOV", "part_1/deeper/a.webm", "part_2/b.mp4"]


def test_links_between_folders_are_followed_once(tmp_path: Path) -> None:
    made(tmp_path / "elsewhere", "a.mp4")
    made(tmp_path / "clips", "b.mp4")
    (tmp_path / "clips" / "part").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "clips")
    assert taken(tmp_path / "clips") == ["b.mp4", "part/a.mp4"]


def test_results_within_the_folder_of_the_clips_are_not_taken_for_clips(tmp_path: Path) -> None:
    made(tmp_path, "a.npy", "features/a.npy")
    assert taken(tmp_path, (".npy",), tmp_path / "features") == ["a.npy"]
    assert taken(tmp_path / "features", (".npy",), tmp_path / "features") == ["a.npy"]


@pytest.mark.parametrize("other", ["part_1/clip.mp4", "clip.mov"])
def test_two_clips_that_would_write_the_same_features_are_refused(tmp_path: Path, other: str) -> None:
    made(tmp_path, "clip.mp4", other)
    says = r"has the same name as .*; both would write clip.npy; extract them to different folders, or leave one out"
    with pytest.raises(InputError, match=says):
        taken(tmp_path, SOUND)


def test_sound_alone_is_taken_for_encoders_of_sound_and_refused_for_others(clips: Path, tmp_path: Path) -> None:
    names = [f"clip{i}{suffix}" for i, suffix in enumerate(media.SOUND)]
    assert taken(made(tmp_path, *names), SOUND) == names
    with pytest.raises(InputError, match=r"nothing to read; expected files .mp4 or .mov.*; got .flac, .m4a, .mp3 and"):
        extraction.extract(MEAN, [tmp_path], tmp_path / "out")


def test_features_of_sound_are_named_after_their_clip(tmp_path: Path) -> None:
    sound = [Path(f"A9001_ang_int1_ver1{suffix}") for suffix in (*media.SOUND, *media.VIDEO)]
    targets = {clip_features.Job(MEAN, "rgb", None, "", "cpu", "float32", tmp_path).target(path) for path in sound}
    assert targets == {tmp_path / "A9001_ang_int1_ver1.npy"}


def test_what_is_no_file_fails_alone_and_is_not_waited_for(clips: Path, tmp_path: Path) -> None:
    folder, good = tmp_path / "clips", next(clips.iterdir())
    folder.mkdir()
    os.mkfifo(folder / "pipe.mp4")
    (folder / "zero.mp4").symlink_to("/dev/zero")
    (folder / "loop.mp4").symlink_to(folder / "loop.mp4")
    shutil.copy(good, folder)
    problems = {Path(one.clip).name: one.problem for one in extraction.extract(MEAN, [folder], tmp_path / "out")}
    assert problems.pop(good.name) == ""
    assert problems.pop("loop.mp4").endswith("got Too many levels of symbolic links; check path and permissions")
    assert all("a device, a pipe or a socket" in problem for problem in problems.values())


@pytest.mark.parametrize(
    "options",
    [{"device": "tpu"}, {"scheduler": "hello"}, {"scheduler": ""}, {"variant": "blue"}, {"weights": "absent.pth"}],
)
def test_what_cannot_be_used_leaves_no_folder(clips: Path, tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises((InputError, UnknownNameError)):
        extraction.extract(MEAN, [clips], tmp_path / "deep" / "out", **options)
    assert list(tmp_path.iterdir()) == []


def test_ready_features_are_never_overwritten_by_what_is_made_of_them(tmp_path: Path) -> None:
    np.save(tmp_path / "test_0001.npy", np.ones(2048))
    before = contents(tmp_path)
    with pytest.raises(InputError, match=r"test_0001.npy: its features would overwrite it; choose another folder"):
        extraction.extract(encoders.get("hicmae"), [tmp_path], tmp_path)
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("npy", "features of other programs"),
        ("json", "[]"),
        ("json", '{"encoder": "mean"}'),
        ("json", "notes"),
        ("both", "another encoder"),
    ],
)
def test_what_other_programs_and_encoders_made_is_never_overwritten(
    clips: Path, tmp_path: Path, name: str, content: str
) -> None:
    clip = next(clips.iterdir())
    if name == "both":
        extraction.extract(replace(MEAN, name="other"), [clip], tmp_path)
        files = f"{clip.stem}.npy, {clip.stem}.json"
    else:
        files = f"{clip.stem}.{name}"
        (tmp_path / files).write_text(content)
    before = contents(tmp_path)
    with pytest.raises(InputError, match=rf"would lose what is not mean's; got {files}; choose another --out"):
        extraction.extract(MEAN, [clips], tmp_path)
    assert contents(tmp_path) == before


def test_a_folder_that_cannot_be_made_is_one_clear_line(clips: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"file/out: cannot be written; got Not a directory"):
        extraction.extract(MEAN, [clips], tmp_path / "file" / "out")


class Killed(MeanColour):
    """An encoder whose process the system ends, as it does where memory is short."""

    def __call__(self, path: Path) -> np.ndarray:
        if path.stem.startswith("A9001_hap"):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__call__(path)


def test_a_process_that_is_killed_is_one_clear_line_and_what_is_done_stays_done(clips: Path, tmp_path: Path) -> None:
    with pytest.raises(WorkError, match=r"^jobs: a process was killed, .*fewer processes; what is done is kept"):
        extraction.extract(replace(MEAN, name="killed", load=Killed), [clips], tmp_path, jobs=2)
    assert {path.suffix for path in tmp_path.iterdir()} <= {".npy", ".json", ".part"}
    assert statuses(extraction.extract(replace(MEAN, name="killed"), [clips], tmp_path))["failed"] == 0


@pytest.fixture
def lone() -> Iterator[Any]:
    """A cluster of one worker with one thread, where what kills a worker is given up at once."""
    dask, distributed = pytest.importorskip("dask"), pytest.importorskip("distributed")
    one = {"n_workers": 1, "threads_per_worker": 1, "dashboard_address": ":0", "protocol": "tcp://"}
    with dask.config.set({"distributed.scheduler.allowed-failures": 0}), distributed.LocalCluster(**one) as cluster:
        yield cluster


class Process(MeanColour):
    """An encoder whose only feature is the process that it runs in."""

    def __call__(self, path: Path) -> np.ndarray:
        return np.full((1, 1), os.getpid(), np.float32)


def test_one_worker_with_one_thread_does_the_work_itself(clips: Path, tmp_path: Path, lone: Any) -> None:
    one = Variant("pid", 1, "clip", "1", revision="1")
    extraction.extract(
        replace(MEAN, name="process", choices=(one,), load=Process), [clips], tmp_path, scheduler=lone.scheduler_address
    )
    processes = {np.load(path).item() for path in tmp_path.glob("*.npy")}
    assert len(processes) == 1 and os.getpid() not in processes


def test_a_clip_that_kills_its_workers_is_reported_and_the_others_finish(
    clips: Path, tmp_path: Path, lone: Any, capsys
) -> None:
    paths = [path for path in sorted(clips.iterdir()) if path.stem.startswith("A9001")]
    fatal = [path for path in paths if path.stem.startswith("A9001_hap")]
    outcomes = extraction.extract(
        replace(MEAN, name="killed", load=Killed), paths, tmp_path, scheduler=lone.scheduler_address
    )
    assert {one.clip for one in outcomes if one.status == "failed"} == set(map(str, fatal))
    assert all((tmp_path / f"{path.stem}.json").exists() == (path not in fatal) for path in paths)
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("failed: ")]
    assert len(lines) == len(fatal) > 0 and all("its worker was killed" in line for line in lines)


def test_a_cluster_that_loses_all_its_workers_is_one_clear_line(
    clips: Path, tmp_path: Path, lone: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clusters, "PATIENCE", 1)
    monkeypatch.setattr(clusters, "check_workers", lambda *_: lone.scale(0))
    with pytest.raises(InputError, match="has no workers any more; start some and this again"):
        extraction.extract(MEAN, [clips], tmp_path, scheduler=lone.scheduler_address)


def peak(path: Path) -> int:
    """Peak memory in bytes of a process that decodes a clip."""
    code = (
        "import resource, sys; from blemore.encoders import media;"
        "n = sum(1 for _ in media.frames(sys.argv[1])); media.audio(sys.argv[1]);"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True, cwd=ROOT)
    return int(done.stdout) * (1 if sys.platform == "darwin" else 1024)


def test_memory_does_not_grow_with_the_length_of_a_clip(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (9, 16, 3), dtype=np.uint8).repeat(80, 0).repeat(80, 1)
    for seconds in (2, 60):  # 720p; 3 frames a second, to be quick: kept in memory, they would be 500 MB
        silence = np.zeros(48_000 * seconds, np.float32)
        media.write(tmp_path / f"{seconds}.mp4", (picture for _ in range(3 * seconds)), silence, rate=3)
    assert peak(tmp_path / "60.mp4") < peak(tmp_path / "2.mp4") + 50e6


@pytest.fixture
def mean(monkeypatch) -> None:
    """Make the test encoder one of the registry."""
    monkeypatch.setitem(encoders.REGISTRY, "mean", MEAN)


@pytest.mark.usefixtures("mean")
def test_the_commands_go_from_clips_to_a_feature_table(clips: Path, tmp_path: Path) -> None:
    arguments = ("extract", "--encoder", "mean", str(clips), "--out", str(tmp_path / "mean"))
    first, again = document(*arguments), document(*arguments)
    assert (first["extracted"], first["kept"], first["failed"]) == (20, 0, 0)
    assert (again["extracted"], again["kept"], again["failed"]) == (0, 20, 0)
    assert {clip["rows"] for clip in again["clips"]} == {10}
    shown = document("aggregate", str(tmp_path / "mean"), "--out", str(tmp_path / "mean.npz"))
    assert (shown["n"], shown["width"]) == (20, 21)
    with np.load(tmp_path / "mean.npz", allow_pickle=False) as table:
        assert table["X"].shape == (20, 21) and table["X"].dtype == np.float32
        assert table["filenames"].tolist() == sorted(synthetic_clips.names(20))
    assert feature_files.read(tmp_path / "mean.npz").encoder == "mean"


@pytest.mark.parametrize("change", ["encoder", "variant", "revision", "weights", "precision"])
def test_features_of_several_kinds_are_never_aggregated_together(clips: Path, tmp_path: Path, change: str) -> None:
    extraction.extract(MEAN, [clips], tmp_path)
    feature_files.read_folder(tmp_path, encoder="mean")
    sidecar = sorted(tmp_path.glob("*.json"))[3]
    sidecar.write_text(json.dumps({**json.loads(sidecar.read_text()), change: "else"}))
    with pytest.raises(InputError, match=rf"features of several kinds; got .*{sidecar.stem}.npy by .*else") as caught:
        feature_files.read_folder(tmp_path, encoder="mean")
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("mean")
def test_the_exit_code_says_that_a_clip_failed(clips: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.mp4").write_bytes(b"")
    good = str(next(clips.iterdir()))
    done = blemore(
        "extract", "--encoder", "mean", str(tmp_path / "bad.mp4"), good, "--out", str(tmp_path / "out"), "--json"
    )
    assert done.exit_code == 1
    assert json.loads(done.stdout)["failed"] == json.loads(done.stdout)["extracted"] == 1
    assert done.stderr == f"failed: {tmp_path / 'bad.mp4'}: is empty; copy the clip again\n"
    people = blemore("extract", "--encoder", "mean", str(tmp_path / "bad.mp4"), good, "--out", str(tmp_path / "out"))
    assert people.exit_code == 1 and people.stdout.startswith("0 extracted, 1 already there, 1 failed: ")


def test_bad_requests_are_one_line(clips: Path, tmp_path: Path) -> None:
    out = ("--out", str(tmp_path / "out"))
    assert "did you mean 'wavlm'" in refused("extract", "--encoder", "wavln", str(clips), *out)
    assert "no such file" in refused("extract", "--encoder", "clip", str(clips / "absent.mp4"), *out)
    assert "a name ending in .npz" in refused("aggregate", str(tmp_path), "--out", str(tmp_path / "table"))
    assert "holds no .npy" in refused("aggregate", str(tmp_path), "--out", str(tmp_path / "table.npz"))


@pytest.mark.usefixtures("mean")
def test_paths_that_cannot_even_be_looked_at_are_one_line(clips: Path, tmp_path: Path) -> None:
    long, out = "x" * 300, str(tmp_path / "out")
    extract = ("extract", "--encoder", "mean", "--out", out)
    assert "xx: cannot be read; got File name too long" in refused(*extract, long)
    assert "xx: cannot be read; got File name too long" in refused(*extract, str(clips), "--weights", long)
    assert "xx: cannot be read; got File name too long" in refused("aggregate", long, "--out", out + ".npz")
    clip = shutil.copy(next(clips.iterdir()), tmp_path / f"{'x' * 251}.mp4")
    assert "got File name too long" in refused(*extract, str(clip))  # its features' names are longer
    assert "a name ending in .npz, in a folder that is there" in refused("aggregate", out, "--out", f"{long}/out.npz")


def test_an_encoder_of_others_may_have_nothing_to_remark(clips: Path, tmp_path: Path) -> None:
    bare = replace(MEAN, name="bare", load=lambda opening: lambda path: np.ones((1, 3), np.float32))
    (outcome,) = extraction.extract(bare, [next(clips.iterdir())], tmp_path)
    assert (outcome.status, outcome.flag) == ("extracted", "")


def test_of_a_video_and_its_sound_in_a_folder_the_video_is_taken(tmp_path: Path) -> None:
    for name in ("a.mov", "a.wav", "b.wav"):
        (tmp_path / name).write_bytes(b"")
    taken = (*media.VIDEO, *media.SOUND)
    assert [path.name for path in clip_files.gather([tmp_path], taken)] == ["a.mov", "b.wav"]
    with pytest.raises(InputError, match="has the same name as"):
        clip_files.gather([tmp_path / "a.mov", tmp_path / "a.wav"], taken)
