"""What a reader can move on a page: data that ``book/_static/explorer.js`` turns into sliders."""

from __future__ import annotations

import json
from html import escape

import numpy as np
import pandas as pd

from blemore.show.html import Fragment, label


def thresholds(grid: pd.DataFrame, origin: str, what: str) -> Fragment:
    """Let the reader choose both thresholds and see the accuracies (section 4.7).

    Parameters
    ----------
    grid : DataFrame
        ``alpha, beta, acc_presence, acc_salience``, mean over folds; 400 rows.
    origin : str
        Label of the numbers.
    what : str
        Whose predictions they are.
    """
    steps = np.sort(grid["alpha"].unique())
    presence = grid.pivot(index="alpha", columns="beta", values="acc_presence").to_numpy()[:, 0]
    salience = grid.pivot(index="alpha", columns="beta", values="acc_salience").to_numpy()
    composite = (presence[:, None] + salience) / 2
    i, j = np.unravel_index(int(composite.argmax()), composite.shape)
    at_best = f"This is the best pair for the mean over folds: composite {composite.max():.3f}."
    data = {
        "grid": np.round(steps, 6).tolist(),
        "presence": np.round(presence, 6).tolist(),
        "salience": np.round(salience, 6).tolist(),
        "composite": round(float(composite.max()), 6),
        "best": [int(i), int(j)],
        "scale": round(float(max(presence.max(), salience.max())), 6),
        "names": ["presence threshold α", "salience threshold β"],
        "metrics": ["ACC presence", "ACC salience", "composite"],
        "caption": f"Accuracies of the {what}, mean over folds",
        "at_best": at_best,
        "below_best": "Below the best composite by",
    }
    still = f"At α = {steps[i]:.2f} and β = {steps[j]:.2f} presence is {presence[i]:.3f}, salience {salience[i, j]:.3f}. {at_best}"
    payload = json.dumps(data).replace("</", r"<\/")  # no text may end the script element
    html = (
        f'<div class="explorer" role="group" aria-label="Choose the thresholds">{label(origin)}'
        f'<p class="explorer-static">{escape(still)}</p>'
        f'<script type="application/json">{payload}</script></div>'
    )
    return Fragment(html, f"{still} [{origin}]")
