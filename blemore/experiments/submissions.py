"""Submissions to the challenge: a run on the test clips, thresholds from validation, one zip file (section 5.2)."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from blemore.challenge import labels
from blemore.challenge.labels import EMOTIONS
from blemore.errors import InputError, first
from blemore.experiments import stored_runs
from blemore.experiments.stored_runs import Run
from blemore.experiments.test_set import Answer, choose, decided_by
from blemore.system import files

CLIPS = tuple(f"test_{i:04d}.mov" for i in range(1, 595))
"""Names of the 594 test clips, as a submission has them."""

MEMBER = "submission_template.json"
"""Name of the file in the archive: that of the organisers' own template, which their server must take."""

_OTHERS = (
    "name the JSON file of a run on test clips, which blemore train --test-features writes; "
    "blemore tune reads probabilities, blemore score decisions"
)
"""What to do with a file that is not a run."""

_ALLOWED = ([100], [50, 50], [30, 70])


def find(place: str | Path) -> Path:
    """Return the JSON file of the run on test clips that a path names: the file, or a folder that holds one.

    Of several, the one that the present code trained: others are left when code or libraries change.

    Raises
    ------
    InputError
        If there is none, or more than one.
    """
    place = Path(place)
    if not place.is_dir():
        return place
    found = [path for path in files.below(place) if "-test-" in path.name and path.suffix == ".json"]
    present = (
        [path for path in found if stored_runs.read(path, fix=_OTHERS).code == stored_runs.CODE]
        if len(found) > 1
        else found
    )
    if len(present) == 1:
        return present[0]
    got = first([str(path.relative_to(place)) for path in present or found]) or "none"
    what = "runs on test clips" if present or not found else "runs on test clips, all of them trained by other code"
    fix = "name its JSON file" if found else "make it: blemore train --test-features NPZ --runs FOLDER"
    raise InputError(place, what, expected="one", got=got, fix=fix)


def answer(path: str | Path, protocol: str, epochs: int | None = None) -> tuple[Answer, str]:
    """Decide the test clips of a run, by thresholds from the cross-validation that it names; it lies beside it.

    Parameters
    ----------
    path : path
        Of the JSON file of a run on test clips.
    protocol : {'released-code', 'paper-text', 'nested'}
        See :func:`blemore.experiments.test_set.predict_test`.
    epochs : int, optional
        Of the cross-validation to take thresholds from: for runs of earlier versions, which name none, where several lie
        there.

    Returns
    -------
    Answer, str
        And a note where the run was trained for another number of epochs than the protocol says, else ''.
    """
    run = stored_runs.read(path, fix=_OTHERS)
    if run.task.val_folds:
        where = f"run {Path(path).name}"
        raise InputError(where, "predicts training clips", fix="name the run on test clips, train...-test-....json")
    validation = _validation(Path(path), run, epochs)
    truths = [labels.saliences_of_names(one.names) for one in validation]
    usual, tuned = choose(validation, truths, protocol)
    trained = run.task.settings.epochs
    note = f"trained for {trained} epochs; {protocol} would take {usual}" if trained != usual else ""
    return decided_by(run, tuned, protocol), note


def _validation(path: Path, run: Run, epochs: int | None) -> list[Run]:
    """Return the cross-validation that a run names, a run for each fold."""
    if not run.task.validation:
        return _alike(path, run, epochs)
    named = [path.with_name(f"{name}.json") for name in run.task.validation]
    again = "train again with --test-features and the same --runs"
    if absent := [one.name for one in named if not one.is_file()]:
        what = "the validation runs that provide the thresholds are missing"
        raise InputError(path.parent, what, got=f"no {first(absent)}", fix=again)
    found = [stored_runs.read(one) for one in named]
    if epochs is not None and epochs != (own := found[0].task.settings.epochs):
        raise InputError(
            f"run {path.name}", "names the cross-validation that its thresholds come from",
            expected=f"{own} epochs", got=str(epochs), fix=f"leave --epochs out, or {again}",
        )  # fmt: skip
    return found


