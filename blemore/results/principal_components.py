"""What the principal components of features show: whose clip it is, or which emotion (paper, section 5.4)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from blemore.challenge.clips import Clips
from blemore.challenge.labels import BLENDABLE, EMOTIONS, PAIRS
from blemore.errors import InputError, SourceError, UnknownNameError, first
from blemore.features.feature_table import Features, Joined, check_aligned, join
from blemore.paper.vocabulary import name_of
from blemore.sources import lookup
from blemore.sources.recorded import Input

WAYS = ("as they are", "within each actor")
"""Over which clips columns are scaled to mean 0 and variance 1: all of them, or those of one actor at a time."""


def gather(
    encoders: Iterable[str], clips: Clips, source: str = "auto", **given: Any
) -> tuple[dict[str, Joined], list[Input], list[str]]:
    """Return features of some encoders, joined to the clips, by encoder; their inputs; and what is not shown, and why.

    Real and simulated features never stand side by side: where the release has features of one of the encoders, those that
    it lacks or that cannot be read are left out. Where it has none of them, ``auto`` simulates all.

    Parameters
    ----------
    encoders, clips, source
        See :func:`blemore.sources.lookup.features`.
    **given
        ``path``, ``profile`` and ``seed``, for the same. What is wrong with a file that is named is raised.
    """
    named = bool(given.get("path"))
    tables: dict[str, Joined] = {}
    inputs: list[Input] = []
    missing: dict[str, str] = {}
    for name in encoders:
        try:
            found, more = lookup.features(name, clips, source, **given)
            tables[name] = join(clips, found)
            inputs += more
        except (SourceError, InputError) as error:
            if named:
                raise
            inputs += lookup.asked(name, source)
            missing[name] = str(error)
    if tables or source != "auto":
        if not tables:
            raise SourceError(first(list(missing.values())))
        return tables, inputs, [f"{name_of(name)} is left out: {why}" for name, why in missing.items()]
    simulated, others, notes = gather(missing, clips, "standin", **given)
    said = [f"{name_of(name)} is simulated: {why}" for name, why in missing.items()]
    return simulated, [*inputs, *others], [*said, *notes]


@dataclass(frozen=True, eq=False)
class Projection:
    """Principal components of some rows.

    Attributes
    ----------
    points : (N, K) float64
        The rows in the plane (or space) of the first K components.
    explained : (K,) float64
        Share of all variance that each component holds, in descending order.
    """

    points: NDArray[np.float64]
    explained: NDArray[np.float64]


def scale(x: NDArray[np.floating], actors: ArrayLike | None = None) -> NDArray[np.float64]:
    """Scale columns to mean 0 and variance 1, over all rows or within the rows of each actor (section 5.4).

    A column that does not vary is only centred.

    Parameters
    ----------
    x : (N, D) finite
    actors : (N,) names, optional
        Whose clip each row is.

    >>> scale(np.array([[1.0], [3.0], [10.0], [30.0]]), ["a", "a", "b", "b"])[:, 0].tolist()
    [-1.0, 1.0, -1.0, 1.0]
    """
    wide = np.asarray(x, dtype=np.float64)
    if actors is None:
        return _scaled(wide)
    out = np.empty_like(wide)
    for rows in pd.Series(range(len(wide))).groupby(np.asarray(actors)).indices.values():
        out[rows] = _scaled(wide[rows])
    return out


def project(x: NDArray[np.floating], components: int = 2) -> Projection:
    """Project rows (N, D) on their first principal components, K of them or as many as there are.

    A component's sign is arbitrary; here its largest loading is positive, so that the same rows give the same picture.
    """
    fitted = PCA(min(components, *x.shape), random_state=0).fit(x)
    largest = np.abs(fitted.components_).argmax(axis=1)
    signs = np.sign(np.take_along_axis(fitted.components_, largest[:, None], axis=1))[:, 0]
    return Projection(fitted.transform(x) * signs, fitted.explained_variance_ratio_)


def eta_squared(x: NDArray[np.floating], groups: ArrayLike) -> NDArray[np.float64]:
    r"""Return the share of each column's variance that lies between groups: (N, D) and (N,) to (D,).

    .. math:: \eta^2 = \frac{\sum_g n_g (\bar x_g - \bar x)^2}{\sum_i (x_i - \bar x)^2}

    It is 0 for a column without variance. Groups drawn at random have on average (G - 1) / (N - 1), see :func:`chance`.

    >>> eta_squared(np.array([[0.0, 1.0], [0.0, -1.0], [2.0, 1.0], [2.0, -1.0]]), [0, 0, 1, 1]).tolist()
    [1.0, 0.0]
    """
    wide = np.asarray(x, dtype=np.float64)
    wide = wide - wide.mean(axis=0)
    codes, names = pd.factorize(np.asarray(groups))
    sums = np.zeros((len(names), wide.shape[1]))
    np.add.at(sums, codes, wide)
    between = (np.square(sums) / np.bincount(codes)[:, None]).sum(axis=0)
    total = np.square(wide).sum(axis=0)
    share: NDArray[np.float64] = np.divide(between, total, out=np.zeros_like(total), where=total > 1e-12 * len(wide))
    return share


def chance(groups: ArrayLike) -> float:
    """Return the mean of :func:`eta_squared` over groups of the same sizes drawn at random: (G - 1) / (N - 1)."""
    names = pd.unique(np.asarray(groups))
    return (len(names) - 1) / max(len(np.asarray(groups)) - 1, 1)


def shares_in_words(table: pd.DataFrame) -> str:
    """Say what a table of :func:`shares` shows: identity against emotion, before and after each actor is scaled alone."""
    whole = table.query("part == 'all columns'").set_index("way")
    plain, alone = (whole.loc[way] for way in WAYS)
    parts = table[(table["way"] == WAYS[0]) & (table["part"] != "all columns")].set_index("part")["emotion"]
    return (
        f"Identity holds {plain['actor']:.0%} of the variance and emotion {plain['emotion']:.0%}. By chance alone it would be {plain['actor_chance']:.0%} and "
        f"{plain['emotion_chance']:.0%}. Once each actor is scaled alone, identity holds {alone['actor']:.0%} by construction, and emotion "
        f"{alone['emotion']:.0%} (by chance {alone['emotion_chance']:.0%}). Of the first {len(parts)} components, emotions differ most in {parts.idxmax()} ({parts.max():.0%})."
    )


def shares(features: Features, clips: Clips, components: int = 6) -> pd.DataFrame:
    """Decompose the variance of aggregated features: how much lies between actors, and between classes of emotion.

    Parameters
    ----------
    features : Features
        Of the same clips, in the same order.
    components : int
        How many principal components have a row.

    Returns
    -------
    DataFrame
        ``way`` (one of :data:`WAYS`), ``part`` (``all columns``, ``PC1`` ...), ``explained``, ``actor``, ``emotion``, and
        ``actor_chance``, ``emotion_chance``, all shares of 1. Classes are the six emotions and ten pairs. Actor and
        emotion are nearly, but not exactly, balanced: each is a share of its own, not a part of a sum.
    """
    check_aligned(features, clips)
    actors, emotions = (clips.table[column].to_numpy(str) for column in ("actor", "emotions"))
    rows = []
    for way, x in _both_ways(features.x, actors):
        parts = project(x, components)
        weights = np.square(x - x.mean(axis=0)).sum(axis=0)
        whole = [float(np.average(eta_squared(x, groups), weights=weights)) for groups in (actors, emotions)]
        rows.append((way, "all columns", 1.0, *whole))
        by = zip(parts.explained, eta_squared(parts.points, actors), eta_squared(parts.points, emotions), strict=True)
        rows += [(way, f"PC{i}", *map(float, values)) for i, values in enumerate(by, start=1)]
    table = pd.DataFrame(rows, columns=["way", "part", "explained", "actor", "emotion"])
    return table.assign(actor_chance=chance(actors), emotion_chance=chance(emotions))


@dataclass(frozen=True, eq=False)
class Plane:
    """Clips of two emotions and their blends in the plane of their first two principal components.

    Attributes
    ----------
    encoder : str
    way : str
        One of :data:`WAYS`.
    points : (N, 2) float64
        The second emotion's mean lies to the right of, and above, the first one's.
    salience : (N,) int
        Salience of the second emotion in percent: 0, 30, 50, 70 or 100.
    explained : (2,) float64
    actor, emotion : (2,) float64
        Share of each component's variance between actors, and between the two emotions and their blend.
    actor_chance : float
        What actors drawn at random would hold, see :func:`chance`.
    """

    encoder: str
    way: str
    points: NDArray[np.float64]
    salience: NDArray[np.int64]
    explained: NDArray[np.float64]
    actor: NDArray[np.float64]
    emotion: NDArray[np.float64]
    actor_chance: float


def planes(features: Features, clips: Clips, first: str, second: str) -> list[Plane]:
    """Project clips of two emotions and their blends, scaled as they are and within each actor (Figure 5).

    As in the paper the components are those of these clips alone.
    """
    check_aligned(features, clips)
    chosen, salience = of_pair(clips, first, second)
    actors = clips.table["actor"].to_numpy(str)[chosen]
    classes = np.where(salience == 0, first, np.where(salience == 100, second, "blend"))
    found = []
    for way, x in _both_ways(features.x[chosen], actors):
        flat = project(x)
        ends = [flat.points[salience == end].mean(axis=0) for end in (0, 100)]
        points = flat.points * np.where(ends[1] < ends[0], -1, 1)
        by = (eta_squared(points, actors), eta_squared(points, classes))
        found.append(Plane(features.encoder, way, points, salience, flat.explained, *by, chance(actors)))
    return found


def of_pair(clips: Clips, first: str, second: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows of clips that show two emotions or their blends, and the second one's salience in percent.

    Raises
    ------
    UnknownNameError
        If one of them is no emotion that blends.
    InputError
        If they are the same, or one of the two or their blends has fewer than two clips.
    """
    for emotion in (first, second):
        if emotion not in BLENDABLE:
            raise UnknownNameError("emotion that blends", emotion, BLENDABLE)
    if first == second:
        raise InputError("emotions", "two different ones are needed", got=f"{first} twice")
    pair = next(pair for pair in PAIRS if set(pair) == {first, second})
    shown = clips.table["emotions"].isin([first, second, "-".join(pair)]).to_numpy()
    rows = np.flatnonzero(shown)
    salience = clips.truth[rows, EMOTIONS.index(second)].astype(np.int64)
    few = [name for name, is_one in (
        (first, salience == 0), (second, salience == 100), ("blends", (salience > 0) & (salience < 100))
    ) if is_one.sum() < 2]  # fmt: skip
    if few:
        raise InputError("clips", f"fewer than two of {', '.join(few)}", fix="give features of more clips")
    return rows, salience


