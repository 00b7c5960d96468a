"""The names that the book uses, once each: metrics, classifiers, encoders, profiles (paper, sections 3.2, 4 and 5)."""

from __future__ import annotations

from importlib.metadata import entry_points

from blemore.paper.printed_numbers import ENCODERS

METRICS = ("acc_presence", "acc_salience")
"""The two accuracies of section 3.2."""

MODELS = ("linear", "mlp-256", "mlp-512")
"""Classifiers of section 4.6."""

REPORTED = "mlp-512"
"""The classifier that Tables 2 and 3 report."""

MODEL_NAMES = dict(zip(MODELS, ("Linear", "MLP-256", "MLP-512"), strict=True))
"""Classifier -> its name in the paper."""

FEATURE_ENCODERS = (*ENCODERS, "egemaps", "hicmae", "openface3")
"""Encoders whose features can be trained on, alone or fused (``imagebind+wavlm``); more than the paper's."""

ENCODER_NAMES = {**ENCODERS, "egemaps": "eGeMAPS", "hicmae": "HiCMAE", "openface3": "OpenFace 3"}
"""Encoder id -> its name on pages."""

GROUP = "blemore.encoders"
"""Group of entry points by which an installed package adds encoders of its own."""

LOGGED = ("clip", "imagebind", "openface", "videomaev2", "videoswin", "videomaev2:sub", "videoswin:sub")
"""Rows of Table 2 whose runs the authors published."""

VARIANTS = ("kl-100", "ce-100", "kl-50", "ce-50")
"""Released HiCMAE fine-tunings: loss (KL divergence or cross entropy) and epochs."""

SOURCES = ("auto", "standin", "zenodo")
"""Where the clip table comes from; ``auto`` takes the Zenodo release where it is here."""

PROFILES = ("quick", "paper")
"""Widths of simulated features: a sixteenth of the paper's, or all of them."""


def name_of(row: str) -> str:
    """Return the name of a row, as the paper prints it where it has the row.

    >>> name_of("imagebind+wavlm"), name_of("videoswin:sub"), name_of("mine")
    ('ImageBind + WavLM', 'VideoSwin (subsampled)', 'mine')
    """
    encoder, _, method = row.partition(":")
    name = " + ".join(ENCODER_NAMES.get(part) or _added_name(part) for part in encoder.split("+"))
    return f"{name} (subsampled)" if method == "sub" else name


def _added_name(encoder: str) -> str:
    found = [point for point in entry_points(group=GROUP) if point.name == encoder]
    return str(getattr(found[0].load(), "title", encoder)) if found else encoder


def feature_encoders() -> list[str]:
    """Return :data:`FEATURE_ENCODERS` and the encoders that other packages add."""
    return [*FEATURE_ENCODERS, *sorted(point.name for point in entry_points(group=GROUP))]
