"""Every figure of the book, each a function of tables: one message, stated by its caption."""

from blemore.figures.dataset import classes, durations, folds, structure
from blemore.figures.results import confusion, curves, validation, validation_to_test
from blemore.figures.thresholds import decided, threshold_maps

__all__ = [
    "classes",
    "confusion",
    "curves",
    "decided",
    "durations",
    "folds",
    "structure",
    "threshold_maps",
    "validation",
    "validation_to_test",
]
