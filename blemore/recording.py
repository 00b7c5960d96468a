"""Write what is computed from public files into ``blemore/reference/recorded`` (``make record``)."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from blemore import aggregation, feature_files, identity, pca, recorded, released, sources
from blemore import clips as clip_tables
from blemore.clips import Clips
from blemore.errors import SourceError
from blemore.features import join
from blemore.trainings import cross_validated, curve_table, protocol_table

EGEMAPS: dict[str, Any] = {"learning_rate": 5e-4}
"""Settings of the recorded eGeMAPS run; 88 features learn too slowly at the paper's rate, the rest is the paper's."""

RUNS = Path("runs")


def record(
    date: datetime.date,
    metadata: Path | None = None,
    durations: Path | None = None,
    egemaps: Path | None = None,
    folder: Path = recorded.FOLDER,
) -> list[str]:
    """Compute every table from the files that are here and write them for the repository.

    Parameters
    ----------
    date : date
        Written beside tables that changed.
    metadata, durations : path, optional
        Files to count the training partition and its durations from; without them those stay.
    egemaps : path, optional
        Real eGeMAPS features to train on (needs ``metadata``); without them those results stay.

    Returns
    -------
    list of str
        Names of the tables that changed.

    Raises
    ------
    SourceError
        Unless all groups of released files are here.
    """
    for group in sources.GROUPS:
        if not sources.released(group):
            raise SourceError(f"released/{group} is not here; run `blemore data fetch released --logs` first")
    changed = []
    for name, (group, compute) in released.COMPUTED.items():
        table = compute()
        if name == "curves":  # of the reported model alone: the rest is for those who fetch the logs
            table = table[table["model"] == "mlp-512"]
        source = f"released/{group}"
        if recorded.write(folder, name, table, source, sources.digest(source), date):
            changed.append(name)
    if metadata:
        clips = clip_tables.read_metadata(metadata)
        tables = [("partitions", clips.partitions().reset_index(), metadata)]
        if durations:
            seconds = clip_tables.read_durations(durations, clips)
            tables += [("durations", clip_tables.duration_counts(seconds), durations),
                       ("durations_range", clip_tables.duration_range(seconds), durations)]  # fmt: skip
        if egemaps:
            rows = cross_validated("egemaps", egemaps, metadata, folder=RUNS, jobs=2, **EGEMAPS)
            tables += [("egemaps_protocols", protocol_table(rows), egemaps),
                       ("egemaps_curves", curve_table(rows[0].runs), egemaps)]  # fmt: skip
            tables += [(name, table, egemaps) for name, table in _described(egemaps, clips).items()]
        for name, table, path in tables:
            if recorded.write(folder, name, table, path.name, identity.sha256_of(path), date):
                changed.append(name)
    return changed


def _described(egemaps: Path, clips: Clips) -> dict[str, pd.DataFrame]:
    """Return what the features themselves say: means and shares over clips, nothing of one person."""
    joined = join(clips, feature_files.read(egemaps, encoder="egemaps"))
    return {
        "egemaps_variance": pca.shares(joined.features, joined.clips),
        "egemaps_lines": pca.lines(joined.features, joined.clips),
        "egemaps_scaling": aggregation.scaling(joined.features, joined.clips).reset_index(),
    }
