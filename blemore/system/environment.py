"""Where this machine keeps things: the cache, a mirror in place of the network, and whether the network may be used."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from blemore.errors import SourceError


def cache_folder() -> Path:
    """Return the folder of downloads (``BLEMORE_CACHE``, else the system's cache folder)."""
    return Path(os.environ.get("BLEMORE_CACHE") or platformdirs.user_cache_dir("blemore"))


def mirror_folder() -> Path | None:
    """Return the folder that stands in for the network, or None; SourceError if it is no folder."""
    if not (folder := os.environ.get("BLEMORE_MIRROR")):
        return None
    if not Path(folder).is_dir():
        raise SourceError(f"BLEMORE_MIRROR={folder} is not a folder; unset it, or correct the path")
    return Path(folder).resolve()


def offline() -> bool:
    """Tell whether the network must not be touched (``BLEMORE_OFFLINE``)."""
    return os.environ.get("BLEMORE_OFFLINE", "") not in ("", "0")
