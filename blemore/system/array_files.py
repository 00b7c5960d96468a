"""NumPy files that people bring: read without pickles, refused with the cause and what to do about it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blemore.errors import BlemoreError, InputError, first, repeated
from blemore.system import files

Array = NDArray[np.generic]

_load: Callable[..., Any] = np.load
_AGAIN = "copy or extract it again"


def read_array(path: str | Path, sha256: str = "") -> Array:
    """Read a ``.npy`` file.

    Parameters
    ----------
    sha256 : str
        Digest that the file was written with, where that is known.

    Raises
    ------
    InputError
        If the file cannot be read, holds something else, or has another digest.
    """
    with _opened(Path(path)) as file:
        if sha256 and hashlib.file_digest(file, "sha256").hexdigest() != sha256:
            fix = "extract this clip again; delete the .json if the file was changed on purpose"
            raise InputError(
                path, "has changed since extraction: its SHA-256 differs from the one in the .json file", fix=fix
            )
        file.seek(0)
        array = _load(file, allow_pickle=False)
        if not isinstance(array, np.ndarray):
            raise InputError(path, "not a feature array", expected="one array", got="an .npz")
        return array


def read_arrays(path: str | Path, needed: Collection[str], optional: Collection[str] = ()) -> dict[str, Array]:
    """Read some arrays of an ``.npz`` archive; the others are not touched.

    Raises
    ------
    InputError
        If the file cannot be read, an array that is needed is missing, or an array occurs twice.
    """
    with _opened(Path(path)) as file:
        archive = _load(file, allow_pickle=False)
        names = [] if isinstance(archive, np.ndarray) else list(archive.files)
        if not set(needed) <= set(names):
            got = "one array" if isinstance(archive, np.ndarray) else first(names, 6) or "none"
            raise InputError(path, "arrays", expected=" and ".join(needed), got=got)
        wanted = [name for name in (*needed, *optional) if name in names]
        if twice := set(repeated(names)) & set(wanted):
            raise InputError(path, f"holds {first(sorted(twice))} twice", fix="save it again")
        arrays = {name: archive[name] for name in wanted}
        if strange := [name for name, array in arrays.items() if not isinstance(array, np.ndarray)]:
            raise InputError(path, f"{first(strange)} is not an array", fix="save it with numpy.savez")
        return arrays


def clip_names(path: str | Path, filenames: Array) -> list[str]:
    """Return the texts of an array (N,) of clips' names, which may be bytes in UTF-8.

    Raises
    ------
    InputError
        If it is something else.
    """
    if filenames.ndim != 1 or filenames.dtype.kind not in "US":
        raise InputError(path, "filenames", expected="(N,) texts", got=f"{filenames.dtype} {filenames.shape}")
    try:
        return [name.decode() if isinstance(name, bytes) else name for name in filenames.tolist()]
    except ValueError:  # bytes that are not UTF-8, characters that do not exist
        raise InputError(path, "filenames are not text", fix="save them as UTF-8") from None


@contextmanager
def _opened(path: Path) -> Iterator[BufferedReader]:
    """Open a file to load it; whatever goes wrong becomes one line that names the cause."""
    head = b""
    try:
        files.check_readable(path)
        with path.open("rb") as file:
            files.refuse_pointer(path, file)
            head = file.read(8)
            file.seek(0)
            yield file
    except BlemoreError:
        raise
    except FileNotFoundError:
        raise InputError(path, "no such file", fix="check the path") from None
    except MemoryError:
        raise InputError(path, "cannot be read: does not fit into memory", fix="check what the file holds") from None
    except Exception as error:  # a damaged archive can fail in a dozen ways
        if isinstance(error, OSError) and error.errno:
            raise files.unreadable(path, error) from None
        problem, fix = _cause(head, error)
        text = first(str(error).strip().splitlines(), 1)
        got = "" if "pickle" in text else text
        raise InputError(path, f"cannot be read: {problem}", got=got, fix=fix) from None


def _cause(head: bytes, error: Exception) -> tuple[str, str]:
    """Return what is wrong with a file that begins with `head`, and what to do."""
    if "Object arrays" in str(error):
        return "it holds Python objects", "save numbers as float32 and names as text, not as objects"
    if not head:
        return "it is empty", _AGAIN
    if any(magic.startswith(head[: len(magic)]) for magic in (b"\x93NUMPY", b"PK")):
        return "it is cut short or damaged", _AGAIN
    if head.startswith(b"\x80"):
        return "it is a pickle, and pickles are not loaded", "save the array with numpy.save"
    return "it is not a NumPy file", "save it with numpy.save or numpy.savez"
