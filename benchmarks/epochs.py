"""What a quarter of the epochs at four times the rate costs: profile quick against as many epochs as the paper's.

``python -m benchmarks.epochs`` cross-validates MLP-512 on simulated features of some rows both ways, by the
released-code protocol, and on real ones where ``--features`` and ``--metadata`` name them.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from blemore.challenge import clips
from blemore.experiments.protocols import QUICKER, cross_validate_all, settings_for
from blemore.experiments.stored_runs import gather
from blemore.features import feature_files
from blemore.features.feature_table import Features
from blemore.paper.vocabulary import METRICS
from blemore.results import trained_tables
from blemore.sources.lookup import features

ROWS = ("openface", "imagebind", "hubert", "videomaev2+wavlm", "videoswin:sub")


def compare(row: str, table: Features, known: clips.Clips, rate: float | None = None) -> None:
    """Print both accuracies of a row, mean and spread over folds, for each number of epochs; `rate` is that of the more."""
    data = gather(known, table)
    quick = settings_for(table, "quick", **({"learning_rate": rate * QUICKER} if rate else {}))
    whole = replace(quick, epochs=quick.epochs * QUICKER, learning_rate=quick.learning_rate / QUICKER)
    for one in cross_validate_all({row: data}, {row: [quick, whole]}, ["released-code"], folder=None, jobs=1):
        found = [f"{metric} {one.mean(metric):.3f} ± {one.spread(metric):.3f}" for metric in METRICS]
        print(f"{row:18} {table.origin:9} {one.settings.epochs:3} epochs: {', '.join(found)}", flush=True)


def main() -> None:
    """Compare all rows, and the features that are given."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rows", nargs="*", choices=trained_tables.ROWS, default=list(ROWS))
    parser.add_argument("--features", type=Path, help="real features (.npz)")
    parser.add_argument("--metadata", type=Path, help="their train_metadata.csv")
    parser.add_argument("--learning-rate", type=float, help="for these, with the more epochs")
    asked = parser.parse_args()
    simulated = clips.standin().of("train")
    for row in asked.rows:
        compare(row, features(row, simulated, "standin")[0], simulated)
    if asked.features and asked.metadata:
        compare("given", feature_files.read(asked.features), clips.read_metadata(asked.metadata), asked.learning_rate)


if __name__ == "__main__":
    main()
