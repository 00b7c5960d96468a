"""A second implementation of the public baseline's training, in plain torch: see README.md beside this file.

It knows nothing of the package: names are read, features standardised, batches drawn and losses taken here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

EMOTIONS = ["ang", "disg", "fea", "hap", "sad", "neu"]
HIDDEN = {"linear": 0, "mlp-256": 256, "mlp-512": 512}


@dataclass(frozen=True)
class Epoch:
    """Losses of one epoch and each validation clip's probabilities, (N, 6) float32."""

    train_loss: float
    val_loss: float
    probabilities: NDArray[np.float32]


def shares(name: str) -> list[float]:
    """Share of each emotion in a clip, from its name."""
    row = [0.0] * 6
    if mixed := re.fullmatch(r"A\d+_mix_([a-z]+)_([a-z]+)_(\d+)_(\d+)_ver\d+", name):
        first, second, more, less = mixed.groups()
        row[EMOTIONS.index(first)], row[EMOTIONS.index(second)] = int(more) / 100, int(less) / 100
    else:
        row[EMOTIONS.index(name.split("_")[1])] = 1.0
    return row


def network(model: str, width: int) -> nn.Sequential:
    """Build a classifier with torch's default start values."""
    if hidden := HIDDEN[model]:
        return nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, 6))
    return nn.Sequential(nn.Linear(width, 6))


def divergence(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Kullback-Leibler divergence of the predicted from the true shares, mean over the batch."""
    logs = torch.softmax(logits, dim=1).clamp(min=1e-8).log()
    return nn.functional.kl_div(logs, labels, reduction="batchmean")


def train(
    x: NDArray[np.float32], labels: NDArray[np.float32], counts: NDArray[np.int64], validation: NDArray[np.bool_],
    *, model: str, learning_rate: float, weight_decay: float, batch_size: int, seed: int, epochs: int,
) -> Iterator[Epoch]:  # fmt: skip
    """Train on the clips outside `validation` and predict those inside after every epoch.

    Parameters
    ----------
    x : (M, D), the rows of a clip together
    labels : (N, 6), shares of each clip
    counts : (N,), rows of each clip, sum M
    validation : (N,)
    """
    inside = np.repeat(validation, counts)
    scaler = StandardScaler().fit(x[~inside])
    row_labels = torch.from_numpy(np.repeat(labels, counts, axis=0))
    parts = [
        TensorDataset(torch.from_numpy(scaler.transform(x[mask]).astype(np.float32)), row_labels[mask])
        for mask in (~inside, inside)
    ]
    torch.manual_seed(seed)
    net = network(model, x.shape[1])
    adam = torch.optim.Adam(net.parameters(), lr=learning_rate, weight_decay=weight_decay)
    batches = DataLoader(parts[0], batch_size=batch_size, shuffle=True)
    unseen = DataLoader(parts[1], batch_size=batch_size)
    for _ in range(epochs):
        losses, val_losses, logits = [], [], []
        for rows, wanted in batches:
            adam.zero_grad()
            loss = divergence(net(rows), wanted)
            loss.backward()
            adam.step()
            losses.append(loss.item())
        with torch.no_grad():
            for rows, wanted in unseen:
                logits.append(net(rows))
                val_losses.append(divergence(logits[-1], wanted).item())
        clips = torch.cat(logits).split(counts[validation].tolist())
        probabilities = torch.softmax(torch.stack([clip.mean(dim=0) for clip in clips]), dim=1)
        yield Epoch(sum(losses) / len(losses), sum(val_losses) / len(val_losses), probabilities.numpy())
