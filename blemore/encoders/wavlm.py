"""WavLM Large, trained on 94,000 hours of speech: one row each 20 ms (paper, section 4.2).

Two licences are named: the card of microsoft/wavlm-large points at that of microsoft/UniSpeech, CC BY-SA 3.0, and
microsoft/unilm, where the model was published, is under the MIT licence. Which holds for the weights is an open
question there (issue 1757).
"""

from __future__ import annotations

from blemore.encoders import checkpoints
from blemore.encoders.extractors import SoundExtractor
from blemore.encoders.hubert import LARGE
from blemore.encoders.networks import Network
from blemore.encoders.registry import Encoder, Extractor, Opening, Variant

NETWORK = Network(
    "WavLMModel", "WavLMConfig", {"do_stable_layer_norm": True, "feat_extract_norm": "layer", "conv_bias": False}
)
"""It takes scaled sound."""

config, build = NETWORK.config, NETWORK.build


def load(opening: Opening) -> Extractor:
    """Open WavLM."""
    return SoundExtractor(NETWORK.opened("wavlm", ENCODER.variant(opening.variant), LARGE, opening), opening)


ENCODER = Encoder(
    name="wavlm",
    title="WavLM",
    modality="audio",
    reads="clip",
    licence="CC BY-SA 3.0 (card of the model) or MIT (repository of its code)",
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
