"""Simulated features of simulated clips: the embedded stand-in for data that few people have (not in the paper).

Every clip is a path through a latent space, one for its picture and one for its sound, sampled every 160 ms.
What it shows is a mixture of six emotion prototypes, weighted by salience, as its actor expresses them, rising
and falling over the clip; all else is nuisance: the actor, the recording, a slow drift, noise. An encoder
turns latents into frame features by a projection of its own, with one number for how much emotion it sees.
Those numbers were fitted to the paper's Table 2, by ``benchmarks/standin_fit.py`` and a few touches by hand; so
agreement with that table is by construction, and no evidence for anything.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import resources
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from blemore.challenge.clips import Clips
from blemore.challenge.labels import EMOTIONS, ClipName, parse_clip_name, saliences
from blemore.errors import UnknownNameError
from blemore.features.feature_table import Features, table
from blemore.features.seven_statistics import STATISTICS, aggregate
from blemore.paper import printed_numbers

MODALITY = {"openface": "video", "clip": "video", "imagebind": "video", "videomaev2": "video", "videoswin": "video", "hubert": "audio",
            "wavlm": "audio"}  # fmt: skip
"""Encoders that are simulated, and what they see or hear."""

WIDTHS = {
    "openface": 31,
    "clip": 512,
    "imagebind": 1024,
    "videomaev2": 1408,
    "videoswin": 1024,
    "hubert": 1024,
    "wavlm": 1024,
}
"""Features per frame of the paper's encoders (section 4.2)."""

PROFILES = {"quick": 16, "paper": 1}
"""Profile -> what widths are divided by; OpenFace, narrow as it is, keeps its width."""

WINDOWS = ("videomaev2", "videoswin")
"""Encoders that see windows of 16 frames, not frames; these windows are their subsamples."""

STEP = 0.16
"""Seconds between two latents."""

WINDOW = 4
"""Latents in a window: 16 frames at 25 a second. What a window shows, noise too, is their average."""

DISPLAYED_SEED = 0
"""Seed of the data shown in the book, fixed before the fit; early trials and the last touch to two signals looked at it."""


@dataclass(frozen=True, eq=False)  # so that it can be a key of a cache
class World:
    """Parameters of the simulation; see the module's text.

    ``signal`` has one number per encoder, the others are common to all.
    """

    signal: dict[str, float] = field(default_factory=dict)
    latents: int = 24
    salience_power: float = 0.5
    intensity_spread: float = 0.6
    style: float = 0.15
    neutral: float = 0.6
    actor: float = 1.0
    recording: float = 0.5
    shared: float = 0.3
    drift: float = 0.8
    memory: float = 0.85
    encoder_noise: float = 0.3
    clip_noise: float = 2.0
    frame_noise: float = 0.7
    actor_pace: float = 0.7
    detail: float = 0.4
    decay: float = 1.0


@functools.cache
def world() -> World:
    """Return the parameters that the book uses (``reference/standin.json``)."""
    text = resources.files("blemore.paper").joinpath("reference", "standin.json").read_text()
    return World(**json.loads(text)["world"])


def width(encoder: str, profile: str = "quick") -> int:
    """Return the number of features per frame of a simulated encoder.

    >>> width("clip"), width("clip", "paper"), width("openface")
    (32, 512, 31)
    """
    if profile not in PROFILES:
        raise UnknownNameError("profile", profile, tuple(PROFILES))
    if encoder not in WIDTHS:
        raise UnknownNameError("encoder", encoder, tuple(WIDTHS))
    return WIDTHS[encoder] // (1 if encoder == "openface" else PROFILES[profile])


def narrower(features: Features) -> float:
    """Return how much narrower simulated features are than those of their encoders in the paper; 1 for all others.

    >>> narrower(table("here", ["test_0001"], np.ones((1, 7 * 64)), encoder="wavlm", origin="stand-in"))
    16.0
    """
    parts = features.encoder.removesuffix(":sub").split("+")
    if features.origin != "stand-in" or not set(parts) <= set(WIDTHS):
        return 1.0
    columns = sum(WIDTHS[part] for part in parts) * (1 if features.subsampled else len(STATISTICS))
    return float(columns / features.x.shape[1])


def features(encoder: str, clips: Clips, *, seed: int = DISPLAYED_SEED, profile: str = "quick",
             parameters: World | None = None) -> Features:  # fmt: skip
    """Simulate a feature table of some clips (sections 4.3 and 4.4), with origin ``stand-in``.

    Parameters
    ----------
    encoder : str
        A key of :data:`MODALITY`; ``id:sub`` for its windows.
    clips : Clips
        A clip's features do not depend on which other clips there are.
    seed : int
    profile : {'quick', 'paper'}
        Sixteenths of the encoders' widths, or the widths themselves.
    parameters : World, optional
        By default those that the book uses.
    """
    alone = encoder.removesuffix(":sub")
    if alone != encoder and alone not in WINDOWS:
        raise UnknownNameError("subsampled encoder", alone, WINDOWS)
    series = [x for _, x in frames(alone, clips, seed=seed, profile=profile, parameters=parameters)]
    if alone == encoder:
        return table(
            "stand-in", clips.names, np.stack([aggregate(x) for x in series]), encoder=encoder, origin="stand-in"
        )
    counts = np.array([len(x) for x in series])
    return table("stand-in", clips.names, np.concatenate(series), counts, encoder=encoder, origin="stand-in")


