"""Every error that the package raises on purpose: what, where, expected, got, what to do."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Any

LONGEST = 200
"""Characters of a value that a message shows; a longer one is cut in its middle."""


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
        close = difflib.get_close_matches(str(name)[:LONGEST], list(known), n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        super().__init__(f"unknown {kind} {shortened(repr(name))}{hint} (known: {', '.join(known)})")


class InputError(BlemoreError, ValueError):
    """A file or an array that was handed in cannot be used."""

    def __init__(self, where: object, problem: str, *, expected: str = "", got: str = "", fix: str = "") -> None:
        self._given = {"where": str(where), "problem": problem, "expected": expected, "got": got, "fix": fix}
        parts = [f"{shortened(str(where))}: {shortened(problem, 3 * LONGEST)}"]  # a problem may be an error in itself
        parts += [f"expected {shortened(expected, 3 * LONGEST)}"] if expected else []
        parts += [f"got {shortened(got)}"] if got else []
        parts += [fix] if fix else []
        text = "; ".join(parts)  # one line, whatever the input
        super().__init__("".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text))

    def replaced(self, old: str, new: str) -> InputError:
        """Return the error with a text replaced by another in what it says, before that is shortened."""
        return InputError(**{name: text.replace(old, new) for name, text in self._given.items()})


class ClipNameError(InputError):
    """A file name does not follow the data set's grammar."""

    def __init__(self, name: str, problem: str) -> None:
        examples = "names like A102_ang_int1_ver1, A303_neu_sit2_ver1 or A411_mix_ang_hap_30_70_ver1"
        super().__init__(f"clip name {name!r}", problem, expected=examples)


class MediaError(InputError):
    """A clip cannot be decoded: it is missing, truncated or damaged, or lacks video or sound."""


class SourceError(BlemoreError):
    """Data are not here, or are not the pinned ones."""


class WorkError(BlemoreError):
    """Work failed although its inputs are good: a process was killed, a run that was kept is damaged, a disk is full.

    Never a reason to leave a row out: nothing is wrong with its features.
    """


class Interrupted(BlemoreError):
    """Work was stopped from outside before its end; the text says what is kept, and how to go on.

    ``by`` is the number of the signal that stopped it, 0 where the command knows better.
    """

    by = 0

    def __init__(self, text: str, by: int = 0) -> None:
        super().__init__(text)
        self.by = by


class PageError(BlemoreError):
    """A page of the book failed to execute."""


def shortened(text: str, longest: int = LONGEST) -> str:
    """Return a text for messages: its beginning and its end where it is too long.

    >>> shortened("a" * 9 + "b" * 9, 11)
    'aaaa...bbbb'
    """
    half = (longest - 3) // 2
    return text if len(text) <= longest else f"{text[:half]}...{text[-half:]}"


def repeated(names: Iterable[str]) -> list[str]:
    """Return the names that occur more than once, in the order of their first occurrence.

    >>> repeated(["b", "a", "c", "a", "b"])
    ['b', 'a']
    """
    return [name for name, times in Counter(names).items() if times > 1]


def first(names: Sequence[object] | Collection[object], limit: int = 3) -> str:
    """Spell out the first few names of a long list, for messages.

    >>> first(["a", "b", "c", "d", "e"])
    'a, b, c and 2 more'
    """
    names = list(names)
    shown = ", ".join(str(name) for name in names[:limit])
    return f"{shown} and {len(names) - limit} more" if len(names) > limit else shown
