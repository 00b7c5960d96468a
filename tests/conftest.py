"""Shared by the tests: real files beside the checkout where there are some, and a plain baseline."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("BLEMORE_SHARED", ROOT.parent / "shared"))


def _beside(path: Path) -> Path:
    if not path.exists():
        pytest.skip(f"needs {path.relative_to(SHARED)} beside the checkout (set BLEMORE_SHARED)")
    return path


def oracle(name: str) -> Path:
    """Path of a recorded answer of the public baseline; skips where there is none."""
    return _beside(SHARED / "oracles" / name)


def real(name: str) -> Path:
    """Path of a real public file of the data set; skips where there is none."""
    return _beside(SHARED / "data" / name)


def plain_decision(row: np.ndarray, alpha: float, beta: float) -> list[int]:
    """Decide one clip, step by step as the paper and the oracles' notes put the rules."""
    first, second = np.argsort(-row)[:2]
    decided = [0] * 6
    survivors = [i for i in (first, second) if row[i] >= alpha]
    if len(survivors) == 2 and 5 in survivors:
        other = first if second == 5 else second
        survivors = [5] if row[5] > row[other] else [other]
    if len(survivors) < 2:
        decided[survivors[0] if survivors else first] = 100
    elif row[first] - row[second] <= beta:
        decided[first] = decided[second] = 50
    else:
        decided[first], decided[second] = 70, 30
    return decided
