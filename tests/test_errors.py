"""Errors: one line each, also when another process raised it."""

from __future__ import annotations

import pickle

import pytest

from blemore.errors import BlemoreError, ClipNameError, InputError, MediaError, UnknownNameError


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
