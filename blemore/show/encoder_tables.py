"""The registry of encoders as tables: what each sees and gives, what it costs, what authors and text say (paper, 4.1, 4.2)."""

from __future__ import annotations

import re
from html import escape

from blemore import encoders
from blemore.encoders import Encoder, Variant
from blemore.encoders.registry import RATE
from blemore.show.html import Column, Fragment, number, table

SEES = {"video": "picture", "audio": "sound", "both": "picture and sound"}
"""Modality -> what an encoder of it sees or hears."""

READS = {"clip": "the clip", "csv": "OpenFace's CSV", "release": "ready features of the release"}
"""What an extractor takes."""

SIZE = (Column("width", True), Column("parameters, M", True), Column("GFLOP", True))
"""Columns of :func:`size`."""

COST = f"GFLOP: for one second of a clip, {RATE} frames"
"""What a caption says of them."""


def overview() -> Fragment:
    """Return a row for each encoder, others' included: its first variant, which is the authors' or comes closest."""
    columns = [Column("encoder"), Column("sees"), Column("a row for"), *SIZE, Column("licence")]
    body = [
        [_named(one, one.reference), SEES[one.modality], escape(one.rate), *size(one.choices[0]), escape(one.licence)]
        for one in encoders.known().values()
    ]
    return table(columns, body, f"Encoders: what each sees, gives, costs, and may be used for. {COST}", ["released"])


def choices() -> Fragment:
    """Return a row for each variant of encoders that have several: who uses it, and what sets it apart."""
    columns = [Column("variant"), Column("used by"), *SIZE]
    body = [
        [
            f'{escape(one.title)} {escape(choice.name)} <small class="detail">{escape(choice.note)}</small>',
            choice.used or "–",
            *size(choice),
        ]
        for one in encoders.known().values()
        if len(one.choices) > 1
        for choice in one.choices
    ]
    return table(
        columns, body, f"Variants: what the authors' scripts use, what the text says, and others. {COST}", ["released"]
    )


def at_hand() -> Fragment:
    """Return a row for each encoder: what it takes to run it, and whether that is on this machine."""
    columns = [Column("encoder"), Column("reads"), Column("weights"), Column("here")]
    body = [
        [escape(one.title), READS[one.reads], _weights(one.choices[0]), "yes" if one.available else _lacks(one)]
        for one in encoders.known().values()
    ]
    return table(columns, body, "What it takes to run an encoder, and what of it is on the machine that built this page", ["released"])  # fmt: skip


def size(one: Variant) -> list[str]:
    """Return the cells of a variant's size: width of a row, parameters, cost of a second of a clip."""
    return [
        number(one.dim, 0),
        number(one.n_parameters / 1e6 if one.n_parameters else None, 1),
        number(one.flops / 1e9 if one.flops else None, 0),
    ]


def _named(one: Encoder, detail: str) -> str:
    return f'{escape(one.title)} <small class="detail">{escape(detail)}</small>'


def _weights(one: Variant) -> str:
    if not one.checkpoint:
        return "none"
    pinned = re.fullmatch("[0-9a-f]+", one.revision)
    kind = (
        "SHA-256" if "://" in one.checkpoint else "commit"
    )  # compared when a file is opened; named when it is fetched
    detail = f' <small class="detail">{kind} {escape(one.revision[:12])}</small>' if pinned else ""
    return f"<code>{escape(one.checkpoint.rsplit('/', 1)[-1])}</code>{detail}"


def _lacks(one: Encoder) -> str:
    missing = one.lacking()
    return f"no: {escape(', '.join(missing))} not installed" if missing else "no: not downloaded"
