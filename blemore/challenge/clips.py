"""The clip table: which clips there are, what they show, which fold they are in (paper, section 3.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from blemore.challenge.labels import ClipName, Saliences, parse_clip_name, saliences_of_names, stem
from blemore.errors import InputError, UnknownNameError, first
from blemore.paper import printed_numbers
from blemore.system.csv_files import clip_column, read_csv

FOLDS = range(5)
"""Numbers of the five cross-validation folds."""

COLUMNS = (
    "filename",
    "actor",
    "partition",
    "fold",
    "emotions",
    "salience",
    "intensity",
    "situation",
    "version",
)
"""Columns that every clip table has; others of a metadata file are kept behind them."""

_RELEASED: dict[
    str, Callable[[ClipName], object]
] = {  # column of the release's metadata -> the same, from the parsed name
    "video_id": lambda c: c.actor,
    "mix": lambda c: len(c.emotions) - 1,
    "emotion_1": lambda c: c.emotions[0],
    "emotion_2": lambda c: c.emotions[1] if len(c.emotions) == 2 else None,
    "emotion_1_salience": lambda c: c.saliences[0],
    "emotion_2_salience": lambda c: c.saliences[1] if len(c.emotions) == 2 else None,
    "version": lambda c: c.version,
    "intensity_level": lambda c: c.intensity,
    "situation": lambda c: c.situation,
}


@dataclass(frozen=True)
class Clips:
    """A checked clip table and where it comes from.

    Attributes
    ----------
    table : DataFrame
        One row a clip, columns :data:`COLUMNS` and any extra ones. ``emotions`` and ``salience`` are
        text as in the counts of the paper (``ang-hap``, ``30/70``; ``ang``, ``100``); ``fold`` is
        missing outside the training partition.
    origin : str
        ``released`` (a metadata file or real names) or ``stand-in`` (invented names).
    truth : (N, 6) integers in percent
    """

    table: pd.DataFrame
    origin: str
    truth: Saliences = field(init=False, repr=False)

    def __post_init__(self) -> None:
        _check(self.table)
        object.__setattr__(self, "truth", saliences_of_names(self.table["filename"]))

    def __len__(self) -> int:
        return len(self.table)

    @property
    def names(self) -> list[str]:
        """Clip names in the table's order, without suffix."""
        return self.table["filename"].tolist()

    def of(self, *partitions: str) -> Clips:
        """Return the clips of some partitions (``train``, ``test``)."""
        for partition in partitions:
            if partition not in ("train", "test"):
                raise UnknownNameError("partition", partition, ("train", "test"))
        rows = self.table["partition"].isin(partitions)
        return Clips(self.table[rows].reset_index(drop=True), self.origin)

    def in_fold(self, fold: int) -> NDArray[np.bool_]:
        """Tell for each clip (N,) whether it is in a fold."""
        return (self.table["fold"] == fold).to_numpy(dtype=bool, na_value=False)

    def counts(self) -> pd.DataFrame:
        """Count clips per partition (``fold0``..``fold4``, ``test``), emotions and salience."""
        part = self.table["partition"].where(self.table["fold"].isna(), "fold" + self.table["fold"].astype(str))
        keyed = self.table.assign(partition=part).groupby(["partition", "emotions", "salience"])
        return keyed.size().rename("clips").reset_index()

    def partitions(self) -> pd.DataFrame:
        """Summarise each fold and the test partition: actors, clips, single and blended."""
        part = self.table["partition"].where(self.table["fold"].isna(), "fold" + self.table["fold"].astype(str))
        groups = self.table.assign(part=part, single=self.table["salience"] == "100").groupby("part")
        summary = groups.agg(actors=("actor", "nunique"), clips=("filename", "size"), single=("single", "sum"))
        return summary.assign(blended=summary["clips"] - summary["single"])


def from_names(names: Iterable[str], folds: Sequence[int] | None = None, *, origin: str = "released") -> Clips:
    """Build a clip table from file names alone (training partition; folds if they are given).

    >>> from_names(["A102_ang_int1_ver1.mov"]).table["emotions"][0]
    'ang'
    """
    stems = [stem(name) for name in names]
    if folds is not None and (len(folds) != len(stems) or not set(folds) <= set(FOLDS)):
        raise InputError(
            "folds",
            "one of 0 to 4 for each clip",
            got=f"{len(folds)} for {len(stems)} clips: {first(sorted(set(folds)))}",
        )
    return Clips(_table(stems, ["train"] * len(stems), folds), origin)


