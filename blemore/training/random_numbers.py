"""The random numbers of a training, as the public baseline draws them (paper, section 4.7)."""

from __future__ import annotations

import torch
from torch import Tensor


class Draws:
    """Random numbers in the order in which the public baseline draws them.

    Its data loaders take from one generator, per training epoch, an integer that nothing uses and one that
    seeds the order of the rows, and per validation pass another unused one.
    """

    def __init__(self, seed: int) -> None:
        self.generator = torch.Generator().manual_seed(seed)

    def _integer(self) -> int:
        return int(torch.empty((), dtype=torch.int64).random_(generator=self.generator).item())

    def order(self, n: int) -> Tensor:
        """Return the order of the n training rows in the next epoch."""
        self._integer()
        return torch.randperm(n, generator=torch.Generator().manual_seed(self._integer()))

    def validation(self) -> None:
        """Draw what a validation pass draws."""
        self._integer()
