"""What a report is about: one encoder, one fusion or one file of features, and what came of it (paper, section 5)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from blemore import encoders, feature_files, rows, sources, standings
from blemore.clips import Clips, read_metadata
from blemore.encoders import Encoder
from blemore.errors import SourceError
from blemore.experiments import CrossValidation, cross_validate_all
from blemore.features import Features, Joined, join
from blemore.models import MODELS
from blemore.parameters import ParameterError, name_of
from blemore.recorded import Input
from blemore.released import Result
from blemore.runs import gather as gather_data
from blemore.standin import WIDTHS


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
        From :func:`blemore.standings.everyone`.
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
        See :func:`blemore.rows.train`.
    model : str
        The classifier to show in detail.
    folder : path
        Of trained runs.

    Raises
    ------
    ParameterError
        If only one of the two files is given.
    """
    if bool(features) != bool(metadata):
        raise ParameterError("features and metadata go together: give both, or neither")
    clips, inputs = sources.clips(source)
    done = standings.trained(clips, source, model, profile=profile, seed=seed, folder=folder)
    known = encoders.known()
    entries = tuple(known[part] for part in encoder.split("+") if part in known)
    validation: dict[str, CrossValidation] = {}
    joined: Joined | None = None
    lacking, more = "", tuple[Input, ...]()
    try:
        if features:
            validation, joined, more = _from_files(encoder, features, metadata, profile, folder)
        else:
            validation, joined, more = _from_source(encoder, clips, source, profile, seed, folder)
    except SourceError as error:
        lacking = str(error)
    origin = next((one.origin for one in validation.values()), "")
    mine = {encoder: Result(_summary(encoder, validation), origin, more)} if validation else {}
    everyone = standings.everyone(done, model, mine)
    if encoder not in everyone.table["id"].tolist():
        lacking = lacking or "nothing is known of it here"
    return Subject(encoder, name_of(encoder), entries, model, validation, joined, origin, lacking, everyone,
                  tuple(dict.fromkeys((*inputs, *more, *everyone.inputs))))  # fmt: skip


def _from_files(
    encoder: str, features: str, metadata: str, profile: str, folder: str | Path
) -> tuple[dict[str, CrossValidation], Joined | None, tuple[Input, ...]]:
    held, clips = feature_files.read(features, encoder=encoder), read_metadata(metadata)
    settings = [rows.settings(encoder, model, profile, simulated=False) for model in MODELS]
    done = cross_validate_all({encoder: gather_data(clips, held)}, settings, ["released-code"], folder=folder)
    inputs = tuple(Input(f"file/{name}", sources.sha256_of(path)) for name, path in (("features", features), ("metadata", metadata)))  # fmt: skip
    return {one.settings.model: one for one in done}, _aligned(clips, held), inputs


def _from_source(
    encoder: str, clips: Clips, source: str, profile: str, seed: int, folder: str | Path
) -> tuple[dict[str, CrossValidation], Joined | None, tuple[Input, ...]]:
    real = source == "zenodo" or (source == "auto" and sources.has_features())
    absent = [part for part in encoder.removesuffix(":sub").split("+") if part not in WIDTHS]
    if absent and not real:
        raise SourceError(f"{' and '.join(absent)}: not simulated, and no features of real clips are here")
    done = rows.train(clips, source, rows=[encoder], test=False, folder=folder, profile=profile, seed=seed)
    if encoder in done.absent:
        raise SourceError(done.absent[encoder])
    held, inputs = sources.features(encoder, clips.of("train"), source, profile=profile, seed=seed)
    return {model: one for (_, model), one in done.validation.items()}, _aligned(clips.of("train"), held), inputs


def _aligned(clips: Clips, features: Features) -> Joined | None:
    return None if features.subsampled else join(clips, features)


def _summary(encoder: str, validation: dict[str, CrossValidation]) -> pd.DataFrame:
    return pd.DataFrame([{"id": encoder, "model": model, **rows.summary(one)} for model, one in validation.items()])