def along(plane: Plane) -> pd.DataFrame:
    """Return where clips lie on the line from the first emotion's mean (0) to the second's (1), by salience.

    Returns
    -------
    DataFrame
        ``salience`` of the second emotion in percent, ``clips``, ``mean``, ``error`` (standard error of the mean,
        clips taken as independent).
    """
    start, end = (plane.points[plane.salience == value].mean(axis=0) for value in (0, 100))
    line = end - start
    place = pd.Series((plane.points - start) @ line / (line @ line))
    grouped = place.groupby(plane.salience).agg(["size", "mean", "sem"])
    grouped.columns = pd.Index(["clips", "mean", "error"])
    return grouped.rename_axis("salience").reset_index()


def lines(features: Features, clips: Clips) -> pd.DataFrame:
    """Return :func:`along` for all ten pairs, both ways: columns ``first``, ``second``, ``way`` and those of `along`."""
    parts = [
        along(plane).assign(first=first, second=second, way=plane.way)
        for first, second in PAIRS
        for plane in planes(features, clips, first, second)
    ]
    table = pd.concat(parts, ignore_index=True)
    return table[["first", "second", "way", "salience", "clips", "mean", "error"]]


def line(table: pd.DataFrame, first: str, second: str) -> pd.DataFrame:
    """Select one pair of :func:`lines`, in whichever direction it is asked for."""
    if (first, second) in PAIRS:
        return table[(table["first"] == first) & (table["second"] == second)].drop(columns=["first", "second"])
    turned = line(table, second, first)
    turned = turned.assign(salience=100 - turned["salience"], mean=1 - turned["mean"])
    return turned.sort_values(["way", "salience"], ignore_index=True)


def _both_ways(
    x: NDArray[np.floating], actors: Sequence[str] | NDArray[np.str_]
) -> list[tuple[str, NDArray[np.float64]]]:
    return [(WAYS[0], scale(x)), (WAYS[1], scale(x, actors))]


def _scaled(x: NDArray[np.float64]) -> NDArray[np.float64]:
    scaled: NDArray[np.float64] = StandardScaler().fit_transform(x)
    return scaled
