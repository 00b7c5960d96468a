"""Every figure of the book, each a function of tables: one message, stated by its caption."""

from blemore.show.figures.of_aggregation import fusions, series, shapes, strategies
from blemore.show.figures.of_dataset import classes, durations, folds, structure
from blemore.show.figures.of_encoders import similarity, spreads, standings
from blemore.show.figures.of_projection import between, planes, variance_shares
from blemore.show.figures.of_results import confusion, curves, validation, validation_to_test
from blemore.show.figures.of_simulation import (
    calibration,
    latent_path,
    learning_beside,
    mixtures,
    simulated_durations,
    spectrum,
    variance_by_encoder,
)
from blemore.show.figures.of_thresholds import decided, threshold_maps

__all__ = [
    "between",
    "calibration",
    "classes",
    "confusion",
    "curves",
    "decided",
    "durations",
    "folds",
    "fusions",
    "latent_path",
    "learning_beside",
    "mixtures",
    "planes",
    "series",
    "shapes",
    "similarity",
    "simulated_durations",
    "spectrum",
    "spreads",
    "standings",
    "strategies",
    "structure",
    "threshold_maps",
    "validation",
    "validation_to_test",
    "variance_by_encoder",
    "variance_shares",
]
