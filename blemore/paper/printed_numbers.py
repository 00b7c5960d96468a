"""Every number the paper prints, in its prose (``number``), its tables and its figures.

Nothing is computed here. The data lie in ``blemore/paper/reference/``. Where the text contradicts the
released data (43 and 15 actors in section 3.1, ViT-B/16 in section 4.1), what is printed stands here; which
of the two holds is for the ledger of claims to say.
"""

from __future__ import annotations

import csv
import difflib
import io
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import pandas as pd

from blemore.errors import UnknownNameError

ENCODERS: dict[str, str] = {
    "openface": "OpenFace",
    "clip": "CLIP",
    "imagebind": "ImageBind",
    "videomaev2": "VideoMAEv2",
    "videoswin": "VideoSwin",
    "hubert": "HuBERT",
    "wavlm": "WavLM",
}
"""Encoder id -> the name printed in Tables 2 and 3, in the order of sections 4.1 and 4.2."""

DECIMALS = 3
"""Decimals of every accuracy in Tables 2 and 3."""

_TABLES = {1: "table1_datasets.csv", 2: "table2_validation.csv", 3: "table3_test.csv"}
_FIGURES = {2: "figure2_durations.csv", 3: "figure3_structure.csv", 4: "figure4_confusion.csv"}
_BLANK_CELLS = ("participants", "acc_presence_std", "acc_salience_std")  # number columns with blank cells
_TRIVIAL = {
    "trivial baseline (single emotion)": "trivial-single",
    "trivial baseline (blend)": "trivial-blend",
}


@dataclass(frozen=True)
class Printed:
    """One number of the paper's prose.

    Attributes
    ----------
    id : str
        Dotted name, e.g. ``training.learning_rate``; for a cell of Table 2 or 3 that the prose repeats,
        ``validation.ROW.acc_presence`` or ``test.ROW.acc_presence`` with the table's row id.
    value : int or float
        The number, in `unit`.
    printed : str
        As the prose first prints it: ``3,050``, ``60k``, ``seven``, ``5e-6``, ``ViT-B/16``.
    decimals : int
        Decimals of the last printed digit; negative where thousands are printed (``60k``: -3).
    unit : str
        ``clips``, ``actors``, ``%``, ``accuracy`` (a fraction of 1), ``s``, ``epochs`` ...
    places : tuple of str
        Where the prose states it, e.g. ``("section 5.1", "table 2")``, prose before tables and figures, which
        may print it in another form: 7.82 % in section 5 is 0.078 in Table 2.
    n : int or None
        For an accuracy, the number of clips scored: all for presence, blends alone for salience. A test
        accuracy is k/n rounded; a validation accuracy is a mean over five folds that share the n clips.
    """

    id: str
    value: int | float
    printed: str
    decimals: int
    unit: str
    places: tuple[str, ...]
    n: int | None

    @property
    def section(self) -> str:
        """Section that states it first: ``abstract``, ``3.1``, ``5`` (the text before 5.1) ..."""
        return self.places[0].removeprefix("section ")

    @property
    def tolerance(self) -> float:
        """Half a unit of the last printed digit, in `unit`."""
        return half_unit(self.decimals)


def half_unit(decimals: int) -> float:
    """Half a unit of the last printed digit: 0.5 * 10^-decimals, the tolerance of kind ``rounding``.

    >>> half_unit(3), half_unit(0), half_unit(-3)
    (0.0005, 0.5, 500.0)
    """
    return float(f"0.5e{-decimals}")


def number(id: str) -> Printed:
    """Look up one number of the prose.

    Raises
    ------
    blemore.errors.UnknownNameError
        If no number has this id; the message names the closest ones.

    >>> learning_rate = number("training.learning_rate")
    >>> learning_rate.printed, learning_rate.value, learning_rate.section
    ('5e-6', 5e-06, '4.7')
    """
    known = _numbers()
    if id not in known:
        close = difflib.get_close_matches(id, known, n=5, cutoff=0.4)
        rest = f"{len(known) - len(close)} more in blemore.paper.printed_numbers.numbers()"
        raise UnknownNameError("number", id, [*close, rest])
    return known[id]


def numbers() -> dict[str, Printed]:
    """Look up every number of the abstract and sections 1 to 5, by id, in the paper's order."""
    return dict(_numbers())


