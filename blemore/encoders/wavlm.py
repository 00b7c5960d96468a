"""WavLM Large, trained on 94,000 hours of speech: one row each 20 ms (paper, section 4.2)."""

from __future__ import annotations

from typing import Any

from blemore.encoders import checkpoints
from blemore.encoders.extractors import SoundExtractor
from blemore.encoders.hubert import LARGE
from blemore.encoders.registry import Encoder, Extractor, Opening, Variant


def config(**sizes: Any) -> Any:
    """Return the configuration of a network that takes scaled sound; `sizes` as HuBERT's."""
    from transformers import WavLMConfig

    fixed: dict[str, Any] = {"do_stable_layer_norm": True, "feat_extract_norm": "layer", "conv_bias": False}
    return WavLMConfig(**fixed, **sizes)


def build(**sizes: Any) -> Any:
    """Return a network with random weights."""
    from transformers import WavLMModel

    return WavLMModel(config(**sizes))


def load(opening: Opening) -> Extractor:
    """Open WavLM."""
    from transformers import WavLMModel

    variant = ENCODER.variant(opening.variant)
    return SoundExtractor(checkpoints.opened("wavlm", variant, WavLMModel, config(**LARGE), opening), opening)


ENCODER = Encoder(
    name="wavlm",
    title="WavLM",
    modality="audio",
    reads="clip",
    licence="MIT",
    reference="Chen et al. 2022, arXiv:2110.13900",
    choices=(
        Variant("large", 1024, "20 ms", "50 per second", 315_453_120,
                "microsoft/wavlm-large/pytorch_model.bin", "c1423ed94bb01d80a3f5ce5bc39f6026a0f4828c",
                used="authors", note="last hidden state", flops=35_640_793_088),
    ),
    load=load,
    libraries=("av", "soxr", "transformers"),
    here=checkpoints.cached,
)  # fmt: skip
"""The entry of the registry."""