def _alike(path: Path, run: Run, epochs: int | None) -> list[Run]:
    """Return the only cross-validation of a run's settings and features; runs of earlier versions name none."""
    folds = run.task.train_folds
    alike: dict[int, list[Run]] = {}
    for other in map(stored_runs.read, sorted(path.parent.glob("train*-val*.json"))):
        task = other.task
        same = replace(task.settings, epochs=1) == replace(run.task.settings, epochs=1)
        same &= other.inputs["features"] == run.inputs["features"] and not task.blind and len(task.val_folds) == 1
        same &= epochs in (None, task.settings.epochs)
        if same and sorted(task.train_folds + task.val_folds) == sorted(folds):
            alike.setdefault(task.settings.epochs, []).append(other)
    whole = [found for found in alike.values() if {one.task.val_folds[0] for one in found} == set(folds)]
    if len(whole) != 1 or len(whole[0]) > len(folds):
        raise InputError(
            path.parent, "cross-validations that thresholds can come from",
            expected=f"one of these settings and features, a run for each of folds {folds}",
            got=", ".join(f"{len(found)} runs of {number} epochs" for number, found in sorted(alike.items())) or "none",
            fix="choose one with --epochs" if len(whole) > 1 else "train again with --test-features and the same --runs",
        )  # fmt: skip
    return sorted(whole[0], key=lambda one: one.task.val_folds)


def check(where: object, predictions: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Raise an InputError where the challenge would reject decisions.

    A submission decides each of the 594 test clips: one emotion at 100, or two of the five that blend at
    50 and 50 or at 70 and 30.

    >>> check("here", {name: [{"emotion": "sad", "salience": 100}] for name in CLIPS})
    """
    check_names(where, predictions)
    for name, entries in predictions.items():
        emotions = [entry["emotion"] for entry in entries]
        blend = EMOTIONS if len(emotions) == 1 else labels.BLENDABLE
        fine = len(set(emotions)) == len(emotions) and set(emotions) <= set(blend)
        if not fine or sorted(entry["salience"] for entry in entries) not in _ALLOWED:
            got = ", ".join(f"{entry['emotion']} {entry['salience']}" for entry in entries) or "nothing"
            raise InputError(where, f"clip {name}", expected="one emotion at 100, or two at 50/50 or 70/30", got=got)


def check_names(where: object, names: Collection[str], *, fix: str = "") -> None:
    """Raise an InputError where names are not those of the 594 test clips; ``fix`` is what it advises."""
    given, known = set(names), set(CLIPS)
    if absent := [name for name in CLIPS if name not in given]:
        what = f"{len(absent)} of {len(CLIPS)} test clips are missing"
        raise InputError(where, what, got=f"no {first(absent)}", fix=fix)
    if more := [name for name in names if name not in known]:
        what = f"{len(more)} clips are not test clips"
        raise InputError(where, what, expected="test_0001 ... test_0594", got=first(more), fix=fix)


def write(path: str | Path, decided: Answer) -> None:
    """Write a submission; the same decisions give the same bytes.

    Raises
    ------
    InputError
        If it is no ``.zip``, the challenge would reject it, or the folder cannot be written to; then nothing is written.
    """
    path = Path(path)
    if path.suffix.lower() != ".zip":
        raise InputError(path, "no archive's name", expected="a name that ends in .zip")
    document = decided.document()
    check(f"submission of {decided.encoder}", document["predictions"])
    ordered = {"predictions": {name: document["predictions"][name] for name in CLIPS}}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        about = zipfile.ZipInfo(MEMBER, date_time=(1980, 1, 1, 0, 0, 0))
        about.create_system, about.external_attr = 3, 0o644 << 16
        archive.writestr(about, json.dumps(ordered, indent=1) + "\n", zipfile.ZIP_DEFLATED)
    files.write_atomically(path, buffer.getvalue())
