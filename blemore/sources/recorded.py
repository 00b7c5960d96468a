"""Tables that this project computed earlier from public files, kept with date, input digest and a digest of their own.

Means, spreads and counts only; never the files. ``blemore record`` writes them.
"""

from __future__ import annotations

import datetime
import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from blemore.errors import InputError, UnknownNameError
from blemore.system import files
from blemore.system.fingerprints import REFERENCE

FOLDER = REFERENCE / "recorded"

INDEX = "recorded.json"


@dataclass(frozen=True)
class Input:
    """A named input of a page and the SHA-256 of its content; ``absent`` where it is not here.

    ``date`` is when it was computed, for what was recorded.
    """

    name: str
    sha256: str
    date: str = ""


@dataclass(frozen=True)
class Recorded:
    """A table, its name, the day it was computed, the name of its input and the input's SHA-256."""

    name: str
    table: pd.DataFrame
    date: str
    input: str
    sha256: str

    @property
    def as_input(self) -> Input:
        """What a page says of having read this table."""
        return Input(f"recorded/{self.name}", self.sha256, self.date)


def read(name: str) -> Recorded:
    """Return a table as this project recorded it.

    Raises
    ------
    UnknownNameError
        If there is none of this name.
    InputError
        If the table, or the index of the tables, was cut or edited.
    """
    index = _index(FOLDER)
    if name not in index:
        raise UnknownNameError("recorded table", name, list(index))
    about, path = index[name], FOLDER / f"{name}.csv"
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    if (got := _digest(text)) != about["table"]:
        raise InputError(
            path,
            "not the table that was recorded",
            expected=f"SHA-256 {about['table'][:12]}",
            got=got[:12] if text else "nothing",
            fix="restore it with git, or compute it anew with `blemore record`",
        )
    return Recorded(name, pd.read_csv(io.StringIO(text)), about["date"], about["input"], about["sha256"])


def write(folder: Path, name: str, table: pd.DataFrame, source: str, sha256: str, date: datetime.date) -> bool:
    """Write a table with six decimals; one that has not changed keeps its date. Tell whether it changed.

    Table and index appear whole, each at once; between the two, the table is refused.
    """
    files.make_folder(folder)
    path = folder / f"{name}.csv"
    index = _index(folder) if (folder / INDEX).exists() else {}
    text = table.to_csv(index=False, float_format="%.6f")
    about = {"input": source, "sha256": sha256, "table": _digest(text)}
    known = {key: value for key, value in index.get(name, {}).items() if key != "date"}
    if known == about and path.is_file() and path.read_text(encoding="utf-8") == text:
        return False
    index[name] = {"date": date.isoformat(), **about}
    files.write_atomically(path, text)
    files.write_atomically(folder / INDEX, json.dumps(index, indent=2, sort_keys=True) + "\n")
    return True


def _index(folder: Path) -> dict[str, dict[str, str]]:
    path = folder / INDEX
    try:
        index: dict[str, dict[str, str]] = json.loads(path.read_text(encoding="utf-8"))
        if odd := [name for name, about in index.items() if set(about) != {"date", "input", "sha256", "table"}]:
            raise ValueError(f"{odd[0]} without date, input, sha256 and table alone")
    except (OSError, ValueError, AttributeError, TypeError) as error:
        what = "not the index of the recorded tables"
        raise InputError(path, what, got=str(error), fix="restore it with git") from None
    return index


def _digest(text: str) -> str:
    """Return SHA-256 of a table as text: line ends are those of the system that it was checked out on."""
    return hashlib.sha256(text.encode()).hexdigest()
