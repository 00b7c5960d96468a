"""eGeMAPS by openSMILE: acoustic features without any training, beyond the paper's encoders."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blemore.encoders import media
from blemore.encoders.registry import Encoder, Extractor, Opening, Variant
from blemore.errors import InputError


@dataclass
class AcousticExtractor:
    """Rows of acoustic features, by openSMILE; `smile` computes them from samples."""

    smile: Any
    flag: str = ""

    def __call__(self, path: Path) -> NDArray[np.float32]:
        """Return the features of a clip's sound: (1, 88), or (T, 25) with a row each 10 ms."""
        return self.embed(media.audio(path), path)

    def embed(self, sound: NDArray[np.float32], where: object) -> NDArray[np.float32]:
        """Return the features of samples (n,) at 16 kHz; `where` is what errors point at."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # too short a sound: the line below says so
            rows = self.smile.process_signal(sound, 16_000).to_numpy(dtype=np.float32)
        if not np.isfinite(rows).all():
            raise InputError(where, "too short a sound", expected="60 ms or more", got=f"{len(sound) / 16:.0f} ms")
        return np.ascontiguousarray(rows)


def load(opening: Opening) -> Extractor:
    """Open openSMILE."""
    import opensmile

    level = (
        opensmile.FeatureLevel.Functionals
        if opening.variant == "functionals"
        else opensmile.FeatureLevel.LowLevelDescriptors
    )
    return AcousticExtractor(opensmile.Smile(feature_set=opensmile.FeatureSet.eGeMAPSv02, feature_level=level))


ENCODER = Encoder(
    name="egemaps",
    title="eGeMAPS",
    modality="audio",
    reads="clip",
    licence="openSMILE: research and private use only",
    reference="Eyben et al. 2016, doi:10.1109/TAFFC.2015.2457417",
    choices=(
        Variant("functionals", 88, "clip", "1 per clip", note="eGeMAPSv02; beyond the paper"),
        Variant("low-level", 25, "10 ms", "100 per second", note="eGeMAPSv02; beyond the paper"),
    ),
    load=load,
    libraries=("av", "soxr", "opensmile"),
    extra="encoders,egemaps",
)
"""The entry of the registry."""
