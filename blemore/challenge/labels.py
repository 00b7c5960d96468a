"""Emotions, the file-name grammar and soft labels (paper, sections 3.1 and 4.5).

A clip shows one emotion or a blend of two. Its truth is a row of *saliences*: six integers in percent,
in the order of :data:`EMOTIONS`, that sum to 100. Decisions of a system have the same form, so that
scoring is a comparison of two integer arrays.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blemore.errors import ClipNameError, InputError, UnknownNameError, first

EMOTIONS = ("ang", "disg", "fea", "hap", "sad", "neu")
"""Emotion order of every array in the package (columns 0..5)."""

EMOTION_NAMES = dict(zip(EMOTIONS, ("anger", "disgust", "fear", "happiness", "sadness", "neutral"), strict=True))

BLENDABLE = EMOTIONS[:5]
"""Emotions that occur in blends; neutral never does."""

PAIRS = tuple((a, b) for i, a in enumerate(BLENDABLE) for b in BLENDABLE[i + 1 :])
"""The ten blends, in the order in which file names give them."""

RATIOS = ((30, 70), (50, 50), (70, 30))
"""Saliences (first, second) of a blend, in the order that breaks ties of the trivial baseline."""

CLASSES = ("ang", "disg", "fea", "hap", "neu", "sad", *("-".join(pair) for pair in PAIRS))
"""The 16 classes in the order of the axes of the paper's Figure 4 (the one place where neutral is fifth)."""

Saliences = NDArray[np.int64] | NDArray[np.float64]
"""(N, 6) in percent, rows sum to 100: one entry of 100, or two entries. Whole numbers, but for decisions that people bring."""

_SINGLE = re.compile(
    r"(?P<actor>A[1-9]\d{0,8})_(?P<emotion>[a-z]+)_(?:int(?P<intensity>[1-9]\d{0,8})|sit(?P<situation>[1-9]\d{0,8}))"
    r"_ver(?P<version>[1-9]\d{0,8})",
    re.ASCII,
)
_BLEND = re.compile(
    r"(?P<actor>A[1-9]\d{0,8})_mix_(?P<a>[a-z]+)_(?P<b>[a-z]+)_(?P<p>\d{1,9})_(?P<q>\d{1,9})_ver(?P<version>[1-9]\d{0,8})",
    re.ASCII,
)
_SUFFIX = re.compile(r"\.(mov|mp4|mkv|webm|avi|wav|flac|m4a|mp3|ogg|npy|csv)$", re.IGNORECASE)


@dataclass(frozen=True)
class ClipName:
    """What the file name of a training clip says about it."""

    actor: str
    emotions: tuple[str, ...]
    saliences: tuple[int, ...]
    version: int
    intensity: int | None = None
    situation: int | None = None


def stem(name: str) -> str:
    """Return a clip's name without folder and media suffix.

    >>> stem("clips/test_0001.mov")
    'test_0001'
    """
    return _SUFFIX.sub("", name.replace("\\", "/").rsplit("/", 1)[-1])


def parse_clip_name(name: str) -> ClipName:
    """Read emotions, saliences and the rest from a training clip's file name (section 3.1).

    Raises
    ------
    ClipNameError
        If the name departs from the grammar; the text says where.

    Examples
    --------
    >>> clip = parse_clip_name("A411_mix_ang_hap_30_70_ver1.mov")
    >>> clip.actor, clip.emotions, clip.saliences
    ('A411', ('ang', 'hap'), (30, 70))
    >>> parse_clip_name("A303_neu_sit2_ver1").situation
    2
    """
    text = stem(name)
    if match := _BLEND.fullmatch(text):
        return _blend(name, match)
    if match := _SINGLE.fullmatch(text):
        return _single(name, match)
    raise ClipNameError(name, _what_is_wrong(text))


def _blend(name: str, match: re.Match[str]) -> ClipName:
    pair, ratio = (match["a"], match["b"]), (int(match["p"]), int(match["q"]))
    for emotion in pair:
        if emotion not in BLENDABLE:
            raise ClipNameError(name, f"{emotion!r} does not occur in blends (those that do: {', '.join(BLENDABLE)})")
    if pair not in PAIRS:
        raise ClipNameError(
            name, f"a blend names two different emotions in the order {', '.join(BLENDABLE)}, not {pair}"
        )
    if ratio not in RATIOS:
        raise ClipNameError(name, f"salience {ratio[0]}/{ratio[1]} is not one of 30/70, 50/50, 70/30")
    return ClipName(match["actor"], pair, ratio, int(match["version"]))


