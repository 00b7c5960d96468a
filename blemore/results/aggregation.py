"""What section 4.3 does to a series of frames and section 4.4 to two encoders: what is kept, what is gained."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler

from blemore.challenge.clips import FOLDS, Clips
from blemore.errors import InputError
from blemore.features import feature_files
from blemore.features.feature_table import Features, check_aligned
from blemore.features.seven_statistics import STATISTICS, aggregate
from blemore.paper import printed_numbers
from blemore.sources.recorded import Input
from blemore.sources.released import Result

SCALERS = ("training folds", "all clips", "the scored fold itself")
"""Whose mean and variance may scale the clips of a scored fold; the first is what section 4.3 asks for."""

METRICS = {"acc_presence": "presence", "acc_salience": "salience"}


def shapes(frames: int = 100) -> dict[str, NDArray[np.float64]]:
    """Return invented courses of one feature over time, 0 to 1: an apex, the same later, two short ones, and flat.

    The first three hold the same values in another order; the flat one has their mean.
    """
    t = np.linspace(0, 1, frames)
    apex = np.clip(np.minimum(t / 0.2, (0.7 - t) / 0.35), 0, 1)
    twice = np.concatenate([apex[::2], apex[1::2]])
    return {"onset, apex, offset": apex, "the same backwards": apex[::-1], "two short apexes": twice,
            "flat": np.full(frames, apex.mean())}  # fmt: skip


def seven(series: Mapping[str, NDArray[np.floating]]) -> pd.DataFrame:
    """Return the seven statistics of some series (T,): a row each, columns :data:`blemore.features.seven_statistics.STATISTICS`.

    >>> float(seven({"a": np.array([0.0, 10.0])}).loc["a", "p25"])
    2.5
    """
    rows = {name: aggregate(values[:, None]) for name, values in series.items()}
    return pd.DataFrame(rows, index=list(STATISTICS)).T.astype(float)


def liveliest(frames: NDArray[np.floating]) -> int:
    """Return the column of (T, D) frames whose smoothed course varies most for the noise it has.

    Smoothing is over a tenth of the frames: a course that rises and falls once beats one that flickers.
    """
    wide = np.asarray(frames, dtype=np.float64)
    width = max(len(wide) // 10, 1)
    padded = np.concatenate([np.zeros((1, wide.shape[1])), wide.cumsum(axis=0)])
    smooth = (padded[width:] - padded[:-width]) / width
    noise = wide.std(axis=0)
    return int(np.divide(smooth.std(axis=0), noise, out=np.zeros_like(noise), where=noise > 1e-9).argmax())


def frames_in(folder: str | Path) -> tuple[dict[str, NDArray[np.float32]], Input]:
    """Return the frames (T, D) of each clip of a folder by name, and the folder's digest.

    Layouts are those of :func:`blemore.features.feature_files.read_folder`.
    """
    given = feature_files.read_folder(folder, encoder="openface", subsamples=True)
    ends = np.cumsum(given.counts)[:-1]
    return dict(zip(given.names, np.split(given.x, ends), strict=True)), Input("file/openface", given.digest)


def longest(series: Mapping[str, NDArray[np.floating]], clip: int = 0) -> NDArray[np.floating]:
    """Return the frames of the longest clip, or of another, counted from 0 by descending length.

    >>> longest({"a": np.zeros((2, 1)), "b": np.zeros((5, 1))}, 1).shape
    (2, 1)
    """
    if not 0 <= clip < len(series):
        raise InputError("parameter clip", "no such clip", expected=f"0 to {len(series) - 1}", got=str(clip))
    return sorted(series.values(), key=len, reverse=True)[clip]


def scaling(features: Features, clips: Clips) -> pd.DataFrame:
    """Return how far scored clips lie from the centre, by whose mean and variance they were scaled (section 4.3).

    Parameters
    ----------
    features : Features
        Aggregated, of the same clips in the same order; clips outside the folds are left out.

    Returns
    -------
    DataFrame
        Index :data:`SCALERS`; ``offset``: how far the scored fold's mean is from 0, ``spread``: its standard deviation,
        both in units of what scaled it; medians over columns, means over folds.
    """
    check_aligned(features, clips)
    inside = clips.table["fold"].notna().to_numpy()
    rows = []
    for fold in FOLDS:
        scored = clips.in_fold(fold)
        for name, known in zip(SCALERS, (inside & ~scored, inside, scored), strict=True):
            if not known.any() or not scored.any():
                raise InputError("clips", f"none in fold {fold}, or in it alone", fix="give clips of all five folds")
            x = StandardScaler().fit(features.x[known].astype(np.float64)).transform(features.x[scored])
            rows.append((name, np.median(np.abs(x.mean(axis=0))), np.median(x.std(axis=0))))
    table = pd.DataFrame(rows, columns=["scaled by", "offset", "spread"])
    return table.groupby("scaled by", sort=False).mean()


def strategies(validation: Result) -> pd.DataFrame:
    """Compare aggregated with subsampled features of the same encoder, folds and classifier (section 4.3).

    Returns
    -------
    DataFrame
        ``id`` (``videomaev2``, ``videoswin``), ``model``, ``metric``, ``aggregated``, ``subsampled`` (means over folds).
    """
    table = validation.table.set_index(["id", "model"])
    rows = [
        (id, model, METRICS[metric], table.at[(id, model), f"{metric}_mean"], table.at[(f"{id}:sub", model), f"{metric}_mean"])
        for id in printed_numbers.ENCODERS
        for model in dict.fromkeys(validation.table["model"])
        for metric in METRICS
        if (f"{id}:sub", model) in table.index
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["id", "model", "metric", "aggregated", "subsampled"])


def fusions() -> pd.DataFrame:
    """Return each fusion of Tables 2 and 3 beside its parts, as printed (section 4.4).

    Returns
    -------
    DataFrame
        ``table`` (2 or 3), ``id`` (``video+audio``), ``metric``, ``video``, ``audio``, ``fused``.
    """
    rows = []
    for number in (2, 3):
        table = printed_numbers.table(number).rename(columns=lambda name: name.removesuffix("_mean")).set_index("id")
        for id in table.index[table.index.str.contains(r"\+")]:
            for metric, name in METRICS.items():
                rows.append((number, id, name, *(float(str(table.at[row, metric])) for row in (*id.split("+"), id))))
    return pd.DataFrame(rows, columns=["table", "id", "metric", "video", "audio", "fused"])
