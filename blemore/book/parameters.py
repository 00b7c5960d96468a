"""What the notebooks' shared parameters may be; checked before a kernel starts and in the first cell."""

from __future__ import annotations

import math
import re
from pathlib import Path

from blemore.challenge.labels import BLENDABLE
from blemore.errors import BlemoreError, UnknownNameError
from blemore.paper.printed_numbers import ENCODERS
from blemore.paper.vocabulary import FEATURE_ENCODERS, LOGGED, MODELS, PROFILES, SOURCES, VARIANTS, feature_encoders

CHOICES: dict[str, tuple[str, ...]] = {
    "source": SOURCES,
    "encoder": LOGGED,
    "logged": LOGGED,
    "beside": FEATURE_ENCODERS,
    "model": MODELS,
    "variant": VARIANTS,
    "profile": PROFILES,
    "first": BLENDABLE,
    "second": BLENDABLE,
}
"""Parameter -> the values it may have."""

FILES = ("metadata", "durations", "openface_csv")
"""Parameters that name a file to read; empty for none."""

FOLDERS = ("openface",)
"""Parameters that name a folder to read; empty for none."""

EITHER = ("features",)
"""Parameters that name a file, or a folder of one file a clip; empty for none."""

PATHS = (*FILES, *FOLDERS, *EITHER)
"""Parameters that name something to read, whose content a page depends on."""

NUMBERS = ("seed", "epochs", "learning_rate")
"""Parameters that are numbers, 0 or more."""


class ParameterError(BlemoreError, ValueError):
    """A notebook parameter has an unknown name, a wrong type or a value that does not exist."""


def check(**values: object) -> None:
    """Refuse values that a shared parameter cannot have.

    Raises
    ------
    UnknownNameError
        If a value is not one of the known; the text suggests the closest.
    ParameterError
        If a parameter has the wrong type, is out of range, or names a file that is not there; or if features are given
        without the clip table that they belong to, or the other way round.

    Examples
    --------
    >>> check(source="auto", encoder="imagebind")
    >>> check(model="mlp-521")
    Traceback (most recent call last):
    ...
    blemore.errors.UnknownNameError: unknown model 'mlp-521'; did you mean 'mlp-512'? (known: linear, mlp-256, mlp-512)
    """
    for name, value in values.items():
        if name in (*CHOICES, *PATHS) and not isinstance(value, str):
            raise ParameterError(f"parameter {name}: expected text, got {value!r}")
        if name == "encoder":
            _check_encoder(str(value), values.get("features"))
        elif name in CHOICES and value not in CHOICES[name]:
            raise UnknownNameError(name, value, CHOICES[name])
        if name in FILES and value and not Path(str(value)).is_file():
            raise ParameterError(f"parameter {name}: no such file: {value}")
        if name in FOLDERS and value and not Path(str(value)).is_dir():
            raise ParameterError(f"parameter {name}: no such folder: {value}")
        if name in EITHER and value and not (Path(str(value)).is_file() or Path(str(value)).is_dir()):
            raise ParameterError(f"parameter {name}: no such file or folder: {value}")
        if name in NUMBERS:
            _check_number(name, value)
    if {"features", "metadata"} <= set(values) and bool(values["features"]) != bool(values["metadata"]):
        raise ParameterError("features and metadata go together: give both, or neither")


def _check_number(name: str, value: object) -> None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise ParameterError(f"parameter {name}: expected a number, got {value!r}")
    if not (math.isfinite(value) and value >= 0):
        raise ParameterError(f"parameter {name}: expected 0 or more, got {value!r}")


def _check_encoder(encoder: str, features: object) -> None:
    """Check an encoder of a page that trains on features, or of one that shows the authors' runs (None)."""
    if features:  # the file says what they are, the name only what to call them
        if not re.fullmatch(r"\w[\w.-]*(\+\w[\w.-]*)*(:sub)?", encoder):
            raise ParameterError(f"encoder {encoder!r}: expected letters, digits, '_', '-' or '.', and '+' for fusions")
    elif features is not None:
        for part in encoder.removesuffix(":sub").split("+"):
            if part not in (known := feature_encoders()):
                raise UnknownNameError("encoder", part, known)
    elif encoder in ENCODERS and encoder not in LOGGED:
        public = ", ".join(LOGGED)
        raise ParameterError(f"encoder {encoder!r}: the authors' runs of it are not public; those that are: {public}")
    elif encoder not in LOGGED:
        raise UnknownNameError("encoder", encoder, LOGGED)
