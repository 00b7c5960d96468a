"""Recorded tables: whole and as they were recorded, or refused in one line."""

from __future__ import annotations

import datetime
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from blemore.errors import InputError
from blemore.sources import recorded
from blemore.system import files

DAY = datetime.date(2026, 1, 2)
TABLES = sorted(path.stem for path in recorded.FOLDER.glob("*.csv"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the recorded tables that may be spoilt."""
    copy = tmp_path / "recorded"
    shutil.copytree(recorded.FOLDER, copy)
    monkeypatch.setattr(recorded, "FOLDER", copy)
    return copy


def one_digit(text: str) -> str:
    at = max(text.rfind(digit) for digit in "0123456789")
    return text[:at] + str((int(text[at]) + 1) % 10) + text[at + 1 :]


SPOILT: dict[str, Callable[[str], str]] = {
    "empty": lambda text: "",
    "cut in a row": lambda text: text[:-3],
    "cut at a row": lambda text: "".join(text.splitlines(keepends=True)[:-1]),
    "one digit": one_digit,
    "a row more": lambda text: text + text.splitlines(keepends=True)[-1],
}


@pytest.mark.parametrize("how", SPOILT)
def test_table_that_was_cut_or_edited_is_refused_in_one_line(folder: Path, how: str) -> None:
    for name in TABLES:
        path = folder / f"{name}.csv"
        path.write_text(SPOILT[how](path.read_text()))
        with pytest.raises(InputError, match=r"not the table that was recorded; expected SHA-256 .*restore") as caught:
            recorded.read(name)
        assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_table_that_is_lost_or_no_text_is_refused(folder: Path) -> None:
    (folder / "tests.csv").write_bytes(b"\xff\xfe")
    (folder / "curves.csv").unlink()
    for name in ("tests", "curves"):
        with pytest.raises(InputError, match="not the table that was recorded"):
            recorded.read(name)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"tests": 1}', '{"tests": {"date": "2026-01-01"}}'])
def test_index_that_was_cut_or_edited_is_refused_in_one_line(folder: Path, text: str) -> None:
    (folder / recorded.INDEX).write_text(text)
    with pytest.raises(InputError, match=r"recorded\.json: not the index of the recorded tables; got .*restore it"):
        recorded.read("tests")


def test_line_ends_of_another_system_are_no_edit(folder: Path) -> None:
    path, before = folder / "tests.csv", recorded.read("tests").table
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    pd.testing.assert_frame_equal(recorded.read("tests").table, before)


@pytest.mark.parametrize("lost", [0, 1])
def test_interrupted_recording_is_never_read_and_is_made_good_by_the_next(
    folder: Path, lost: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = recorded.read("tests")
    other = before.table.assign(**{before.table.columns[-1]: 0.5})
    write, written = files.write_atomically, []

    def interrupted(path: Path, text: str) -> None:
        if len(written) == lost:
            raise KeyboardInterrupt
        written.append(path)
        write(path, text)

    monkeypatch.setattr(files, "write_atomically", interrupted)
    with pytest.raises(KeyboardInterrupt):
        recorded.write(folder, "tests", other, before.input, before.sha256, DAY)
    if lost:  # the new table is there, but not its digest
        with pytest.raises(InputError, match="not the table that was recorded"):
            recorded.read("tests")
    else:
        pd.testing.assert_frame_equal(recorded.read("tests").table, before.table)
    monkeypatch.setattr(files, "write_atomically", write)
    assert recorded.write(folder, "tests", other, before.input, before.sha256, DAY)
    pd.testing.assert_frame_equal(recorded.read("tests").table, other)
