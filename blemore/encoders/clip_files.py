"""Which files an extraction takes: those that are named, and those in folders, each for features of its own name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from blemore.challenge.labels import stem
from blemore.encoders import Encoder, media
from blemore.errors import InputError, first
from blemore.system import files


def suffixes(encoder: Encoder) -> tuple[str, ...]:
    """Return the suffixes of the files that an encoder takes of a folder.

    >>> from blemore import encoders
    >>> suffixes(encoders.get("openface")), ".wav" in suffixes(encoders.get("egemaps"))
    (('.csv',), True)
    """
    if encoder.reads != "clip":
        return (".csv",) if encoder.reads == "csv" else (".npy", ".csv")
    return (*media.VIDEO, *media.SOUND) if encoder.modality == "audio" else media.VIDEO


def gather(paths: Sequence[str | Path], taken: tuple[str, ...], out: Path | None = None) -> list[Path]:
    """Return the files among some paths, folders replaced by the files in them and in the folders within.

    Of a video and an audio file of the same name in a folder, the video is taken: the other is its sound.

    Parameters
    ----------
    paths : sequence of paths
    taken : tuple of str
        Suffixes of the files that are taken of a folder, see :func:`suffixes`; what :func:`blemore.system.files.is_junk` names is left out.
    out : path, optional
        A folder within one of them that is left out: that of the results.

    Raises
    ------
    InputError
        If nothing is there, or two files would give features of the same name.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        try:
            if not path.exists():
                raise InputError(path, "no such file", fix="check the path")
            found += _inside(path, taken, out) if path.is_dir() else [path]
        except OSError as error:
            raise files.unreadable(path, error) from None
    if not found:
        raise InputError("clips", "none are given", fix="name files or folders")
    names: dict[str, Path] = {}
    for path in found:
        other = names.setdefault(stem(path.name), path)
        if other != path and other.resolve() != path.resolve():
            fix = f"both would write {stem(path.name)}.npy; extract them to different folders, or leave one out"
            raise InputError(path, f"has the same name as {other}", fix=fix)
    return list(names.values())


def _inside(folder: Path, taken: tuple[str, ...], out: Path | None) -> list[Path]:
    held = list(_walk(folder, out))
    if found := [path for path in held if path.suffix.lower() in taken]:
        videos = {stem(path.name) for path in found if path.suffix.lower() in media.VIDEO}
        return [path for path in found if path.suffix.lower() not in media.SOUND or stem(path.name) not in videos]
    got = first(sorted({path.suffix for path in held if path.suffix})) or "none"
    raise InputError(folder, "folder holds nothing to read", expected=f"files {' or '.join(taken)}", got=got)


def _walk(folder: Path, out: Path | None) -> Iterator[Path]:
    for here, folders, names in files.walk(folder):
        folders[:] = [name for name in folders if out is None or (here / name).resolve() != out]
        yield from (here / name for name in names)
