"""From clips to features: one ``.npy`` a clip, on one machine or many, resumed by content (paper, 4.1 and 4.2).

Each feature file ``NAME.npy (T, D)`` has a neighbour ``NAME.json`` that says what it was made of: digests of the
clip and of the weights, encoder, variant, revision; and the digest of the features themselves. It is written first,
and each file appears at once, so an interrupted extraction loses at most the clips that were running, nothing is
extracted twice, and features without it are someone else's.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Generator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

import joblib
from tqdm import tqdm

from blemore.encoders import Encoder, clip_files
from blemore.encoders.clip_features import Job, Outcome, extract_one, failed, named
from blemore.encoders.registry import usual_precision
from blemore.errors import BlemoreError, InputError, Interrupted, WorkError, first
from blemore.features import feature_files
from blemore.system import clusters, files, processes, signals
from blemore.system.fingerprints import sha256_of


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
        Clips (or what the encoder reads), and folders of them, see :func:`blemore.encoders.clip_files.gather`.
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
    Interrupted
        If a signal asked for the end: the extraction stops after the current clip, which is left out; a second signal acts at once.
    BlemoreError
        If the encoder cannot be opened.
    """
    if jobs < 1:
        raise InputError("jobs", "number of processes", expected="1 or more", got=str(jobs))
    clips = clip_files.gather(paths, clip_files.suffixes(encoder), Path(os.path.realpath(out)))
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
    if same := [clip for clip in clips if job.target(clip) == Path(os.path.realpath(clip))]:
        raise InputError(same[0], "its features would overwrite it", fix="choose another folder for them")
    try:
        if others := [path.name for clip in clips for path in _others(job, clip)]:
            raise InputError(
                out, f"would lose what is not {encoder.name}'s", got=first(others), fix="choose another --out"
            )
    except OSError as error:
        raise files.unusable(out, error) from None
    clips = [clip.absolute() if scheduler else clip for clip in clips]
    with files.folder_in_use(job.out), signals.noted() as asked:
        return _collected(job, clips, _execute(job, clips, jobs, scheduler, asked), asked, progress)


def _collected(
    job: Job, clips: Sequence[Path], outcomes: Generator[Outcome, None, None], asked: signals.Noted, progress: bool
) -> list[Outcome]:
    done: dict[str, Outcome] = {}
    try:
        with tqdm(total=len(clips), desc=job.encoder.name, unit="clip", disable=not progress) as bar:
            for outcome in outcomes:
                done[outcome.clip] = outcome
                if outcome.problem or outcome.flag:
                    bar.clear()
                    print(outcome.line(), file=sys.stderr, flush=True)
                bar.update()
                if asked.stop and len(done) < len(clips):
                    raise Interrupted("before the last clip")
    except (KeyboardInterrupt, Interrupted):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # joblib's: the other clips are cancelled, as they should be
            outcomes.close()
        whole = f"{sum(one.status != 'failed' for one in done.values())} of {len(clips)} clips"
        fix = "run the same command again for the others"
        raise Interrupted(f"interrupted: {whole} are done and kept in {job.out}; {fix}", asked.by) from None
    return [done[str(clip)] for clip in clips]


def _in_worker(job: Job, clip: Path) -> Outcome:
    signals.ignore_interrupts()
    return extract_one(job, clip)


def summary(outcomes: Sequence[Outcome]) -> dict[str, object]:
    """Return the JSON document of ``blemore extract``: counts by status, and each clip's outcome."""
    counts = {status: sum(one.status == status for one in outcomes) for status in ("extracted", "kept", "failed")}
    return {**counts, "clips": [asdict(one) for one in outcomes]}


def _execute(
    job: Job, clips: Sequence[Path], jobs: int, scheduler: str | None, asked: signals.Noted
) -> Generator[Outcome, None, None]:
    if scheduler is not None:
        with clusters.opened(scheduler, packages=("blemore", "torch", *job.encoder.libraries)) as client:
            for clip, result in clusters.results(client, scheduler, partial(extract_one, job), clips):
                yield _lost(job, clip, result) if isinstance(result, Exception) else result
    elif jobs == 1 or len(clips) == 1:
        yield from (extract_one(job, clip, asked) for clip in clips)
    else:
        with processes.parallel():
            yield from _parallel(job, clips, min(jobs, len(clips)), asked)


def _parallel(job: Job, clips: Sequence[Path], n_jobs: int, asked: signals.Noted) -> Generator[Outcome, None, None]:
    try:
        yield from processes.results((joblib.delayed(_in_worker)(job, clip) for clip in clips), n_jobs)
    except processes.WorkerLost as lost:
        if asked.stop:
            raise Interrupted("a process was ended") from None
        raise WorkError(f"jobs: {lost}; start again with fewer processes; what is done is kept") from None


def _lost(job: Job, clip: Path, error: Exception) -> Outcome:
    """Return what became of a clip whose worker gave no outcome; what is wrong for all clips is raised."""
    if isinstance(error, BlemoreError):
        raise error
    killed = "its worker was killed each time; perhaps the memory is short"
    got = "" if type(error).__name__ == "KilledWorker" else named(error)
    return failed(job, clip, InputError(clip, "cannot be extracted" if got else killed, got=got))


def _others(job: Job, clip: Path) -> list[Path]:
    """Return the files where a clip's features go that are not of this encoder's features."""
    target = job.target(clip)
    if feature_files.made_of(target).get("encoder") == job.encoder.name:
        return []
    return [path for path in (target, target.with_suffix(".json")) if path.exists()]
