"""Results computed from what the authors and others published: run summaries, logs, HiCMAE logits.

Each function returns a table computed here and now where the files are (label ``released``), else the
same table as this project computed it earlier (label ``recorded``, with date and input digest).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd

from blemore.challenge import predictions, thresholds
from blemore.challenge.labels import Saliences, parse_clip_name, saliences_of_names
from blemore.challenge.metrics import design_effect, presence_hits, salience_hits, score
from blemore.errors import SourceError
from blemore.paper.vocabulary import LOGGED, VARIANTS
from blemore.sources import lookup, recorded
from blemore.sources.recorded import Input

ENCODER_IDS = {
    "clip": "clip",
    "imagebind": "imagebind",
    "openface": "openface",
    "videomae": "videomaev2",
    "videoswintransformer": "videoswin",
}
"""Encoder names of the released files -> the project's."""

MODELS = {"Linear": "linear", "MLP_256": "mlp-256", "MLP_512": "mlp-512"}

_SCALARS = {  # tag of the logs -> column
    "Loss/train": "train_loss",
    "Loss/val": "val_loss",
    "Accuracy/presence": "acc_presence",
    "Accuracy/salience": "acc_salience",
}


@dataclass(frozen=True)
class Result:
    """A table, its label (``released`` or ``recorded``) and its inputs."""

    table: pd.DataFrame
    origin: str
    inputs: tuple[Input, ...]

    @property
    def date(self) -> str:
        """When it was recorded; empty if it was computed here and now."""
        return next((one.date for one in self.inputs if one.date), "")


def validation() -> Result:
    """Return validation results of the authors' runs: mean and spread over folds (section 5.1).

    Columns: ``id`` (``clip``, ``videomaev2:sub``, ...), ``model``, ``folds``, then mean and sample
    standard deviation (ddof = 1) of both accuracies and means of the best epoch (from 1) and its losses.
    """
    return _result("validation")


def curves(encoder: str, model: str) -> Result:
    """Return learning curves of the authors' runs of one row and model: means over folds per epoch (from 1).

    Raises SourceError where they are neither here nor recorded.

    Columns: ``id``, ``model``, ``epoch``, ``train_loss``, ``val_loss``, ``acc_presence``, ``acc_salience``
    (accuracies at each epoch's best thresholds).
    """
    if (encoder, model) not in product(LOGGED, MODELS.values()):
        raise SourceError(f"the authors published no logs of {encoder}, {model}; they did of {', '.join(LOGGED)}")
    inputs = lookup.inputs("released/logs")
    if inputs[0].sha256 != "absent":
        return Result(_curves([(encoder, model)]), "released", inputs)
    found = _result("curves")
    table = found.table.query("id == @encoder and model == @model").reset_index(drop=True)
    if table.empty:
        raise SourceError(
            f"no learning curves of {encoder}, {model} here; run `blemore data fetch released --logs` for all 105 runs"
        )
    return Result(table, found.origin, found.inputs)


def tests() -> Result:
    """Return the authors' test summary: ``id``, ``model``, ``alpha``, ``beta`` and both accuracies."""
    return _result("tests")


def classifier_folds() -> Result:
    """Return the composite score of the authors' runs by fold and classifier.

    One row per ``id`` and ``fold``, a column for each classifier (``linear``, ``mlp-256``, ``mlp-512``).
    """
    return _result("classifier_folds")


def strategy_folds() -> Result:
    """Return aggregated beside subsampled features by fold, in the authors' runs that have both.

    One row per ``id``, ``model``, ``fold`` and ``metric`` (``presence`` or ``salience``): ``aggregated``, ``subsampled``.
    """
    return _result("strategy_folds")


def hicmae_folds() -> Result:
    """Return thresholds tuned on each fold of the HiCMAE logits, scores, and what was decided.

    One row per ``variant`` and ``fold``: the fields of :class:`blemore.challenge.thresholds.Tuned`, ``n``,
    ``n_blends``, and the numbers of clips decided (``decided_*``) and true (``true_*``) as ``single``,
    ``equal`` and ``unequal``.
    """
    return _result("hicmae_folds")


def hicmae_grid() -> Result:
    """Return both accuracies at each pair of thresholds, mean over the folds of the HiCMAE logits."""
    return _result("hicmae_grid")


