"""CLIP, ViT-B/32: one embedding a frame (paper, section 4.1)."""

from __future__ import annotations

from typing import Any

from blemore.encoders import checkpoints
from blemore.encoders.checkpoints import State
from blemore.encoders.extractors import FrameExtractor
from blemore.encoders.networks import Network
from blemore.encoders.preprocessing import clip_still
from blemore.encoders.registry import Encoder, Extractor, Opening, Variant

VIT_B_32: dict[str, Any] = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
            "patch_size": 32, "image_size": 224, "projection_dim": 512}  # fmt: skip
"""The vision tower's sizes."""

NETWORK = Network("CLIPVisionModelWithProjection", "CLIPVisionConfig")
config, build = NETWORK.config, NETWORK.build

_TEXT = ("text_model.", "text_projection.", "logit_scale", "vision_model.embeddings.position_ids")


def convert(state: State) -> State:
    """Keep the vision tower of a whole CLIP."""
    return {name: value for name, value in state.items() if not name.startswith(_TEXT)}


def load(opening: Opening) -> Extractor:
    """Open CLIP."""
    model = NETWORK.opened("clip", ENCODER.variant(opening.variant), VIT_B_32, opening, convert)
    return FrameExtractor(clip_still(), lambda batch: model(batch).image_embeds, opening)


ENCODER = Encoder(
    name="clip",
    title="CLIP",
    modality="video",
    reads="clip",
    licence="MIT",
    reference="Radford et al. 2021, arXiv:2103.00020",
    choices=(
        Variant("vit-b-32", 512, "frame", "1 per frame", 87_849_216,
                "openai/clip-vit-base-patch32/pytorch_model.bin", "3d74acf9a28c67741b2f4f2ea7635f0aaf6f0268",
                used="authors", flops=220_440_576_000),
    ),
    load=load,
    libraries=("av", "transformers"),
    here=checkpoints.cached,
)  # fmt: skip
"""The entry of the registry."""
