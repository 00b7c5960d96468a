"""One clip of nobody through every encoder that can be had here (paper, sections 4.1 and 4.2).

Where an encoder's weights are on this machine, it runs as it is. Where not, a network of its kind takes its place: one
layer deep, with larger patches and random weights. What that sees means nothing; how many rows of which width it gives
is the encoder's own.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import TqdmWarning

from blemore import encoders
from blemore.encoders import Encoder, Extractor, Variant, clip, hubert, imagebind, videomaev2, videoswin, wavlm
from blemore.encoders.extractors import FrameExtractor, SoundExtractor, WindowExtractor
from blemore.encoders.preprocessing import clip_still, squashed
from blemore.encoders.registry import LibraryError, Opening

_HERE = Opening("", None, "cpu", "float32")
_SHALLOW = {"num_hidden_layers": 1}
_COARSE = {**_SHALLOW, "patch_size": 56}  # a sixteenth of the patches or fewer: a page must be quick

SEED = 0
"""Of random weights."""


@dataclass(frozen=True, eq=False)
class Take:
    """What one encoder gave for the clip.

    Attributes
    ----------
    name : str
        Of encoder and variant, for readers.
    how : str
        ``as it is``, ``one layer, random weights``, or why there is nothing.
    rows : (T, dim) float32 or None
    """

    name: str
    how: str
    rows: NDArray[np.float32] | None

    def similarity(self) -> NDArray[np.float64]:
        """Return cosines (T, T) between moments, each column of the features centred and scaled over time."""
        if self.rows is None:
            return np.zeros((0, 0))
        wide = self.rows.astype(np.float64)
        wide = wide - wide.mean(axis=0)
        deviation = wide.std(axis=0)
        wide = np.divide(wide, deviation, out=np.zeros_like(wide), where=deviation > 1e-9)
        length = np.linalg.norm(wide, axis=1, keepdims=True)
        wide = np.divide(wide, length, out=np.zeros_like(wide), where=length > 1e-9)
        cosines: NDArray[np.float64] = np.clip(wide @ wide.T, -1, 1)
        return cosines


def takes(path: str | Path, openface_csv: str | Path = "") -> list[Take]:
    """Send a clip through every encoder of the registry.

    Parameters
    ----------
    path : path
        A clip with picture and sound.
    openface_csv : path, optional
        What OpenFace wrote for it, or for any other clip.
    """
    _import_bars()
    given = {"clip": Path(path), "csv": Path(openface_csv) if str(openface_csv) else None}
    return [take for one in encoders.known().values() for take in _takes(one, given.get(one.reads))]


def _import_bars() -> None:
    """Import the progress bars that networks' libraries use: without widgets they warn, once."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TqdmWarning)
        import tqdm.auto  # noqa: F401


def _takes(one: Encoder, path: Path | None) -> Iterator[Take]:
    if path is None:
        yield Take(one.title, _WITHOUT[one.reads], None)
        return
    here = [choice for choice in one.choices if one.at_hand(choice)]
    for choice in here:
        name = f"{one.title} {choice.name}" if len(one.choices) > 1 else one.title
        yield _take(name, "as it is", partial(_open, one, choice), path)
    if not here and one.name in SHALLOW:
        yield _take(one.title, "one layer, random weights", partial(shallow, one.name), path)
    elif not here:
        yield Take(one.title, "not tried: its weights are not here, and no small network stands in for it", None)


_WITHOUT = {
    "csv": "not tried: it reads OpenFace's CSV, and none is given",
    "release": "not tried: it reads ready features of the release",
}


def _open(one: Encoder, choice: Variant) -> Extractor:
    return one.open(variant=choice.name)


def _take(name: str, how: str, extractor: Callable[[], Extractor], path: Path) -> Take:
    try:
        return Take(name, how, extractor()(path))
    except LibraryError as error:
        return Take(name, f"not tried: {str(error).partition(': ')[2]}", None)
    except Exception as error:  # an encoder of another package may fail in any way, and the others go on
        return Take(name, f"failed: {type(error).__name__}: {' '.join(str(error).split())[:120]}", None)


def shallow(name: str) -> Extractor:
    """Return a network of an encoder's kind, of its width and rate, but of one layer and random weights."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        return SHALLOW[name]()


def _clip() -> Extractor:
    model = clip.build(**{**clip.VIT_B_32, **_SHALLOW}).eval()
    return FrameExtractor(clip_still(), lambda batch: model(batch).image_embeds, _HERE)


def _imagebind() -> Extractor:
    model = imagebind.build(**{**imagebind.VIT_H_14, **_COARSE}).eval()
    return FrameExtractor(clip_still(), partial(imagebind.embed, model), _HERE)


def _videomaev2() -> Extractor:
    model = videomaev2.build(**{**videomaev2.VIT_G_14, **_COARSE}).eval()
    return WindowExtractor(partial(squashed, bgr=True), partial(videomaev2.embed, model), _HERE)


def _videoswin() -> Extractor:
    model = videoswin.build(
        patch_size=[2, 8, 8], embed_dim=128, depths=[1] * 4, num_heads=[4, 8, 16, 32], window_size=[8, 7, 7]
    )
    return videoswin.extractor(model.eval(), "swin-b", _HERE)


def _sound(build: Callable[..., Any]) -> Extractor:
    return SoundExtractor(build(**{**hubert.LARGE, **_SHALLOW}).eval(), _HERE)


SHALLOW: dict[str, Callable[[], Extractor]] = {
    "clip": _clip,
    "imagebind": _imagebind,
    "videomaev2": _videomaev2,
    "videoswin": _videoswin,
    "hubert": partial(_sound, hubert.build),
    "wavlm": partial(_sound, wavlm.build),
}
"""Encoders that a small network can stand in for."""
