"""Feature files: the public baseline's layouts and the release's folders (paper, section 4.3)."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blemore.challenge.labels import stem
from blemore.errors import InputError, first, repeated
from blemore.features import frame_tables
from blemore.features.feature_table import Features, table
from blemore.features.frame_tables import Frames
from blemore.features.seven_statistics import aggregate
from blemore.system import files
from blemore.system.array_files import clip_names, read_array, read_arrays

_KIND = ("encoder", "variant", "revision", "weights", "precision")  # what is the same for features that compare


def read(path: str | Path, *, encoder: str = "", origin: str = "measured") -> Features:
    """Read a feature table (section 4.3), in one of the layouts that people have.

    Parameters
    ----------
    path : path
        ``.npz`` with ``X (N, D)`` and ``filenames (N,)``, and for subsamples ``counts (N,)`` (rows of each
        clip, ``X (M, D)``); or a folder with one ``.npy`` or ``.csv`` a clip, see :func:`read_folder`. Frames in an
        ``.npz``, as ``X (N, L, D)``, or ``X (M, D)`` with the clip's name at each of its rows, are aggregated to seven
        statistics, and the table's remark says so.
    encoder : str
        Id of the encoder, by default the file's name.
    origin : {'measured', 'stand-in'}
        A file that :func:`write` marked as simulated stays ``stand-in`` whatever is said here.
    """
    path = Path(path)
    encoder = encoder or path.stem
    if os.path.isdir(path):  # noqa: PTH112  (false where the path cannot even be looked at)
        return read_folder(path, encoder=encoder, origin=origin)
    arrays = read_arrays(path, ("X", "filenames"), ("counts", "origin"))
    names, x, counts, remark = clip_names(path, arrays["filenames"]), arrays["X"], arrays.get("counts"), ""
    if counts is None and x.dtype.kind in "fiu" and x.shape[:1] == (len(names),) and x.size:
        names, x, remark = _row_a_clip(path, names, x)
    origin = "stand-in" if str(arrays.get("origin")) == "stand-in" else origin
    return table(path, names, x, counts, encoder=encoder, origin=origin, remark=remark)


def _row_a_clip(path: Path, names: list[str], x: NDArray[np.generic]) -> tuple[list[str], NDArray[np.generic], str]:
    """Aggregate frames: those of a clip are ``x[i]`` of (N, L, D), or adjacent rows of (M, D) under the same name.

    Rows count as frames if most clips have several; else a name that occurs again is a mistake that is refused later.
    """
    x = _squeezed(x, clips=1)
    if x.ndim == 3 and x.shape[1] == 1:
        x = x[:, 0]
    starts = [i for i, name in enumerate(names) if i == 0 or name != names[i - 1]]
    clips, lengths = [names[i] for i in starts], np.diff([*starts, len(names)])
    if x.ndim == 3:
        clips, series = names, list(x)
    elif x.ndim == 2 and not repeated(clips) and 2 * (lengths > 1).sum() > len(clips):
        series = np.split(x, starts[1:])
    else:
        return names, x, ""
    rows = [_seven(f"{path}: {clip}", frames) for clip, frames in zip(clips, series, strict=True)]
    n = sum(len(frames) for frames in series)
    remark = f"{n} rows of {len(clips)} clips aggregated to seven statistics (subsamples need `counts`)"
    return clips, np.stack(rows), remark


def _seven(where: object, frames: NDArray[np.generic]) -> NDArray[np.float32]:
    if not np.isfinite(_single(frames)).all():
        raise InputError(where, "NaN or infinite features", fix="extract this clip again")
    return aggregate(frames)


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
    """Read one ``.npy`` (T, D) or ``.csv`` a clip, and aggregate the T rows to seven statistics, file by file.

    Files may lie in folders inside (``part_1``, ``part_2``). Columns of CSV files go by name, in the first file's order.

    Parameters
    ----------
    subsamples : bool
        Keep the T rows of each clip instead. Files of one row (D,) are kept as they are in any case.

    Raises
    ------
    InputError
        If there is no such file, one cannot be read, two are of the same clip, or what ``blemore extract`` wrote beside
        them, or their width or columns, says that they are not of one kind.
    """
    paths = _file_a_clip(folder)
    made = {path: made_of(path) for path in paths}
    kinds = {tuple(str(held.get(key, "")) for key in _KIND): path.name for path, held in made.items() if held}
    if len(kinds) > 1:
        shown = [f"{name} by {' '.join(filter(None, kind))}" for kind, name in kinds.items()]
        raise InputError(folder, "features of several kinds", got=first(shown), fix="extract them to different folders")
    x, counts, remark = _rows(folder, made, subsamples)
    return table(folder, [path.stem for path in paths], x, counts, encoder=encoder, origin=origin, remark=remark)


def _rows(
    folder: object, made: Mapping[Path, Mapping[str, Any]], subsamples: bool
) -> tuple[NDArray[np.float32], NDArray[np.int64] | None, str]:
    """Read one file after the other: rows of a table, how many each file gave if not one, and what was done."""
    shapes: dict[tuple[int, int, frozenset[str]], list[Path]] = {}
    remarks: Counter[str] = Counter()
    columns: tuple[str, ...] = ()
    x, kept = np.empty((0, 0), np.float32), list[NDArray[np.floating]]()
    for i, (path, about) in enumerate(made.items()):
        frames = _frames(path, about)
        columns = columns or frames.columns
        remarks.update(frames.remarks)
        shapes.setdefault((frames.x.ndim, frames.x.shape[-1], frozenset(frames.columns)), []).append(path)
        if len(shapes) > 1:
            continue  # only to see which files are the odd ones
        values = frames.ordered(columns)
        if subsamples:
            kept.append(_single(np.atleast_2d(values)))
            continue
        row = _single(values) if values.ndim == 1 else _seven(path, values)
        if i == 0:
            x = np.empty((len(made), len(row)), np.float32)  # at once: a list of rows would be held beside it
        x[i] = row
    if len(shapes) > 1:
        raise _several_shapes(folder, shapes)
    remark = "; ".join(f"{n} of {len(made)} files: {text}" for text, n in remarks.items())
    if subsamples:
        return np.concatenate(kept), np.array([len(one) for one in kept]), remark
    return x, None, remark


def _single(values: NDArray[np.generic]) -> NDArray[np.float32]:
    """Return values in single precision; what becomes infinite is refused with the table."""
    with np.errstate(over="ignore"):
        return values.astype(np.float32, copy=False)


def _file_a_clip(folder: str | Path) -> list[Path]:
    paths = [path for path in files.below(folder) if path.suffix.lower() in (".npy", ".csv")]
    if not paths:
        raise InputError(folder, "holds no .npy and no .csv", fix="give one file per clip")
    clips: dict[str, list[Path]] = {}
    for path in paths:
        clips.setdefault(stem(path.stem), []).append(path)
    if twice := [held for held in clips.values() if len(held) > 1]:
        got = first([path.relative_to(folder) for path in twice[0]])
        subject = "1 clip has" if len(twice) == 1 else f"{len(twice)} clips have"
        fix = "keep one file per clip; a folder holds features of one encoder"
        raise InputError(folder, f"{subject} several files", got=got, fix=fix)
    csv = [path for path in paths if path.suffix.lower() == ".csv"]
    npy = [path for path in paths if path.suffix.lower() == ".npy"]
    if csv and npy:
        fewer = min(csv, npy, key=len)
        got = f"{len(npy)} .npy and {len(csv)} .csv, among them {first([path.relative_to(folder) for path in fewer])}"
        fix = "move these out of the folder, or extract all clips to the same format"
        raise InputError(folder, "holds files of two formats", expected="one .npy or one .csv a clip", got=got, fix=fix)
    return paths


def _several_shapes(folder: object, shapes: dict[tuple[int, int, frozenset[str]], list[Path]]) -> InputError:
    """Return the error that names the files whose width, rank or columns are not those of most files."""
    (usual, like), *odd = sorted(shapes.items(), key=lambda item: -len(item[1]))
    said = {shape: f"({shape[1]},)" if shape[0] == 1 else f"(T, {shape[1]})" for shape in shapes}
    for shape, _ in odd:
        if strange := sorted(shape[2] ^ usual[2]):
            said[shape] += f", columns not in both: {first(strange)}"
    got = first([f"{path.name} {said[shape]}" for shape, paths in odd for path in paths])
    return InputError(
        folder,
        f"{sum(len(paths) for _, paths in odd)} of {sum(map(len, shapes.values()))} files differ in width or columns",
        expected=f"{said[usual]} as in {like[0].name}",
        got=got,
        fix="extract them again, or leave them out",
    )


def read_frames(path: Path) -> NDArray[np.floating]:
    """Read one clip's features: ``.npy``, or ``.csv`` without OpenFace's bookkeeping; (T, D), or (D,) for one row.

    Singleton axes, as in (T, 1, D), are dropped. What ``blemore extract`` wrote is compared with the digest beside it.
    """
    return _frames(path, made_of(path)).x


def _frames(path: Path, made: Mapping[str, Any]) -> Frames:
    if path.suffix.lower() == ".csv":
        return frame_tables.read(path)
    given = read_array(path, str(made.get("features", "")))
    array = _squeezed(given)
    if array.ndim not in (1, 2) or array.dtype.kind not in "fiu" or not array.size:
        got = f"{given.dtype} {given.shape}"
        raise InputError(path, "not a feature array", expected="numbers (T, D) or (D,)", got=got)
    return Frames(array if array.dtype.kind == "f" else array.astype(np.float64))  # type: ignore[arg-type]


def _squeezed(array: NDArray[np.generic], clips: int = 0) -> NDArray[np.generic]:
    """Drop singleton axes down to (T, D), or with ``clips=1`` down to (N, T, D)."""
    while array.ndim > clips + 2 and 1 in array.shape[clips:]:
        inner_first = (*range(clips + 1, array.ndim), clips)  # so that (1, 1, D) is one frame
        array = array.squeeze(next(axis for axis in inner_first if array.shape[axis] == 1))
    return array


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
    except (OSError, ValueError, RecursionError):
        return {}
    return held if isinstance(held, dict) and {"format", "clip", "encoder", "features"} <= set(held) else {}
