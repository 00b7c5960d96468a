"""Where every encoder stands: scores of all rows that have any, each with its own label (paper, Table 2)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from blemore import encoders
from blemore.challenge.clips import Clips
from blemore.paper import printed_numbers
from blemore.paper.vocabulary import METRICS, feature_encoders, name_of
from blemore.results import trained_tables
from blemore.sources import lookup, recorded, released
from blemore.sources.released import Result
from blemore.system import fingerprints
from blemore.system.files import write_atomically

SCORES = tuple(f"{metric}_{part}" for metric in METRICS for part in ("mean", "std"))
"""Columns of scores: mean and sample standard deviation over folds of both accuracies."""

FINE_TUNED = "kl-100"
"""Which of the released HiCMAE fine-tunings stands for it: the best of four by composite, which favours it a little."""


def trained(clips: Clips, source: str, model: str, *, profile: str, seed: int, folder: str | Path = "runs") -> Result:
    """Return validation scores of every row that can be trained here, see :func:`blemore.results.trained_tables.train`.

    What is simulated depends on code and parameters alone; its scores are kept in the folder by a digest of these, so
    that the thirteen encoders are simulated once for a whole book. Scores that lack a row are not kept.

    Parameters
    ----------
    clips : Clips
        With folds.
    source : {'auto', 'standin', 'zenodo'}
    model : str
    profile, seed
        See :func:`blemore.results.trained_tables.train`.
    folder : path
        Of trained runs.
    """
    asked = {"model": model, "profile": profile, "seed": seed}
    if lookup.real(source):
        wanted = [*trained_tables.ROWS, *(name for name in feature_encoders() if name not in printed_numbers.ENCODERS)]
        found = trained_tables.train(
            clips, source, rows=wanted, models=[model], test=False, folder=folder, profile=profile
        )
        return found.table2()
    program = Path(str(trained_tables.__file__))
    made_from = [asked, clips.names, fingerprints.code(program), fingerprints.references(program)]
    path = Path(folder) / f"standings-{fingerprints.digest(made_from)[:16]}.json"
    if not path.exists():
        done = trained_tables.train(
            clips, "standin", models=[model], test=False, folder=folder, profile=profile, seed=seed
        )
        if done.absent:
            return done.table2()
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(done.table2().table.to_dict("records"), indent=1))
    return Result(pd.DataFrame(json.loads(path.read_text(encoding="utf-8"))), "stand-in", ())


def everyone(done: Result, model: str, mine: Mapping[str, Result] | None = None) -> Result:
    """Return the scores of every encoder, fusion and subsampling that this project knows, each with a label.

    Parameters
    ----------
    done : Result
        From :func:`trained`.
    model : str
        Which classifier's scores.
    mine : mapping, optional
        More rows, or others for the same, by name: tables as `done` has.

    Returns
    -------
    Result
        ``id``, ``title``, ``label`` (empty where there is no score), :data:`SCORES`, and the paper's as ``paper_...``, NaN
        where there are none; the paper's encoders first, then others. Origin and inputs are those of everything in it.
    """
    found: dict[str, tuple[str, pd.Series]] = {}
    others = [hicmae(), *([egemaps()] if model == EGEMAPS_MODEL else [])]
    for one in others:
        found |= {str(row["id"]): (one.origin, pd.Series(row)) for row in one.table.to_dict("records")}
    for name, one in [("", done), *(mine or {}).items()]:
        for row in one.table.query("model == @model").to_dict("records"):
            found[name or str(row["id"])] = (one.origin, pd.Series(row))
    inputs = [one for result in (done, *others, *(mine or {}).values()) for one in result.inputs]
    names = dict.fromkeys([*_known(), *found])
    printed = printed_numbers.table(2).set_index("id")
    table = pd.DataFrame([_row(name, found.get(name), printed) for name in names])
    return Result(table, done.origin, tuple(dict.fromkeys(inputs)))


EGEMAPS_MODEL = "mlp-512"
"""The classifier of the recorded eGeMAPS runs."""


def egemaps() -> Result:
    """Return what eGeMAPS achieved when this project trained on real features, in the form of `trained`."""
    held = recorded.read("egemaps_protocols")
    folds = held.table.query("protocol == 'released-code'")
    return Result(_spread(folds, "egemaps", EGEMAPS_MODEL), "recorded", (held.as_input,))


def hicmae() -> Result:
    """Return what the released fine-tuned HiCMAE achieved, in the form of `trained`; it has no classifier of ours."""
    held = released.hicmae_folds()
    return Result(_spread(held.table.query("variant == @FINE_TUNED"), "hicmae", ""), held.origin, held.inputs)


def ranked(table: pd.DataFrame) -> pd.DataFrame:
    """Sort :func:`everyone` by composite, best first; rows without a score come last, by the paper's."""
    ours, theirs = (table[[f"{prefix}{metric}_mean" for metric in METRICS]].mean(axis=1) for prefix in ("", "paper_"))
    order = pd.DataFrame({"none": ours.isna(), "by": -ours.fillna(theirs)}).sort_values(["none", "by"], kind="stable")
    return table.loc[order.index].reset_index(drop=True)


def _known() -> Iterable[str]:
    return dict.fromkeys([*encoders.known(), *trained_tables.ROWS])


def _row(name: str, found: tuple[str, pd.Series] | None, printed: pd.DataFrame) -> dict[str, object]:
    label, scores = found or ("", pd.Series(dtype=float))
    theirs = printed.loc[name] if name in printed.index else pd.Series(dtype=float)
    return {
        "id": name,
        "title": name_of(name),
        "label": label,
        **{column: scores.get(column, float("nan")) for column in SCORES},
        **{f"paper_{column}": theirs.get(column, float("nan")) for column in SCORES},
    }


def _spread(folds: pd.DataFrame, name: str, model: str) -> pd.DataFrame:
    return released.spread(folds.assign(id=name, model=model), ["id", "model"])
