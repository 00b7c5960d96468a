"""Claims of section 5.4: what the principal components of features show."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from blemore import recorded
from blemore.comparison import Comparison, of_statement
from blemore.pca import WAYS

ENCODERS = ("wavlm", "videomaev2")
"""Encoders of Figure 5."""


def statements(found: Mapping[str, pd.DataFrame] | None = None, label: str = "recorded") -> list[Comparison]:
    """Check what section 5.4 says in words, where the features that it speaks of are here.

    Parameters
    ----------
    found : mapping, optional
        Encoder -> its variance shares, see :func:`blemore.pca.shares`; both of :data:`ENCODERS` are needed to check.
    label : str
        Where these come from.
    """
    known = {name: table for name, table in (found or {}).items() if name in ENCODERS}
    if len(known) == len(ENCODERS):
        holds = all(_identity_leads(table) for table in known.values())
        detail = "; ".join(f"{name}: {_said(table)}" for name, table in known.items())
    else:
        holds, label = None, "recorded"
        detail = f"their features are not here; of eGeMAPS, real but not the paper's, {_said(recorded.read('egemaps_variance').table)}"
    what = "identity dominates the projection of WavLM and VideoMAEv2 unless each actor is scaled alone"
    unmeasured = "clusters of single and blended emotions are distinct"
    return [
        of_statement("5.4.identity", "5.4", what, holds, label, detail),
        of_statement(
            "5.4.clusters",
            "5.4",
            unmeasured,
            None,
            label,
            "the paper gives no measure of it, and the features are not public",
        ),
    ]


def _identity_leads(shares: pd.DataFrame) -> bool:
    """Tell whether actors hold more of each of the first two components than emotions do."""
    rows = shares[(shares["way"] == WAYS[0]) & shares["part"].isin(["PC1", "PC2"])]
    return bool((rows["actor"] > rows["emotion"]).all())


def _said(shares: pd.DataFrame) -> str:
    first = shares[shares["way"] == WAYS[0]].set_index("part").loc["PC1"]
    return (
        f"{first['actor']:.0%} of the first component lies between actors and {first['emotion']:.0%} between emotions"
    )
