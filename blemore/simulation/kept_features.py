"""Simulated features, made once: by a digest of all that they are made of they are found again (not in the paper)."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from blemore.challenge.clips import Clips
from blemore.errors import InputError
from blemore.features import feature_files
from blemore.features.feature_table import Features
from blemore.paper import printed_numbers
from blemore.simulation import generator
from blemore.system import fingerprints

CODE = fingerprints.digest(fingerprints.code(Path(str(generator.__file__))))
"""What simulates: the code as it was loaded, and the versions of its libraries."""


def features(encoder: str, clips: Clips, folder: Path, *, seed: int, profile: str) -> Features:
    """Return :func:`blemore.simulation.generator.features` with the book's parameters, from a folder where they were made before.

    A file that is spoilt is made anew; where nothing can be kept, nothing is.
    """
    path = folder / f"{encoder.replace(':', '-')}-{_digest(encoder, clips, seed, profile)[:16]}.npz"
    if path.is_file():
        with suppress(InputError):
            return feature_files.read(path, encoder=encoder, origin="stand-in")
    made = generator.features(encoder, clips, seed=seed, profile=profile)
    with suppress(OSError, InputError):
        path.parent.mkdir(parents=True, exist_ok=True)
        feature_files.write(path, made)
    return made


def _digest(encoder: str, clips: Clips, seed: int, profile: str) -> str:
    """Return SHA-256 of what is asked, of the parameters, and of the code that they go through."""
    asked = [encoder, clips.names, seed, profile, asdict(generator.world()), printed_numbers.figure(2).to_csv()]
    return fingerprints.digest([asked, CODE])
