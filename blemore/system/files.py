"""Files that appear whole or not at all, and folders in which one process works at a time."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import shutil
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock, Timeout

from blemore.errors import InputError

_MACHINE = hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a part beside a file; what is written to it takes the file's place when the block ends.

    If the block fails, the file stays as it was and the part is deleted. Any number may write one file at a time,
    each to a part of its own: the file is always whole, and is that of the writer that ended last. Parts of the same
    file that killed writers left are deleted.

    Raises
    ------
    InputError
        If the path is a device, a pipe or a socket, which a file must not replace.
    """
    path = Path(path)
    check_regular(path)
    part = path.with_name(passing(path.name))
    try:
        yield part
        part.replace(path)
        clear(path.parent, path.name)
    finally:
        part.unlink(missing_ok=True)


def check_regular(path: Path) -> None:
    """Refuse to replace a device, a pipe or a socket by a file; a folder is left for the system to refuse."""
    _refuse_special(path, "cannot be replaced by a file")


@contextmanager
def working_folder(parent: Path, name: str) -> Iterator[Path]:
    """Yield a new folder that only this user can open, and delete it at the end.

    Folders of the same name that killed processes of this machine left are deleted first.
    """
    clear(parent, name)
    folder = parent / passing(name)
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def passing(name: str) -> str:
    """Return a new name, hidden and ending in ``.part``, that says which process of which machine works there."""
    return f".{name}.{_MACHINE}-{os.getpid()}-{secrets.token_hex(4)}.part"


def clear(folder: Path, name: str) -> None:
    """Delete the parts of a name that killed processes of this machine left in a folder.

    Parts of running processes stay, as do those of other machines, whose processes cannot be seen from here.
    """
    ours = re.compile(rf"\.{re.escape(name)}\.{_MACHINE}-(\d+)-[0-9a-f]{{8}}\.part")
    for found in folder.iterdir():
        match = ours.fullmatch(found.name)
        if match and not _runs(int(match[1])):
            if found.is_dir():
                shutil.rmtree(found, ignore_errors=True)
            else:
                with suppress(OSError):
                    found.unlink()


def _runs(pid: int) -> bool:
    """Tell whether a process of this machine still runs; where that cannot be asked, assume so."""
    if os.name != "posix":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass  # another user's, or no process at all
    return True


