"""Trained classifiers, ready for other clips' features (paper, sections 4.3 and 4.6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler

from blemore.errors import InputError
from blemore.features.feature_table import Features
from blemore.training import models

WEIGHTS = ("0.weight", "0.bias", "2.weight", "2.bias")
"""Names of a classifier's arrays, as in torch's ``state_dict`` of :func:`blemore.training.models.build`; Linear has the first two."""


@dataclass(frozen=True, eq=False)
class Head:
    """A trained classifier with the scale of the features it was trained on.

    Attributes
    ----------
    mean, scale : (D,) float64
        Of the training rows.
    weights : mapping
        Arrays by the names in :data:`WEIGHTS`, float32.
    """

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    weights: Mapping[str, NDArray[np.float32]]

    def predict(self, features: Features) -> NDArray[np.float32]:
        """Return the probabilities (N, 6) of the clips of a feature table, not yet standardised.

        Raises
        ------
        InputError
            If the table has another number of columns.
        """
        if features.x.shape[1] != len(self.mean):
            raise InputError(
                f"features {features.encoder}", "width", expected=f"{len(self.mean)}", got=f"{features.x.shape[1]}"
            )
        x = torch.from_numpy(((features.x - self.mean) / self.scale).astype(np.float32))
        for name in WEIGHTS[: len(self.weights) : 2]:
            x = x.relu() if name != WEIGHTS[0] else x
            weight, bias = (self.weights[key] for key in (name, name.replace("weight", "bias")))
            x = torch.nn.functional.linear(x, torch.from_numpy(weight), torch.from_numpy(bias))
        return models.clip_probabilities(x, features.counts)

    def arrays(self) -> dict[str, NDArray[np.floating]]:
        """Return everything by name, for a file."""
        return {"mean": self.mean, "scale": self.scale, **self.weights}


def head(train: NDArray[np.float32], weights: Mapping[str, NDArray[np.float32]]) -> Head:
    """Return the classifier of some weights, trained on rows (M, D) before they were standardised."""
    scaler = StandardScaler().fit(train)
    return Head(scaler.mean_, scaler.scale_, weights)


def from_arrays(arrays: Mapping[str, NDArray[np.generic]]) -> Head | None:
    """Return the classifier among the arrays of a file, None if it has none."""
    if "mean" not in arrays:
        return None
    weights = {name: arrays[name].astype(np.float32) for name in WEIGHTS if name in arrays}
    return Head(arrays["mean"].astype(np.float64), arrays["scale"].astype(np.float64), weights)
