"""Ready features of the data set's release: one file a clip, read instead of computed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blemore.errors import InputError
from blemore.features.feature_files import read_frames


@dataclass
class ReadyExtractor:
    """Reads ``.npy`` files of `dim` columns."""

    dim: int
    flag: str = ""

    def __call__(self, path: Path) -> NDArray[np.float32]:
        """Return the features (T, dim) of one file; a row alone, (dim,), becomes (1, dim)."""
        rows = np.atleast_2d(read_frames(path)).astype(np.float32)
        if rows.shape[1] != self.dim:
            raise InputError(path, "features of another width", expected=f"(T, {self.dim})", got=str(rows.shape))
        return rows
