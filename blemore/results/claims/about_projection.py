"""Claims of section 5.4: what the principal components of features show."""

from __future__ import annotations

import pandas as pd

from blemore.errors import BlemoreError
from blemore.features.feature_table import join
from blemore.paper.comparison import Comparison, of_statement
from blemore.results.principal_components import WAYS, shares
from blemore.sources import lookup, recorded
from blemore.sources.recorded import Input

ENCODERS = ("wavlm", "videomaev2")
"""Encoders of Figure 5."""


def statements() -> tuple[list[Comparison], tuple[Input, ...]]:
    """Check what section 5.4 says in words, where the release's features are here; return the inputs, too.

    The pages and the ledger all ask here, and whatever features a page shows, this checks those of the release.
    """
    real = recorded.read("egemaps_variance")
    try:
        found, inputs = _shares()
        holds = all(_identity_leads(table) for table in found.values())
        detail = "; ".join(f"{name}: {_said(table)}" for name, table in found.items())
    except BlemoreError as error:
        holds, inputs = None, (real.as_input,)
        detail = f"{error}. Of eGeMAPS, real but not the paper's, {_said(real.table)}"
    what = "identity dominates the projection of WavLM and VideoMAEv2 unless each actor is scaled alone"
    return [
        of_statement("5.4.identity", "5.4", what, holds, "measured", detail),
        of_statement("5.4.clusters", "5.4", "clusters of single and blended emotions are distinct", None, "measured",
                     "the paper gives no measure of it"),
    ], inputs  # fmt: skip


def _shares() -> tuple[dict[str, pd.DataFrame], tuple[Input, ...]]:
    """Return the variance shares of both encoders' features in the release; SourceError or InputError without them."""
    clips, inputs = lookup.clips("zenodo")
    found = {}
    for name in ENCODERS:
        features, more = lookup.features(name, clips, "zenodo")
        joined = join(clips.of("train"), features)
        found[name] = shares(joined.features, joined.clips)
        inputs += more
    return found, inputs


def _identity_leads(table: pd.DataFrame) -> bool:
    """Tell whether actors hold more of each of the first two components than emotions do."""
    rows = table[(table["way"] == WAYS[0]) & table["part"].isin(["PC1", "PC2"])]
    return bool((rows["actor"] > rows["emotion"]).all())


def _said(table: pd.DataFrame) -> str:
    first = table[table["way"] == WAYS[0]].set_index("part").loc["PC1"]
    return (
        f"{first['actor']:.0%} of the first component lies between actors and {first['emotion']:.0%} between emotions"
    )
