"""Video Swin Transformer, by torchvision: windows of 32 frames, one each 16 (paper, section 4.1).

The authors fine-tuned it on 13 classes of their own and did not release those weights; here are those of
Kinetics-400. Their clips were filled with black to 10 s, so that most windows of a short clip show nothing.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blemore.encoders import checkpoints
from blemore.encoders.checkpoints import State
from blemore.encoders.extractors import WindowExtractor
from blemore.encoders.registry import Encoder, Extractor, LibraryError, Opening, Variant
from blemore.system.environment import cache_folder

SECONDS = 10.0
"""Length to which the authors filled clips with black."""

_WEIGHTS = {"swin-b": "Swin3D_B_Weights", "swin-s": "Swin3D_S_Weights", "swin-t": "Swin3D_T_Weights"}
_ADDRESS = "https://download.pytorch.org/models/"


def library() -> Any:
    """Return ``torchvision.models.video``.

    Raises
    ------
    LibraryError
        If torchvision was built for another torch than the one that is installed.
    """
    try:
        from torchvision.models import video
    except (ImportError, RuntimeError) as error:
        raise LibraryError(
            f"videoswin: torchvision does not fit this torch ({str(error).splitlines()[0]}); "
            "install torch==2.13.0 and torchvision==0.28.0 from one and the same index"
        ) from None
    return video


def build(**sizes: Any) -> Any:
    """Return a network with random weights; `sizes` as torchvision's ``SwinTransformer3d`` takes them."""
    return library().swin_transformer.SwinTransformer3d(**sizes)


def convert(state: State) -> State:
    """Return weights without the ``module.`` that training on several GPUs leaves before every name."""
    return {name.removeprefix("module."): value for name, value in state.items()}


def embed(model: Any, batch: Any) -> Any:
    """Return the features (B, D) of windows (B, T, 3, H, W): averaged over space and time, before the classifier."""
    x = model.norm(model.features(model.pos_drop(model.patch_embed(batch.transpose(1, 2)))))
    return model.avgpool(x.permute(0, 4, 1, 2, 3)).flatten(1)


def prepare(frame: NDArray[np.uint8], preset: Any) -> Any:
    """Return a frame as the weights' own preset prepares it: (H, W, 3) uint8 to (3, 224, 224) float32."""
    import torch

    return preset(torch.from_numpy(np.ascontiguousarray(frame)).permute(2, 0, 1)[None])[:, 0]


def load(opening: Opening) -> Extractor:
    """Open Video Swin."""
    variant = ENCODER.variant(opening.variant)
    name = variant.name.removesuffix("-unpadded")
    path = opening.weights or _locate(variant)
    video = library()
    model = checkpoints.fill(
        getattr(video, name.replace("swin-", "swin3d_"))(), convert(checkpoints.read(path)), path, opening
    )
    return extractor(model, variant.name, opening)


def extractor(model: Any, variant: str, opening: Opening) -> Extractor:
    """Return what extracts with a network, prepared and filled as a variant is."""
    preset = getattr(library(), _WEIGHTS[variant.removesuffix("-unpadded")]).KINETICS400_V1.transforms()
    black = prepare(np.zeros((256, 256, 3), np.uint8), preset)  # whatever a frame's size, black is the same
    seconds = 0.0 if variant.endswith("-unpadded") else SECONDS
    return WindowExtractor(partial(prepare, preset=preset), partial(embed, model), opening, length=32, step=16,
                           seconds=seconds, blank=lambda frame: black)  # fmt: skip


def _stored(variant: Variant) -> Path:
    return cache_folder() / "weights" / variant.checkpoint.removeprefix(_ADDRESS)


def _locate(variant: Variant) -> Path:
    """Return the file of weights from the cache, or download it; checked by the digest in its name, 32 bits of SHA-256."""
    if (path := _stored(variant)).is_file():
        return checkpoints.verified(path, variant, fix="delete it: it is downloaded again")
    if checkpoints.offline():
        raise checkpoints.absent("videoswin", variant.checkpoint, "the network may not be used")
    from torch.hub import download_url_to_file

    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        download_url_to_file(variant.checkpoint, str(path), hash_prefix=variant.revision, progress=False)
    except (OSError, RuntimeError) as error:
        raise checkpoints.absent("videoswin", variant.checkpoint, f"cannot be downloaded ({error})") from None
    return path


def _variant(name: str, dim: int, n_parameters: int, file: str, flops: int, **more: str) -> Variant:
    digest = file.rsplit("-", 1)[1].removesuffix(".pth")
    return Variant(name, dim, "window", "1 per 16 frames", n_parameters, _ADDRESS + file, digest, flops=flops, **more)


_B, _S, _T = ("swin3d_b_1k-24f7c7c6.pth", "swin3d_s-da41c237.pth", "swin3d_t-7615ae03.pth")
ENCODER = Encoder(
    name="videoswin",
    title="VideoSwin",
    modality="video",
    reads="clip",
    licence="BSD-3-Clause",
    reference="Liu et al. 2022, arXiv:2106.13230",
    choices=(
        _variant("swin-b", 1024, 88_048_984, _B, 879_163_801_600, used="authors",
                 note="filled to 10 s as theirs; size and weights differ: theirs were not released"),
        _variant("swin-s", 768, 49_816_678, _S, 517_756_108_800, note="filled to 10 s"),
        _variant("swin-t", 768, 28_158_070, _T, 274_262_016_000, note="filled to 10 s"),
        _variant("swin-b-unpadded", 1024, 88_048_984, _B, 879_163_801_600, note="only windows that show the clip"),
    ),
    load=load,
    libraries=("av", "torchvision"),
    extra="encoders,videoswin",
    here=lambda variant: _stored(variant).is_file(),
)  # fmt: skip
"""The entry of the registry."""
