"""Clips of nobody: a drawn face and a synthetic voice, to try encoders on. Simulated, and never for claims.

The face has controls in the manner of action units, the voice is a source (harmonics of glottal pulses) and a
filter (three formants). Both are driven by the saliences that the clip's name carries: a blend mixes the
controls of its two emotions, and the expression rises from neutral and falls back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blemore.challenge.labels import EMOTIONS, PAIRS, RATIOS, parse_clip_name, saliences_of_name, stem
from blemore.encoders import media
from blemore.errors import InputError

CONTROLS = ("inner_brow", "outer_brow", "lids", "corners", "jaw", "nose", "pitch", "span", "loudness", "tempo")
"""Six of the face (raised brows, opened lids, raised lip corners, dropped jaw, wrinkled nose), four of the voice."""

EXPRESSIONS = np.array([  # one row an emotion, in the order of EMOTIONS; 0 is neutral, 1 much, -1 the opposite
    # inner outer  lids corners jaw  nose | pitch span loud tempo
    [-1.0, -0.2, -0.3, -0.3, 0.1, 0.3,    0.4,  0.6,  1.0,  0.6],
    [-0.5, -0.3, -0.6, -0.4, 0.1, 1.0,   -0.2,  0.1,  0.1, -0.4],
    [ 1.0,  0.5,  0.9, -0.2, 0.5, 0.0,    1.0,  0.5,  0.2,  0.8],
    [ 0.1,  0.2, -0.2,  1.0, 0.4, 0.0,    0.6,  0.9,  0.5,  0.4],
    [ 0.8, -0.5, -0.4, -0.8, 0.0, 0.0,   -0.5, -0.7, -0.7, -0.8],
    [ 0.0,  0.0,  0.0,  0.0, 0.0, 0.0,    0.0,  0.0,  0.0,  0.0],
])  # fmt: skip

RATE = 25
SAMPLE_RATE = 48_000
_VOWELS = np.array([[730, 1090, 2440], [270, 2290, 3010], [570, 840, 2410], [530, 1840, 2480]])  # formants in Hz
_BANDWIDTHS = (80, 100, 140)
_KINDS = [f"{emotion}_{'sit' if emotion == 'neu' else 'int'}1" for emotion in EMOTIONS] + [
    f"mix_{first}_{second}_{p}_{q}" for (p, q), (first, second) in product(RATIOS, PAIRS)
]


def names(n: int) -> list[str]:
    """Return the names of `n` clips of invented actors, 36 kinds each: six single emotions, then blends.

    >>> names(8)[::6]
    ['A9001_ang_int1_ver1', 'A9001_mix_ang_disg_30_70_ver1']
    """
    return [f"A{9001 + i // len(_KINDS)}_{_KINDS[i % len(_KINDS)]}_ver1" for i in range(n)]


def controls(name: str, seconds: float, rate: float) -> NDArray[np.float64]:
    """Return the controls (T, 10) of a clip over time, T = seconds x rate: neutral, the expression, neutral."""
    phase = np.arange(round(seconds * rate)) / max(seconds * rate, 1)
    rise = np.clip(np.minimum(phase, 1 - phase) * 4, 0, 1)  # a quarter to rise, a quarter to fall
    apex = np.array(saliences_of_name(name)) / 100 @ EXPRESSIONS
    return np.outer(rise**2 * (3 - 2 * rise), apex)


def pictures(name: str, *, seconds: float = 2.0, size: int = 192) -> Iterator[NDArray[np.uint8]]:
    """Draw a clip's frames (size, size, 3) uint8, 25 a second."""
    actor, moment = _random(parse_clip_name(name).actor), _random(name)
    skin = np.array([226, 184, 150]) * actor.uniform(0.55, 1.05)
    width, hair = actor.uniform(0.52, 0.62), actor.uniform(20, 90, 3)
    blink, sway = moment.uniform(0.2, 0.8) * seconds, moment.uniform(0, 2 * np.pi, 2)
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    for i, control in enumerate(controls(name, seconds, RATE)):
        t = i / RATE
        shut = max(0.0, 1 - abs(t - blink) / 0.12)
        dx, dy = 0.03 * np.sin(1.3 * t + sway[0]), 0.02 * np.sin(2.1 * t + sway[1])
        yield _face(x - dx, y - dy, dict(zip(CONTROLS, control, strict=True)), shut, width, skin.clip(0, 255), hair)


