"""The release of the data set as it lies below ``BLEMORE_DATA``: which folder holds what, wherever it is (paper, section 3.3)."""

from __future__ import annotations

import os
from pathlib import Path

from blemore.errors import InputError, SourceError, first
from blemore.system import files

RELEASE_FOLDERS = {
    "openface3": "OpenFace_3",
    "imagebind": "ImageBind",
    "videomaev2": "VideoMAEv2",
    "hubert": "HuBERT_large",
    "wavlm": "WavLM_large",
    "hicmae": "HiCMAE",
}
"""Encoder id -> name of its folder among the release's ready features (without ``_train``, ``_test``).

OpenFace 3 is not the OpenFace 2 of the paper, and has an id of its own."""


def in_release(name: str) -> Path | None:
    """Return a file of the Zenodo release wherever it lies below ``BLEMORE_DATA``, or None."""
    found = below_release(name)
    if len(found) > 1:
        inside = [path.relative_to(os.environ["BLEMORE_DATA"]) for path in found]
        raise InputError("BLEMORE_DATA", f"holds {name} more than once", got=first(inside), fix="leave one")
    return found[0] if found else None


def below_release(name: str) -> list[Path]:
    if not (folder := os.environ.get("BLEMORE_DATA")):
        return []
    if not Path(folder).is_dir():
        raise SourceError(f"BLEMORE_DATA={folder} is not a folder; set it to the folder of the Zenodo release")
    found: list[Path] = []
    for here, folders, names in files.walk(folder):
        found += [here / name] if name in folders or name in names else []
        folders[:] = [one for one in folders if one != name]
    return sorted(found)
