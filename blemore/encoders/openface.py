"""OpenFace 2.0, from the CSV that it writes: 31 features a frame (paper, section 4.1).

OpenFace is a program of its own; ``FeatureExtraction -f clip.mov`` writes ``clip.csv``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from blemore.encoders.registry import Encoder, Variant
from blemore.errors import InputError
from blemore.features.frame_tables import interpolated
from blemore.system.csv_files import numbers, read_csv

ACTION_UNITS = tuple(f"AU{unit:02d}_r" for unit in (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 45))
"""Intensities, 0 to 5."""
POSE = ("pose_Rx", "pose_Ry", "pose_Rz", "pose_Tx", "pose_Ty", "pose_Tz")
"""Rotation in radians, then position in millimetres."""
GAZE = ("gaze_0_x", "gaze_0_y", "gaze_0_z", "gaze_1_x", "gaze_1_y", "gaze_1_z", "gaze_angle_x", "gaze_angle_y")
"""Directions of both eyes, then their mean angles in radians."""
COLUMNS = (*ACTION_UNITS, *POSE, *GAZE)
"""The 31 features, in the order of the authors."""

CONFIDENCE = 0.85
"""Below this a frame's face counts as lost."""
ENOUGH = 0.85
"""Fraction of good frames from which lost ones are interpolated."""


@dataclass(frozen=True, eq=False)
class Tracked:
    """What OpenFace found in a clip.

    Attributes
    ----------
    frames : (T, 31) float32
        Columns as in :data:`COLUMNS`.
    good : float
        Fraction of frames whose face was found, of all that the file holds.
    flag : str
        What was done about lost frames, or that nothing was; empty where none was lost.
    """

    frames: NDArray[np.float32]
    good: float
    flag: str


KINDS = {"action_units": r"AU\d+_r", "head_pose": r"pose_[TR][xyz]", "gaze": r"gaze_\w+"}
"""Kinds of features that the paper names -> what OpenFace calls the columns of each (a regular expression)."""


def kinds(path: str | Path) -> pd.Series:
    """Count the columns of each of :data:`KINDS` in the header of a CSV that OpenFace wrote."""
    names = pd.Series(read_csv(path, ()).columns)
    return pd.Series({kind: int(names.str.fullmatch(pattern).sum()) for kind, pattern in KINDS.items()})


def read(path: str | Path) -> Tracked:
    """Read the CSV of OpenFace 2.0 as the authors did.

    A frame is good if ``success`` is 1 and ``confidence`` at least 0.85. Where at least 85 % are good, the others are
    interpolated linearly between good ones, the last good one is held to the end, and frames before the first
    are dropped; what lost frames hold does not matter. Where fewer are good, all stay as they are, and the clip is
    flagged. A file with a header and no row gives one row of zeros, flagged.

    Raises
    ------
    InputError
        If a column is missing, or a value that is used is no number.
    """
    try:
        cells = read_csv(path, {*COLUMNS, "success", "confidence"})
    except InputError as error:
        if "has no rows" not in str(error):
            raise
        return Tracked(np.zeros((1, len(COLUMNS)), np.float32), 0.0, "no frame: one row of zeros")
    values = numbers(path, cells[list(COLUMNS)])
    success, confidence = numbers(path, cells[["success", "confidence"]]).T
    good = (success == 1) & (confidence >= CONFIDENCE)
    lost, ratio = int((~good).sum()), float(good.mean())
    unfit = ~np.isfinite(values)
    if ratio >= ENOUGH:
        unfit[~good] = False
    if unfit.any():
        row, column = np.argwhere(unfit)[0]
        raise InputError(path, f"row {row + 1}, column {COLUMNS[column]}: not a number", fix="run OpenFace again")
    if not lost:
        return Tracked(values.astype(np.float32), ratio, "")
    if ratio < ENOUGH:
        return Tracked(
            values.astype(np.float32), ratio, f"{lost} of {len(good)} frames lost the face: kept as they are"
        )
    filled, first = interpolated(values, np.broadcast_to(good[:, None], values.shape))
    dropped = f", {first} of them dropped at the start" if first else ""
    flag = f"{lost} of {len(good)} frames lost the face: interpolated{dropped}"
    return Tracked(filled.astype(np.float32), ratio, flag)


@dataclass
class TableExtractor:
    """Reads one CSV of OpenFace after the other."""

    flag: str = ""

    def __call__(self, path: Path) -> NDArray[np.float32]:
        """Return the features (T, 31) of one file, and set :attr:`flag`."""
        tracked = read(path)
        self.flag = tracked.flag
        return tracked.frames


ENCODER = Encoder(
    name="openface",
    title="OpenFace",
    modality="video",
    reads="csv",
    licence="OpenFace: academic and non-commercial use only",
    reference="Baltrušaitis et al. 2018, doi:10.1109/FG.2018.00019",
    choices=(Variant("2.0", len(COLUMNS), "frame", "1 per frame", used="authors", note="reads OpenFace's CSV"),),
    load=lambda opening: TableExtractor(),
)
"""The entry of the registry."""
