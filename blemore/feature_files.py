"""Feature files: the public baseline's layouts and the release's folders (paper, section 4.3)."""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blemore import files
from blemore.errors import InputError, UnknownNameError, first
from blemore.features import Features, table
from blemore.statistics import aggregate
from blemore.tables import read_csv

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

_BOOKKEEPING = {"frame", "face_id", "timestamp", "confidence", "success"}  # columns of OpenFace, no features

_KIND = ("encoder", "variant", "revision", "weights", "precision")  # what is the same for features that compare


def read(path: str | Path, *, encoder: str = "", origin: str = "measured") -> Features:
    """Read a feature table (section 4.3), in one of the public baseline's two layouts.

    Parameters
    ----------
    path : path
        ``.npz`` with ``X (N, D)`` and ``filenames (N,)``, and for subsamples ``counts (N,)`` (rows of each
        clip, ``X (M, D)``); or a folder with one ``.npy`` or ``.csv`` a clip, see :func:`read_folder`.
    encoder : str
        Id of the encoder, by default the file's name.
    origin : {'measured', 'stand-in'}
        A file that :func:`write` marked as simulated stays ``stand-in`` whatever is said here.
    """
    path = Path(path)
    encoder = encoder or path.stem
    if os.path.isdir(path):  # noqa: PTH112  (false where the path cannot even be looked at)
        return read_folder(path, encoder=encoder, origin=origin)
    arrays = _load(path)
    if not isinstance(arrays, dict) or not {"X", "filenames"} <= set(arrays):
        got = first(list(arrays), 6) if isinstance(arrays, dict) else "one array"
        raise InputError(path, "arrays", expected="X and filenames", got=got or "none")
    if arrays["filenames"].ndim != 1:
        raise InputError(path, "filenames", expected="shape (N,)", got=str(arrays["filenames"].shape))
    return table(
        path,
        arrays["filenames"].tolist(),
        arrays["X"],
        arrays.get("counts"),
        encoder=encoder,
        origin="stand-in" if str(arrays.get("origin")) == "stand-in" else origin,
    )


def write(path: str | Path, features: Features) -> None:
    """Write a feature table as ``.npz``: ``X``, ``filenames``, for subsamples ``counts``, for simulated ones ``origin``."""
    arrays = {"X": features.x, "filenames": np.array(features.names)}
    if features.origin != "measured":
        arrays["origin"] = np.array(features.origin)
    if features.subsampled:
        arrays["counts"] = features.counts
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    files.write_atomically(path, buffer.getvalue())


