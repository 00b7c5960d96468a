"""What clips really show, from a metadata file or from their names, and decisions held against it (section 3.2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from blemore.challenge.labels import EMOTIONS, RATIOS, Saliences, saliences, saliences_of_name, stem
from blemore.errors import BlemoreError, ClipNameError, InputError, UnknownNameError, first
from blemore.system.csv_files import clip_column, number, read_csv


def read_truth(path: str | Path) -> dict[str, list[float]]:
    """Read the true saliences of a metadata file by clip name.

    From the columns ``emotion_1``, ``emotion_2``, ``emotion_1_salience``, ``emotion_2_salience`` where
    they are, as a test partition has to bring them; else from the file names.
    """
    table = read_csv(path, {"filename"})
    truth: dict[str, list[float]] = {}
    names = clip_column(path, table["filename"])
    for name, row in zip(map(stem, names), table.to_dict("records"), strict=True):
        if name in truth:
            raise InputError(path, "a clip occurs twice", got=name)
        try:
            truth[name] = _true_row(name, {str(key): value for key, value in row.items()})
        except BlemoreError as error:
            raise InputError(path, f"{name}: {error}") from None
        except ValueError:
            raise InputError(path, f"salience of {name} is not a number") from None
    return truth


def truth_of_names(path: str | Path, names: Iterable[str], fix: str = "") -> dict[str, list[float]]:
    """Return the true saliences that the names of a file's clips carry; ``fix`` is what an error advises."""
    try:
        return {name: saliences_of_name(name) for name in names}
    except InputError as error:
        raise InputError(path, str(error), fix=fix) from None


def _true_row(name: str, row: Mapping[str, object]) -> list[float]:
    """Return one clip's truth from its row, else its name; what both say must agree."""
    try:
        named = saliences_of_name(name)
    except ClipNameError:
        named = None  # its row alone says the truth
    columns = ("emotion_1", "emotion_2", "emotion_1_salience", "emotion_2_salience")
    given = {key: text for key in columns if isinstance(text := row.get(key), str)}  # a cell is text, or missing
    if not given.keys() & {"emotion_1", "emotion_2"}:
        return named or saliences_of_name(name)
    if "emotion_1" not in given:
        raise InputError("emotion_1", "empty, but there is an emotion_2")
    emotions = [given[key] for key in columns[:2] if key in given]
    for emotion in emotions:
        if emotion not in EMOTIONS:
            raise UnknownNameError("emotion", emotion, EMOTIONS)
    default = "100" if len(emotions) == 1 else "missing"
    shares = [number(given.get(f"{column}_salience", default)) for column in columns[: len(emotions)]]
    told = saliences(emotions, shares)
    if named is not None and told != named:
        raise InputError("label", "contradicts the clip's name")
    if len(emotions) == 2 and ("neu" in emotions or (shares[0], shares[1]) not in RATIOS):
        raise InputError(
            "label", "not a blend of the data set", expected="two of the first five emotions, 30/70, 50/50 or 70/30"
        )
    return told


def match(decisions: dict[str, list[float]], truth: dict[str, list[float]]) -> tuple[Saliences, Saliences, list[str]]:
    """Return decided and true saliences (N, 6) of the truth's clips, and the clips decided in vain.

    Raises
    ------
    InputError
        If a clip of the truth was not decided.
    """
    if missing := [name for name in truth if name not in decisions]:
        raise InputError(
            "predictions",
            f"{len(missing)} of {len(truth)} clips are missing",
            got=f"no {first(missing)}",
            fix="predict every clip of the truth",
        )
    decided = np.array([decisions[name] for name in truth], dtype=np.float64)
    return decided, np.array(list(truth.values()), dtype=np.float64), [n for n in decisions if n not in truth]
