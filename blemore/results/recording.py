"""Write what is computed from public files into ``blemore/paper/reference/recorded`` (``make record``)."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from blemore.challenge import clips as clip_tables
from blemore.challenge.clips import Clips
from blemore.encoders import openface as openface_files
from blemore.errors import SourceError
from blemore.experiments.from_files import cross_validated, curve_table, protocol_table
from blemore.features import feature_files
from blemore.features.feature_table import join
from blemore.results import aggregation, principal_components
from blemore.sources import lookup, recorded, released
from blemore.system import fingerprints

EGEMAPS: dict[str, Any] = {"learning_rate": 5e-4}
"""Settings of the recorded eGeMAPS run; 88 features learn too slowly at the paper's rate, the rest is the paper's."""

SEEDS = range(6)
"""Seeds of the trainings that tell how far two trainings of one row are apart."""

RUNS = Path("runs")


def record(
    date: datetime.date,
    metadata: Path | None = None,
    durations: Path | None = None,
    egemaps: Path | None = None,
    openface: Path | None = None,
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
    openface : path, optional
        A CSV that OpenFace 2.0 wrote for a clip, whose columns are counted.

    Returns
    -------
    list of str
        Names of the tables that changed.

    Raises
    ------
    SourceError
        Unless all groups of released files are here.
    """
    for group in lookup.GROUPS:
        if not lookup.released(group):
            raise SourceError(f"released/{group} is not here; run `blemore data fetch released --logs` first")
    changed = []
    if openface:
        columns = openface_files.kinds(openface).rename_axis("kind").reset_index(name="columns")
        if recorded.write(folder, "openface_columns", columns, "openface.csv", fingerprints.sha256_of(openface), date):
            changed.append("openface_columns")
    for name, (group, compute) in released.COMPUTED.items():
        table = compute()
        if name == "curves":  # of the reported model alone: the rest is for those who fetch the logs
            table = table[table["model"] == "mlp-512"]
        source = f"released/{group}"
        if recorded.write(folder, name, table, source, lookup.digest(source), date):
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
                       ("egemaps_curves", curve_table(rows[0].runs), egemaps),
                       ("egemaps_seeds", _seeds(egemaps, metadata), egemaps)]  # fmt: skip
            tables += [(name, table, egemaps) for name, table in _described(egemaps, clips).items()]
        for name, table, path in tables:
            if recorded.write(folder, name, table, path.name, fingerprints.sha256_of(path), date):
                changed.append(name)
    return changed


def _seeds(egemaps: Path, metadata: Path) -> pd.DataFrame:
    """Return the scores of each fold by the released code's protocol, for several seeds of the same training."""
    tables = []
    for seed in SEEDS:
        (row,) = cross_validated(
            "egemaps", egemaps, metadata, ["released-code"], folder=RUNS, jobs=2, seed=seed, **EGEMAPS
        )
        scores = pd.DataFrame([vars(fold.scores) for fold in row.folds])
        tables.append(scores.assign(seed=seed, fold=[fold.fold for fold in row.folds]))
    return pd.concat(tables)[["seed", "fold", "acc_presence", "acc_salience", "n", "n_blends"]]


def _described(egemaps: Path, clips: Clips) -> dict[str, pd.DataFrame]:
    """Return what the features themselves say: means and shares over clips, nothing of one person."""
    joined = join(clips, feature_files.read(egemaps, encoder="egemaps"))
    return {
        "egemaps_variance": principal_components.shares(joined.features, joined.clips),
        "egemaps_lines": principal_components.lines(joined.features, joined.clips),
        "egemaps_scaling": aggregation.scaling(joined.features, joined.clips).reset_index(),
    }
