"""From one clip to its features: decode, prepare, batch, embed; a bounded number of frames in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from blemore.encoders import media
from blemore.encoders.preprocessing import Prepare, ahead, lengthened, stacks, windows
from blemore.encoders.registry import Opening
from blemore.errors import InputError

if TYPE_CHECKING:
    import torch

SHORTEST = 400
"""Samples at 16 kHz that the first 20 ms of HuBERT and WavLM take; a shorter sound has no feature."""


@dataclass
class FrameExtractor:
    """One row a frame.

    Attributes
    ----------
    prepare : function
        One frame (H, W, 3) uint8 to (3, h, w) float32.
    embed : function
        A batch (B, 3, h, w) to (B, dim).
    batch : int
        Frames that are embedded at once.
    """

    prepare: Prepare
    embed: Callable[[Any], Any]
    opening: Opening
    batch: int = 32
    flag: str = ""

    def __call__(self, path: Path) -> NDArray[np.float32]:
        """Return the features (T, dim) of a clip's T frames."""
        import torch

        with torch.inference_mode():
            rows = [self._rows(batch) for batch in ahead(stacks(self._items(path), self.batch))]
        return np.concatenate(rows)

    def _items(self, path: Path) -> Iterator[torch.Tensor]:
        return map(self.prepare, media.frames(path))

    def _rows(self, batch: torch.Tensor) -> NDArray[np.float32]:
        import torch

        out = self.embed(batch.to(self.opening.device, getattr(torch, self.opening.precision)))
        rows: NDArray[np.float32] = out.float().cpu().numpy().copy()  # the batch's memory is the next but one's
        return rows


@dataclass
class WindowExtractor(FrameExtractor):
    """One row a window of frames; a window that reaches beyond the end is filled with black.

    Attributes
    ----------
    length, step : int
        Frames of a window, and from one window's first frame to the next one's.
    seconds : float
        Shorter clips are filled with black to this length before they are cut.
    """

    batch: int = 4
    length: int = 16
    step: int = 16
    seconds: float = 0.0
    blank: Callable[[Any], Any] = lambda frame: frame * 0

    def _items(self, path: Path) -> Iterator[torch.Tensor]:
        import torch

        least = round(self.seconds * media.frame_rate(path)) if self.seconds else 0
        frames = lengthened(super()._items(path), least, self.blank)
        return map(torch.stack, windows(frames, self.length, self.step, self.blank))


@dataclass
class SoundExtractor:
    """One row each 20 ms of sound: ``floor((n - 400) / 320) + 1`` rows for n samples at 16 kHz.

    The sound is scaled to mean 0 and variance 1, as both encoders were trained.
    """

    model: Any
    opening: Opening
    flag: str = ""

    def __call__(self, path: Path) -> NDArray[np.float32]:
        """Return the features (T, 1024) of a clip's sound."""
        return self.embed(media.audio(path), path)

    def embed(self, sound: NDArray[np.float32], where: object) -> NDArray[np.float32]:
        """Return the features (T, dim) of samples (n,) at 16 kHz; `where` is what errors point at."""
        import torch
        from transformers import Wav2Vec2FeatureExtractor

        if len(sound) < SHORTEST:
            raise InputError(where, "too short a sound", expected=f"{SHORTEST} samples at 16 kHz", got=str(len(sound)))
        scaled = Wav2Vec2FeatureExtractor(do_normalize=True)(sound, sampling_rate=16_000, return_tensors="pt")
        values = scaled.input_values.to(self.opening.device, getattr(torch, self.opening.precision))
        with torch.inference_mode():
            rows: NDArray[np.float32] = self.model(values).last_hidden_state[0].float().cpu().numpy()
        return rows
