"""Every error that the package raises on purpose: what, where, expected, got, what to do."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence
from typing import Any


class BlemoreError(Exception):
    """Base of all errors raised on purpose; its text is one line that a user can act on."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _revive, (type(self), str(self))  # workers hand errors over by text: what made it is gone there


def _revive(kind: type[BlemoreError], text: str) -> BlemoreError:
    error = kind.__new__(kind)
    Exception.__init__(error, text)
    return error


class UnknownNameError(BlemoreError, LookupError):
    """A name is not one of those known.

    >>> str(UnknownNameError("encoder", "wavln", ["hubert", "wavlm"]))
    "unknown encoder 'wavln'; did you mean 'wavlm'? (known: hubert, wavlm)"
    """

    def __init__(self, kind: str, name: object, known: Collection[str]) -> None:
        close = difflib.get_close_matches(str(name), list(known), n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        super().__init__(f"unknown {kind} {name!r}{hint} (known: {', '.join(known)})")


class InputError(BlemoreError, ValueError):
    """A file or an array that was handed in cannot be used."""

    def __init__(self, where: object, problem: str, *, expected: str = "", got: str = "", fix: str = "") -> None:
        parts = [f"{where}: {problem}"]
        parts += [f"expected {expected}"] if expected else []
        parts += [f"got {got}"] if got else []
        parts += [fix] if fix else []
        text = "; ".join(parts)  # one line, whatever the input
        super().__init__("".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text))


class ClipNameError(InputError):
    """A file name does not follow the data set's grammar."""

    def __init__(self, name: str, problem: str) -> None:
        examples = "names like A102_ang_int1_ver1, A303_neu_sit2_ver1 or A411_mix_ang_hap_30_70_ver1"
        super().__init__(f"clip name {name!r}", problem, expected=examples)


class MediaError(InputError):
    """A clip cannot be decoded: it is missing, truncated or damaged, or lacks video or sound."""


class SourceError(BlemoreError):
    """Data are not here, or are not the pinned ones."""


class Interrupted(BlemoreError):
    """Work was stopped from outside before its end; the text says what is kept, and how to go on."""


class PageError(BlemoreError):
    """A page of the book failed to execute."""


def first(names: Sequence[object] | Collection[object], limit: int = 3) -> str:
    """Spell out the first few names of a long list, for messages.

    >>> first(["a", "b", "c", "d", "e"])
    'a, b, c and 2 more'
    """
    names = list(names)
    shown = ", ".join(str(name) for name in names[:limit])
    return f"{shown} and {len(names) - limit} more" if len(names) > limit else shown