def read_metadata(path: str | Path) -> Clips:
    """Read the release's ``train_metadata.csv`` (section 3.1).

    Needed are the columns ``filename`` and ``fold``, in any order; whatever else the file says of a clip
    is checked against its name, and columns that are not known are kept.

    Raises
    ------
    InputError
        If the file cannot be read, a column is missing, a clip occurs twice, a fold is not 0..4, an
        actor is in two folds, or a value contradicts the clip's name.
    ClipNameError
        If a name departs from the grammar.
    """
    given = read_csv(path, {"filename", "fold"})
    names = [stem(name) for name in clip_column(path, given["filename"])]
    folds = pd.to_numeric(given["fold"], errors="coerce")
    if (strange := ~folds.isin(FOLDS)).any():
        row = int(np.flatnonzero(strange)[0])
        from_1 = folds.isin([fold + 1 for fold in FOLDS]).all()
        fix = "the folds seem to be counted from 1: subtract 1" if from_1 else ""
        raise InputError(path, f"fold of {names[row]}", expected="0 to 4", got=repr(given["fold"].iloc[row]), fix=fix)
    ours = set(COLUMNS) - {"filename", "fold", *_RELEASED}
    if taken := sorted(ours & set(given.columns)):
        raise InputError(path, f"column {first(taken)} is one that this package makes", fix="rename it")
    extra = [column for column in given.columns if column and column not in (*COLUMNS, *_RELEASED)]
    try:
        table = _table(names, ["train"] * len(names), folds.astype(int).tolist())
        clips = Clips(pd.concat([table, given[extra]], axis=1), "released")
    except InputError as error:
        raise InputError(path, str(error)) from None
    _check_against_names(path, given, names)
    return clips


def standin() -> Clips:
    """Return 3,050 invented clips whose counts per fold, emotions and salience are the published ones.

    Names follow the grammar with actors A9001 to A9058, whom the data set does not have. The test
    partition's ratios are withheld by the organisers: eleven per pair and ratio are certain, four more
    are one choice that is consistent with the published totals.
    """
    names: list[str] = []
    parts: list[str] = []
    start = 9001
    counts = printed_numbers.counts()
    for part, rows in counts.groupby("partition", sort=False):
        actors = [f"A{start + i}" for i in range(int(rows["actors"].iloc[0]))]
        start += len(actors)
        for row in rows.itertuples():
            names += [_invented(actors, str(row.emotions), str(row.salience), i) for i in range(int(str(row.clips)))]
            parts += [str(part)] * int(str(row.clips))
    folds = [int(part[-1]) if part.startswith("fold") else None for part in parts]
    return Clips(_table(names, ["test" if fold is None else "train" for fold in folds], folds), "stand-in")


def read_durations(path: str | Path, clips: Clips) -> pd.Series:
    """Read durations in seconds (columns ``filename``, ``duration_s``) of the clips that the file has.

    Returns
    -------
    Series
        Positive float seconds, indexed by clip name, in the clip table's order.
    """
    given = read_csv(path, {"filename", "duration_s"})
    seconds = pd.to_numeric(given["duration_s"], errors="coerce")
    if not (ok := (seconds > 0) & np.isfinite(seconds)).all():
        row = int(np.flatnonzero(~ok)[0])
        raise InputError(
            path,
            f"duration of {given['filename'].iloc[row]}",
            expected="seconds above 0",
            got=repr(given["duration_s"].iloc[row]),
        )
    series = pd.Series(
        seconds.to_numpy(float), index=[stem(name) for name in clip_column(path, given["filename"])], name="seconds"
    )
    if series.index.has_duplicates:
        raise InputError(path, "a clip occurs twice", got=first(series.index[series.index.duplicated()].tolist()))
    known = [name for name in clips.names if name in series.index]
    if not known:
        raise InputError(path, "none of its clips is in the clip table", got=first(series.index.tolist()))
    return series.loc[known]