def hicmae_design() -> Result:
    """Return how much less the clips of one actor tell than independent clips, on the HiCMAE logits.

    Each fold is decided by the thresholds that the pooled other folds choose. One row per ``variant`` and ``metric``:
    ``clips``, ``actors``, ``accuracy`` and ``design_effect`` (see :func:`blemore.challenge.metrics.design_effect`).
    """
    return _result("hicmae_design")


def spread(folds: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Return mean and sample standard deviation (ddof = 1) of both accuracies over folds."""
    accuracies = folds.groupby(by, sort=False)[["acc_presence", "acc_salience"]].agg(["mean", "std"])
    accuracies.columns = ["_".join(column) for column in accuracies.columns]
    return accuracies.reset_index()


def runs() -> pd.DataFrame:
    """Return the authors' 105 summarised runs, one a row (needs the summaries here).

    Columns: ``id``, ``model``, ``fold``, ``epoch`` (from 1), losses, ``alpha``, ``beta``, accuracies.
    """
    table = _summaries("validation")
    return table.rename(columns=lambda column: column.removeprefix("best_"))


def _summaries(kind: str) -> pd.DataFrame:
    if not (files := lookup.released("summaries")):
        raise SourceError("released/summaries is not here; run `blemore data fetch released`")
    parts = []
    for name, path in files.items():
        if f"/{kind}_summary" in name:
            table = pd.read_csv(path)
            ids = table["encoder"].map(ENCODER_IDS) + (":sub" if "subsampled" in name else "")
            parts.append(table.assign(id=ids, model=table["model"].map(MODELS)))
    return pd.concat(parts, ignore_index=True).drop(columns="encoder")


def _validation() -> pd.DataFrame:
    table = runs()
    other = table.groupby(["id", "model"], sort=False).agg(
        folds=("fold", "size"),
        epoch=("epoch", "mean"),
        train_loss=("train_loss", "mean"),
        val_loss=("val_loss", "mean"),
    )
    return spread(table, ["id", "model"]).merge(other.reset_index(), on=["id", "model"])


def _classifier_folds() -> pd.DataFrame:
    table = runs()
    table["composite"] = table[["acc_presence", "acc_salience"]].mean(axis=1)
    wide = table.pivot(index=["id", "fold"], columns="model", values="composite")
    return wide[list(MODELS.values())].rename_axis(columns=None).reset_index()


def _strategy_folds() -> pd.DataFrame:
    keys = ["id", "model", "fold", "metric"]
    names = {"acc_presence": "presence", "acc_salience": "salience"}
    long = runs().rename(columns=names).melt(keys[:3], list(names.values()), "metric")
    subsampled = long["id"].str.endswith(":sub")
    long["id"] = long["id"].str.removesuffix(":sub")
    both = long[~subsampled].merge(long[subsampled], on=keys, suffixes=("_all", "_sub"), validate="one_to_one")
    both = both.rename(columns={"value_all": "aggregated", "value_sub": "subsampled"})
    return both.sort_values(keys).reset_index(drop=True)


def _tests() -> pd.DataFrame:
    table = _summaries("test").rename(columns=lambda column: column.removeprefix("test_"))
    return table[["id", "model", "alpha", "beta", "acc_presence", "acc_salience"]]


def _curves(chosen: Collection[tuple[str, str]] | None = None) -> pd.DataFrame:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    parts = []
    for name, path in lookup.released("logs").items():
        run = name.split("/")[-2].rsplit("_fold", 1)[0]
        encoder, model = run.removeprefix("subsampling_").split("_", 1)
        row = ENCODER_IDS[encoder] + (":sub" if run.startswith("subsampling_") else ""), MODELS[model]
        if chosen is not None and row not in chosen:
            continue
        log = EventAccumulator(str(path), size_guidance={"scalars": 0})
        log.Reload()
        columns = {column: [event.value for event in log.Scalars(tag)] for tag, column in _SCALARS.items()}
        steps = [event.step + 1 for event in log.Scalars("Loss/train")]
        parts.append(pd.DataFrame({"id": row[0], "model": row[1], "epoch": steps, **columns}))
    return pd.concat(parts).groupby(["id", "model", "epoch"], sort=True).mean().reset_index()


def _hicmae() -> Iterator[tuple[str, int, predictions.Predictions]]:
    paths = lookup.released("predictions")
    for variant in VARIANTS:
        loss, epochs = variant.split("-")
        for name, path in paths.items():
            if f"_epoch_{epochs}_" in name and f"_loss_{loss}" in name:
                fold = int(name.split("eval_split")[1][:2]) - 1
                yield variant, fold, predictions.read_table(path, logits=True)


def _hicmae_folds() -> pd.DataFrame:
    rows = []
    for variant, fold, table in _hicmae():
        truth = saliences_of_names(table.names)
        tuned = thresholds.tune(table.probabilities, truth)
        decided = thresholds.decide(table.probabilities, tuned.alpha, tuned.beta)
        scores = score(decided, truth)
        kinds = {
            f"{who}_{kind}": int((rows_.max(axis=1) == top).sum())
            for who, rows_ in (("decided", decided), ("true", truth))
            for kind, top in (("single", 100), ("equal", 50), ("unequal", 70))
        }
        rows.append(
            {
                "variant": variant,
                "fold": fold,
                "n": scores.n,
                "n_blends": scores.n_blends,
                **vars(tuned),
                **kinds,
            }
        )
    return pd.DataFrame(rows).sort_values(["variant", "fold"]).reset_index(drop=True)


def _hicmae_design() -> pd.DataFrame:
    folds: dict[str, list[predictions.Predictions]] = {}
    for variant, _, table in _hicmae():
        folds.setdefault(variant, []).append(table)
    rows = []
    for variant, tables in folds.items():
        truths = [saliences_of_names(table.names) for table in tables]
        decided = [
            thresholds.decide(table.probabilities, *_thresholds_of_others(tables, truths, i))
            for i, table in enumerate(tables)
        ]
        truth, answers = (np.concatenate(parts).astype(np.int64) for parts in (truths, decided))
        actors = np.array([parse_clip_name(name).actor for table in tables for name in table.names])
        blends = (truth > 0).sum(axis=1) == 2
        for metric, hits, groups in (
            ("acc_presence", presence_hits(answers, truth), actors),
            ("acc_salience", salience_hits(answers, truth), actors[blends]),
        ):
            rows.append(
                {
                    "variant": variant,
                    "metric": metric,
                    "clips": len(hits),
                    "actors": len(np.unique(groups)),
                    "accuracy": float(hits.mean()),
                    "design_effect": design_effect(hits, groups),
                }
            )
    return pd.DataFrame(rows)


def _thresholds_of_others(
    tables: list[predictions.Predictions], truths: list[Saliences], fold: int
) -> tuple[float, float]:
    """Return the thresholds that all folds but one choose together."""
    others = [i for i in range(len(tables)) if i != fold]
    tuned = thresholds.tune(
        np.concatenate([tables[i].probabilities for i in others]), np.concatenate([truths[i] for i in others])
    )
    return tuned.alpha, tuned.beta


def _hicmae_grid() -> pd.DataFrame:
    grids: dict[str, list[thresholds.Grid]] = {}
    for variant, _, table in _hicmae():
        grids.setdefault(variant, []).append(thresholds.grid(table.probabilities, saliences_of_names(table.names)))
    alpha, beta = (axis.ravel() for axis in np.meshgrid(thresholds.GRID, thresholds.GRID, indexing="ij"))
    means = [
        pd.DataFrame(
            {
                "variant": variant,
                "alpha": alpha,
                "beta": beta,
                "acc_presence": np.mean([fold.acc_presence for fold in folds], axis=0).ravel(),
                "acc_salience": np.mean([fold.acc_salience for fold in folds], axis=0).ravel(),
            }
        )
        for variant, folds in grids.items()
    ]
    return pd.concat(means, ignore_index=True)


COMPUTED: dict[str, tuple[str, Callable[[], pd.DataFrame]]] = {
    "validation": ("summaries", _validation),
    "tests": ("summaries", _tests),
    "curves": ("logs", _curves),
    "classifier_folds": ("summaries", _classifier_folds),
    "strategy_folds": ("summaries", _strategy_folds),
    "hicmae_folds": ("predictions", _hicmae_folds),
    "hicmae_design": ("predictions", _hicmae_design),
    "hicmae_grid": ("predictions", _hicmae_grid),
}
"""Name of a table -> the group of released files that it comes from, and how."""


def _result(name: str) -> Result:
    group, compute = COMPUTED[name]
    inputs = lookup.inputs(f"released/{group}")
    if inputs[0].sha256 != "absent":
        return Result(compute(), "released", inputs)
    earlier = recorded.read(name)
    return Result(earlier.table, "recorded", (*inputs, earlier.as_input))