def table(number: int) -> pd.DataFrame:
    """Return Table 1 (datasets), 2 (validation) or 3 (test) as printed, rows in the paper's order.

    Tables 2 and 3 get a leading column ``id``: the encoder's id, ``a+b`` for a fusion, ``a:sub`` for
    subsamples, ``trivial-single`` and ``trivial-blend``. A blank cell is ``""`` in a column of text, NA or
    NaN in a column of numbers. Accuracies are fractions of 1 with three printed decimals.

    Returns
    -------
    pandas.DataFrame
        Table 1: (7, 7); Table 2: (15, 7), mean and std over five folds; Table 3: (15, 5). A copy.

    Raises
    ------
    blemore.errors.UnknownNameError
        If the paper has no such table.

    >>> table(3).query("id == 'videomaev2+hubert'")[["acc_presence", "acc_salience"]].values.tolist()
    [[0.332, 0.114]]
    """
    if number not in _TABLES:
        raise UnknownNameError("table", number, [str(known) for known in _TABLES])
    return _table(number).copy()


def figure(number: int) -> pd.DataFrame:
    """Return the numbers of Figure 2 (durations), 3 (structure of the data set) or 4 (test confusion matrix).

    Returns
    -------
    pandas.DataFrame
        Figure 2: a bar a row, ``panel, left_s, right_s, clips``, edges in seconds, read off the drawing;
        Figure 3: ``part, clips``; Figure 4: (16, 16) counts of clips, true class x predicted class, both in
        the figure's own order (``ang disg fea hap neu sad``, then the pairs). A copy.

    Raises
    ------
    blemore.errors.UnknownNameError
        If there is no such figure, or it prints no numbers (1 and 5).

    >>> int(figure(4).loc["hap", "hap"])
    32
    """
    if number not in _FIGURES:
        raise UnknownNameError("figure with numbers", number, [str(known) for known in _FIGURES])
    return _figure(number).copy()


def counts() -> pd.DataFrame:
    """Count clips per partition, emotion or pair, and salience (``100``, ``30/70``, ``50/50``, ``70/30``).

    Training rows (``fold0`` ... ``fold4``) are counted from the released clip names. Test rows follow from
    what is printed; the ratios of four test blends are one choice among those that fit the printed totals.

    Returns
    -------
    pandas.DataFrame
        ``partition, actors, emotions, salience, clips``, 36 rows a partition; a pair is in the file names'
        order and ``30/70`` means that its second emotion dominates. A copy.
    """
    return _counts().copy()


@cache
def _numbers() -> dict[str, Printed]:
    rows = csv.DictReader(io.StringIO(_text("numbers.csv")))
    return {row["id"]: _printed(row) for row in rows}


def _printed(row: dict[str, str]) -> Printed:
    value = row["value"]
    return Printed(
        id=row["id"],
        value=int(value) if value.isdecimal() else float(value),
        printed=row["printed"],
        decimals=int(row["decimals"]),
        unit=row["unit"],
        places=tuple(row["places"].split("; ")),
        n=int(row["n"]) if row["n"] else None,
    )


@cache
def _table(number: int) -> pd.DataFrame:
    frame = _frame(_TABLES[number])
    if number == 1:
        return frame.astype({"participants": "Int64"})
    frame.insert(0, "id", list(map(_row_id, frame["encoder"], frame["method"])))
    return frame


def _row_id(encoder: str, method: str) -> str:
    if encoder in _TRIVIAL:
        return _TRIVIAL[encoder]
    ids = {name: id for id, name in ENCODERS.items()}
    row = "+".join(ids[name] for name in encoder.split(" + "))
    return f"{row}:sub" if method.startswith("Subsampl") else row  # Table 2: Subsampling, Table 3: Subsampled


@cache
def _figure(number: int) -> pd.DataFrame:
    frame = _frame(_FIGURES[number])
    if number != 4:
        return frame
    corner = frame.columns[0]
    return frame.set_index(corner).rename_axis(index="true", columns="predicted")


@cache
def _counts() -> pd.DataFrame:
    return _frame("counts_by_partition.csv")


def _frame(name: str) -> pd.DataFrame:
    blank_cells = {column: [""] for column in _BLANK_CELLS}
    return pd.read_csv(io.StringIO(_text(name)), keep_default_na=False, na_values=blank_cells)


def _text(name: str) -> str:
    return files("blemore.paper").joinpath("reference", name).read_text(encoding="utf-8")
