"""Extraction of CLIP's features at full size, with random weights: overhead, workers, memory.

``python -m benchmarks.extraction`` asks three things of ``blemore extract`` on clips of nobody, and prints whether
each keeps its bar: what decoding and preparing add to the bare network; what a second worker gains; whether memory
grows with the length of a clip. Times are wall times: read them beside the load averages.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file

from benchmarks.training import cpu
from blemore import encoders
from blemore.encoders import clip, media, synthetic_clips
from blemore.encoders.extractors import FrameExtractor
from blemore.encoders.preprocessing import batches

OVERHEAD = 0.15
"""Most that decoding and preparing may add to the bare network, as a part of its time."""

GAIN = 1.6
"""Least that two workers must gain over one, each on one thread."""

GROWTH = 64
"""Most MiB that a clip of 60 s may take beyond one of 5 s: 24 decoded frames, of 1,375 more."""

HEIGHT, WIDTH, RATE = 720, 1280, 25
NAME = synthetic_clips.names(8)[-1]

MEASURED = (
    "import resource, sys; from pathlib import Path; from blemore import encoders; from blemore.encoders import extraction;"
    "(done,) = extraction.extract(encoders.get('clip'), [sys.argv[1]], sys.argv[2], weights=Path(sys.argv[3]));"
    "assert done.status == 'extracted', done;"
    "print(done.rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
)


def pictures(n: int) -> Iterator[NDArray[np.uint8]]:
    """Draw frames of 720p: a face of nobody and its surroundings, with the grain that makes a camera's clip large."""
    aside = (WIDTH - HEIGHT) // 2
    faces = [np.pad(face, ((0, 0), (aside, aside), (0, 0)), "edge")
             for face in synthetic_clips.pictures(NAME, seconds=0.4, size=HEIGHT)]  # fmt: skip
    rng = np.random.default_rng(0)
    grain = rng.normal(0, 5, (HEIGHT + 64, WIDTH + 64, 1)).round().astype(np.int16)
    for i in range(n):
        down, right = rng.integers(64, size=2)
        noisy = faces[i % len(faces)] + grain[down : down + HEIGHT, right : right + WIDTH]
        yield noisy.clip(0, 255).astype(np.uint8)


def film(folder: Path, seconds: int, rate: int = RATE) -> Path:
    """Write a clip of 720p without sound, and say how large it is."""
    path = folder / f"{seconds}s.mp4"
    media.write(path, pictures(seconds * rate), rate=rate)
    megabits = path.stat().st_size * 8 / 1e6 / seconds
    print(
        f"  clip of {seconds} s, {WIDTH} x {HEIGHT}, {rate} frames a second, H.264, {megabits:.1f} Mbit/s", flush=True
    )
    return path


def load() -> str:
    """Load averages of 1, 5 and 15 minutes."""
    return "load " + ", ".join(f"{value:.2f}" for value in os.getloadavg())


