"""Tables of frames in CSV: one row a frame, columns by name, OpenFace's among them (paper, section 4.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from blemore.errors import InputError, first
from blemore.system.csv_files import number, numbers, read_csv

OPENFACE_3 = ("emotion_index", "gaze_yaw", "gaze_pitch", "action_units")
"""Columns of OpenFace 3 in the data set's release; each cell of the last is a list of :data:`UNITS` numbers."""
UNITS = 8

_BOOKKEEPING = {"", "frame", "face_id", "timestamp", "confidence", "success"}

_ALL_OF_OPENFACE_2 = (
    "OpenFace 2 with all its columns and lost frames; "
    "`blemore extract --encoder openface` gives the paper's 31 features"
)


@dataclass(frozen=True, eq=False)
class Frames:
    """What one file holds of a clip.

    Attributes
    ----------
    x : (T, D) numbers, or (D,) for one row
    columns : tuple of str
        Names of the D columns, where the file gives names.
    remarks : tuple of str
        What was done to the values, or left out.
    """

    x: NDArray[np.floating]
    columns: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    def ordered(self, columns: Sequence[str]) -> NDArray[np.floating]:
        """Return the values with the columns in another order, given by the same names."""
        if not self.columns or self.columns == tuple(columns):
            return self.x
        return self.x[:, [self.columns.index(name) for name in columns]]


def read(path: str | Path) -> Frames:
    """Read the features in a CSV file: its columns of numbers, without frame numbers and other bookkeeping.

    Of OpenFace 3's files these are the emotion's index, the gaze's yaw and pitch, and eight action units; values that
    are missing are interpolated over time as :func:`interpolated` says.

    Raises
    ------
    InputError
        If the file cannot be read, a value is no number, or a feature of OpenFace 3 is missing in all frames.
    """
    cells = read_csv(path, ())
    if "action_units" in cells.columns:
        return _openface_3(path, cells)
    index = cells.iloc[:, 0].tolist() == [str(i) for i in range(len(cells))]  # which pandas writes without a name
    if "" in cells.columns[1:] or (cells.columns[0] == "" and not index):
        raise InputError(path, "a column has no name", got=f"columns {', '.join(cells.columns)}", fix="name it")
    columns = tuple(name for name in cells.columns if name.lower() not in _BOOKKEEPING)
    if not columns:
        raise InputError(path, "has no columns of features", got=f"columns {', '.join(cells.columns)}")
    remarks = (_ALL_OF_OPENFACE_2,) if {"success", "AU01_r", "AU01_c"} <= set(cells.columns) else ()
    return Frames(numbers(path, cells[list(columns)]), columns, remarks)


def interpolated(values: NDArray[np.float64], good: NDArray[np.bool_]) -> tuple[NDArray[np.float64], int]:
    """Interpolate each column linearly over time where its value is lost.

    The last good value is held to the end; frames before the first at which each column has had a good one are dropped.

    Parameters
    ----------
    values, good : (T, D)
        Each column has at least one good value.

    Returns
    -------
    (T', D) and the number of frames dropped, T - T'.

    >>> values = np.array([[9.0], [1.0], [9.0], [3.0]])
    >>> interpolated(values, np.array([[False], [True], [False], [True]]))[0].ravel().tolist()
    [1.0, 2.0, 3.0]
    """
    steps = np.arange(len(values), dtype=np.float64)
    pairs = zip(values.T, good.T, strict=True)
    filled = np.stack([np.interp(steps, steps[known], column[known]) for column, known in pairs], axis=1)
    dropped = int(good.argmax(axis=0).max())
    return filled[dropped:], dropped


def _openface_3(path: str | Path, cells: pd.DataFrame) -> Frames:
    if lacking := [name for name in OPENFACE_3 if name not in cells.columns]:
        raise InputError(path, f"missing column {first(lacking)}", expected=f"OpenFace 3's {', '.join(OPENFACE_3)}")
    units = [_units(path, row, cell) for row, cell in enumerate(cells["action_units"], start=1)]
    values = np.column_stack([numbers(path, cells[list(OPENFACE_3[:3])]), np.array(units)])
    columns = (*OPENFACE_3[:3], *(f"action_unit_{unit}" for unit in range(1, UNITS + 1)))
    others = [name for name in cells.columns if name not in OPENFACE_3]
    remarks = [f"columns {', '.join(others)} left out"] if others else []
    good = ~np.isnan(values)
    if not good.any(axis=0).all():
        never = [name for name, known in zip(columns, good.any(axis=0), strict=True) if not known]
        raise InputError(path, f"{first(never)}: no number in any frame", fix="leave this clip out")
    if not good.all():
        values, dropped = interpolated(values, good)
        remarks.append(f"missing values interpolated over time{', frames before the first dropped' if dropped else ''}")
    return Frames(values, columns, tuple(remarks))


def _units(path: str | Path, row: int, cell: str | float) -> list[float]:
    """Return the eight action units of a cell, all missing where it is empty."""
    parts = [] if pd.isna(cell) else str(cell).strip("[]() ").replace(",", " ").split()
    try:
        found = [number(part) for part in parts] or [np.nan] * UNITS
    except ValueError:
        found = []
    if len(found) != UNITS:
        raise InputError(path, f"row {row}: action_units", expected=f"a list of {UNITS} numbers", got=str(cell)[:80])
    return found
