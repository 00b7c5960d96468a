"""Claims on the encoders of sections 4.1 and 4.2, compared with what OpenFace wrote and with the release's features."""

from __future__ import annotations

from blemore.encoders.openface import KINDS
from blemore.encoders.videomaev2 import VIT_B_16
from blemore.errors import InputError
from blemore.features import release_folder
from blemore.features.feature_files import read_frames
from blemore.features.release_folder import RELEASE_FOLDERS
from blemore.paper import printed_numbers
from blemore.paper.comparison import Comparison, of_number, of_statement
from blemore.sources import lookup, recorded
from blemore.sources.recorded import Input
from blemore.system import files


def claims() -> tuple[list[Comparison], tuple[Input, ...]]:
    """Compare what the text says of encoders with features that they gave; return the inputs, too.

    OpenFace's columns are counted in a file that the program wrote for a clip, by kind; that the kinds sum to 31 is no further claim. The widths of the other encoders' features
    are read from the release; without it, nothing here decides them. What this package itself says of an encoder is
    no evidence.
    """
    header = recorded.read("openface_columns")
    columns = header.table.set_index("kind")["columns"]
    rows = [
        of_number(f"encoder.openface.{kind}", int(columns[kind]), "recorded", f"OpenFace: features of {kind.replace('_', ' ')}",
                  "columns that OpenFace 2.0 wrote for a clip", evidence="data")
        for kind in KINDS
    ]  # fmt: skip
    widths = {name: _width(name) for name in ("hubert", "wavlm", "videomaev2")}
    inputs = header.as_input, *lookup.inputs(*(f"zenodo/{_folder(name)}" for name in widths))
    return [*rows, _audio(widths), _videomaev2(widths["videomaev2"])], inputs


def _audio(widths: dict[str, tuple[int | None, str]]) -> Comparison:
    id = "encoder.audio.dimensions"
    both = [widths[name] for name in ("hubert", "wavlm")]
    known = [width for width, _ in both if width is not None]
    farthest = max(known, key=lambda width: abs(width - printed_numbers.number(id).value), default=None)
    detail = "; ".join(said for _, said in both)
    what = "HuBERT and WavLM: features per 20 ms"
    return of_number(id, farthest if len(known) == len(both) else None, "measured", what, detail)


def _videomaev2(found: tuple[int | None, str]) -> Comparison:
    """Compare the variant that the text names with the width of the features, which tells variants apart."""
    width, said = found
    named = VIT_B_16["hidden_size"]
    holds = None if width is None else width == named
    what = f"VideoMAEv2 is ViT-B/16, whose features have {named} columns"
    return of_statement("encoder.videomaev2.patch_size", "4.1", what, holds, "measured", said)


def _folder(encoder: str) -> str:
    return f"{RELEASE_FOLDERS[encoder]}_train"


def _width(encoder: str) -> tuple[int | None, str]:
    """Return the width of an encoder's features in the release, from one of its files, and a few words on it."""
    name = _folder(encoder)
    try:
        folder = release_folder.in_release(name)
        paths = [path for path in files.below(folder) if path.suffix.lower() == ".npy"] if folder else []
        if not paths:
            return None, f"needs the release's {name}"
        width = read_frames(paths[0]).shape[-1]
    except InputError as error:
        return None, lookup.in_words(error)
    return width, f"{name} has {width:,} columns"
