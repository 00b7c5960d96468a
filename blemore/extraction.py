"""From clips to features: one ``.npy`` a clip, on one machine or many, resumed by content (paper, 4.1 and 4.2).

Each feature file ``NAME.npy (T, D)`` has a neighbour ``NAME.json`` that says what it was made of: digests of the
clip and of the weights, encoder, variant, revision; and the digest of the features themselves. It is written first,
and each file appears at once, so an interrupted extraction loses at most the clips that were running, nothing is
extracted twice, and features without it are someone else's.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import joblib
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from blemore import clusters, feature_files, files
from blemore.encoders import Encoder, Extractor
from blemore.encoders.registry import usual_precision
from blemore.errors import BlemoreError, InputError, first
from blemore.identity import sha256_of
from blemore.labels import stem

FORMAT = 1
"""Number of the files' layout and of the computation; a change of either makes old features invisible."""

SUFFIXES = {"clip": (".mp4", ".mov"), "csv": (".csv",), "release": (".npy", ".csv")}
"""What is taken of a folder, by what an encoder reads."""


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


def extract(
    encoder: Encoder,
    paths: Sequence[str | Path],
    out: str | Path,
    *,
    variant: str = "",
    weights: str | Path | None = None,
    device: str = "cpu",
    jobs: int = 1,
    scheduler: str | None = None,
    progress: bool = False,
) -> list[Outcome]:
    """Extract what is not yet extracted of some clips; a bad clip gives one line on stderr, and the rest goes on.

    Parameters
    ----------
    encoder : Encoder
        See :func:`blemore.encoders.get`.
    paths : sequence of paths
        Clips (or what the encoder reads), and folders of them.
    out : path
        Folder of the features.
    variant, weights, device
        See :meth:`blemore.encoders.Encoder.open`. Half precision is used except on a CPU.
    jobs : int
        Processes on this machine; each loads the model once.
    scheduler : str, optional
        Address of a Dask scheduler, whose workers see the same files, to do the work instead.
    progress : bool
        Show what is done, and the time that is left, on stderr.

    Returns
    -------
    list of Outcome
        One for each clip, in the order of `paths`.

    Raises
    ------
    InputError, UnknownNameError
        If there is nothing to do, two clips would have the same name, or a choice does not exist.
    BlemoreError
        If the encoder cannot be opened.
    """
    if jobs < 1:
        raise InputError("jobs", "number of processes", expected="1 or more", got=str(jobs))
    clips = gather(paths, encoder.reads)
    weights = None if weights is None else Path(weights)
    try:
        if weights and not weights.is_file():
            raise InputError(weights, "no such file", fix="check the path of the weights")
        weights_digest = sha256_of(weights) if weights else ""
    except OSError as error:
        raise files.unreadable(weights, error) from None
    job = Job(
        encoder=encoder,
        variant=encoder.variant(variant).name,
        weights=weights.absolute() if weights else None,
        weights_digest=weights_digest,
        device=device,
        precision=usual_precision(device),
        out=Path(out).resolve(),
    )
    if same := [clip for clip in clips if job.target(clip) == clip.resolve()]:
        raise InputError(same[0], "its features would overwrite it", fix="choose another folder for them")
    try:
        if others := [path.name for clip in clips for path in _others(job, clip)]:
            raise InputError(
                out, f"would lose what is not {encoder.name}'s", got=first(others), fix="choose another --out"
            )
        job.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(out, "cannot be written to", got=error.strerror or "", fix="choose another folder") from None
    clips = [clip.absolute() if scheduler else clip for clip in clips]
    done: dict[str, Outcome] = {}
    with tqdm(total=len(clips), desc=encoder.name, unit="clip", disable=not progress) as bar:
        for outcome in _execute(job, clips, jobs, scheduler):
            done[outcome.clip] = outcome
            if outcome.problem or outcome.flag:
                bar.clear()
                print(outcome.line(), file=sys.stderr, flush=True)
            bar.update()
    return [done[str(clip)] for clip in clips]


def gather(paths: Sequence[str | Path], reads: str = "clip") -> list[Path]:
    """Return the files among some paths, folders replaced by the files in them that an encoder reads."""

    def readable(path: Path) -> bool:
        return path.suffix.lower() in SUFFIXES[reads] and not path.name.startswith(".")

    found: list[Path] = []
    for path in map(Path, paths):
        try:
            inside = sorted(filter(readable, path.iterdir())) if path.is_dir() else []
            if path.is_dir() and not inside:
                raise InputError(path, "folder holds nothing to read", expected=f"files {' or '.join(SUFFIXES[reads])}")
            if not path.exists():
                raise InputError(path, "no such file", fix="check the path")
        except OSError as error:
            raise files.unreadable(path, error) from None
        found += inside or [path]
    if not found:
        raise InputError("clips", "none are given", fix="name files or folders")
    names: dict[str, Path] = {}
    for path in found:
        other = names.setdefault(stem(path.name), path)
        if other.resolve() != path.resolve():
            raise InputError(path, f"has the same name as {other}", fix="extract them to different folders")
    return list(names.values())


