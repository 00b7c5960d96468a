"""HuBERT Large, trained on 60,000 hours of Libri-Light: one row each 20 ms (paper, section 4.2)."""

from __future__ import annotations

from typing import Any

from blemore.encoders import checkpoints
from blemore.encoders.extractors import SoundExtractor
from blemore.encoders.networks import Network
from blemore.encoders.registry import Encoder, Extractor, Opening, Variant

LARGE: dict[str, Any] = {
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
}
"""Sizes of the transformer."""

NETWORK = Network(
    "HubertModel", "HubertConfig", {"do_stable_layer_norm": True, "feat_extract_norm": "layer", "conv_bias": True}
)
"""It takes scaled sound."""

config, build = NETWORK.config, NETWORK.build


def load(opening: Opening) -> Extractor:
    """Open HuBERT."""
    return SoundExtractor(NETWORK.opened("hubert", ENCODER.variant(opening.variant), LARGE, opening), opening)


ENCODER = Encoder(
    name="hubert",
    title="HuBERT",
    modality="audio",
    reads="clip",
    licence="Apache-2.0",
    reference="Hsu et al. 2021, arXiv:2106.07447",
    choices=(
        Variant("large-ll60k", 1024, "20 ms", "50 per second", 315_438_720,
                "facebook/hubert-large-ll60k/pytorch_model.bin", "ff022d095678a2995f3c49bab18a96a9e553f782",
                used="authors", note="last hidden state", flops=35_621_525_504),
    ),
    load=load,
    libraries=("av", "soxr", "transformers"),
    here=checkpoints.cached,
)  # fmt: skip
"""The entry of the registry."""
