"""Files appear whole or not at all: failures, kills and rivals leave the last whole one."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blemore.errors import InputError
from blemore.system import files
from tests.conftest import ROOT, name_of_a_part_of_a_dead_process


def inside(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@given(content=st.binary() | st.text())
def test_what_was_written_is_there_byte_for_byte(tmp_path_factory: pytest.TempPathFactory, content) -> None:
    folder = tmp_path_factory.mktemp("files")
    files.write_atomically(folder / "a", b"before")
    files.write_atomically(folder / "a", content, durable=True)
    assert inside(folder) == {"a": content.encode() if isinstance(content, str) else content}


def test_a_writer_that_fails_leaves_the_file_as_it_was_and_nothing_else(tmp_path: Path) -> None:
    files.write_atomically(tmp_path / "a", "before")
    with pytest.raises(ZeroDivisionError), files.replacing(tmp_path / "a") as part:
        part.write_text("half")
        assert (tmp_path / "a").read_text() == "before"
        raise ZeroDivisionError
    assert inside(tmp_path) == {"a": b"before"}


def test_a_killed_writer_leaves_the_file_as_it_was_and_the_next_clears_its_part(tmp_path: Path) -> None:
    files.write_atomically(tmp_path / "a", "before")
    code = "import os, sys; from blemore.system import files\nwith files.replacing(sys.argv[1]) as part:"
    code += "\n    part.write_text('half'); os.kill(os.getpid(), 9)"
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "a"], cwd=ROOT)
    assert done.returncode == -signal.SIGKILL
    assert (tmp_path / "a").read_text() == "before" and len(inside(tmp_path)) == 2
    assert {path.name[0] + path.suffix for path in tmp_path.iterdir() if path.name != "a"} == {"..part"}
    files.write_atomically(tmp_path / "a", "after")
    assert inside(tmp_path) == {"a": b"after"}


@pytest.mark.parametrize("name", ["a", "a[1]", "*"])
def test_parts_of_other_files_stay(tmp_path: Path, name: str) -> None:
    with files.replacing(tmp_path / "a.json") as one, files.replacing(tmp_path / "a1") as two:
        one.write_text("one")
        two.write_text("two")
        files.write_atomically(tmp_path / name, "three")
    assert inside(tmp_path) == {"a.json": b"one", "a1": b"two", name: b"three"}


def test_of_two_who_write_at_a_time_the_one_that_ends_later_wins(tmp_path: Path) -> None:
    with files.replacing(tmp_path / "a") as slow:
        slow.write_text("slow")
        files.write_atomically(tmp_path / "a", "quick")
    assert inside(tmp_path) == {"a": b"slow"}


def test_parts_of_other_machines_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = name_of_a_part_of_a_dead_process("a")
    elsewhere = ours.replace(files._MACHINE, "0" * 8)
    for name in (ours, elsewhere):
        (tmp_path / name).touch()
    files.write_atomically(tmp_path / "a", "text")
    assert set(inside(tmp_path)) == {"a", elsewhere}


def test_a_working_folder_goes_at_the_end_and_those_of_killed_processes_before(tmp_path: Path) -> None:
    left = tmp_path / name_of_a_part_of_a_dead_process("run")
    left.mkdir()
    (left / "half").touch()
    with files.working_folder(tmp_path, "run") as one, files.working_folder(tmp_path, "run") as other:
        assert set(tmp_path.iterdir()) == {one, other}
        assert one.stat().st_mode & 0o077 == 0
        (one / "file").touch()
    assert list(tmp_path.iterdir()) == []


def pipe(path: Path) -> None:
    os.mkfifo(path)


def bound_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))


def link_to_a_device(path: Path) -> None:
    path.symlink_to(os.devnull)


@pytest.mark.parametrize("make", [pipe, bound_socket, link_to_a_device])
def test_what_is_no_file_is_never_replaced_by_one(make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's path is short
    make(Path("out"))
    before = os.lstat("out")
    with pytest.raises(InputError, match=r"^out: cannot be replaced by a file; got a device, a pipe or a socket"):
        files.write_atomically("out", "text")
    assert os.lstat("out") == before and list(tmp_path.iterdir()) == [tmp_path / "out"]


def test_whoever_reads_while_many_write_sees_one_whole_file(tmp_path: Path) -> None:
    wholes = [bytes([65 + i]) * 100_000 for i in range(8)]
    files.write_atomically(tmp_path / "a", wholes[0])
    with ThreadPoolExecutor(4) as pool:
        written = [pool.submit(files.write_atomically, tmp_path / "a", whole) for whole in wholes * 5]
        read = [(tmp_path / "a").read_bytes() in wholes for _ in range(100)]
    assert all(read) and [one.result() for one in written] == [None] * 40
    assert list(inside(tmp_path)) == ["a"]


@pytest.mark.parametrize("path", ["absent/a", "file/a", "folder"])
def test_what_the_system_refuses_is_one_clear_line(tmp_path: Path, path: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match=f"{path}: cannot be written; got .*; check the folder") as caught:
        files.write_atomically(tmp_path / path, "text")
    assert "\n" not in str(caught.value)
    assert {found.name for found in tmp_path.iterdir()} == {"file", "folder"}
