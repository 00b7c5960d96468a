"""Every figure of the book, each a function of tables: one message, stated by its caption."""

from blemore.figures.aggregation import fusions, series, shapes, strategies
from blemore.figures.dataset import classes, durations, folds, structure
from blemore.figures.encoders import similarity, spreads, standings
from blemore.figures.pca import between, planes, variance_shares
from blemore.figures.results import confusion, curves, validation, validation_to_test
from blemore.figures.standin import (
    calibration,
    latent_path,
    learning_beside,
    mixtures,
    simulated_durations,
    spectrum,
    variance_by_encoder,
)
from blemore.figures.thresholds import decided, threshold_maps

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
