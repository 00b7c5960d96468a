"""Figures of the simulation: its steps, how near its fit came to Table 2, and how it learns (not in the paper)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from blemore.appendix import simulation_steps
from blemore.challenge.labels import EMOTION_NAMES, EMOTIONS
from blemore.paper import printed_numbers
from blemore.show.drawing import EMOTION_COLOURS, OURS, PAPER, SOFT, Drawing, canvas, direct, drawn
from blemore.show.html import in_picture
from blemore.simulation.generator import STEP


@drawn("latent-path")
def latent_path(paths: dict[str, pd.DataFrame], clip: str, label: str) -> Drawing:
    """Draw a clip's way along the direction of its emotion, a panel a modality.

    Parameters
    ----------
    paths : dict
        Title -> table of :func:`blemore.appendix.simulation_steps.path`.
    clip : str
        What it shows, in words.
    """
    fig, axes = canvas(2.5, len(paths), sharey=True)
    for ax, (title, table) in zip(axes, paths.items(), strict=True):
        ax.plot(table["seconds"], table["seen"], color=PAPER, linewidth=1)
        ax.plot(table["seconds"], table["shown"], color=OURS, linewidth=2)
        ax.set(title=title, xlabel="seconds", xlim=(0, None))
    everything = pd.concat(paths)[["shown", "seen"]].to_numpy()
    top, bottom = everything.max(), everything.min()
    axes[0].set(ylabel="along the emotion", ylim=(bottom, top + 0.45 * (top - bottom)))
    direct(axes[0], (0.03, 0.90), "emotion: onset, apex, offset", OURS)
    direct(axes[0], (0.03, 0.80), "with the clip's drift", PAPER)
    shown = next(iter(paths.values()))["shown"]
    caption = (
        f"{clip}, {len(shown) * STEP:.1f} s: how far its latents lie along the direction of what it shows, in picture and sound. The emotion rises to "
        f"{shown.max():.2f} and is down to {shown.min():.2f} at its least; the drift over it is another in each modality."
    )
    return Drawing(fig, caption, [label])


@drawn("mixtures")
def mixtures(table: pd.DataFrame, pair: tuple[str, str], label: str) -> Drawing:
    """Draw one blend at three saliences as two actors play it, see :func:`blemore.appendix.simulation_steps.mixtures`."""
    actors = table["actor"].unique()
    fig, axes = canvas(2.6, len(actors), sharey=True)
    for ax, (actor, rows) in zip(axes, table.groupby("actor", sort=False), strict=True):
        x = np.arange(len(rows))
        for i, emotion in enumerate(EMOTIONS):
            lead = emotion in pair
            ax.bar(x + 0.13 * (i - 2.5), rows[emotion], 0.12, color=EMOTION_COLOURS[emotion], alpha=1 if lead else 0.55)
        ax.axhline(0, color=PAPER, linewidth=0.6)
        shares = [f"{share}/{100 - share}" for share in rows["salience"]]
        ax.set(title=f"actor {actor}", xticks=x, xticklabels=shares, xlabel=f"salience, {pair[0]}/{pair[1]}")
    values = table[list(EMOTIONS)].to_numpy()
    span = float(np.ptp(values))
    axes[0].set(ylabel="along each emotion's prototype", ylim=(values.min() - 0.05 * span, values.max() + 0.42 * span))
    for i, emotion in enumerate(EMOTIONS):
        place = (0.02 + 0.36 * (i % 3), 0.92 - 0.11 * (i // 3))
        direct(axes[0], place, EMOTION_NAMES[emotion], EMOTION_COLOURS[emotion])
    means = table.groupby("salience", sort=False)[list(pair)].mean()
    caption = (
        f"{EMOTION_NAMES[pair[0]]} and {EMOTION_NAMES[pair[1]]} blended, at the apex and at one intensity. From {means.index[0]}/{100 - means.index[0]} to "
        f"{means.index[-1]}/{100 - means.index[-1]} the first goes from {means[pair[0]].iloc[0]:.2f} to {means[pair[0]].iloc[-1]:.2f} on average and the second from "
        f"{means[pair[1]].iloc[0]:.2f} to {means[pair[1]].iloc[-1]:.2f}; what is left in the other directions is the actor's own style."
    )
    return Drawing(fig, caption[0].upper() + caption[1:], [label])


@drawn("simulated-durations")
def simulated_durations(counts: pd.DataFrame, label: str) -> Drawing:
    """Draw simulated durations in the bars of Figure 2, see :func:`blemore.challenge.clips.duration_counts`."""
    bars = printed_numbers.figure(2)
    fig, axes = canvas(2.5, 2)
    apart = {}
    for ax, panel in zip(axes, ("single", "blended"), strict=True):
        printed, ours = (table[table["panel"] == panel] for table in (bars, counts))
        edges = np.append(printed["left_s"], printed["right_s"].iloc[-1])
        shares = [rows["clips"].to_numpy() / rows["clips"].sum() for rows in (printed, ours)]
        ax.stairs(100 * shares[0], edges, fill=True, color=PAPER, alpha=0.45)
        ax.stairs(100 * shares[1], edges, color=OURS, linewidth=1.3)
        ax.set(title=panel, xlabel="duration (s)", xlim=(0, 31.5))
        apart[panel] = float(np.abs(np.cumsum(shares[1]) - np.cumsum(shares[0])).max())
    axes[0].set_ylabel("% of clips")
    direct(axes[1], (0.42, 0.80), "Figure 2 of the paper", PAPER)
    direct(axes[1], (0.42, 0.68), in_picture(label), OURS)
    caption = (
        f"Simulated durations in the bars of Figure 2. At no edge of a bar is the share of clips that are shorter off by more than "
        f"{100 * apart['single']:.1f} points among single emotions, and {100 * apart['blended']:.1f} among blends."
    )
    return Drawing(fig, caption, ["paper", label])


@drawn("variance-by-encoder")
def variance_by_encoder(table: pd.DataFrame, label: str) -> Drawing:
    """Draw how much of each encoder's variance is actor and how much emotion, see :func:`blemore.appendix.simulation_steps.variances`."""
    fig, axes = canvas(2.7, 1)
    y = np.arange(len(table))
    for shift, column, hue in ((-0.17, "actor", SOFT), (0.17, "emotion", OURS)):
        share, chance = 100 * table[column], 100 * table[f"{column}_chance"]
        axes[0].hlines(y + shift, 0, share, color=hue, linewidth=1.4)
        axes[0].plot(share, y + shift, "o", color=hue, markersize=5)
        axes[0].plot(chance, y + shift, "|", color=PAPER, markersize=7, markeredgewidth=1.6)
    axes[0].set(
        yticks=y, yticklabels=[printed_numbers.ENCODERS[one] for one in table.index], xlabel="share of variance, %"
    )
    axes[0].set(ylim=(len(y) - 0.4, -1.5), xlim=(0, None))
    names = (("between actors", SOFT), ("between emotions", OURS), ("by chance", PAPER))
    for place, (text, hue) in zip((0.02, 0.27, 0.55), names, strict=True):
        direct(axes[0], (place, 0.92), text, hue, gap=0.03)
    actor, emotion = 100 * table["actor"], 100 * table["emotion"]
    caption = (
        f"Aggregated features of seven simulated encoders: {actor.min():.0f} to {actor.max():.0f} % of the variance lies between actors, {emotion.min():.1f} to "
        f"{emotion.max():.1f} % between emotions and their blends, "
        f"most for {printed_numbers.ENCODERS[str(emotion.idxmax())]} and least for {printed_numbers.ENCODERS[str(emotion.idxmin())]}. The order may differ from that of the signal "
        "strengths, because these shares include the noise of every column."
    )
    return Drawing(fig, caption, [label])