def frames(encoder: str, clips: Clips, *, seed: int = DISPLAYED_SEED, profile: str = "quick",
           parameters: World | None = None) -> Iterator[tuple[str, NDArray[np.float32]]]:  # fmt: skip
    """Simulate frame features clip by clip: name, (T, D) float32, one row every 0.16 s or every window."""
    p = world() if parameters is None else parameters
    size, modality, signal = width(encoder, profile), MODALITY[encoder], p.signal[encoder]
    wider = np.sqrt(size / width(encoder, "quick"))  # more noise where it is wider, or width alone would average it out
    projection = _orthonormal(max(size, p.latents), p.latents, f"{encoder} projection")[:size]
    projection = projection * np.sqrt(size / p.latents)
    axes = _orthonormal(size, size, f"{encoder} noise").T
    spectrum = np.arange(1, size + 1) ** -p.decay
    spectrum *= wider * p.clip_noise * np.sqrt(size / np.sum(spectrum**2))
    detail = p.detail * signal * _orthonormal(size, len(EMOTIONS), f"{encoder} detail").T
    prototypes = _orthonormal(p.latents, len(EMOTIONS), f"{modality} prototypes")
    white = wider * p.frame_noise / (WINDOW**0.5 if encoder in WINDOWS else 1)
    for name in clips.names:
        emotion, nuisance = latents(name, modality, seed, p)
        if encoder in WINDOWS:
            emotion, nuisance = _windows(emotion), _windows(nuisance)
        own = _generator(seed, encoder, name)
        common = signal * emotion + nuisance + p.encoder_noise * own.standard_normal(p.latents)
        clip = (own.standard_normal(size) + emotion @ prototypes @ detail) * spectrum
        frame = white * own.standard_normal((len(common), size), np.float32)
        yield name, (common @ projection.T + clip @ axes + frame).astype(np.float32)


@functools.lru_cache(maxsize=1 << 14)
def latents(name: str, modality: str, seed: int, p: World) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a clip's emotion and its nuisance in one modality, each (T, q): what all encoders of it see."""
    clip = parse_clip_name(name)
    seconds, strength, rise, floor = _performance(name, clip, seed, p)
    n = max(1, round(seconds / STEP))
    t = (np.arange(n) + 0.5) / n
    envelope = floor + (1 - floor) * np.clip(np.minimum(t / rise, (1 - t) / 0.25), 0, 1)
    weights = (np.array(saliences(clip.emotions, clip.saliences)) / 100) ** p.salience_power
    shown = weights / weights.sum() @ _expressions(clip.actor, modality, seed, p.latents, p.style, p.neutral)
    own, common = _generator(seed, modality, name), _generator(seed, "recording", name).standard_normal(p.latents)
    recording = np.sqrt(p.shared) * common + np.sqrt(1 - p.shared) * own.standard_normal(p.latents)
    start = own.standard_normal((1, p.latents))
    steps = np.sqrt(1 - p.memory**2) * own.standard_normal((n, p.latents))
    drift, _ = lfilter([1.0], [1.0, -p.memory], steps, axis=0, zi=p.memory * start)
    actor = _generator(seed, modality, clip.actor, "identity").standard_normal(p.latents)
    return strength * envelope[:, None] * shown, p.actor * actor + p.recording * recording + p.drift * drift


def _performance(name: str, clip: ClipName, seed: int, p: World) -> tuple[float, float, float, float]:
    """Return duration in seconds, intensity, share of the clip until the apex, and what is left outside it."""
    random = _generator(seed, "performance", name)
    habit = _generator(seed, "pace", clip.actor).standard_normal()
    panel = "blended" if len(clip.emotions) == 2 else "single"
    rank = NormalDist().cdf(p.actor_pace * habit + np.sqrt(1 - p.actor_pace**2) * random.standard_normal())
    seconds = float(np.interp(rank, *_durations(panel)))
    level = 2.5 if clip.intensity is None else float(clip.intensity)
    strength = (0.70 + 0.12 * level) * float(np.exp(p.intensity_spread * random.standard_normal()))
    return seconds, strength, float(random.uniform(0.15, 0.45)), float(random.uniform(0.3, 0.6))


@functools.cache
def _durations(panel: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return Figure 2 as a function from share of clips to seconds."""
    bars = printed_numbers.figure(2).query("panel == @panel")
    share = np.concatenate([[0], np.cumsum(bars["clips"])]) / bars["clips"].sum()
    return share, np.concatenate([bars["left_s"].to_numpy()[:1], bars["right_s"].to_numpy()])


@functools.lru_cache(maxsize=512)
def _expressions(actor: str, modality: str, seed: int, q: int, style: float, neutral: float) -> NDArray[np.float64]:
    """Return the six emotions (6, q) as an actor expresses them."""
    size = np.where(np.array(EMOTIONS) == "neu", neutral, 1)
    prototypes = _orthonormal(q, len(EMOTIONS), f"{modality} prototypes").T * size[:, None]
    return prototypes + style * _generator(seed, modality, actor, "style").standard_normal(prototypes.shape)


@functools.cache
def _orthonormal(rows: int, columns: int, what: str) -> NDArray[np.float64]:
    """Return orthonormal columns that belong to the world, not to a draw of it."""
    q, r = np.linalg.qr(_generator(0, "world", what).standard_normal((rows, columns)))
    return q * np.sign(np.diag(r))


def _windows(series: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average the latents of each window; the last one may hold fewer."""
    starts = np.arange(0, len(series), WINDOW)
    lengths = np.diff(np.append(starts, len(series)))
    return np.add.reduceat(series, starts) / lengths[:, None]


def _generator(seed: int, *what: str) -> np.random.Generator:
    digest = hashlib.sha256("\n".join((str(seed), *what)).encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "little")))