def _single(name: str, match: re.Match[str]) -> ClipName:
    emotion = match["emotion"]
    if emotion not in EMOTIONS:
        raise ClipNameError(name, f"unknown emotion {emotion!r} (known: {', '.join(EMOTIONS)})")
    if (emotion == "neu") != (match["situation"] is not None):
        raise ClipNameError(name, "neutral clips have a situation (sit1), the other emotions an intensity (int1)")
    intensity = int(match["intensity"]) if match["intensity"] else None
    situation = int(match["situation"]) if match["situation"] else None
    return ClipName(match["actor"], (emotion,), (100,), int(match["version"]), intensity, situation)


def _what_is_wrong(text: str) -> str:
    if not re.match(r"A\d+_", text):
        return "it does not begin with an actor (A and digits) and an underscore"
    if not re.search(r"_ver\d+$", text):
        return "it does not end with a version (_ver1)"
    if re.search(r"\d{10}", text):
        return "a number in it has more than nine digits"
    if "_mix_" in text:
        return "a blend needs two emotions and two saliences between _mix_ and _ver"
    return "between actor and version there must be an emotion and int1 or sit1"


def saliences(emotions: Sequence[str], percent: Sequence[float], *, rounded: bool = False) -> list[float]:
    """Return one row of saliences (6 numbers in percent) from emotion names and their shares.

    Parameters
    ----------
    emotions, percent : one or two names, and as many shares
    rounded : bool
        Shares are rounded to whole percents before they are compared, so their sum may be off by half a percent.

    Raises
    ------
    InputError, UnknownNameError
        If an emotion is unknown or named twice, if there are not one or two, or if the shares are not
        100, or two positive numbers that sum to 100. A ratio that no clip has is none the less one.

    Examples
    --------
    >>> saliences(["hap", "sad"], [70, 30])
    [0, 0, 0, 70, 30, 0]
    """
    for emotion in emotions:
        if emotion not in EMOTIONS:
            raise UnknownNameError("emotion", emotion, EMOTIONS)
    got = ", ".join(f"{emotion} {share}" for emotion, share in zip(emotions, percent, strict=True))
    shares = [float(share) if abs(share) < 1000 else math.inf for share in percent]
    if len(shares) not in (1, 2) or len(set(emotions)) != len(shares):
        raise InputError("saliences", "a clip shows one emotion or two different ones", got=got or "none")
    if abs(sum(shares) - 100) > (0.5 if rounded else 0) or any(share <= 0 for share in shares):
        raise InputError("saliences", "not 100, nor a positive pair that sums to 100", got=got)
    row: list[float] = [0] * len(EMOTIONS)
    for emotion, share in zip(emotions, shares, strict=True):
        row[EMOTIONS.index(emotion)] = int(share) if share == int(share) else share
    return row


def saliences_of_name(name: str) -> list[float]:
    """Return the truth that one file name carries: six whole numbers in percent."""
    clip = parse_clip_name(name)
    return saliences(clip.emotions, clip.saliences)


def saliences_of_names(names: Iterable[str]) -> Saliences:
    """Return the truth that file names carry: (N, 6) integers in percent."""
    rows = [saliences_of_name(name) for name in names]
    return np.array(rows, dtype=np.int64).reshape(-1, len(EMOTIONS))


def soft_labels(truth: Saliences) -> NDArray[np.float32]:
    """Return soft labels (N, 6) float32, rows sum to 1: saliences as probabilities (section 4.5).

    >>> soft_labels(saliences_of_names(["A411_mix_hap_sad_70_30_ver1"])).tolist()[0][3:5]
    [0.699999988079071, 0.30000001192092896]
    """
    return (truth / 100).astype(np.float32)


def class_index(truth: Saliences) -> NDArray[np.int64]:
    """Return each row's class (N,), an index into :data:`CLASSES`: which emotions, not in what ratio.

    A row that is none of the 16, such as a blend with neutral, raises InputError.

    >>> CLASSES[class_index(saliences_of_names(["A411_mix_hap_sad_70_30_ver1"]))[0]]
    'hap-sad'
    """
    codes = (np.asarray(truth) > 0) @ (1 << np.arange(len(EMOTIONS)))
    known = {sum(1 << EMOTIONS.index(e) for e in name.split("-")): i for i, name in enumerate(CLASSES)}
    if strange := set(codes.tolist()) - set(known):
        which = ["+".join(e for i, e in enumerate(EMOTIONS) if code >> i & 1) for code in sorted(strange)]
        raise InputError("saliences", "not one of the 16 classes", got=first(which))
    return np.array([known[code] for code in codes.tolist()], dtype=np.int64)