def extract_one(job: Job, clip: Path) -> Outcome:
    """Extract one clip, unless it is done: what a worker does."""
    target = job.target(clip)
    try:
        identity = job.identity(sha256_of(clip))
    except OSError as error:
        return Outcome(str(clip), "failed", problem=str(files.unreadable(clip, error)))
    if kept := _kept(target, identity):
        return Outcome(str(clip), "kept", kept[0], flag=kept[1])
    extractor = _opened(job)  # what is wrong with the encoder is wrong for all clips: it ends the extraction
    try:
        features = extractor(clip)
        _check(clip, features, job.encoder.variant(job.variant).dim)
    except BlemoreError as error:
        return _failed(job, clip, error)
    except Exception as error:  # a long batch must not end for one clip that a library stumbles over
        return _failed(job, clip, InputError(clip, "cannot be extracted", got=_named(error)))
    flag = getattr(extractor, "flag", "")  # others' encoders may have nothing to remark
    feature_files.write_frames(target, features, {**identity, "rows": len(features), "flag": flag})
    return Outcome(str(clip), "extracted", len(features), flag=flag)


def summary(outcomes: Sequence[Outcome]) -> dict[str, object]:
    """Return the JSON document of ``blemore extract``: counts by status, and each clip's outcome."""
    counts = {status: sum(one.status == status for one in outcomes) for status in ("extracted", "kept", "failed")}
    return {**counts, "clips": [asdict(one) for one in outcomes]}


def _execute(job: Job, clips: Sequence[Path], jobs: int, scheduler: str | None) -> Iterator[Outcome]:
    if scheduler:
        with clusters.opened(scheduler, packages=("blemore", "torch", *job.encoder.libraries)) as client:
            for clip, result in clusters.results(client, scheduler, partial(extract_one, job), clips):
                yield _lost(job, clip, result) if isinstance(result, Exception) else result
    elif jobs == 1 or len(clips) == 1:
        yield from (extract_one(job, clip) for clip in clips)
    else:
        with joblib.parallel_config("loky"):  # which shares the cores' threads between the processes
            yield from _parallel(job, clips, n_jobs=min(jobs, len(clips)))


def _parallel(job: Job, clips: Sequence[Path], n_jobs: int) -> Iterator[Outcome]:
    work = joblib.Parallel(n_jobs=n_jobs, batch_size=1, return_as="generator_unordered")
    try:
        yield from work(joblib.delayed(extract_one)(job, clip) for clip in clips)
    except BrokenProcessPool:
        got, fix = "perhaps the memory is short", "start again with fewer processes; what is done is kept"
        raise InputError("jobs", "a process was killed", got=got, fix=fix) from None


def _lost(job: Job, clip: Path, error: Exception) -> Outcome:
    """Return what became of a clip whose worker gave no outcome; what is wrong for all clips is raised."""
    if isinstance(error, BlemoreError):
        raise error
    killed = "its worker was killed each time; perhaps the memory is short"
    got = "" if type(error).__name__ == "KilledWorker" else _named(error)
    return _failed(job, clip, InputError(clip, "cannot be extracted" if got else killed, got=got))


def _failed(job: Job, clip: Path, error: BlemoreError) -> Outcome:
    """Return a clip's failure, and delete its features of before: they were made of something else."""
    target = job.target(clip)
    for path in (target, target.with_suffix(".json")):
        with suppress(OSError):
            path.unlink()
    return Outcome(str(clip), "failed", problem=str(error))


def _named(error: Exception) -> str:
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


def _others(job: Job, clip: Path) -> list[Path]:
    """Return the files where a clip's features go that are not of this encoder's features."""
    target = job.target(clip)
    if feature_files.made_of(target).get("encoder") == job.encoder.name:
        return []
    return [path for path in (target, target.with_suffix(".json")) if path.exists()]


def _kept(target: Path, identity: dict[str, object]) -> tuple[int, str] | None:
    """Return rows and flag of features that were made of the same and are as they were written, else nothing."""
    try:
        made_of = feature_files.made_of(target)
        whole = sha256_of(target) == made_of["features"]
        same = {key: made_of.get(key) for key in identity} == identity
        return (int(made_of["rows"]), str(made_of["flag"])) if whole and same else None
    except (OSError, ValueError, KeyError, TypeError):
        return None  # not there, or not ours: extract
