"""Measure the peak memory of reading a folder of frames: one file a clip, aggregated to seven statistics.

A child process reads the folder. Its peak is the largest resident set that the system reports (``ru_maxrss``), with
the interpreter and all libraries in it; what it held before it read the first file is printed beside. The files, of
invented numbers, lie in a temporary folder (2.5 GB for all training clips; TMPDIR says where).
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

BAR = 400
"""Most memory in MB (10^6 bytes) for the training clips of the data set at (250, 1024)."""
CLIPS, SHAPE = 2456, (250, 1024)

CHILD = (
    "import resource, sys, time; from blemore.features import feature_files\n"
    "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6\n"
    "before, start = peak(), time.perf_counter()\n"
    "table = feature_files.read_folder(sys.argv[1], encoder='wavlm')\n"
    "print(before, peak(), table.x.nbytes / 1e6, time.perf_counter() - start)"
)


def write(folder: Path, clips: int) -> float:
    """Write frames of some clips, and return their size in MB."""
    frames = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)
    for i in range(clips):
        frames[0] = i
        np.save(folder / f"A9001_ang_int1_ver{i + 1}.npy", frames)
    return clips * frames.nbytes / 1e6


def main() -> int:
    """Print the peak of reading; return 1 if the bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=CLIPS, help="how many; the bar is that of all")
    clips = parser.parse_args().clips
    with tempfile.TemporaryDirectory() as folder:
        free = shutil.disk_usage(folder).free
        if free < 1.2 * clips * SHAPE[0] * SHAPE[1] * 4:
            print(f"too little space in {folder}: set TMPDIR, or read fewer clips (--clips)", file=sys.stderr)
            return 2
        size = write(Path(folder), clips)
        done = subprocess.run([sys.executable, "-c", CHILD, folder], check=True, capture_output=True, text=True)
    before, peak, result, seconds = map(float, done.stdout.split())
    print(f"{clips} clips of {SHAPE}, float32, {size:.0f} MB on disk, read in {seconds:.1f} s")
    print(f"  peak memory {peak:.0f} MB, {before:.0f} MB of it before the first file; the table holds {result:.0f} MB")
    print(f"  the bar is {BAR} MB: {'missed' if peak >= BAR else 'met'}")
    return int(peak >= BAR)


if __name__ == "__main__":
    raise SystemExit(main())