@drawn("spectrum")
def spectrum(table: pd.DataFrame, name: str, label: str) -> Drawing:
    """Draw where variance and where emotion lie among components, see :func:`blemore.appendix.simulation_steps.spectrum`."""
    fig, axes = canvas(2.5, 2)
    axes[0].loglog(table.index, 100 * table["variance"], "o-", color=PAPER, markersize=2.5, linewidth=1)
    axes[0].set(title="variance of each component", xlabel="component", ylabel="% of all variance")
    axes[0].minorticks_off()
    for column, hue in (("variance", PAPER), ("emotion", OURS)):
        axes[1].plot(table.index, 100 * table[column].cumsum(), color=hue, linewidth=1.6)
    axes[1].set(title="up to each component", xlabel="component", ylabel="%, cumulated", ylim=(0, 103))
    direct(axes[1], (0.45, 0.22), "of the variance", PAPER)
    direct(axes[1], (0.45, 0.10), "of what tells emotions", OURS)
    variance, emotion = (simulation_steps.half(table[column]) for column in ("variance", "emotion"))
    caption = (
        f"Principal components of the clip means of {name} ({len(table)} features). Half of the variance lies in the first {variance}, half of what tells emotions apart, "
        f"each component measured in its own spread, in the first {emotion}."
    )
    return Drawing(fig, caption, [label])


