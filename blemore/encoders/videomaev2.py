"""VideoMAE V2: one feature for 16 frames (paper, section 4.1).

The text names ViT-B/16. The authors' features are those of ViT-g/14, fine-tuned on 710 classes of Kinetics, on
windows of 16 frames that do not overlap, the last one filled with black; and frames had blue first, as OpenCV
reads them, where the network was trained on red first.

Two licences are named: the repository of these files, OpenGVLab/VideoMAE2, is tagged Apache-2.0, and the cards of
OpenGVLab/VideoMAEv2-Base and -giant, by the same people, CC-BY-NC 4.0.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Any

from blemore.encoders import checkpoints
from blemore.encoders.checkpoints import State
from blemore.encoders.extractors import WindowExtractor
from blemore.encoders.networks import Network
from blemore.encoders.preprocessing import squashed
from blemore.encoders.registry import Encoder, Extractor, Opening, Variant

VIT_G_14 = {"hidden_size": 1408, "intermediate_size": 6144, "num_hidden_layers": 40, "num_attention_heads": 16,
            "patch_size": 14, "num_labels": 710}  # fmt: skip
VIT_B_16 = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
            "patch_size": 16, "num_labels": 710}  # fmt: skip

NETWORK = Network(
    "VideoMAEForVideoClassification", "VideoMAEConfig",
    {"num_frames": 16, "tubelet_size": 2, "use_mean_pooling": True, "layer_norm_eps": 1e-6},
)  # fmt: skip
config, build = NETWORK.config, NETWORK.build

_REPOSITORY = "OpenGVLab/VideoMAE2"
_REVISION = "706cc172d65ebd4dedbee3f9c0183a93df9fa125"
_BLOCK = re.compile(r"blocks\.(\d+)\.(.+)")
_IN_BLOCK = {
    "norm1.": "layernorm_before.",
    "norm2.": "layernorm_after.",
    "attn.proj.": "attention.output.dense.",
    "mlp.fc1.": "intermediate.dense.",
    "mlp.fc2.": "output.dense.",
    "attn.q_bias": "attention.attention.query.bias",
    "attn.v_bias": "attention.attention.value.bias",
}
_PREFIXES = ("module.", "model.", "backbone.")  # what programs put before every name


def convert(state: State) -> State:
    """Return the weights of a checkpoint of VideoMAE V2 under transformers' names.

    What is unknown keeps its name, so that loading refuses it.
    """
    return dict(pair for name, value in state.items() for pair in _renamed(_bare(name), value))


def _bare(name: str) -> str:
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    return name


def _renamed(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    block = _BLOCK.fullmatch(name)
    if not block:
        name = name.replace("patch_embed.proj.", "videomae.embeddings.patch_embeddings.projection.")
        yield re.sub(r"^head\.", "classifier.", name), value
        return
    prefix, rest = f"videomae.encoder.layer.{block[1]}.", block[2]
    if rest == "attn.qkv.weight":
        for part, third in zip(("query", "key", "value"), value.chunk(3), strict=True):
            yield f"{prefix}attention.attention.{part}.weight", third.contiguous()
        return
    old = next((old for old in _IN_BLOCK if rest.startswith(old)), "")
    yield prefix + _IN_BLOCK.get(old, "") + rest.removeprefix(old), value


def embed(model: Any, batch: Any) -> Any:
    """Return the features (B, D) of windows (B, 16, 3, H, W): the norm of the tokens' mean, before the classifier."""
    return model.fc_norm(model.videomae(batch).last_hidden_state.mean(dim=1))


def load(opening: Opening) -> Extractor:
    """Open VideoMAE V2."""
    sizes = VIT_B_16 if opening.variant == "vit-b" else VIT_G_14
    model = NETWORK.opened("videomaev2", ENCODER.variant(opening.variant), sizes, opening, convert)
    prepare = partial(squashed, bgr=opening.variant == "vit-g")
    return WindowExtractor(prepare, partial(embed, model), opening)


_giant = partial(Variant, dim=1408, level="window", rate="1 per 16 frames", n_parameters=1_012_611_142, flops=7_946_220_339_200,
                 checkpoint=f"{_REPOSITORY}/mae-g/vit_g_hybrid_pt_1200e_k710_ft.pth", revision=_REVISION)  # fmt: skip
_base = partial(Variant, dim=768, level="window", rate="1 per 16 frames", n_parameters=86_773_190, flops=563_576_832_000,
                checkpoint=f"{_REPOSITORY}/distill/vit_b_k710_dl_from_giant.pth", revision=_REVISION)  # fmt: skip

ENCODER = Encoder(
    name="videomaev2",
    title="VideoMAEv2",
    modality="video",
    reads="clip",
    licence="Apache-2.0 (repository of these files) or CC-BY-NC 4.0: non-commercial (cards of VideoMAEv2)",
    reference="Wang et al. 2023, arXiv:2303.16727",
    choices=(
        _giant("vit-g", used="authors", note="ViT-g/14; blue first"),
        _giant("vit-g-rgb", note="ViT-g/14; red first, as it was trained"),
        _base("vit-b", used="text", note="ViT-B/16, distilled from ViT-g; red first"),
    ),
    load=load,
    libraries=("av", "transformers"),
    here=checkpoints.cached,
)
"""The entry of the registry."""