def duration_counts(seconds: pd.Series) -> pd.DataFrame:
    """Count clips of known duration in the bars of Figure 2: ``panel, left_s, right_s, clips``.

    The bars of a panel are equally wide between its outermost edges: the edges between them are printed to 0.01 s, as
    durations are, and a clip that lies on a rounded edge would be counted in the wrong bar. The first bar takes in what
    lies below it, the last what lies on its right edge or beyond.
    """
    bars = printed_numbers.figure(2)
    blended = seconds.index.str.contains("_mix_")
    for panel, chosen in (("single", seconds[~blended]), ("blended", seconds[blended])):
        rows = bars["panel"] == panel
        edges = np.linspace(bars.loc[rows, "left_s"].min(), bars.loc[rows, "right_s"].max(), rows.sum() + 1)
        bars.loc[rows, "clips"], _ = np.histogram(chosen.clip(edges[0], edges[-1]), edges)
    return bars


def duration_range(seconds: pd.Series) -> pd.DataFrame:
    """Summarise durations per panel of Figure 2: ``panel, clips, shortest_s, median_s, longest_s``."""
    panel = pd.Series(np.where(seconds.index.str.contains("_mix_"), "blended", "single"), index=seconds.index)
    summary = seconds.groupby(panel, sort=False).agg(["size", "min", "median", "max"])
    summary.columns = pd.Index(["clips", "shortest_s", "median_s", "longest_s"])
    return summary.rename_axis("panel").reset_index()


def _table(names: list[str], partitions: list[str], folds: Sequence[int | None] | None) -> pd.DataFrame:
    parsed = [parse_clip_name(name) for name in names]
    return pd.DataFrame(
        {
            "filename": names,
            "actor": [clip.actor for clip in parsed],
            "partition": partitions,
            "fold": pd.array(list(folds) if folds is not None else [None] * len(names), dtype="Int64"),
            "emotions": ["-".join(clip.emotions) for clip in parsed],
            "salience": ["/".join(map(str, clip.saliences)) for clip in parsed],
            "intensity": pd.array([clip.intensity for clip in parsed], dtype="Int64"),
            "situation": pd.array([clip.situation for clip in parsed], dtype="Int64"),
            "version": [clip.version for clip in parsed],
        }
    )


def _check(table: pd.DataFrame) -> None:
    if (twice := table["filename"].duplicated()).any():
        raise InputError("clip table", "a clip occurs twice", got=first(table["filename"][twice].tolist()))
    folds = table.dropna(subset=["fold"]).groupby("actor")["fold"].nunique()
    if (shared := folds[folds > 1]).size:
        raise InputError("clip table", "an actor is in more than one fold", got=first(shared.index.tolist()))
    parts = table.groupby("actor")["partition"].nunique()
    if (shared := parts[parts > 1]).size:
        raise InputError("clip table", "an actor is in both partitions", got=first(shared.index.tolist()))


def _check_against_names(path: str | Path, given: pd.DataFrame, names: list[str]) -> None:
    parsed = [parse_clip_name(name) for name in names]
    for column, read in _RELEASED.items():
        if column not in given:
            continue
        for name, clip, value in zip(names, parsed, given[column], strict=True):
            if not pd.isna(value) and not _says(value, expected := read(clip)):
                raise InputError(
                    path, f"{column} of {name} contradicts its name", expected=repr(expected), got=repr(value)
                )  # the release leaves cells empty that the name fills


def _says(text: str, expected: object) -> bool:
    """Tell whether a cell says what the name says, numbers in whatever form."""
    if not isinstance(expected, int):
        return text == expected
    return float(pd.to_numeric(text, errors="coerce")) == expected


def _invented(actors: list[str], emotions: str, salience: str, i: int) -> str:
    actor, k = actors[i % len(actors)], i // len(actors)
    if salience != "100":
        return f"{actor}_mix_{emotions.replace('-', '_')}_{salience.replace('/', '_')}_ver{k + 1}"
    kind = "sit" if emotions == "neu" else "int"
    return f"{actor}_{emotions}_{kind}{k % 4 + 1}_ver{k // 4 + 1}"
