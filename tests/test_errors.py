"""Errors: one line each, also when another process raised it."""

from __future__ import annotations

import pickle
import re

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


@pytest.mark.parametrize(
    "error",
    [
        InputError("a" * 10**6, "b" * 10**6, expected="c" * 10**6, got="d" * 10**6, fix="check the path"),
        UnknownNameError("emotion", "e" * 10**6, ["ang", "hap"]),
        ClipNameError("f" * 10**6, "has no emotion"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_long_values_are_cut_and_the_advice_stays(error: BlemoreError) -> None:
    assert len(str(error)) < 2000
    assert re.search(r"(check the path|known: ang, hap\)|A411_mix_ang_hap_30_70_ver1)$", str(error))


def test_values_of_200_characters_are_shown_whole() -> None:
    assert "a" * 200 in str(InputError("here", "wrong", got="a" * 200))
    assert "a" * 99 not in str(InputError("here", "wrong", got="a" * 201))


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
