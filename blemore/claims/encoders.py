"""Claims on the encoders of sections 4.1 and 4.2, held against what the authors' scripts use."""

from __future__ import annotations

from blemore import encoders
from blemore.comparison import Comparison, of_number
from blemore.encoders import openface, videomaev2


def claims() -> list[Comparison]:
    """Compare what the text says of encoders with what the authors' scripts read and load."""
    face = {
        "action_units": (len(openface.ACTION_UNITS), "OpenFace: intensities of action units"),
        "head_pose": (len(openface.POSE), "OpenFace: parameters of head pose"),
        "gaze": (len(openface.GAZE), "OpenFace: gaze features"),
        "dimensions": (len(openface.COLUMNS), "OpenFace: features per frame"),
    }
    wide = {encoders.get(name).dim for name in ("hubert", "wavlm")}
    return [
        *(of_number(f"encoder.openface.{part}", n, "released", what) for part, (n, what) in face.items()),
        of_number("encoder.audio.dimensions", float(max(wide)) if len(wide) == 1 else None, "released",
                  "HuBERT and WavLM: features per 20 ms"),
        of_number("encoder.videomaev2.patch_size", videomaev2.VIT_G_14["patch_size"], "released",
                  "VideoMAEv2: side of a patch"),
    ]  # fmt: skip
