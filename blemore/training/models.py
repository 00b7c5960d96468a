"""The paper's three classifiers and their loss (section 4.6).

Linear, MLP-256 and MLP-512 map a row of features to six logits; a softmax over the logits gives
probabilities, and training minimises their Kullback-Leibler divergence from the soft labels.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from blemore.challenge.labels import EMOTIONS
from blemore.errors import UnknownNameError

HIDDEN = {"linear": 0, "mlp-256": 256, "mlp-512": 512}
"""Model name -> units of the hidden layer (0: none)."""

MODELS = tuple(HIDDEN)
"""Names of the three classifiers, in the paper's order."""

SMALLEST = 1e-8
"""Probabilities below it count as it in the loss, whose logarithm would overflow."""


def build(name: str, n_features: int, generator: torch.Generator) -> nn.Sequential:
    """Return a new classifier (section 4.6): Linear, or Linear, ReLU, Linear; torch's default start values.

    Parameters
    ----------
    name : {'linear', 'mlp-256', 'mlp-512'}
    n_features : int
        Columns D of the features.
    generator : torch.Generator
        Start values are drawn from it, in the order in which torch's own layers draw theirs.

    Returns
    -------
    nn.Sequential
        Maps (M, D) float32 to logits (M, 6) float32.

    Examples
    --------
    >>> build("mlp-256", 88, torch.Generator().manual_seed(42))(torch.zeros(3, 88)).shape
    torch.Size([3, 6])
    """
    if name not in HIDDEN:
        raise UnknownNameError("model", name, MODELS)
    if not (hidden := HIDDEN[name]):
        return nn.Sequential(_layer(n_features, len(EMOTIONS), generator))
    first = _layer(n_features, hidden, generator)
    return nn.Sequential(first, nn.ReLU(), _layer(hidden, len(EMOTIONS), generator))


def _layer(n_in: int, n_out: int, generator: torch.Generator) -> nn.Linear:
    layer = nn.Linear(n_in, n_out, device="meta").to_empty(device="cpu")  # not yet filled
    nn.init.kaiming_uniform_(layer.weight, a=math.sqrt(5), generator=generator)
    bound = 1 / math.sqrt(n_in)
    nn.init.uniform_(layer.bias, -bound, bound, generator=generator)
    return layer


def n_parameters(name: str, n_features: int) -> int:
    """Return a classifier's number of weights and biases.

    >>> n_parameters("linear", 10)
    66
    """
    if name not in HIDDEN:
        raise UnknownNameError("model", name, MODELS)
    hidden, out = HIDDEN[name], len(EMOTIONS)
    return (n_features + 1) * hidden + (hidden + 1) * out if hidden else (n_features + 1) * out


def kl_loss(logits: Tensor, labels: Tensor) -> Tensor:
    r"""Return the Kullback-Leibler divergence of predictions from soft labels, averaged over rows.

    .. math:: \frac{1}{M} \sum_{m} \sum_{c} y_{mc} (\log y_{mc} - \log \max(p_{mc}, 10^{-8}))

    Parameters
    ----------
    logits : (M, 6) float32
    labels : (M, 6) float32, rows sum to 1

    Notes
    -----
    Softmax and logarithm are two steps: one ``log_softmax`` would differ from the public baseline in the
    last bits.
    """
    return nn.functional.kl_div(torch.softmax(logits, dim=1).clamp(min=SMALLEST).log(), labels, reduction="batchmean")


def clip_probabilities(logits: Tensor, counts: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return each clip's probabilities: logits of its rows, averaged, then softmax (section 4.7).

    Parameters
    ----------
    logits : (M, 6) float32
        Rows of one clip lie together, clips in order.
    counts : (N,) positive integers, sum M
        Rows of each clip; all 1 where features are aggregated.

    Returns
    -------
    (N, 6) float32, rows sum to 1

    Examples
    --------
    >>> clip_probabilities(torch.zeros(3, 6), np.array([1, 2])).shape
    (2, 6)
    """
    if (counts != 1).any():
        logits = torch.stack([rows.mean(dim=0) for rows in torch.split(logits, counts.tolist())])
    probabilities: NDArray[np.float32] = torch.softmax(logits, dim=1).cpu().numpy()
    return probabilities
