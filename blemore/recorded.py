"""Tables that this project computed earlier from public files, kept with date and input digest.

Means, spreads and counts only; never the files. ``blemore record`` writes them.
"""

from __future__ import annotations

import datetime
import io
import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import pandas as pd

from blemore.errors import UnknownNameError

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
    """Return a table as this project recorded it."""
    folder = resources.files("blemore").joinpath("reference", "recorded")
    index: dict[str, dict[str, str]] = json.loads(folder.joinpath(INDEX).read_text())
    if name not in index:
        raise UnknownNameError("recorded table", name, list(index))
    return Recorded(name, pd.read_csv(io.StringIO(folder.joinpath(f"{name}.csv").read_text())), **index[name])


def write(folder: Path, name: str, table: pd.DataFrame, source: str, sha256: str, date: datetime.date) -> bool:
    """Write a table with six decimals; one that has not changed keeps its date. Tell whether it changed."""
    folder.mkdir(parents=True, exist_ok=True)
    path, index_path = folder / f"{name}.csv", folder / INDEX
    index = json.loads(index_path.read_text()) if index_path.exists() else {}
    text = table.to_csv(index=False, float_format="%.6f")
    if path.exists() and path.read_text() == text and index.get(name, {}).get("sha256") == sha256:
        return False
    path.write_text(text)
    index[name] = {"date": date.isoformat(), "input": source, "sha256": sha256}
    index_path.write_text(json.dumps(index, indent=2, sort_keys=True) + "\n")
    return True
