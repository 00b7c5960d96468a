"""Predictions from files: tables of probabilities, and decisions in the challenge's JSON (section 3.2)."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blemore.challenge.labels import EMOTION_NAMES, EMOTIONS, saliences, stem
from blemore.errors import BlemoreError, InputError, UnknownNameError, first, repeated
from blemore.system import files
from blemore.system.array_files import clip_names, read_arrays
from blemore.system.csv_files import clip_column, numbers, read_csv

HICMAE_ORDER = ("neu", "ang", "disg", "fea", "hap", "sad")
"""Column order of the released HiCMAE logits."""

SUM_TOLERANCE = 1e-3
"""How far a row of probabilities may be from summing to 1, and a probability below 0, by rounding errors."""


@dataclass(frozen=True)
class Predictions:
    """Probabilities (N, 6) float64 in the order of EMOTIONS, rows sum to 1, and their clips' names.

    ``taken_for`` says how the table's values and columns were read.
    """

    names: list[str]
    probabilities: NDArray[np.float64]
    taken_for: str


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the rows' softmax, computed in float64.

    >>> softmax(np.array([[0.0, np.log(3.0)]])).round(6).tolist()
    [[0.25, 0.75]]
    """
    wide = np.asarray(logits, dtype=np.float64)
    with np.errstate(over="ignore"):  # a gap too wide for float64 is a probability of 0 all the same
        powers = np.exp(wide - wide.max(axis=1, keepdims=True))
    result: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return result


def read_table(path: str | Path, *, logits: bool | None = None, order: Sequence[str] | None = None) -> Predictions:
    """Read a table of probabilities or logits, one row a clip.

    Parameters
    ----------
    path : path
        ``.npz`` with ``filenames (N,)`` and ``probabilities`` or ``logits (N, 6)``; ``.csv`` with the
        clip's name and six columns; or a released ``pred.csv`` (columns id, label, pred) as it is.
    logits : bool, optional
        The values are logits (True) or probabilities (False). By default the names of the arrays of an ``.npz``
        say it; a ``.csv`` with a column for each emotion holds probabilities; a ``pred.csv``, which can hold
        either, holds probabilities where all values lie in 0 to 1 or most rows sum to 1 (or 100), else logits.
        Probabilities below 0 by 1e-3 or less, as fusions leave them, are set to 0, and ``taken_for`` says so.
    order : six emotion names, optional
        Order of the columns. By default that of the column names of a ``.csv`` where they are emotion
        names, the released order for a ``pred.csv``, else that of EMOTIONS.

    Raises
    ------
    InputError, UnknownNameError
        For anything that is not such a table: missing file or columns, a clip twice, NaN, probabilities whose
        rows do not sum to 1 within 1e-3, an order that is not the six emotions, arrays whose name contradicts
        ``logits`` or, if that is not given, their content.
    """
    if order is not None:
        _check_order(order)
    if Path(path).suffix.lower() == ".json":
        raise InputError(path, "is JSON", expected="a table, .npz or .csv", fix="blemore score reads decisions")
    read = _read_npz if Path(path).suffix.lower() == ".npz" else _read_csv
    names, values, said, found_order = read(path, logits)
    names = [stem(name) for name in names]
    if twice := repeated(names):
        raise InputError(path, "a clip occurs twice", got=first(twice))
    if values.shape != (len(names), len(EMOTIONS)) or not names:
        raise InputError(path, "wrong shape", expected=f"({len(names) or 'N'}, 6)", got=str(values.shape))
    with np.errstate(over="ignore"):  # too large for float64 is infinite, and refused as such
        wide: NDArray[np.float64] = values.astype(np.float64)
    if not (fine := np.isfinite(wide).all(axis=1)).all():
        raise InputError(path, "NaN or infinite value", got=f"clip {names[int(np.argmin(fine))]}")
    if order and found_order and found_order is not HICMAE_ORDER and list(order) != list(found_order):
        raise InputError(
            path, "the order given contradicts the column names", expected=",".join(found_order), got=",".join(order)
        )
    columns = list(order or found_order or EMOTIONS)
    wide = wide[:, [columns.index(emotion) for emotion in EMOTIONS]]
    are_logits = _are_logits(path, wide, said, logits)
    kind, below = "logits" if are_logits else "probabilities", int((wide < 0).sum())
    rows = softmax(wide) if are_logits else _checked(path, names, wide)
    set_to_0 = f"; values below 0 by a rounding error, set to 0: {below:,}" if below and not are_logits else ""
    return Predictions(names, rows, f"{kind}, columns {','.join(columns)}{set_to_0}")


