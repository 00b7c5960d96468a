"""The simulation taken apart: what each step of it does, as tables that a page can show (not in the paper).

Everything here is computed by the functions that simulate the book's features, with their parameters; a step
is shown alone by switching others off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from blemore.challenge.clips import Clips
from blemore.challenge.labels import EMOTIONS, PAIRS, RATIOS
from blemore.errors import InputError
from blemore.results import principal_components
from blemore.simulation import generator
from blemore.simulation.generator import World

EXAMPLE = "A9001"
"""The actor whose clips are shown."""


def pair(first: str, second: str) -> tuple[str, str]:
    """Return two emotions in the order in which clips name their blend; InputError if no clip blends them."""
    for one in ((first, second), (second, first)):
        if one in PAIRS:
            return one
    known = ", ".join("-".join(pair) for pair in PAIRS)
    raise InputError("parameters first and second", "no such blend", expected=known, got=f"{first}-{second}")


def prototypes(modality: str, world: World) -> NDArray[np.float64]:
    """Return the directions (6, q) of the emotions in one modality, as nobody in particular expresses them.

    They are what the simulation makes of clips of one emotion without the actor's style, scaled to length 1.
    """
    plain = replace(world, style=0.0)
    names = [f"{EXAMPLE}_{emotion}_{'sit' if emotion == 'neu' else 'int'}1_ver1" for emotion in EMOTIONS]
    apexes = np.stack([_apex(generator.latents(name, modality, 0, plain)[0]) for name in names])
    directions: NDArray[np.float64] = apexes / np.linalg.norm(apexes, axis=1, keepdims=True)
    return directions


def example(clips: Clips, emotion: str, seed: int, world: World, longest: float = 8.0) -> str:
    """Return the clip of one emotion that lasts longest, but no longer than some seconds: one with room for a course."""
    table = clips.table
    names = table.loc[table["emotions"] == emotion, "filename"]
    seconds = durations(Clips(table[table["filename"].isin(names)], clips.origin), seed, world)
    return str(seconds[seconds <= longest].idxmax())


def path(name: str, modality: str, seed: int, world: World) -> pd.DataFrame:
    """Return a clip's way along the direction of what it shows.

    Returns
    -------
    DataFrame
        ``seconds``, ``shown`` (the emotion alone: intensity times envelope), ``seen`` (with actor, recording and drift,
        from which their mean over the clip is taken, so that both can be compared).
    """
    emotion, nuisance = generator.latents(name, modality, seed, world)
    direction = _apex(emotion) / np.linalg.norm(_apex(emotion))
    shown, around = emotion @ direction, nuisance @ direction
    seconds = (np.arange(len(shown)) + 0.5) * generator.STEP
    return pd.DataFrame({"seconds": seconds, "shown": shown, "seen": shown + around - around.mean()})


def mixtures(pair: tuple[str, str], actors: Sequence[str], modality: str, seed: int, world: World) -> pd.DataFrame:
    """Return how much of each emotion's direction is in a blend, by its salience and who plays it.

    Every clip is taken at its apex and at the same intensity.

    Returns
    -------
    DataFrame
        ``actor``, ``salience`` (of the first emotion, percent) and a column for each of the six emotions.
    """
    directions = prototypes(modality, world)
    even = replace(world, intensity_spread=0.0)
    rows: list[dict[str, object]] = []
    for actor in actors:
        for share, rest in reversed(RATIOS):
            name = f"{actor}_mix_{pair[0]}_{pair[1]}_{share}_{rest}_ver1"
            parts = directions @ _apex(generator.latents(name, modality, seed, even)[0])
            rows.append({"actor": actor, "salience": share, **dict(zip(EMOTIONS, parts, strict=True))})
    return pd.DataFrame(rows)


def durations(clips: Clips, seed: int, world: World) -> pd.Series:
    """Return simulated durations in seconds by clip name, to a step of 0.16 s."""
    steps = [len(generator.latents(name, "video", seed, world)[0]) for name in clips.names]
    return pd.Series(generator.STEP * np.array(steps, dtype=float), index=clips.names, name="seconds")


def variances(clips: Clips, *, seed: int, profile: str = "quick") -> pd.DataFrame:
    """Return the share of each encoder's variance that lies between actors and between classes of emotion.

    Returns
    -------
    DataFrame
        Index ``encoder``; ``columns`` (aggregated), ``actor``, ``emotion``, both shares of 1, and what groups drawn at random
        would hold, ``actor_chance`` and ``emotion_chance``.
    """
    actors, emotions = (clips.table[column].to_numpy(str) for column in ("actor", "emotions"))
    rows = {}
    for encoder in generator.MODALITY:
        x = principal_components.scale(generator.features(encoder, clips, seed=seed, profile=profile).x)
        rows[encoder] = (
            x.shape[1],
            *(float(principal_components.eta_squared(x, groups).mean()) for groups in (actors, emotions)),
        )
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["columns", "actor", "emotion"]).rename_axis("encoder")
    return table.assign(
        actor_chance=principal_components.chance(actors), emotion_chance=principal_components.chance(emotions)
    )


def spectrum(encoder: str, clips: Clips, *, seed: int, profile: str = "quick") -> pd.DataFrame:
    """Return where variance and where emotion lie among the principal components of an encoder's clip means.

    Returns
    -------
    DataFrame
        Index ``component`` from 1; ``variance`` and ``emotion``: shares, that sum to 1, of all variance, and of the variance
        between emotions measured in each component's own spread, above what chance would give.
    """
    width = generator.width(encoder, profile)
    means = generator.features(encoder, clips, seed=seed, profile=profile).x[:, :width].astype(np.float64)
    parts = principal_components.project(means, width)
    emotions = clips.table["emotions"].to_numpy(str)
    told = np.clip(
        principal_components.eta_squared(parts.points, emotions) - principal_components.chance(emotions), 0, None
    )
    table = pd.DataFrame({"variance": parts.explained, "emotion": told / max(told.sum(), 1e-12)})
    return table.set_axis(np.arange(1, len(table) + 1), axis=0).rename_axis("component")


def half(shares: pd.Series) -> int:
    """Return how many of the first components hold half of what sums to 1.

    >>> half(pd.Series([0.3, 0.2, 0.5], index=[1, 2, 3]))
    2
    """
    return int(shares.index[int(np.argmax(shares.cumsum().to_numpy() >= 0.5 - 1e-9))])


def encoders(world: World, profile: str = "quick") -> pd.DataFrame:
    """Return what each simulated encoder is: ``sees``, ``rows``, widths per frame and its one number."""
    rows = {
        encoder: ("picture" if modality == "video" else "sound",
                  "windows of 0.64 s" if encoder in generator.WINDOWS else "steps of 0.16 s",
                  generator.width(encoder, "paper"), generator.width(encoder, profile), world.signal[encoder])
        for encoder, modality in generator.MODALITY.items()
    }  # fmt: skip
    columns = ["takes in", "a row is", "width in the paper", "width here", "signal"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("encoder")


def _apex(emotion: NDArray[np.float64]) -> NDArray[np.float64]:
    row: NDArray[np.float64] = emotion[np.linalg.norm(emotion, axis=1).argmax()]
    return row
