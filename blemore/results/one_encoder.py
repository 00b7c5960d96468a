"""What a report is about: one encoder, one fusion or one file of features, and what came of it (paper, section 5)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from blemore import encoders
from blemore.challenge.clips import Clips
from blemore.encoders import Encoder
from blemore.errors import InputError, SourceError
from blemore.experiments.protocols import CrossValidation
from blemore.features.feature_table import Features, Joined, join
from blemore.paper.vocabulary import name_of
from blemore.results import ranking, trained_tables
from blemore.results.trained_tables import Trained
from blemore.sources import lookup
from blemore.sources.recorded import Input
from blemore.sources.released import Result


@dataclass(frozen=True, eq=False)
class Subject:
    """An encoder and what came of it.

    Attributes
    ----------
    name, title : str
    entries : tuple of Encoder
        Of its parts, where the registry knows them.
    model : str
        The classifier that is shown in detail.
    validation : dict of CrossValidation
        By model; empty where nothing can be trained here.
    joined : Joined or None
        Clips and features that it was trained on, where they are aggregated.
    origin : str
        Label of the numbers; empty without any.
    lacking : str
        Why nothing was trained, and what it takes.
    everyone : Result
        From :func:`blemore.results.ranking.everyone`.
    inputs : tuple of Input
    """

    name: str
    title: str
    entries: tuple[Encoder, ...]
    model: str
    validation: dict[str, CrossValidation]
    joined: Joined | None
    origin: str
    lacking: str
    everyone: Result
    inputs: tuple[Input, ...]

    @property
    def chosen(self) -> CrossValidation | None:
        """The cross-validation that is shown in detail."""
        return self.validation.get(self.model)


def gather(
    encoder: str, *, features: str = "", metadata: str = "", source: str = "auto", profile: str = "quick",
    model: str = "mlp-512", seed: int = 0, folder: str | Path = "runs",
) -> Subject:  # fmt: skip
    """Find and train what a report shows.

    Parameters
    ----------
    encoder : str
        A name of the registry, a fusion ``a+b``, or what to call the features of a file.
    features, metadata : path
        A feature table and the clip table that it belongs to; both or neither.
    source, profile, seed
        See :func:`blemore.results.trained_tables.train`.
    model : str
        The classifier to show in detail.
    folder : path
        Of trained runs.

    Raises
    ------
    InputError
        If only one of the two files is given.
    """
    if bool(features) != bool(metadata):
        raise InputError("features and metadata", "go together", fix="give both, or neither")
    clips, inputs = lookup.clips(source)
    known = encoders.known()
    entries = tuple(known[part] for part in encoder.split("+") if part in known)
    if features:  # what a user names is read before anything else is trained
        mine, joined = _from_files(encoder, features, metadata, profile, folder)
        lacking = ""
    else:
        mine, joined, lacking = _from_source(encoder, clips, source, profile, seed, folder)
    done = ranking.trained(clips, source, model, profile=profile, seed=seed, folder=folder)
    everyone = ranking.everyone(done, model, {encoder: mine.table2()} if mine.validation else {})
    if encoder not in everyone.table["id"].tolist():
        lacking = lacking or "nothing is known of it here"
    validation = {classifier: one for (_, classifier), one in mine.validation.items()}
    return Subject(encoder, name_of(encoder), entries, model, validation, joined, mine.origin, lacking, everyone,
                   tuple(dict.fromkeys((*inputs, *mine.inputs, *everyone.inputs))))  # fmt: skip


def _from_files(
    encoder: str, features: str, metadata: str, profile: str, folder: str | Path
) -> tuple[Trained, Joined | None]:
    clips, inputs = lookup.clips(metadata=metadata)
    held, more = lookup.features(encoder, clips, path=features)
    joined = _aligned(clips, held)
    return trained_tables.own(held, clips, (*more, *inputs), profile=profile, folder=folder), joined


def _from_source(
    encoder: str, clips: Clips, source: str, profile: str, seed: int, folder: str | Path
) -> tuple[Trained, Joined | None, str]:
    """Return what was trained on features of a source, or nothing, and why."""
    train = clips.of("train")
    try:
        held, inputs = lookup.features(encoder, train, source, profile=profile, seed=seed)
        return trained_tables.own(held, train, inputs, profile=profile, folder=folder), _aligned(train, held), ""
    except (SourceError, InputError) as error:
        return Trained({}, {}, {}, "", lookup.asked(encoder, source)), None, str(error)


def _aligned(clips: Clips, features: Features) -> Joined | None:
    return None if features.subsampled else join(clips, features)
