"""Feature tables: check, join to clips, fuse, standardise (paper, sections 4.3 and 4.4)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler

from blemore.challenge.clips import Clips
from blemore.challenge.labels import stem
from blemore.errors import InputError, first, repeated


@dataclass(frozen=True, eq=False)
class Features:
    """Rows of features and the clips that they belong to.

    Attributes
    ----------
    encoder : str
        Id of the encoder; ``a+b`` for a fusion, ``id:sub`` for subsamples.
    names : tuple of str
        The N clips, each once, without suffix.
    x : (M, D) float32, finite
        Rows of one clip lie together, clips in the order of `names`.
    counts : (N,) int64, sum M
        Rows of each clip: all 1 for aggregated features.
    origin : str
        ``measured`` or ``stand-in``: the label of every number that comes of them.
    remark : str
        What was done to the values when they were read; empty where nothing was.
    subsampled : bool
        Whether the rows are subsamples, of which a clip may have a single one.
    """

    encoder: str
    names: tuple[str, ...]
    x: NDArray[np.float32]
    counts: NDArray[np.int64]
    origin: str = "measured"
    remark: str = ""
    subsampled: bool = False

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the content: names, rows of each clip and values."""
        text = "\n".join((*self.names, str(self.x.shape), self.counts.astype("<i8").tobytes().hex()))
        return hashlib.sha256(text.encode() + np.ascontiguousarray(self.x, dtype="<f4").tobytes()).hexdigest()

    def select(self, names: Sequence[str]) -> Features:
        """Return the features of some clips, in the order given; all must be here."""
        at = {name: i for i, name in enumerate(self.names)}
        if absent := [name for name in names if name not in at]:
            raise InputError(f"features {self.encoder}", f"{len(absent)} clips have no features", got=first(absent))
        clips = np.array([at[name] for name in names], dtype=np.int64)
        return replace(self, names=tuple(names), x=self.x[rows_of(self.counts, clips)], counts=self.counts[clips])


def table(
    where: object,
    names: Sequence[str],
    x: NDArray[np.generic],
    counts: NDArray[np.generic] | None = None,
    *,
    encoder: str,
    origin: str = "measured",
    remark: str = "",
) -> Features:
    """Return a checked feature table; `where` is the file or the program that errors point at.

    With `counts`, its rows are subsamples, be it one a clip.

    Raises
    ------
    InputError
        If shapes do not fit, values are no finite numbers, or a clip occurs twice.
    """
    stems = [stem(str(name)) for name in names]
    if twice := sorted(repeated(stems)):
        fix = "" if counts is not None else "for subsamples give each clip once, and its rows in `counts`"
        raise InputError(where, f"{len(twice)} clips occur twice", got=first(twice), fix=fix)
    rows = np.ones(len(stems), dtype=np.int64) if counts is None else np.asarray(counts)
    if rows.shape != (len(stems),) or rows.dtype.kind not in "iu" or (rows < 1).any():
        raise InputError(where, "counts", expected=f"{len(stems)} positive whole numbers", got=str(rows.shape))
    if x.ndim != 2 or len(x) != int(rows.sum()) or 0 in x.shape:
        raise InputError(where, "X has the wrong shape", expected=f"({int(rows.sum())}, D)", got=str(x.shape))
    if x.dtype.kind not in "fiu":
        raise InputError(where, "X are not numbers", got=str(x.dtype))
    with np.errstate(over="ignore"):
        values: NDArray[np.float32] = np.ascontiguousarray(x, dtype=np.float32)
    if not (fine := np.isfinite(values).all(axis=1)).all():
        bad = np.unique(np.repeat(np.arange(len(stems)), rows)[~fine])
        raise InputError(
            where,
            f"NaN or infinite features in {len(bad)} of {len(stems)} clips",
            got=first([stems[i] for i in bad]),
            fix="extract these clips again, or leave them out",
        )
    return Features(encoder, tuple(stems), values, rows.astype(np.int64), origin, remark, counts is not None)


