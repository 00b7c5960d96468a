"""What notebooks' shared parameters may be."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from blemore.book import parameters
from blemore.book.parameters import ParameterError, check
from blemore.errors import UnknownNameError
from blemore.paper import vocabulary
from blemore.paper.printed_numbers import ENCODERS


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, known in parameters.CHOICES.items() for value in known]
)
def test_every_known_value_is_accepted(name: str, value: str) -> None:
    check(**{name: value})


@pytest.mark.parametrize("name", parameters.CHOICES)
def test_an_unknown_value_is_refused_with_all_that_are_known(name: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        check(**{name: "nothing like it"})
    for known in parameters.CHOICES[name]:
        assert known in str(caught.value)
    assert name in str(caught.value)


@pytest.mark.parametrize("name", parameters.CHOICES)
def test_a_misspelt_value_is_refused_with_the_one_that_was_meant(name: str) -> None:
    meant = parameters.CHOICES[name][0]
    with pytest.raises(UnknownNameError, match=f"did you mean '{meant}'"):
        check(**{name: meant[:-1] + "_"})


@pytest.mark.parametrize("value", ["AUTO", " auto", "auto ", ""])
def test_a_value_is_taken_to_the_letter(value: str) -> None:
    with pytest.raises(UnknownNameError):
        check(source=value)


@pytest.mark.parametrize("encoder", [id for id in ENCODERS if id not in vocabulary.LOGGED])
def test_an_encoder_without_public_runs_is_refused_for_that_reason(encoder: str) -> None:
    with pytest.raises(ParameterError, match="not public") as caught:
        check(encoder=encoder)
    assert ", ".join(vocabulary.LOGGED) in str(caught.value)


@pytest.mark.parametrize("name", [*parameters.CHOICES, *parameters.FILES, *parameters.EITHER])
@pytest.mark.parametrize("value", [None, 1, 0.5, True, ["auto"], Path("auto")], ids=repr)
def test_a_value_that_is_no_text_is_refused(name: str, value: object) -> None:
    with pytest.raises(ParameterError, match=f"parameter {name}: expected text"):
        check(**{name: value})


@pytest.mark.parametrize("name", parameters.FILES)
def test_a_file_must_be_there_unless_none_is_named(name: str, tmp_path: Path) -> None:
    check(**{name: ""})
    (tmp_path / "here.csv").write_text("x")
    check(**{name: str(tmp_path / "here.csv")})
    with pytest.raises(ParameterError, match=r"no such file: .*absent\.csv"):
        check(**{name: str(tmp_path / "absent.csv")})
    with pytest.raises(ParameterError, match="no such file"):
        check(**{name: str(tmp_path)})


@pytest.mark.parametrize("name", parameters.EITHER)
def test_features_may_be_a_file_or_a_folder_that_is_there(name: str, tmp_path: Path) -> None:
    (tmp_path / "mine.npz").write_text("x")
    for value in ("", str(tmp_path), str(tmp_path / "mine.npz")):
        check(**{name: value})
    with pytest.raises(ParameterError, match=r"no such file or folder: .*absent\.npz"):
        check(**{name: str(tmp_path / "absent.npz")})


def test_features_and_their_clip_table_go_together(tmp_path: Path) -> None:
    (path := tmp_path / "x").write_text("x")
    check(features=str(path), metadata=str(path), encoder="mine")
    check(features="", metadata="")
    for given in ({"features": str(path), "metadata": ""}, {"features": "", "metadata": str(path)}):
        with pytest.raises(ParameterError, match="features and metadata go together"):
            check(**given)
    check(metadata=str(path))  # a page that has no features


@pytest.mark.parametrize("name", parameters.NUMBERS)
@pytest.mark.parametrize("value", [-1, -0.5, float("nan"), float("inf"), "5e-6", True, None], ids=repr)
def test_a_number_that_cannot_be_right_is_refused(name: str, value: object) -> None:
    check(**{name: 0})
    check(**{name: 3})
    with pytest.raises(ParameterError, match=f"parameter {name}: expected"):
        check(**{name: value})


@pytest.mark.parametrize(("row", "name"), [
    ("imagebind+wavlm", "ImageBind + WavLM"), ("videoswin:sub", "VideoSwin (subsampled)"), ("openface3", "OpenFace 3"),
    ("egemaps", "eGeMAPS"), ("mine", "mine"),
])  # fmt: skip
def test_a_row_has_one_name_everywhere(row: str, name: str) -> None:
    assert vocabulary.name_of(row) == name


def test_one_bad_value_among_good_ones_is_enough() -> None:
    with pytest.raises(UnknownNameError, match="model"):
        check(source="auto", model="mlp-521", encoder="clip")


def test_parameters_of_one_notebook_alone_are_not_judged() -> None:
    check(seed=3, anything=None)


def test_encoders_offered_are_the_papers() -> None:
    assert {id.removesuffix(":sub") for id in vocabulary.LOGGED} <= set(ENCODERS)


def test_features_that_are_a_pipe_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ParameterError, match="parameter features: no such file or folder"):
        check(features=str(tmp_path / "pipe"))
