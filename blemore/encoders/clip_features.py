"""Features of one clip: what they are made of, how they are computed, and what becomes of them (paper, 4.1 and 4.2)."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from blemore.challenge.labels import stem
from blemore.encoders import Encoder, Extractor
from blemore.errors import BlemoreError, InputError, Interrupted, first
from blemore.features import feature_files
from blemore.system import files, signals
from blemore.system.fingerprints import sha256_of

FORMAT = 2
"""Number of the files' layout and of the computation; a change of either makes old features invisible."""


@dataclass(frozen=True)
class Outcome:
    """What became of one clip: rows of features, or why there are none; `flag` is what is remarkable about it."""

    clip: str
    status: Literal["extracted", "kept", "failed"]
    rows: int = 0
    problem: str = ""
    flag: str = ""

    def line(self) -> str:
        """Return what there is to say about the clip, in one line."""
        return f"{self.status}: {self.problem or f'{self.clip}: {self.flag}'}"


@dataclass(frozen=True)
class Job:
    """What is the same for all clips of an extraction."""

    encoder: Encoder
    variant: str
    weights: Path | None
    weights_digest: str
    device: str
    precision: str
    out: Path

    def target(self, clip: Path) -> Path:
        """Return where a clip's features go."""
        return self.out / f"{stem(clip.name)}.npy"

    def identity(self, clip: str) -> dict[str, object]:
        """Return what features are made of, given the clip's digest; equal features, equal identity."""
        encoder, revision = self.encoder.name, self.encoder.variant(self.variant).revision
        return {"format": FORMAT, "clip": clip, "encoder": encoder, "variant": self.variant, "revision": revision,
                "weights": self.weights_digest, "precision": self.precision}  # fmt: skip


def extract_one(job: Job, clip: Path, asked: signals.Noted | None = None) -> Outcome:
    """Extract one clip, unless it is done: what a worker does; Interrupted if the end is asked for meanwhile."""
    target = job.target(clip)
    try:
        if clip.is_dir():
            raise InputError(clip, "is a folder, not a file", fix="check the path")
        identity = job.identity(sha256_of(clip))
    except InputError as error:
        return Outcome(str(clip), "failed", problem=str(error))
    except OSError as error:
        return Outcome(str(clip), "failed", problem=str(files.unreadable(clip, error)))
    if kept := _kept(target, identity):
        return Outcome(str(clip), "kept", kept[0], flag=kept[1])
    extractor = _opened(job)  # what is wrong with the encoder is wrong for all clips: it ends the extraction
    with signals.overheard() as dropped:
        features = _computed(job, extractor, clip)
    if (asked and asked.stop) or any(isinstance(error, KeyboardInterrupt) for error in dropped):
        raise Interrupted(f"{clip}: interrupted before it was done")  # features, or a failure, may come of that
    if dropped:
        got = first([named(error) for error in dropped])
        features = InputError(
            clip, "a library ignored an error while processing this clip, so its features may be wrong", got=got
        )
    if isinstance(features, BlemoreError):
        return failed(job, clip, features)
    flag = getattr(extractor, "flag", "")  # others' encoders may have nothing to remark
    feature_files.write_frames(target, features, {**identity, "rows": len(features), "flag": flag})
    return Outcome(str(clip), "extracted", len(features), flag=flag)


def _computed(job: Job, extractor: Extractor, clip: Path) -> NDArray[np.float32] | BlemoreError:
    try:
        features = extractor(clip)
        _check(clip, features, job.encoder.variant(job.variant).dim)
    except BlemoreError as error:
        return error
    except Exception as error:  # a long batch must not end for one clip that a library stumbles over
        return InputError(clip, "cannot be extracted", got=named(error))
    return features


def failed(job: Job, clip: Path, error: BlemoreError) -> Outcome:
    """Return a clip's failure, and delete its features of before: they were made of something else."""
    target = job.target(clip)
    for path in (target, target.with_suffix(".json")):
        with suppress(OSError):
            path.unlink()
    return Outcome(str(clip), "failed", problem=str(error))


def named(error: BaseException) -> str:
    """Return the kind of an error and the first line of its text."""
    return f"{type(error).__name__} {first(str(error).splitlines(), 1)}".rstrip()


_MODELS: dict[tuple[object, ...], Extractor] = {}  # one a process: what a worker opened for its first clip


def _opened(job: Job) -> Extractor:
    key = (job.encoder.name, job.variant, job.weights, job.weights_digest, job.device, job.precision)
    if key not in _MODELS:
        _MODELS.clear()
        _MODELS[key] = job.encoder.open(
            variant=job.variant, weights=job.weights, device=job.device, precision=job.precision
        )
    return _MODELS[key]


def _check(clip: Path, features: NDArray[np.float32], dim: int) -> None:
    if features.shape[1:] != (dim,) or not len(features) or features.dtype != np.float32:
        got = f"{features.dtype} {features.shape}"
        raise InputError(clip, "features", expected=f"float32 (T, {dim}), at least one row", got=got)
    if not np.isfinite(features).all():
        raise InputError(clip, "NaN or infinite features", fix="extract it in float32, on a CPU")


def _kept(target: Path, identity: dict[str, object]) -> tuple[int, str] | None:
    """Return rows and flag of features that were made of the same and are as they were written, else nothing."""
    try:
        made_of = feature_files.made_of(target)
        whole = sha256_of(target) == made_of["features"]
        same = {key: made_of.get(key) for key in identity} == identity
        return (int(made_of["rows"]), str(made_of["flag"])) if whole and same else None
    except (OSError, ValueError, KeyError, TypeError):
        return None  # not there, or not ours: extract
