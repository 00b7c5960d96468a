"""Weights: where they are, how they are read, and that they fit their network to the last key."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blemore.encoders.registry import Opening, Variant
from blemore.errors import InputError, SourceError, first
from blemore.system import environment, files, fingerprints

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch

State = Mapping[str, "torch.Tensor"]

_WRAPPERS = ("module", "model", "state_dict")  # what training programs wrap the weights of their checkpoints in


def locate(name: str, variant: Variant, weights: Path | None) -> Path:
    """Return the file of weights: the one given, else the pinned one of huggingface.co, from its cache if it is there.

    Raises
    ------
    SourceError
        If it is not here and may not be downloaded (``BLEMORE_OFFLINE``, ``HF_HUB_OFFLINE``), or cannot be.
    """
    if weights is not None:
        return weights
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError

    repository, file = split(variant.checkpoint)
    try:
        return Path(hf_hub_download(repository, file, revision=variant.revision, local_files_only=offline()))
    except (OSError, HfHubHTTPError, ValueError) as error:
        why = "the network may not be used" if offline() else f"cannot be downloaded ({type(error).__name__})"
        raise absent(name, f"https://huggingface.co/{repository}/resolve/{variant.revision}/{file}", why) from None


def verified(path: Path, variant: Variant, fix: str) -> Path:
    """Return a file of weights whose SHA-256 begins as the variant's `revision` does.

    Raises
    ------
    InputError
        If the SHA-256 is another one, or the file cannot be read.
    """
    try:
        got = fingerprints.sha256_of(path)
    except OSError as error:
        raise files.unreadable(path, error) from None
    if not got.startswith(variant.revision):
        raise InputError(
            path,
            "not the pinned weights",
            expected=f"SHA-256 {variant.revision}",
            got=got[: len(variant.revision)],
            fix=fix,
        )
    return path


def absent(name: str, address: str, why: str) -> SourceError:
    """Return the error for weights that are not here: what to download, and where to put it."""
    return SourceError(f"{name}: its weights are not here and {why}; download {address} and give the file as --weights")


def cached(variant: Variant) -> bool:
    """Tell whether the pinned file of huggingface.co is on this machine."""
    from huggingface_hub import try_to_load_from_cache

    repository, file = split(variant.checkpoint)
    return isinstance(try_to_load_from_cache(repository, file, revision=variant.revision), str)


def split(checkpoint: str) -> tuple[str, str]:
    """Return the repository and the file within it.

    >>> split("OpenGVLab/VideoMAE2/distill/vit_b.pth")
    ('OpenGVLab/VideoMAE2', 'distill/vit_b.pth')
    """
    owner, repository, file = checkpoint.split("/", 2)
    return f"{owner}/{repository}", file


def offline() -> bool:
    """Tell whether weights must not be downloaded (``BLEMORE_OFFLINE`` or ``HF_HUB_OFFLINE``)."""
    return environment.offline() or os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")


def read(path: Path) -> dict[str, torch.Tensor]:
    """Read weights by name: safetensors, or a torch file without any other object in it.

    Raises
    ------
    InputError
        If the file cannot be read, or holds more than tensors.
    """
    import torch

    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        held = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged files fail in as many ways as there are formats
        got = str(error).strip().splitlines() or [type(error).__name__]
        fix = "a .safetensors file, or a torch file that torch.load(weights_only=True) reads, is expected"
        raise InputError(path, "cannot be read as weights", got=got[0][:120], fix=fix) from None
    while isinstance(held, Mapping) and (
        inner := [held[key] for key in _WRAPPERS if isinstance(held.get(key), Mapping)]
    ):
        held = inner[0]
    if not isinstance(held, Mapping) or not all(isinstance(value, torch.Tensor) for value in held.values()):
        raise InputError(path, "holds no weights", expected="tensors by name")
    return dict(held)


def pretrained(kind: type[Any], config: Any, state: State, where: object, opening: Opening) -> Any:
    """Return a model of transformers with these weights, ready to use; none missing, none left over.

    Parameters
    ----------
    kind, config : a model class of transformers, and its configuration
    state : weights by the names of that class, old names of transformers included
    where : the file that errors point at
    """
    import torch

    dtype = getattr(torch, opening.precision)
    with _quiet():
        try:
            model, info = kind.from_pretrained(
                None, config=config, state_dict=dict(state), dtype=dtype, output_loading_info=True,
                ignore_mismatched_sizes=True,
            )  # fmt: skip
        except RuntimeError as error:
            raise InputError(where, "not the weights of this network", got=_shapes(error), fix=_FIX) from None
    if others := [f"{key} {tuple(held)}, not {tuple(own)}" for key, held, own in sorted(info["mismatched_keys"])]:
        raise InputError(where, "weights of other shapes", got=first(others, 1), fix=_FIX)
    _refuse(where, info["missing_keys"], info["unexpected_keys"])
    return model.to(opening.device).eval()


def fill(model: torch.nn.Module, state: State, where: object, opening: Opening) -> Any:
    """Put weights into any other network, as :func:`pretrained` does."""
    import torch

    try:
        missing, unexpected = model.load_state_dict(state, strict=False)
    except RuntimeError as error:
        raise InputError(where, "weights of other shapes", got=_shapes(error), fix=_FIX) from None
    _refuse(where, missing, unexpected)
    return model.to(opening.device, getattr(torch, opening.precision)).eval()


_FIX = "check that file and variant belong together"


def _refuse(where: object, missing: Any, unexpected: Any) -> None:
    parts = [f"{len(keys)} {word} ({first(sorted(keys))})"
             for keys, word in ((missing, "missing"), (unexpected, "unexpected")) if keys]  # fmt: skip
    if parts:
        raise InputError(where, "not the weights of this network", got=" and ".join(parts), fix=_FIX)


def _shapes(error: RuntimeError) -> str:
    lines = [line.strip() for line in str(error).splitlines() if "size" in line or "shape" in line]
    return first(lines, 1) if lines else str(error).splitlines()[0][:200]


@contextmanager
def _quiet() -> Iterator[None]:
    """Let transformers print neither bars nor reports: what matters of them becomes an error."""
    from transformers.utils import logging

    before, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(before)
        if bars:
            with suppress(Exception):
                logging.enable_progress_bar()