def voice(name: str, *, seconds: float = 2.0) -> NDArray[np.float32]:
    """Synthesise a clip's sound: (n,) float32 in [-1, 1] at 48 kHz."""
    actor, moment = _random(parse_clip_name(name).actor), _random(name)
    base, tract = actor.uniform(95, 210), actor.uniform(0.92, 1.15)
    _, _, _, _, _, _, pitch, span, loudness, tempo = controls(name, seconds, SAMPLE_RATE).T
    t = np.arange(len(pitch)) / SAMPLE_RATE
    syllable = np.cumsum(3.5 * (1 + 0.4 * tempo)) / SAMPLE_RATE
    melody = np.sin(2 * np.pi * (0.6 * t + moment.uniform()))
    f0 = base * 2 ** (0.6 * pitch + (0.15 + 0.2 * span) * melody)
    order = moment.permutation(len(_VOWELS))
    formants = tract * _VOWELS[order[syllable.astype(int) % len(_VOWELS)]]
    formants = np.stack([_smooth(one, SAMPLE_RATE // 40) for one in formants.T])
    phase, sound = 2 * np.pi * np.cumsum(f0) / SAMPLE_RATE, np.zeros(len(t))
    for harmonic in range(1, 31):
        frequency = harmonic * f0
        sound += _resonance(frequency, formants) * harmonic**-1.0 * np.sin(harmonic * phase)
    sound += 0.02 * moment.standard_normal(len(t))
    level = 0.25 * 10 ** (0.4 * loudness) * np.abs(np.sin(np.pi * syllable)) ** 0.5
    return np.asarray(level * sound / max(np.abs(sound).max(initial=0), 1e-9), dtype=np.float32)


def write_clips(folder: str | Path, n: int, *, seconds: float = 2.0, size: int = 192) -> list[Path]:
    """Write `n` clips as ``NAME.mp4`` (H.264 and AAC); the same call gives the same bytes.

    Parameters
    ----------
    seconds : float
        Length of each clip, at least one frame.
    size : int
        Height and width in pixels, even.
    """
    if size < 16 or size % 2 or not round(seconds * RATE):
        raise InputError("fixture", "size or length", expected="an even size from 16, at least one frame",
                         got=f"{size} pixels, {seconds} s")  # fmt: skip
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{name}.mp4" for name in names(n)]
    for path in paths:
        drawn = pictures(path.name, seconds=seconds, size=size)
        media.write(path, drawn, voice(path.name, seconds=seconds), rate=RATE, sample_rate=SAMPLE_RATE)
    return paths


def _face(
    x: NDArray[np.float64], y: NDArray[np.float64], control: dict[str, float], shut: float,
    width: float, skin: NDArray[np.float64], hair: NDArray[np.float64],
) -> NDArray[np.uint8]:  # fmt: skip
    """Draw one frame, back to front; x and y run from -1 to 1, y downwards."""
    edge = 1.5 * (x[0, 1] - x[0, 0])  # soft edges, one and a half pixels wide
    canvas = np.empty((*x.shape, 3))
    canvas[:] = (96, 112, 128)

    def paint(inside: NDArray[np.float64], colour: object) -> None:
        """Paint where a signed distance is positive."""
        cover = np.clip(inside / edge + 0.5, 0, 1)[..., None]
        canvas[:] += cover * (np.asarray(colour) - canvas)

    def oval(cx: float, cy: float, rx: float, ry: float) -> NDArray[np.float64]:
        distance = (1 - np.hypot((x - cx) / rx, (y - cy) / ry)) * min(rx, ry)
        return np.asarray(distance)

    jaw = 0.12 * control["jaw"]
    paint(oval(0, -0.12, width + 0.08, 0.8), hair)
    paint(oval(0, 0.05 + jaw / 2, width, 0.75 + jaw / 2), skin)
    opening = max(0.11 * (1 + 0.5 * control["lids"]) * (1 - shut), 0.008)
    for side in (-1, 1):
        eye = oval(side * 0.23, -0.1, 0.12, opening)
        paint(eye, (245, 245, 240))
        paint(np.minimum(eye, oval(side * 0.23, -0.1, 0.055, 0.055)), (50, 40, 40))
        along = (side * x - 0.23) / 0.14  # -1 at the inner end of the brow, 1 at the outer
        lift = 0.5 * ((1 - along) * control["inner_brow"] + (1 + along) * control["outer_brow"])
        height = -0.3 - 0.09 * lift + 0.03 * along**2
        paint(np.where(np.abs(along) < 1, 0.025 - np.abs(y - height), -1.0), hair)
    wrinkle = 0.04 * control["nose"]
    paint(oval(0, 0.13 - wrinkle, 0.07 + wrinkle / 2, 0.05), 0.75 * skin)
    across = np.clip(1 - (x / (0.22 + 0.05 * max(control["corners"], 0))) ** 2, -1, 1)
    line = 0.42 + jaw / 2 - 0.1 * control["corners"] * (1 - across)
    paint((0.03 + 0.6 * jaw) * across - np.abs(y - line), (150, 60, 60))
    paint(0.7 * jaw * across - 0.01 - np.abs(y - line), (60, 20, 25))
    return (canvas + 0.5).astype(np.uint8)


def _resonance(frequency: NDArray[np.float64], formants: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gain of three formants in parallel."""
    parts = [1 / np.hypot(1, (frequency - centre) / width) for centre, width in zip(formants, _BANDWIDTHS, strict=True)]
    return np.asarray(sum(parts))


def _smooth(values: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Moving average over a window of odd width that keeps the length."""
    width += 1 - width % 2
    total = np.cumsum(np.pad(values, (width // 2 + 1, width // 2), mode="edge"))
    return np.asarray((total[width:] - total[:-width]) / width)


def _random(key: str) -> np.random.Generator:
    """Return a generator that depends on a name alone, not on its folder or suffix."""
    return np.random.default_rng(int.from_bytes(hashlib.sha256(stem(key).encode()).digest()[:8]))
