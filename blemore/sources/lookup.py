"""Where data come from: the Zenodo release, public results of others, or the embedded stand-in.

Three environment variables say where to look: ``BLEMORE_DATA`` (folder of the Zenodo release),
``BLEMORE_MIRROR`` (folder used instead of the network) and ``BLEMORE_OFFLINE=1`` (no network at all).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blemore.challenge import clips as clip_tables
from blemore.challenge.clips import Clips
from blemore.errors import InputError, SourceError, UnknownNameError
from blemore.features import feature_files
from blemore.features.feature_table import Features, fuse
from blemore.features.release_folder import RELEASE_FOLDERS, below_release, in_release
from blemore.paper.vocabulary import SOURCES, feature_encoders
from blemore.simulation import generator, kept_features
from blemore.sources.recorded import Input
from blemore.system.environment import cache_folder, mirror_folder, offline
from blemore.system.fingerprints import REFERENCE, sha256_of

if TYPE_CHECKING:
    import pooch

ORIGIN = "https://raw.githubusercontent.com/"
"""The paths in the list of released files continue this address: owner/repository/commit/path."""

GROUPS = {
    "summaries": "the authors' validation and test summaries, June 2025 (4 tables)",
    "predictions": "fine-tuned HiCMAE logits for every training clip (20 tables)",
    "logs": "TensorBoard logs of the authors' 105 runs",
}
"""Groups of released files, and what they hold."""

METADATA = "train_metadata.csv"


def released(group: str) -> dict[str, Path]:
    """Return the files of a released group by their public path; empty unless all are here.

    The mirror is asked first, then what ``blemore data fetch released`` has stored. A file whose
    SHA-256 is not the pinned one raises SourceError.
    """
    names = files_of(group)
    found = {name: path for name in names if (path := _find(name)) is not None}
    if len(found) < len(names):
        return {}
    for name, path in found.items():
        if (got := sha256_of(path)) != registry()[name]:
            fix = "delete the file and run `blemore data fetch released`"
            if mirror_folder() in path.parents:
                fix = "copy the file into the mirror again, or correct BLEMORE_MIRROR"
            what = f"content is not the pinned one; expected SHA-256 {registry()[name]}, got {got}"
            raise SourceError(f"{path}: {what}; {fix}")
    return found


def fetch(groups: Iterable[str], *, progress: bool = True) -> dict[str, dict[str, Path]]:
    """Download groups of released files into the cache, checked by SHA-256; what is there is kept.

    Raises
    ------
    SourceError
        If a file is not here and the network may not be used, or it cannot be had, or is not the
        pinned one. Nothing half-written is left: pooch downloads to a temporary name.
    """
    import pooch  # here, since its progress bars warn in a kernel
    from tqdm import tqdm

    store = pooch.create(
        path=cache_folder(), base_url=ORIGIN, registry=registry(), retry_if_failed=0 if mirror_folder() else 2
    )
    pooch.get_logger().setLevel("WARNING")
    got: dict[str, dict[str, Path]] = {}
    for group in groups:
        names = files_of(group)
        bar = tqdm(names, desc=group, unit="file", disable=None if progress else True, leave=False)
        got[group] = {name: _fetch_one(store, name) for name in bar}
    return got


def _fetch_one(store: pooch.Pooch, name: str) -> Path:
    import requests

    try:
        return Path(store.fetch(name, downloader=_download))
    except ValueError as error:  # pooch: the hash differs
        raise SourceError(f"{name}: {' '.join(str(error).split())}") from None
    except requests.RequestException as error:
        raise SourceError(f"{name}: cannot be downloaded ({error}); try again, or set BLEMORE_MIRROR") from None
    except OSError as error:
        why = error.strerror or str(error)
        fix = "set BLEMORE_CACHE to a folder that can be written to"
        raise SourceError(f"{name}: cannot be kept in {cache_folder()} ({why}); {fix}") from None


def _download(url: str, output_file: str, store: pooch.Pooch | None) -> None:
    import pooch

    name = url.removeprefix(ORIGIN)
    mirror = mirror_folder()
    if mirror and (mirror / name).is_file():
        try:
            content = (mirror / name).read_bytes()
        except OSError as error:
            raise SourceError(f"{mirror / name} cannot be read ({error.strerror}); check BLEMORE_MIRROR") from None
        Path(output_file).write_bytes(content)
    elif mirror:
        raise SourceError(f"{name} is not in the mirror {mirror}; check BLEMORE_MIRROR")
    elif offline():
        raise SourceError(f"{name} is not here and BLEMORE_OFFLINE is set; unset it, or set BLEMORE_MIRROR")
    else:
        pooch.HTTPDownloader()(url, output_file, store)


def files_of(group: str) -> list[str]:
    """Return the public paths of a group's files."""
    if group not in GROUPS:
        raise UnknownNameError("group of released files", group, list(GROUPS))
    kinds = {"summaries": "_summary", "predictions": "/pred.csv", "logs": "/runs/"}
    return [name for name in registry() if kinds[group] in name]


