"""The whole book from nothing, and again with nothing to do: seconds, and the share of each page.

``python -m benchmarks.book`` builds a copy of the tracked files without network, data or earlier runs. Pages are
executed two at a time, and simulated data are trained on by the first page that asks: the shares are of the pages' sum.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
BARS = {"cold": 8 * 60.0, "warm": 10.0}
"""Seconds, on two cores."""

_EXECUTED = re.compile(r"^([\w+-]+): executed in ([\d.]+) s$", re.MULTILINE)


def copy(folder: Path) -> None:
    """Copy the tracked files as they are now."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)


def build(folder: Path) -> tuple[float, dict[str, float]]:
    """Build the book of a folder: seconds in all, and seconds by page executed."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("BLEMORE_")}
    environment |= {"PYTHONPATH": str(folder), "BLEMORE_OFFLINE": "1", "BLEMORE_CACHE": str(folder / "cache")}
    start = time.perf_counter()
    command = [sys.executable, "-m", "blemore.cli", "book"]
    told = subprocess.run(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if told.returncode:
        sys.exit(told.stdout)
    return time.perf_counter() - start, {name: float(seconds) for name, seconds in _EXECUTED.findall(told.stdout)}


def main() -> int:
    """Build twice; exit code 1 where a bar is missed."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        copy(folder)
        print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
        cold, pages = build(folder)
        warm, again = build(folder)
    for name, seconds in sorted(pages.items(), key=lambda item: -item[1]):
        print(f"  {name:32} {seconds:6.1f} s  {seconds / sum(pages.values()):4.0%}")
    print(
        f"cold {cold:.0f} s (bar {BARS['cold']:.0f}); warm {warm:.1f} s (bar {BARS['warm']:.0f}), {len(again)} pages executed"
    )
    return int(cold > BARS["cold"] or warm > BARS["warm"])


if __name__ == "__main__":
    sys.exit(main())
