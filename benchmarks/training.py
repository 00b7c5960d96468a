"""Training, side by side with a loop written the way of the public baseline, on the same simulated data.

``python benchmarks/training.py`` prints seconds of processor time per fold and epoch on one thread (medians,
variants interleaved), the ratio to the per-epoch loop, and the projected total of the paper's Table 2.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from blemore.labels import Saliences, soft_labels
from blemore.models import HIDDEN
from blemore.training import Epoch, Settings, Split

GRID = np.linspace(0.05, 0.95, 20)
BARS = {"highest": {217: 25.0, 7168: 4.5, 14336: 3.5}, "medium": {217: 30.0, 7168: 8.0, 14336: 6.0}}
WIDTHS = {  # columns of each row of Table 2: seven statistics of the encoder, or the encoder's own
    "CLIP": 5376, "ImageBind": 7168, "OpenFace": 217, "VideoMAEv2": 9856, "VideoSwin": 7168,
    "HuBERT": 7168, "WavLM": 7168, "VideoMAEv2 + HuBERT": 17024, "VideoMAEv2 + WavLM": 17024,
    "ImageBind + HuBERT": 14336, "ImageBind + WavLM": 14336,
}  # fmt: skip
SUBSAMPLED = {"VideoMAEv2": 1408, "VideoSwin": 1024}


def decide(row: NDArray[np.float32], alpha: float, beta: float) -> list[tuple[int, int]]:
    """Decide one clip: pairs of emotion and salience."""
    order = np.argsort(-row)[:2]
    kept = [int(i) for i in order if row[i] >= alpha]
    if not kept:
        return [(int(order[0]), 100)]
    if len(kept) == 2 and 5 in kept:
        other = kept[0] if kept[1] == 5 else kept[1]
        kept = [5] if row[5] > row[other] else [other]
    if len(kept) == 1:
        return [(kept[0], 100)]
    if row[kept[0]] - row[kept[1]] <= beta:
        return [(kept[0], 50), (kept[1], 50)]
    return [(kept[0], 70), (kept[1], 30)]


def grid_search(probabilities: NDArray[np.float32], truth: Saliences) -> tuple[float, float, float, float]:
    """Score every pair of thresholds clip by clip; alpha, beta, presence and salience of the best."""
    true = [[(int(e), int(row[e])) for e in np.flatnonzero(row)] for row in truth]
    blends = sum(len(pairs) == 2 for pairs in true)
    best, composite = (0.0, 0.0, 0.0, 0.0), -1.0
    for alpha in GRID:
        for beta in GRID:
            presence = salience = 0
            for row, pairs in zip(probabilities, true, strict=True):
                decided = decide(row, alpha, beta)
                if {e for e, _ in decided} == {e for e, _ in pairs}:
                    presence += 1
                    salience += len(pairs) == 2 and set(decided) == set(pairs)
            scores = presence / len(truth), salience / max(blends, 1)
            if 0.5 * scores[0] + 0.5 * scores[1] > composite:
                composite = 0.5 * scores[0] + 0.5 * scores[1]
                best = (float(alpha), float(beta), *scores)
    return best


def baseline(split: Split, settings: Settings, clock: Callable[[], float] = time.process_time):
    """Train the public baseline's way: data loaders, default Adam, per-clip grid search after each epoch.

    Yields an :class:`Epoch` and the seconds of its training part and of its validation part.
    """
    assert split.val_truth is not None
    torch.manual_seed(settings.seed)
    n_features = split.train_x.shape[1]
    if hidden := HIDDEN[settings.model]:
        model = nn.Sequential(nn.Linear(n_features, hidden), nn.ReLU(), nn.Linear(hidden, 6))
    else:
        model = nn.Sequential(nn.Linear(n_features, 6))
    optimiser = torch.optim.Adam(
        model.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    val_y = np.repeat(soft_labels(split.val_truth), split.val_counts, axis=0)
    train, val = (
        TensorDataset(torch.from_numpy(x), torch.from_numpy(y))
        for x, y in ((split.train_x, split.train_y), (split.val_x, val_y))
    )
    train_loader = DataLoader(train, batch_size=settings.batch_size, shuffle=True)
    val_loader = DataLoader(val, batch_size=settings.batch_size, shuffle=False)

    def loss_of(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        log_p = torch.log(torch.clamp(torch.softmax(logits, dim=1), min=1e-8))
        return nn.functional.kl_div(log_p, labels, reduction="batchmean")

    for _ in range(settings.epochs):
        start, total = clock(), 0.0
        for x, y in train_loader:
            optimiser.zero_grad()
            loss = loss_of(model(x), y)
            loss.backward()
            optimiser.step()
            total += loss.item()
        middle, val_total, logits = clock(), 0.0, []
        with torch.no_grad():
            for x, y in val_loader:
                logits.append(model(x))
                val_total += loss_of(logits[-1], y).item()
        clipwise = torch.split(torch.cat(logits), split.val_counts.tolist())
        probabilities = torch.softmax(torch.stack([rows.mean(dim=0) for rows in clipwise]), dim=1).numpy()
        alpha, beta, presence, salience = grid_search(probabilities, split.val_truth)
        epoch = Epoch(total / len(train_loader), val_total / len(val_loader), alpha, beta, presence, salience)
        yield epoch, middle - start, clock() - middle