def digest(name: str) -> str:
    """Return the SHA-256 of what an input's name stands for here and now, or ``absent``.

    Names: ``released/GROUP``, ``zenodo/FILE``, a file or folder of the release, and ``reference/FILE`` of this package.
    """
    kind, _, rest = name.partition("/")
    if kind == "reference":
        return sha256_of(REFERENCE / rest)
    if kind == "zenodo":
        found = below_release(rest)
        return sha256_of(found[0]) if len(found) == 1 else "absent"
    if not (files := released(rest)):
        return "absent"
    return hashlib.sha256("".join(f"{n} {registry()[n]}\n" for n in files).encode()).hexdigest()


def inputs(*names: str) -> tuple[Input, ...]:
    """Return named inputs with their present digests."""
    return tuple(Input(name, digest(name)) for name in names)


def clips(source: str = "auto", metadata: str | Path = "") -> tuple[Clips, tuple[Input, ...]]:
    """Return the clip table and the inputs that it came from.

    Parameters
    ----------
    source : {'auto', 'standin', 'zenodo'}
        ``auto`` reads the release where ``BLEMORE_DATA`` names it, else invents the stand-in table.
    metadata : path, optional
        A metadata file to read whatever the source.
    """
    if source not in SOURCES:
        raise UnknownNameError("source", source, SOURCES)
    if str(metadata):
        path = Path(metadata)
        table = clip_tables.read_metadata(path)
        return table, (Input("file/metadata", sha256_of(path)),)
    name = f"zenodo/{METADATA}"
    found = in_release(METADATA)
    if source == "zenodo" and not found:
        raise SourceError(f"{METADATA} is not here; set BLEMORE_DATA to the folder of the Zenodo release")
    if found and source != "standin":
        return clip_tables.read_metadata(found), inputs(name)
    return clip_tables.standin(), inputs(name) if source == "auto" else ()


def features(
    encoder: str, clips: Clips, source: str = "auto", *, path: str | Path = "", profile: str = "quick",
    seed: int = generator.DISPLAYED_SEED, world: generator.World | None = None, partition: str = "train",
) -> tuple[Features, tuple[Input, ...]]:  # fmt: skip
    """Return a feature table and its inputs: of a file that is named, of the release, or simulated for the clips.

    Parameters
    ----------
    encoder : str
        ``a+b`` for a fusion, ``id:sub`` for subsamples.
    clips : Clips
        Whose features are simulated, where they are.
    source : {'auto', 'standin', 'zenodo'}
        ``auto`` reads the release where ``BLEMORE_DATA`` names one with features, else simulates.
    path : path, optional
        A feature table to read whatever the source, see :func:`blemore.features.feature_files.read`.
    profile, seed, world
        Of simulated features, see :func:`blemore.simulation.generator.features`.
    partition : {'train', 'test'}
        Of the release.

    Raises
    ------
    SourceError
        If the release has no features of this encoder that can be read, or it is not simulated.
    """
    if source not in SOURCES:
        raise UnknownNameError("source", source, SOURCES)
    if str(path):
        return feature_files.read(path, encoder=encoder), (Input("file/features", sha256_of(path)),)
    if "+" in encoder:
        parts = [features(part, clips, source, profile=profile, seed=seed, world=world, partition=partition)
                 for part in encoder.split("+")]  # fmt: skip
        return fused(*parts)
    if real(source):
        return _release(encoder, partition)
    if (alone := encoder.removesuffix(":sub")) not in generator.WIDTHS and alone in feature_encoders():
        raise SourceError(f"{alone}: not simulated, and no features of real clips are here")
    if world is not None:
        return generator.features(encoder, clips, seed=seed, profile=profile, parameters=world), ()
    return kept_features.features(encoder, clips, cache_folder() / "standin", seed=seed, profile=profile), ()