class Clock:
    """Seconds of wall time and of processor time that some work has taken so far, turn by turn."""

    def __init__(self) -> None:
        self.wall = self.processor = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count what happens inside."""
        wall, processor = time.perf_counter(), time.process_time()
        yield
        self.wall += time.perf_counter() - wall
        self.processor += time.process_time() - processor


def overhead(folder: Path, weights: Path, quick: bool) -> list[str]:
    """Time the extraction of a clip, and the network alone on frames that are decoded and prepared already; by turns."""
    path = film(folder, 3 if quick else 5)
    extractor = encoders.get("clip").open(weights=weights)
    assert isinstance(extractor, FrameExtractor)
    prepared = [extractor.prepare(frame) for frame in media.frames(path)]
    stacked = [torch.stack(batch) for batch in batches(prepared, extractor.batch)]
    turns: list[tuple[Clock, Clock]] = []
    for _ in range(3 if quick else 6):
        turns.append((Clock(), Clock()))
        with turns[-1][0].running(), torch.inference_mode():
            for batch in stacked:
                extractor.embed(batch)
        with turns[-1][1].running():
            extractor(path)
    del turns[0]  # the first time is not like the others
    added = {}
    for kind in ("wall", "processor"):
        network, whole = (statistics.median(getattr(turn[i], kind) for turn in turns) for i in (0, 1))
        added[kind] = whole / network - 1
        print(f"  {kind:9} time: network alone {network:6.2f} s, extraction {whole:6.2f} s: {added[kind]:+.1%}")
    decoding, both = Clock(), Clock()
    with decoding.running():
        n = sum(1 for _ in media.frames(path))
    with both.running():
        sum(1 for _ in map(extractor.prepare, media.frames(path)))
    print(f"  without a network: decoding {n / decoding.wall:.0f} frames a second, with preparing {n / both.wall:.0f}")
    print(f"  medians of {len(turns)}, {n} frames in batches of {extractor.batch}; bar {OVERHEAD:.0%} of wall time")
    return [f"overhead {added['wall']:.1%} of {OVERHEAD:.0%}"] if added["wall"] >= OVERHEAD else []


def workers(folder: Path, weights: Path, quick: bool) -> list[str]:
    """Time ``blemore extract`` with one worker and with two, each on one thread, from start to exit."""
    clips = folder / "clips"
    paths = synthetic_clips.write_clips(clips, 8 if quick else 32, seconds=2, size=192)
    seconds: dict[int, list[float]] = {1: [], 2: []}
    for turn in range(1 if quick else 3):
        for jobs in seconds:
            out = folder / f"out-{jobs}-{turn}"
            command = [sys.executable, "-m", "blemore.cli", "extract", "--encoder", "clip", str(clips), "--json",
                       "--weights", str(weights), "--jobs", str(jobs), "--out", str(out)]  # fmt: skip
            one_thread = {**os.environ, "OMP_NUM_THREADS": "1"}
            with (clock := Clock()).running():
                subprocess.run(command, check=True, capture_output=True, env=one_thread)
            seconds[jobs].append(clock.wall)
            print(
                f"  {len(paths)} clips of 2 s, {jobs} on one thread each: {seconds[jobs][-1]:6.1f} s  {load()}",
                flush=True,
            )
    gain = statistics.median(seconds[1]) / statistics.median(seconds[2])
    print(f"  two workers are {gain:.2f} times as fast as one, start and model included; bar {GAIN}")
    return [f"two workers {gain:.2f}x of {GAIN}x"] if gain < GAIN else []


def memory(folder: Path, weights: Path, quick: bool) -> list[str]:
    """Measure the peak memory of a process that extracts a short clip, and of one that extracts a long one."""
    peaks = {}
    for length in (5, 60):
        path = film(folder, length, 13 if quick else RATE)  # the short clip fills two batches too
        command = [sys.executable, "-c", MEASURED, str(path), str(folder / "memory"), str(weights)]
        rows, peak = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        peaks[length] = int(peak) / (2**20 if sys.platform == "darwin" else 2**10)
        frames = int(rows) * HEIGHT * WIDTH * 3 / 2**20
        print(
            f"  {rows:>4} frames ({frames:,.0f} MiB if they were kept): peak of the process {peaks[length]:,.0f} MiB",
            flush=True,
        )
    growth = peaks[60] - peaks[5]
    print(f"  the long clip takes {growth:+.0f} MiB more than the short one; bar {GROWTH} MiB")
    return [f"memory grows by {growth:.0f} of {GROWTH} MiB"] if growth >= GROWTH else []


PARTS = {"overhead": overhead, "workers": workers, "memory": memory}


def main() -> int:
    """Run all parts or one; exit code 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=list(PARTS))
    parser.add_argument("--quick", action="store_true", help="fewer clips, frames and repeats")
    parser.add_argument("--threads", type=int, default=1, help="threads of the network, but for the workers' one each")
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    os.environ["OMP_NUM_THREADS"] = str(chosen.threads)
    print(
        f"{cpu()}\n{os.cpu_count()} cores; {chosen.threads} threads; CLIP ViT-B/32, random weights, float32; wall time"
    )
    missed = []
    with tempfile.TemporaryDirectory() as place:
        torch.manual_seed(0)
        weights = Path(place) / "clip.safetensors"
        save_file(clip.build(**clip.VIT_B_32).state_dict(), weights)
        for name in [chosen.only] if chosen.only else PARTS:
            (folder := Path(place) / name).mkdir()
            print(f"\n{name}  {load()}")
            missed += PARTS[name](folder, weights, chosen.quick)
            print(f"  {load()} afterwards")
    print("\nbars met" if not missed else f"\nbars missed: {'; '.join(missed)}")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
