"""HiCMAE's features as the data set's release ships them: sound and video, by others, beyond the paper."""

from __future__ import annotations

from blemore.encoders.ready import ReadyExtractor
from blemore.encoders.registry import Encoder, Variant
from blemore.features import release_folder
from blemore.features.release_folder import RELEASE_FOLDERS

ENCODER = Encoder(
    name="hicmae",
    title="HiCMAE",
    modality="both",
    reads="release",
    licence="that of the data set's release",
    reference="Sun et al. 2024, arXiv:2401.05698",
    choices=(Variant("release", 2048, "clip", "as released", note="ready features, one file a clip"),),
    load=lambda opening: ReadyExtractor(2048),
    here=lambda variant: release_folder.in_release(f"{RELEASE_FOLDERS['hicmae']}_train") is not None,
)
"""The entry of the registry."""