def features_or_simulated(
    encoder: str, clips: Clips, source: str = "auto", **given: Any
) -> tuple[Features, tuple[Input, ...], str]:
    """Return what :func:`features` does, simulated where the release that ``auto`` found lacks it, and a note that says so.

    For pages that show what features are like; a table of results leaves such a row empty.
    """
    try:
        return *features(encoder, clips, source, **given), ""
    except SourceError as error:
        if source != "auto":
            raise
        table, inputs = features(encoder, clips, "standin", **given)
        return table, (*asked(encoder, source), *inputs), f"{error}. The features shown for {encoder} are simulated."


def fused(*parts: tuple[Features, tuple[Input, ...]]) -> tuple[Features, tuple[Input, ...]]:
    """Fuse tables that :func:`features` gave, of the clips that all have; a single one stays as it is."""
    (whole, inputs), *others = parts
    for one, more in others:
        known = set(one.names)
        both = [name for name in whole.names if name in known]
        whole, inputs = fuse(whole.select(both), one.select(both)), tuple(dict.fromkeys((*inputs, *more)))
    return whole, inputs


def has_features() -> bool:
    """Tell whether ``BLEMORE_DATA`` names a folder with ready features of training clips."""
    folders = RELEASE_FOLDERS.values()
    return any(below_release(f"{name}_train") for name in folders)


def real(source: str) -> bool:
    """Tell whether a source means the release's features, and not simulated ones."""
    return source == "zenodo" or (source == "auto" and has_features())


def asked(row: str, source: str = "auto") -> tuple[Input, ...]:
    """Return the release's training features that a row asks for, whether or not they are here and can be read."""
    known = RELEASE_FOLDERS
    parts = [part.removesuffix(":sub") for part in row.split("+")] if real(source) else []
    return inputs(*(f"zenodo/{known[part]}_train" for part in parts if part in known))


def _release(encoder: str, partition: str) -> tuple[Features, tuple[Input, ...]]:
    alone = encoder.removesuffix(":sub")
    if alone not in RELEASE_FOLDERS:
        raise SourceError(f"the release has no features of {alone}")
    name = f"{RELEASE_FOLDERS[alone]}_{partition}"
    try:
        if not (folder := in_release(name)):
            raise SourceError(f"{name} is not here; set BLEMORE_DATA to the folder of the Zenodo release")
        table = feature_files.read_folder(folder, encoder=encoder, subsamples=alone != encoder)
    except InputError as error:  # it costs the rows of this encoder, and no more
        raise SourceError(in_words(error)) from None
    return table, inputs(f"zenodo/{name}")


def in_words(error: InputError) -> str:
    """Return what an error on a file of the release says, with the file's path below ``BLEMORE_DATA``.

    Pages hold no path of a machine. It is taken away before a long path is shortened, which would hide it.
    """
    folder = str(Path(os.environ["BLEMORE_DATA"]))
    return str(error.replaced(f"{folder}{os.sep}", "").replaced(folder, "BLEMORE_DATA"))


def describe() -> list[dict[str, object]]:
    """List each source with what it holds, whether it is here, and its digest."""
    rows = [("standin", "invented clip names with the published counts", "embedded")]
    rows += [("zenodo", f"the release's {METADATA} (BLEMORE_DATA)", digest(f"zenodo/{METADATA}"))]
    rows += [(f"released/{group}", text, digest(f"released/{group}")) for group, text in GROUPS.items()]
    return [
        {
            "name": n,
            "holds": text,
            "here": d != "absent",
            "sha256": None if d in ("absent", "embedded") else d,
        }
        for n, text, d in rows
    ]


@cache
def registry() -> dict[str, str]:
    """Return the released files by public path, with their pinned SHA-256."""
    text = resources.files("blemore.paper").joinpath("reference", "released.txt").read_text()
    return dict(line.split() for line in text.splitlines())


def _find(name: str) -> Path | None:
    mirror = mirror_folder()
    folders = [mirror, cache_folder()] if mirror else [cache_folder()]
    return next((folder / name for folder in folders if (folder / name).is_file()), None)
