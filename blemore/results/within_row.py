"""How unevenly a score is spread: presence accuracy of each class of emotion, and of each actor (paper, section 5)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from blemore.challenge.labels import CLASSES, class_index, parse_clip_name
from blemore.challenge.metrics import presence_hits
from blemore.experiments.protocols import CrossValidation


def clips_of(validation: CrossValidation) -> pd.DataFrame:
    """Return every clip that a cross-validation scored.

    Returns
    -------
    DataFrame
        ``filename``, ``actor``, ``emotions`` (one of the sixteen classes), ``fold``, ``present`` (whether exactly the
        emotions present were decided).
    """
    parts = [
        pd.DataFrame(
            {
                "filename": fold.names,
                "actor": [parse_clip_name(name).actor for name in fold.names],
                "emotions": [CLASSES[i] for i in class_index(fold.truth)],
                "fold": fold.fold,
                "present": presence_hits(fold.decided, fold.truth),
            }
        )
        for fold in validation.folds
    ]
    return pd.concat(parts, ignore_index=True)


def by_class(clips: pd.DataFrame) -> pd.DataFrame:
    """Return presence accuracy of each class, in the order of Figure 4: ``emotions, clips, mean, low, high``.

    ``low`` and ``high`` are those of the folds; a class that a fold lacks does not count there.
    """
    folds = clips.groupby(["emotions", "fold"])["present"].mean().groupby("emotions").agg(["min", "max"])
    whole = clips.groupby("emotions")["present"].agg(["size", "mean"])
    table = whole.join(folds).set_axis(["clips", "mean", "low", "high"], axis=1)
    return table.loc[[name for name in CLASSES if name in table.index]].rename_axis("emotions").reset_index()


def by_actor(clips: pd.DataFrame) -> pd.DataFrame:
    """Return presence accuracy of each actor in ascending order: ``actor, fold, clips, mean``."""
    table = clips.groupby("actor").agg(fold=("fold", "first"), clips=("present", "size"), mean=("present", "mean"))
    return table.sort_values(["mean", "clips"], kind="stable").reset_index()


def chance_spread(groups: pd.DataFrame) -> float:
    """Return how far accuracies of groups would spread if all clips were alike (standard deviation).

    Clips would be hit with one probability, and a group of n clips would vary by the binomial's share of it.

    >>> groups = pd.DataFrame({"clips": [100, 100], "mean": [0.4, 0.6]})
    >>> round(chance_spread(groups), 3)
    0.05
    """
    hit = float(np.average(groups["mean"], weights=groups["clips"]))
    return float(np.sqrt(np.mean(hit * (1 - hit) / groups["clips"])))