def read_folder(folder: str | Path, *, encoder: str, subsamples: bool = False, origin: str = "measured") -> Features:
    """Read one ``.npy`` (T, D) or ``.csv`` a clip, and aggregate the T rows to seven statistics.

    Parameters
    ----------
    subsamples : bool
        Keep the T rows of each clip instead. Files of one row (D,) are kept as they are in any case.

    Raises
    ------
    InputError
        If there is no such file, one cannot be read, or what ``blemore extract`` wrote beside them, or their width,
        says that they are not of one kind. Names that begin with a dot are left out.
    """
    try:
        inside = sorted(path for path in Path(folder).iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise files.unreadable(folder, error) from None
    paths = [path for path in inside if path.suffix.lower() in (".npy", ".csv")]
    if not paths:
        raise InputError(folder, "holds no .npy and no .csv", fix="one file a clip is expected")
    made = {path.name: made_of(path) for path in paths}
    kinds = {tuple(str(held.get(key, "")) for key in _KIND): name for name, held in made.items() if held}
    if len(kinds) > 1:
        shown = [f"{name} by {' '.join(filter(None, kind))}" for kind, name in kinds.items()]
        raise InputError(folder, "features of several kinds", got=first(shown), fix="extract them to different folders")
    arrays = [read_frames(path) for path in paths]
    widths = {array.shape[-1] for array in arrays}
    ranks = {array.ndim for array in arrays}
    if len(widths) > 1 or len(ranks) > 1:
        shapes = [f"{path.name} {array.shape}" for path, array in zip(paths, arrays, strict=True)]
        raise InputError(folder, "files differ in width", got=first(shapes))
    names = [path.stem for path in paths]
    if ranks == {1}:
        return table(folder, names, np.stack(arrays), encoder=encoder, origin=origin)
    for path, array in zip(paths, arrays, strict=True):
        if not np.isfinite(array).all():
            raise InputError(path, "NaN or infinite features", fix="extract this clip again")
    if subsamples:
        counts = np.array([len(array) for array in arrays])
        return table(folder, names, np.concatenate(arrays), counts, encoder=encoder, origin=origin)
    return table(folder, names, np.stack([aggregate(a) for a in arrays]), encoder=encoder, origin=origin)


def read_release(root: str | Path, encoder: str, *, partition: str = "train", subsamples: bool = False) -> Features:
    """Read the ready features of the Zenodo release, wherever below `root` their folder lies.

    Parameters
    ----------
    encoder : str
        A key of :data:`RELEASE_FOLDERS`.
    partition : {'train', 'test'}
    """
    if encoder not in RELEASE_FOLDERS:
        raise UnknownNameError("encoder of the release", encoder, list(RELEASE_FOLDERS))
    name = f"{RELEASE_FOLDERS[encoder]}_{partition}"
    found = sorted(path for path in Path(root).rglob(name) if path.is_dir())
    if len(found) != 1:
        raise InputError(
            root,
            f"{len(found)} folders are named {name}",
            expected=f"one, as in pre_extracted_{partition}_data/{name}",
        )
    return read_folder(found[0], encoder=encoder, subsamples=subsamples)


def read_frames(path: Path) -> NDArray[np.floating]:
    """Read one clip's features: ``.npy``, or ``.csv`` without OpenFace's bookkeeping; (T, D), or (D,) for one row."""
    if path.suffix.lower() == ".csv":
        given = read_csv(path, set())
        columns = [c for c in given.columns if c.lower() not in _BOOKKEEPING]
        try:
            return given[columns].to_numpy(dtype=np.float64)
        except ValueError as error:
            raise InputError(path, "a value is not a number", got=str(error)) from None
    array = _load(path)
    if isinstance(array, dict) or array.ndim not in (1, 2) or array.dtype.kind not in "fiu" or 0 in array.shape:
        shape = "an .npz" if isinstance(array, dict) else f"{array.dtype} {array.shape}"
        raise InputError(path, "not a feature array", expected="numbers (T, D) or (D,)", got=shape)
    return array.astype(np.float64) if array.dtype.kind != "f" else array  # type: ignore[return-value]


def write_frames(path: Path, features: NDArray[np.float32], about: dict[str, object]) -> None:
    """Write one clip's features (T, D) as ``.npy``, and first, beside it, what they are made of and their digest."""
    buffer = io.BytesIO()
    np.save(buffer, features, allow_pickle=False)
    document = {**about, "features": hashlib.sha256(buffer.getvalue()).hexdigest()}
    files.write_atomically(path.with_suffix(".json"), json.dumps(document, indent=1))
    files.write_atomically(path, buffer.getvalue())


def made_of(path: Path) -> dict[str, Any]:
    """Return what :func:`write_frames` wrote beside features about what they are made of; empty where it did not."""
    try:
        held = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return held if isinstance(held, dict) and {"format", "clip", "encoder", "features"} <= set(held) else {}


def _load(path: Path) -> dict[str, NDArray[np.generic]] | NDArray[np.generic]:
    load: Callable[..., object] = np.load
    try:
        with path.open("rb") as file:
            data = load(file, allow_pickle=False)
            return data if isinstance(data, np.ndarray) else dict(data)  # type: ignore[call-overload]
    except FileNotFoundError:
        raise InputError(path, "no such file", fix="check the path") from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        got = str(error).strip().splitlines() or [type(error).__name__]
        raise InputError(
            path,
            "cannot be read as NumPy file without pickles",
            got=got[0],
            fix="save names as text, not as objects",
        ) from None
