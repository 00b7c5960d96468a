"""Encoders of sections 4.1 and 4.2, and others: one file each, one registry.

Importing this package loads no model and no large library; :meth:`Encoder.open` does.
"""

from __future__ import annotations

from importlib.metadata import entry_points

from blemore.encoders import clip, egemaps, hicmae, hubert, imagebind, openface, videomaev2, videoswin, wavlm
from blemore.encoders.registry import Encoder, Extractor, LibraryError, Variant
from blemore.errors import InputError, UnknownNameError
from blemore.paper.vocabulary import GROUP

__all__ = ["GROUP", "REGISTRY", "Encoder", "Extractor", "LibraryError", "Variant", "get", "known"]

_MODULES = (openface, clip, imagebind, videomaev2, videoswin, hubert, wavlm, egemaps, hicmae)

REGISTRY: dict[str, Encoder] = {module.ENCODER.name: module.ENCODER for module in _MODULES}
"""This package's encoders by id: the paper's in its order, then others."""


def get(name: str) -> Encoder:
    """Return an encoder by id.

    Raises
    ------
    UnknownNameError
        If there is none; the text suggests the closest.

    Examples
    --------
    >>> get("wavlm").dim
    1024
    >>> get("wavln")
    Traceback (most recent call last):
    ...
    blemore.errors.UnknownNameError: unknown encoder 'wavln'; did you mean 'wavlm'? (known: openface, clip, imagebind, \
videomaev2, videoswin, hubert, wavlm, egemaps, hicmae)
    """
    if name in REGISTRY:
        return REGISTRY[name]
    encoders = known()
    if name not in encoders:
        raise UnknownNameError("encoder", name, list(encoders))
    return encoders[name]


def known() -> dict[str, Encoder]:
    """Return all encoders by id: this package's, then those of other installed packages.

    Raises
    ------
    InputError
        If another package's entry cannot be imported, is no Encoder, or takes an id that is taken.
    """
    found = dict(REGISTRY)
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        where = f"entry point {point.name} ({point.value})"
        try:
            encoder = point.load()
        except Exception as error:  # someone else's code may fail in any way
            raise InputError(where, "cannot be imported", got=f"{type(error).__name__}: {error}") from None
        if not isinstance(encoder, Encoder):
            raise InputError(where, "is not a blemore.encoders.Encoder", got=type(encoder).__name__)
        if encoder.name in found:
            raise InputError(where, f"the id {encoder.name!r} is taken", fix="choose another name")
        if encoder.name != point.name:  # by the names of entries alone ids are checked, without an import
            raise InputError(where, f"is named {encoder.name!r}", fix="give entry point and encoder the same name")
        found[encoder.name] = encoder
    return found