@dataclass(frozen=True, eq=False)
class Joined:
    """The clips that have features, their features in the same order, and what was left out.

    ``without_features`` are clips of the table, ``without_clip`` clips of the features.
    """

    clips: Clips
    features: Features
    without_features: tuple[str, ...]
    without_clip: tuple[str, ...]

    @property
    def note(self) -> str:
        """One line that says what was done and left out, empty if nothing; show it to whoever reads the result."""
        parts = [self.features.remark] if self.features.remark else []
        if lost := self.without_features:
            total = len(lost) + len(self.clips)
            parts += [f"{len(lost)} of {total} clips have no features ({first(lost)})"]
        if lost := self.without_clip:
            total = len(lost) + len(self.clips)
            parts += [f"{len(lost)} of {total} clips with features are not in the clip table ({first(lost)})"]
        return f"{self.features.encoder}: {'; '.join(parts)}" if parts else ""


def join(clips: Clips, features: Features) -> Joined:
    """Match features to the clip table by name; both come back in the table's order.

    Raises
    ------
    InputError
        If no clip has features: these are features of other clips.
    """
    have, known = set(features.names), set(clips.names)
    names = [name for name in clips.names if name in have]
    if not names:
        raise InputError(
            f"features {features.encoder}",
            "none of its clips is in the clip table",
            expected=f"names like {first(clips.names, 1)}",
            got=first(features.names),
            fix="check that features and metadata belong together",
        )
    keep = clips.table["filename"].isin(have)
    kept = clips if keep.all() else Clips(clips.table[keep].reset_index(drop=True), clips.origin)
    return Joined(
        kept,
        features.select(names),
        tuple(name for name in clips.names if name not in have),
        tuple(name for name in features.names if name not in known),
    )


def check_aligned(features: Features, clips: Clips) -> None:
    """Raise an InputError unless features have one row for each clip of the table, in its order, as :func:`join` gives."""
    if features.subsampled:
        raise InputError(f"features {features.encoder}", "subsamples have no row for each clip", fix="aggregate them")
    if list(features.names) != clips.names:
        raise InputError(f"features {features.encoder}", "not those of the clip table", fix="join them first")


def fuse(one: Features, other: Features) -> Features:
    """Concatenate the columns of two aggregated tables of the same clips: early fusion (section 4.4).

    Raises
    ------
    InputError
        If a clip is in one table only, or one table holds subsamples.
    """
    name = f"{one.encoder}+{other.encoder}"
    if one.subsampled or other.subsampled:
        raise InputError(f"features {name}", "subsamples cannot be fused", fix="aggregate them first")
    if apart := sorted(set(one.names) ^ set(other.names)):
        raise InputError(
            f"features {name}",
            f"{len(apart)} clips are in one table only",
            got=first(apart),
            fix="select the clips that both have",
        )
    second = other.select(one.names)
    origin = "stand-in" if "stand-in" in (one.origin, other.origin) else one.origin
    remark = "; ".join(f"{part.encoder}: {part.remark}" for part in (one, other) if part.remark)
    return Features(name, one.names, np.concatenate([one.x, second.x], axis=1), one.counts, origin, remark)


def standardise(train: NDArray[np.float32], *others: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
    """Scale columns to mean 0 and variance 1 by the training rows alone (section 4.3).

    scikit-learn's ``StandardScaler``: a column without variance is only centred.

    >>> standardise(np.array([[1, 5], [3, 5]], np.float32), np.array([[4, 6]], np.float32))[1].tolist()
    [[2.0, 1.0]]
    """
    scaler = StandardScaler().fit(train)
    return tuple(scaler.transform(rows).astype(np.float32, copy=False) for rows in (train, *others))


def rows_of(counts: NDArray[np.int64], clips: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the rows of some clips, clip by clip, from the number of rows of every clip.

    >>> rows_of(np.array([2, 1, 3]), np.array([2, 0])).tolist()
    [3, 4, 5, 0, 1]
    """
    ends = np.cumsum(counts)
    parts = [np.arange(ends[i] - counts[i], ends[i]) for i in clips]
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)
