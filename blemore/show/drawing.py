"""How figures are drawn: one style, one hue an emotion, SVG that follows the page's theme.

Ink (text, axes) takes the page's text colour, so one picture serves the light and the dark theme; hues
stand out on both.
"""

from __future__ import annotations

import functools
import hashlib
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, ParamSpec

import matplotlib
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from blemore.show.html import SIMULATED, Fragment, label, spoken

INK = "#1f2a36"
"""Colour that becomes the page's text colour; no other mark may use it."""

EMOTION_COLOURS = {
    "ang": "#d55e00",
    "disg": "#009e73",
    "fea": "#c26c9d",
    "hap": "#b88400",
    "sad": "#0f7fc4",
    "neu": "#7c838c",
}
"""One hue an emotion, at 3:1 or more against both themes' paper."""

PAPER, OURS, SOFT = "#7c838c", "#0f7fc4", "#d55e00"
"""Hues of the paper's numbers, of ours, and of a third thing."""

STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "blemore",
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "figure.constrained_layout.use": True,
    **dict.fromkeys(
        ("text.color", "axes.edgecolor", "axes.labelcolor", "axes.titlecolor", "xtick.color", "ytick.color"),
        INK,
    ),
}


@dataclass(frozen=True)
class Drawing:
    """A figure with its caption, which states the finding and serves as text alternative, and its labels.

    Where all of it is simulated, the picture is headed by that word. Where only a part is, the panel or the mark that is
    simulated says so, and the rest does not.
    """

    figure: Figure
    caption: str
    labels: Sequence[str]


_Arguments = ParamSpec("_Arguments")


def drawn(name: str) -> Callable[[Callable[_Arguments, Drawing]], Callable[_Arguments, Fragment]]:
    """Make a page fragment of what a function draws, in the book's style; ``name`` names it to readers."""

    def decorate(draw: Callable[_Arguments, Drawing]) -> Callable[_Arguments, Fragment]:
        @functools.wraps(draw)
        def fragment(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> Fragment:
            with matplotlib.rc_context(STYLE):
                return _fragment(name, draw(*args, **kwargs))

        return fragment

    return decorate


def canvas(
    height: float, columns: int = 1, *, rows: int = 1, widths: Sequence[float] | None = None, **share: Any
) -> tuple[Figure, Any]:
    """Return a figure of the text's width (height in inches) and its axes as a flat array."""
    figure = Figure(figsize=(6.6, height))
    return figure, figure.subplots(rows, columns, squeeze=False, width_ratios=widths, **share).ravel()


def _fragment(name: str, drawing: Drawing) -> Fragment:
    labels, caption = drawing.labels, drawing.caption
    if set(labels) == {"stand-in"}:  # inside the picture, where a crop or a copy keeps it
        drawing.figure.suptitle(SIMULATED, x=0.005, ha="left", weight="bold", size=8)
    buffer = io.StringIO()
    drawing.figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = buffer.getvalue()
    own = f"{name}-{hashlib.sha256(svg.encode()).hexdigest()[:8]}"  # ids of two figures must not collide
    (size,) = re.findall(r'viewBox="0 0 ([\d.]+ [\d.]+)"', svg)
    svg = re.sub(
        r"<metadata>.*?</metadata>", "", svg[svg.index("<svg") :].replace(INK, "currentColor"), flags=re.DOTALL
    )
    svg = re.sub(r'\b(id="|href="#|url\(#)', rf"\g<1>{own}-", svg)
    svg = svg.replace("*{", f"#{own} *{{")  # or matplotlib's style would reach the whole page
    opening = (
        f'<svg class="fig-svg" role="img" aria-label="{escape(spoken(caption, labels))}" viewBox="0 0 {size}" '
        'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'
    )
    html = (
        f'<figure class="blm-figure" id="{own}"><div class="fig-scroll" tabindex="0" role="region" '
        f'aria-label="Figure: {escape(name.replace("-", " "))} ({escape(", ".join(labels))})">\n{opening}{svg[svg.index(">") + 1 :].strip()}</div>\n'
        f"<figcaption>{' '.join(label(one) for one in labels)} {escape(caption)}</figcaption></figure>"
    )
    return Fragment(html, f"[figure] {caption} [{', '.join(labels)}]")


def heat(ax: Any, values: np.ndarray, columns: Sequence[str], index: Sequence[str], fmt: str | None) -> None:
    """Draw a matrix as a heat map, with numbers where a format is given."""
    text = {"annot": True, "fmt": fmt, "annot_kws": {"size": 7.5}} if fmt else {}
    sns.heatmap(pd.DataFrame(values), ax=ax, cmap="crest", vmin=0 if fmt else None, cbar=False, linewidths=0, **text)
    ax.set_xticks(np.arange(len(columns)) + 0.5, columns, rotation=0)
    ax.set_yticks(np.arange(len(index)) + 0.5, index, rotation=0)
    ax.collections[0].set(edgecolor="face", linewidth=0.4)  # or the paper shows between the cells
    ax.tick_params(length=0)


def direct(ax: Any, place: tuple[float, float], text: str, colour: str, gap: float = 0.05) -> None:
    """Name a colour on the drawing itself, at a place in parts of the axes, as is the gap between mark and text."""
    ax.text(place[0], place[1], "■", color=colour, transform=ax.transAxes)
    ax.text(place[0] + gap, place[1], text, transform=ax.transAxes)
