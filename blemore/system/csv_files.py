"""CSV files that people bring, read strictly: what is doubtful is refused, not guessed."""

from __future__ import annotations

import csv
from collections.abc import Collection
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from blemore.errors import InputError, first, repeated
from blemore.system import files

_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}


def read_csv(path: str | Path, needed: Collection[str]) -> pd.DataFrame:
    """Read a CSV file with a header line, some needed columns and at least one row.

    Cells are texts without surrounding blanks, missing where empty.

    Raises
    ------
    InputError
        If there is no such file, it is not CSV, it has other separators than commas or no header line, a row is longer
        or shorter than the header, a column occurs twice or is missing, or there are no rows.
    """
    files.check_readable(path)
    try:
        with Path(path).open("rb") as file:  # not the path: pandas would unpack archives and fetch addresses
            files.refuse_pointer(path, file)
            _check_separator(path, file.readline(), needed)
            file.seek(0)
            # header=None: given the header's width, pandas refuses longer rows instead of taking them for an index
            cells: pd.DataFrame = pd.read_csv(
                file, dtype=object, header=None, encoding="utf-8-sig", skipinitialspace=True
            )
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(path, "no such file", fix="check the path") from None
    except UnicodeDecodeError:
        raise InputError(path, "is not UTF-8", fix="save the table as CSV in UTF-8") from None
    except (OSError, ValueError) as error:
        raise InputError(path, "cannot be read as CSV", got=str(error).strip().splitlines()[0]) from None
    cells = cells.apply(lambda column: column.str.strip()).replace("", pd.NA)
    header = cells.iloc[0].fillna("").tolist()
    if _is_numbers(header):
        fix = "write the columns' names above it, or save arrays as .npy"
        raise InputError(path, "has no header line: its first line is numbers", got=first(header), fix=fix)
    if twice := repeated(name for name in header if name):
        raise InputError(path, f"column {first(twice)} occurs twice")
    if missing := [name for name in needed if name not in header]:
        lower = {name.lower() for name in header}
        fix = "write the names of columns in lower case" if lower >= set(missing) else ""
        raise InputError(path, f"missing column {first(sorted(missing))}", got=f"columns {', '.join(header)}", fix=fix)
    table: pd.DataFrame = cells.iloc[1:].set_axis(header, axis=1).reset_index(drop=True)
    if table.empty:
        raise InputError(path, "has no rows")
    if cells.iloc[:, -1].isna().any():  # else no row is short
        _refuse_short_rows(path, len(header))
    return table


def _check_separator(path: str | Path, header: bytes, needed: Collection[str]) -> None:
    """Refuse a table whose header line is text with more of another separator than commas, unless commas give what is needed."""
    line = header.decode("utf-8-sig", errors="replace").strip()
    found = [name for separator, name in _SEPARATORS.items() if line.count(separator) > line.count(",")]
    named = {name.strip().strip('"') for name in line.split(",")}
    if found and not (needed and set(needed) <= named) and line.replace("\t", "").isprintable():
        what = f"the columns are separated by {found[0]}"
        raise InputError(
            path, what, expected="commas", fix="save the table as CSV with commas, and numbers with points"
        )


def _is_numbers(header: list[str]) -> bool:
    """Tell whether all names are numbers, but for the 0, 1, 2, ... that pandas writes above columns without names."""
    named = [name for name in header if name]
    counted = len(named) > 2 and named == [str(i) for i in range(len(named))]
    return bool(named) and not counted and bool(pd.to_numeric(pd.Series(named), errors="coerce").notna().all())


def _refuse_short_rows(path: str | Path, width: int) -> None:
    fix = "the file may be cut short: copy or make it again"
    with Path(path).open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, skipinitialspace=True)
        short = next((row for row in reader if "".join(row).strip() and len(row) < width), None)
        if short:
            what = f"line {reader.line_num} is too short"
            raise InputError(path, what, expected=f"{width} cells", got=str(len(short)), fix=fix)


def number(text: str) -> float:
    """Return the number that a cell says; as Python's float, but ``1_000`` and digits of other scripts are ValueErrors."""
    if not text.isascii() or "_" in text:
        raise ValueError(f"could not convert string to float: {text!r}")
    return float(text)


def numbers(path: str | Path, given: pd.DataFrame | NDArray[np.object_]) -> NDArray[np.float64]:
    """Return the numbers that cells say, NaN where they are empty."""
    cells = np.asarray(given, dtype=object)
    try:
        flat = [number(cell) if isinstance(cell, str) else np.nan for cell in cells.flat]
    except ValueError as error:
        raise InputError(path, "a value is not a number", got=str(error)) from None
    return np.array(flat, dtype=np.float64).reshape(cells.shape)


def clip_column(path: str | Path, cells: pd.Series) -> list[str]:
    """Return a column of clip names; refuse a row without one."""
    if cells.isna().any():
        raise InputError(path, f"row {int(cells.isna().argmax()) + 1} has no clip name")
    return [str(name) for name in cells]