@drawn("calibration")
def calibration(cells: pd.DataFrame, seeds: pd.DataFrame, label: str) -> Drawing:
    """Draw how far each cell of Table 2 is off, in printed spreads.

    Parameters
    ----------
    cells : DataFrame
        Of :func:`blemore.appendix.fit_to_table2.cells`.
    seeds : DataFrame
        Of :func:`blemore.appendix.fit_to_table2.deviations`: every seed is a faint dot.
    """
    fig, axes = canvas(4.3, 2, sharey=True)
    rows = [str(id) for id in dict.fromkeys(cells.index.get_level_values("id"))]
    far = 0
    for ax, metric in zip(axes, ("acc_presence", "acc_salience"), strict=True):
        part = cells.xs(metric, level="metric")
        limit = (part["limit"] / part["sd"]).to_numpy()
        ax.barh(range(len(rows)), 2 * limit, 0.8, left=-limit, color=PAPER, alpha=0.25)
        every = seeds[seeds["metric"] == metric]
        for shift, (role, hue) in zip((0.0, 0.24), (("fitted", SOFT), ("fresh", PAPER)), strict=True):
            dots = every[every["role"] == role]
            ax.plot(dots["sds"], dots["id"].map(rows.index) + shift, ".", color=hue, markersize=3.5)
        ax.plot(part["displayed_sds"], np.arange(len(rows)) - 0.2, "D", color=OURS, markersize=4.5)
        ax.axvline(0, color=PAPER, linewidth=0.8)
        edge = 1.1 * max(2.0, float(every["sds"].abs().max()), float(limit.max()))
        ax.set(
            title=metric.removeprefix("acc_"),
            xlabel=f"{in_picture(label)} − paper, in printed spreads",
            xlim=(-edge, edge),
        )
        far += int((~part["near"] & part["displayed_sds"].notna()).sum())
    printed = printed_numbers.table(2).set_index("id").loc[rows]
    names = [
        name + (" (sub)" if row.endswith(":sub") else "") for row, name in zip(rows, printed["encoder"], strict=True)
    ]
    axes[0].set(yticks=range(len(rows)), yticklabels=names, ylim=(len(rows) - 0.5, -1.6))
    for place, (text, hue) in zip(
        (0.0, 0.36, 0.68), (("displayed", OURS), ("fitted", SOFT), ("fresh", PAPER)), strict=True
    ):
        direct(axes[0], (place, 0.95), text, hue)
    caption = (
        f"How far simulated rows of Table 2 are off, in the paper's own spreads over folds; bands are the limits for the displayed seed, which misses {far} of "
        f"{len(cells)} cells. Small dots are the seeds that were fitted on, and others that were not."
    )
    return Drawing(fig, caption, ["paper", label])


@drawn("learning-beside")
def learning_beside(authors: pd.DataFrame, ours: pd.DataFrame, name: str, origin: str, label: str) -> Drawing:
    """Draw learning curves of the authors and of a simulated row, mean over folds, in epochs of the paper.

    Parameters
    ----------
    authors, ours : DataFrame
        ``epoch, train_loss, val_loss, acc_presence, acc_salience``; ours with ``epoch`` in those of the paper.
    origin : str
        Label of the authors' curves.
    """
    fig, axes = canvas(2.7, 2)
    for table, hue in ((authors, PAPER), (ours, OURS)):
        axes[0].plot(table["epoch"], table["train_loss"], color=hue, linewidth=1.3, linestyle="--")
        axes[0].plot(table["epoch"], table["val_loss"], color=hue, linewidth=1.3)
        axes[1].plot(table["epoch"], (table["acc_presence"] + table["acc_salience"]) / 2, color=hue, linewidth=1.3)
    axes[0].set(title="KL divergence: training (dashed), validation", xlabel="epoch of the paper", ylim=(0, None))
    axes[1].set(title="composite at each epoch's thresholds", xlabel="epoch of the paper", ylim=(0, None))
    direct(axes[1], (0.35, 0.22), f"the authors' ({origin})", PAPER)
    direct(axes[1], (0.35, 0.10), in_picture(label), OURS)
    ends = [float(table["train_loss"].iloc[-1]) for table in (authors, ours)]
    lows = [int(table["epoch"].iloc[int(table["val_loss"].argmin())]) for table in (authors, ours)]
    caption = (
        f"{name}, mean over folds. Training loss ends at {ends[1]:.2f}, the authors' at {ends[0]:.2f}; validation loss is lowest at epoch {lows[1]} of the "
        f"paper's count, the authors' at {lows[0]}."
    )
    return Drawing(fig, caption, [origin, label])
