"""Errors: one line each, also when another process raised it."""

from __future__ import annotations

import pickle

import pytest

from blemore.errors import BlemoreError, ClipNameError, InputError, MediaError, UnknownNameError, repeated


@pytest.mark.parametrize(
    "error",
    [
        BlemoreError("a line"),
        InputError("clip.mp4", "is empty", expected="bytes", got="none", fix="copy it again"),
        MediaError("clip.mp4", "is empty"),
        ClipNameError("A1", "has no emotion"),
        UnknownNameError("encoder", "wavln", ["wavlm"]),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_survives_the_way_back_from_a_worker(error: BlemoreError) -> None:
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is type(error) and str(back) == str(error)


def test_an_error_is_one_line_whatever_the_input() -> None:
    assert "\n" not in str(InputError("a\nb", "c\nd", got="e\x00f"))


class Counted:
    """A name that counts how often it is compared."""

    compared = 0

    def __init__(self, name: int) -> None:
        self.name = name

    def __hash__(self) -> int:
        return hash(self.name)

    def __eq__(self, other: object) -> bool:
        Counted.compared += 1
        return isinstance(other, Counted) and self.name == other.name


def test_names_that_occur_twice_are_found_by_few_comparisons() -> None:
    names = [Counted(i % 900) for i in range(1000)]
    assert [one.name for one in repeated(names)] == list(range(100))  # type: ignore[arg-type, attr-defined]
    assert Counted.compared <= 3 * len(names)