def write_atomically(path: str | Path, content: bytes | str, *, durable: bool = False) -> None:
    """Write a file whole or not at all; text as UTF-8.

    Parameters
    ----------
    durable : bool
        Wait until the content is on the disk, so that not even a power cut leaves an empty file.

    Raises
    ------
    InputError
        If the system refuses: no such folder, no permission, no space. The file stays as it was.
    """
    try:
        with replacing(path) as part, part.open("wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            if durable:
                os.fsync(file.fileno())
    except OSError as error:
        fix = "check the folder and the space that is left"
        raise InputError(path, "cannot be written", got=error.strerror or str(error), fix=fix) from None


def make_folder(path: str | Path) -> None:
    """Make a folder, and those above it, unless it is there.

    Raises
    ------
    InputError
        If the system refuses: a file is in its place, no permission, no space.
    """
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unusable(path, error) from None


@contextmanager
def folder_in_use(path: str | Path) -> Iterator[None]:
    """Make a folder, and those above it; delete in the end those of them that nothing was written into.

    Raises
    ------
    InputError
        As :func:`make_folder`.
    """
    try:
        fresh = [folder for folder in (Path(path), *Path(path).parents) if not folder.exists()]
    except OSError as error:
        raise unusable(path, error) from None
    make_folder(path)
    try:
        yield
    finally:
        for folder in fresh:
            with suppress(OSError):  # not empty: it stays
                folder.rmdir()


@contextmanager
def alone(folder: Path, work: str, tell: Callable[[str], None] | None = None) -> Iterator[None]:
    """Keep a folder to one worker at a time, of whatever process; the others wait, and tell so first.

    The system releases the lock of a process that is killed, and a wait can be interrupted. Where the file system
    has no locks nobody waits.

    Parameters
    ----------
    folder : path
        Made if it is not there.
    work : str
        What is done there, for the line that is told, e.g. ``sweep``.
    tell : function, optional
        Takes the line.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    make_folder(folder)
    lock = FileLock(folder / ".lock", fallback_to_soft=False)
    with ExitStack() as held:
        try:
            try:
                held.enter_context(lock.acquire(blocking=False))
            except Timeout:
                if tell:
                    tell(f"another {work} is using {folder}; waiting for it to finish")
                held.enter_context(lock.acquire())
        except (OSError, NotImplementedError) as error:
            if isinstance(error, OSError) and error.errno not in (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP):
                raise unusable(folder, error) from None
        yield


def unusable(folder: str | Path, error: OSError) -> InputError:
    """Return the error to raise where the system refuses to work in a folder."""
    fix = "choose another folder"
    return InputError(folder, "cannot be written", got=error.strerror or str(error), fix=fix)


def unreadable(path: object, error: OSError) -> InputError:
    """Return the error to raise where the system refuses to read, or to look at, a path."""
    return InputError(path, "cannot be read", got=error.strerror or str(error), fix="check path and permissions")


def check_readable(path: str | Path) -> None:
    """Refuse a device or a pipe, which may never end; what is absent or a folder is left for the system to refuse."""
    _refuse_special(path, "cannot be read")


def _refuse_special(path: str | Path, problem: str) -> None:
    try:
        mode = Path(path).stat().st_mode
    except (OSError, ValueError):
        return
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise InputError(path, problem, got="a device, a pipe or a socket", fix="name a file")


_LEFT_BEHIND = {"__macosx", "desktop.ini", "thumbs.db"}  # by macOS and Windows


def is_junk(name: str) -> bool:
    """Tell whether a file or folder is one that systems leave behind: hidden, ``__MACOSX``, ``desktop.ini``, ``Thumbs.db``.

    >>> [is_junk(name) for name in ("._a.npy", ".DS_Store", "__MACOSX", "a.npy")]
    [True, True, True, False]
    """
    return name.startswith(".") or name.lower() in _LEFT_BEHIND


def walk(folder: str | Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Go through a folder and the folders inside it as ``os.walk`` does, without what systems leave behind.

    Links to folders are followed, each folder once; a folder that is deleted from the second list is not entered.

    Raises
    ------
    InputError
        If the system refuses to look into one of them.
    """
    seen: set[str] = set()

    def refuse(error: OSError) -> None:
        raise unreadable(error.filename or folder, error)

    for here, folders, names in os.walk(folder, onerror=refuse, followlinks=True):
        known = os.path.realpath(here) in seen
        seen.add(os.path.realpath(here))
        folders[:] = [] if known else sorted(name for name in folders if not is_junk(name))
        yield Path(here), folders, [] if known else sorted(name for name in names if not is_junk(name))


def below(folder: str | Path) -> list[Path]:
    """Return the files that :func:`walk` meets, sorted."""
    return sorted(here / name for here, _, names in walk(folder) for name in names)


def refuse_pointer(path: object, file: BinaryIO) -> None:
    """Raise an InputError if an open file is a Git LFS pointer, which stands for a file that was not fetched."""
    pointer = b"version https://git-lfs.github.com/spec/"
    if file.read(len(pointer)) == pointer:
        raise InputError(path, "is a Git LFS pointer, not the file itself", fix="run git lfs pull")
    file.seek(0)


def read_text(path: str | Path) -> str:
    """Return a file's text, UTF-8 with or without a byte order mark.

    Raises
    ------
    InputError
        If the file is a device, a pipe, a socket or a Git LFS pointer.
    OSError, UnicodeDecodeError
        If the system refuses to read it, or it is not UTF-8.
    """
    check_readable(path)
    with Path(path).open("rb") as file:
        refuse_pointer(path, file)
        return file.read().decode("utf-8-sig")