def _are_logits(path: str | Path, values: NDArray[np.float64], said: bool | None, given: bool | None) -> bool:
    """Settle whether values are logits: by what the user gave, what the file says, or what they look like."""
    if given is not None:
        return given
    if said is False:
        return False
    like_probabilities = _look_like_probabilities(values)
    if said and like_probabilities:
        fix = "name the array probabilities, or give --logits if they are logits"
        raise InputError(path, "the array is named logits, but its rows are probabilities", fix=fix)
    return not like_probabilities


def _look_like_probabilities(rows: NDArray[np.float64]) -> bool:
    """Tell whether all values lie in 0 to 1, or most rows are shares: non-negative with sum 1 (or 100).

    Values may be out of their range by a rounding error, as fused probabilities are.
    """
    shares = _sum_to_1(rows) | _sum_to_1(rows / 100)
    return bool((np.abs(rows - 0.5) <= 0.5 + SUM_TOLERANCE).all() or shares.mean() > 0.5)


def _sum_to_1(rows: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell of each row (N,) whether it is non-negative with sum 1, but for a rounding error."""
    off = np.abs(rows.clip(min=0).sum(axis=1) - 1)
    fine: NDArray[np.bool_] = (off <= SUM_TOLERANCE) & (rows >= -SUM_TOLERANCE).all(axis=1)
    return fine


def _checked(path: str | Path, names: list[str], rows: NDArray[np.float64]) -> NDArray[np.float64]:
    if not (fine := _sum_to_1(rows)).all():
        i = int(np.argmin(fine))
        how = "name the array logits" if Path(path).suffix.lower() == ".npz" else "give --logits"
        raise InputError(
            path,
            f"probabilities of {names[i]}",
            expected="non-negative, sum 1 within 1e-3",
            got=f"sum {rows[i].sum():.4f}, smallest {rows[i].min():.4f}",
            fix=f"if these are logits, {how}" + ("; else divide each row by its sum" if (rows >= 0).all() else ""),
        )
    return rows.clip(min=0)


_Raw = tuple[list[str], NDArray[np.floating], bool | None, Sequence[str] | None]
"""Names, values (N, 6), whether the file says that they are logits (None: it does not say), order of the columns."""


def _read_npz(path: str | Path, logits: bool | None) -> _Raw:
    arrays = read_arrays(path, ("filenames",), ("probabilities", "logits"))
    names = clip_names(path, arrays.pop("filenames"))
    if len(kinds := list(arrays)) != 1:
        raise InputError(path, "arrays", expected="one of probabilities, logits", got=first(kinds) or "none of them")
    values, are_logits = arrays[kinds[0]], kinds == ["logits"]
    if logits is not None and logits != are_logits:
        option = "--logits" if logits else "--probabilities"
        fix = f"leave {option} out, or name the array {option.removeprefix('--')}"
        raise InputError(path, f"{option} was given, but the array is named {kinds[0]}", fix=fix)
    if values.dtype.kind not in "fiu":
        raise InputError(path, f"{kinds[0]} are not numbers", got=str(values.dtype))
    return names, values, are_logits, None  # type: ignore[return-value]


def _read_csv(path: str | Path, _: bool | None) -> _Raw:
    table = read_csv(path, ())
    if {"id", "pred"} <= set(table.columns):
        rows = [np.array(str(text).strip("[] ").replace(",", " ").split(), dtype=object) for text in table["pred"]]
        if any(len(row) != len(EMOTIONS) for row in rows):
            raise InputError(path, "column pred", expected="six numbers a row")
        return clip_column(path, table["id"]), numbers(path, np.stack(rows)), None, HICMAE_ORDER
    header = [name.lower() for name in table.columns]
    if len(header) != len(EMOTIONS) + 1:
        raise InputError(
            path, "columns", expected="the clip's name and six emotions, or id, label, pred", got=", ".join(header)
        )
    values = numbers(path, table.iloc[:, 1:].to_numpy(dtype=object))
    return clip_column(path, table.iloc[:, 0]), values, False, _order_of(path, header[1:])


def _order_of(path: str | Path, header: list[str]) -> Sequence[str] | None:
    """Return the order that column names give; None if they speak of no emotion at all."""
    short = {full: name for name, full in EMOTION_NAMES.items()}
    named = [short.get(name, name) for name in header]
    if set(named) == set(EMOTIONS):
        return named
    doubtful = {*EMOTIONS} & {*named} or any(not name or name[0] in "0123456789.-+" for name in header)
    if doubtful:
        raise InputError(
            path, "column names", expected=f"a header line that names {', '.join(EMOTIONS)}", got=", ".join(header)
        )
    return None


def _check_order(order: Sequence[str]) -> None:
    for emotion in order:
        if emotion not in EMOTIONS:
            raise UnknownNameError("emotion", emotion, EMOTIONS)
    if len(order) != len(EMOTIONS) or len(set(order)) != len(EMOTIONS):
        raise InputError("order", "each of the six emotions once", got=",".join(order))


def read_decisions(path: str | Path) -> dict[str, list[float]]:
    """Read decisions ``{clip: [{"emotion": ..., "salience": ...}]}``, the challenge's format.

    The outer ``{"predictions": ...}`` may be there or not; entries come in any order, saliences as int
    or float, clip names with or without ``.mov``. Saliences are positive numbers, not texts, and their sum may be off
    by half a percent, since they are rounded to whole percents when they are scored.

    Returns
    -------
    dict
        Saliences (six numbers in percent) by clip name without suffix.
    """
    try:
        given = json.loads(files.read_text(path), object_pairs_hook=_no_key_twice)
    except BlemoreError:
        raise
    except FileNotFoundError:
        raise InputError(path, "no such file", fix="check the path") from None
    except (OSError, ValueError, RecursionError) as error:
        raise _no_json(Path(path), error) from None
    if isinstance(given, dict) and isinstance(given.get("predictions"), dict):
        given = given["predictions"]
    if not isinstance(given, dict) or not given:
        raise InputError(path, "not an object of clips", expected='{"clip": [{"emotion": "ang", "salience": 100}]}')
    decisions: dict[str, list[float]] = {}
    for name, entries in given.items():
        if stem(name) in decisions:
            raise InputError(path, "a clip occurs twice", got=stem(name))
        decisions[stem(name)] = _decision(path, name, entries)
    return decisions


def _decision(path: str | Path, name: str, entries: object) -> list[float]:
    fine = isinstance(entries, list) and all(isinstance(e, dict) and {"emotion", "salience"} <= set(e) for e in entries)
    if not fine or not isinstance(entries, list):
        raise InputError(
            path,
            f"clip {name}",
            expected='a list of {"emotion": ..., "salience": ...}',
            got=json.dumps(entries)[:80],
        )
    if not all(isinstance(entry["emotion"], str) for entry in entries):
        raise InputError(path, f"clip {name}: emotion is not a text", got=json.dumps(entries)[:80])
    shares = [entry["salience"] for entry in entries]
    if not all(isinstance(share, int | float) and not isinstance(share, bool) for share in shares):
        raise InputError(path, f"clip {name}: salience is not a number", got=repr(shares))
    try:
        return saliences([entry["emotion"] for entry in entries], shares, rounded=True)
    except BlemoreError as error:
        raise InputError(path, f"clip {name}: {error}") from None


def _no_key_twice(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if twice := repeated(key for key, _ in pairs):
        raise ValueError(f"{twice[0]!r} occurs twice")
    return dict(pairs)


def _no_json(path: Path, error: Exception) -> InputError:
    """Return the error to raise where decisions cannot be read, with what to do about a file of another kind."""
    got, fix = str(error), ""
    if not isinstance(error, OSError) and zipfile.is_zipfile(path):
        got, fix = "a zip archive", "unpack it, and score the JSON file that is in it"
        if path.suffix.lower() == ".npz":
            got, fix = "an .npz archive", "blemore tune reads probabilities, blemore score decisions (.json)"
    elif isinstance(error, UnicodeDecodeError):
        got = "a file that is not UTF-8 text"
    return InputError(path, "cannot be read as JSON", got=got, fix=fix)
