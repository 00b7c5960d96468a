"""ImageBind's vision tower on still frames (paper, section 4.1).

It has the architecture of CLIP's, with another name for each weight. A still is shown twice to its stem, which
looks at two frames: the two slices of that kernel add up to one of a single frame.
"""

from __future__ import annotations

import re
from typing import Any

from blemore.encoders import checkpoints, clip
from blemore.encoders.checkpoints import State
from blemore.encoders.extractors import FrameExtractor
from blemore.encoders.networks import Network
from blemore.encoders.preprocessing import clip_still
from blemore.encoders.registry import Encoder, Extractor, Opening, Variant
from blemore.errors import SourceError

VIT_H_14: dict[str, Any] = {"hidden_size": 1280, "intermediate_size": 5120, "num_hidden_layers": 32, "num_attention_heads": 16,
            "patch_size": 14, "image_size": 224, "projection_dim": 1024}  # fmt: skip
"""Sizes of the vision tower of ``imagebind_huge``."""

NETWORK = Network(clip.NETWORK.model, clip.NETWORK.configuration, {"hidden_act": "gelu", "layer_norm_eps": 1e-6})
config, build = NETWORK.config, NETWORK.build

ADDRESS = "https://dl.fbaipublicfiles.com/imagebind/imagebind_huge.pth"
"""Where Meta offers the weights, for non-commercial use."""
DIGEST = "d6f6c22bedcc90708448d5d2fbb7b2db9c73f505dc89bd0b2e09b23af1b62157"
"""SHA-256 of that file, 4,803,584,173 bytes, as copies of it on huggingface.co state it; the user's is compared with it."""

_STEM = "modality_preprocessors.vision."
_TRUNK = "modality_trunks.vision."
_HEAD = "modality_heads.vision."
_NAMES = {
    _STEM + "cls_token": "vision_model.embeddings.class_embedding",
    _STEM + "pos_embedding_helper.pos_embed": "vision_model.embeddings.position_embedding.weight",
    _STEM + "rgbt_stem.proj.1.weight": "vision_model.embeddings.patch_embedding.weight",
    _TRUNK + "pre_transformer_layer.0.": "vision_model.pre_layrnorm.",
    _HEAD + "0.": "vision_model.post_layernorm.",
    _HEAD + "2.weight": "visual_projection.weight",
}
_BLOCK = re.compile(re.escape(_TRUNK) + r"blocks\.(\d+)\.(.+)")
_IN_BLOCK = {
    "norm_1.": "layer_norm1.",
    "norm_2.": "layer_norm2.",
    "mlp.": "mlp.",
    "attn.out_proj.": "self_attn.out_proj.",
}


def convert(state: State) -> State:
    """Return the weights of ImageBind's vision tower under transformers' names for CLIP's.

    Other modalities' weights are left out; what is unknown keeps its name, so that loading refuses it.
    """
    found: dict[str, Any] = {}
    for name, value in state.items():
        if ".vision." not in name:
            continue
        if block := _BLOCK.fullmatch(name):
            _convert_block(f"vision_model.encoder.layers.{block[1]}.", block[2], value, found)
            continue
        old = next((old for old in _NAMES if name.startswith(old)), "")
        found[_NAMES.get(old, old) + name.removeprefix(old)] = value
    for name, shape in (
        (_NAMES[_STEM + "cls_token"], (-1,)),
        (_NAMES[_STEM + "pos_embedding_helper.pos_embed"], (0, 1)),
    ):
        if name in found:
            found[name] = found[name].flatten() if shape == (-1,) else found[name][0]
    stem = _NAMES[_STEM + "rgbt_stem.proj.1.weight"]
    if stem in found and found[stem].ndim == 5:
        found[stem] = found[stem].sum(dim=2)
    return found


def _convert_block(prefix: str, rest: str, value: Any, found: dict[str, Any]) -> None:
    if rest.startswith("attn.in_proj_"):
        for part, third in zip("qkv", value.chunk(3), strict=True):
            found[f"{prefix}self_attn.{part}_proj.{rest.removeprefix('attn.in_proj_')}"] = third.contiguous()
        return
    old = next((old for old in _IN_BLOCK if rest.startswith(old)), "")
    found[prefix + _IN_BLOCK.get(old, "") + rest.removeprefix(old)] = value


def embed(model: Any, batch: Any) -> Any:
    """Return embeddings (B, 1024) of unit length of stills (B, 3, 224, 224)."""
    from torch.nn.functional import normalize

    return normalize(model(batch).image_embeds.float(), dim=-1)


def load(opening: Opening) -> Extractor:
    """Open ImageBind, with weights that its user has downloaded: their licence is to be agreed to."""
    if opening.weights is None:
        raise SourceError(
            f"imagebind: its weights are for non-commercial use (CC-BY-NC-SA 4.0) and never downloaded unasked; "
            f"if that is fine, download {ADDRESS} (4.8 GB, SHA-256 {DIGEST}) and give the file as --weights"
        )
    checkpoints.verified(opening.weights, ENCODER.choices[0], fix=f"download {ADDRESS} again")
    model = NETWORK.opened("imagebind", ENCODER.variant(opening.variant), VIT_H_14, opening, convert)
    return FrameExtractor(clip_still(), lambda batch: embed(model, batch), opening, batch=16)


ENCODER = Encoder(
    name="imagebind",
    title="ImageBind",
    modality="video",
    reads="clip",
    licence="CC-BY-NC-SA 4.0: non-commercial",
    reference="Girdhar et al. 2023, arXiv:2305.05665",
    choices=(
        Variant("huge", 1024, "frame", "1 per frame", 632_076_800, ADDRESS, DIGEST, used="authors",
                note="every frame as a still; rows have unit length", flops=8_364_756_992_000),
    ),
    load=load,
    libraries=("av", "transformers"),
    here=lambda variant: False,
)  # fmt: skip
"""The entry of the registry."""
