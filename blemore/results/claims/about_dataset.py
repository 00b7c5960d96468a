"""Claims of section 3.1, Table 1 and Figures 2 and 3, and the trivial baselines of section 5."""

from __future__ import annotations

import pandas as pd

from blemore.challenge.clips import Clips, standin
from blemore.challenge.labels import CLASSES, EMOTIONS, RATIOS
from blemore.challenge.metrics import trivial_baselines
from blemore.paper import printed_numbers
from blemore.paper.comparison import Comparison, of_number, of_statement
from blemore.sources import lookup, recorded
from blemore.sources.recorded import Input

BLENDS = [name for name in CLASSES if name not in EMOTIONS]

COUNTS = "reference/counts_by_partition.csv"
"""Name of the input that holds the counts of the public names where these are not here."""


def real_counts(clips: Clips) -> tuple[Clips, str]:
    """Return a training partition with the real counts, and their label.

    Real clips are counted here and now. Where there are only invented ones, their counts are those that
    this project counted earlier from the public clip names, so the label is ``recorded``.
    """
    if clips.origin == "stand-in":
        return standin().of("train"), "recorded"
    return clips.of("train"), clips.origin


def inputs(clips: Clips) -> tuple[Input, ...]:
    """Return the files of this package that :func:`counts` and :func:`baselines` read where no real clips are here."""
    if clips.origin != "stand-in":
        return ()
    return recorded.read("partitions").as_input, *lookup.inputs(COUNTS)


def counts(clips: Clips) -> list[Comparison]:
    """Compare numbers of clips and actors with section 3.1 and Figure 3.

    The test partition's share comes from the row sums of the paper's Figure 4, so totals rest in part on the paper.
    """
    train, label = real_counts(clips)
    parts = recorded.read("partitions").table if label == "recorded" else train.partitions()
    test = printed_numbers.figure(4).sum(axis=1)
    single = int(test[list(EMOTIONS)].sum())
    blended = int(test.sum()) - single
    sums = parts[["actors", "clips", "single", "blended"]].sum()
    how = f"{sums['clips']:,} training clips counted, {single + blended} from Figure 4's rows"
    all_ = int(printed_numbers.number("dataset.actors").value)
    rest = f"{all_} actors in all, as printed, less the {sums['actors']} in the training partition"
    return [
        of_number("dataset.clips", int(sums["clips"]) + single + blended, label,
                  "single and blended clips, training and test", how, evidence="paper"),
        of_number("dataset.single_clips", int(sums["single"]) + single, label, "clips of a single emotion",
                  f"{sums['single']:,} training clips counted, {single} from Figure 4's rows",
                  evidence="paper"),
        of_number("dataset.blended_clips", int(sums["blended"]) + blended, label, "clips of a blend",
                  f"{sums['blended']:,} training clips counted, {blended} from Figure 4's rows",
                  evidence="paper"),
        of_number("split.train_actors", int(sums["actors"]), label, "actors in the training partition",
                  evidence="data"),
        of_number("split.test_actors", all_ - int(sums["actors"]), label, "actors in the test partition", rest,
                  evidence="paper"),
        of_number("split.folds", len(parts), label, "cross-validation folds", evidence="data"),
        _equal_blends(train, test.drop(list(EMOTIONS)), label),
    ]  # fmt: skip


def _equal_blends(train: Clips, test: pd.Series, label: str) -> Comparison:
    """Check Figure 3's equal blends: what training leaves of them should fit the test partition's pairs.

    That takes an assumption, for the paper prints no ratios of test clips: that each pair's clips are shared out
    among the three ratios as evenly as whole clips can be.
    """
    printed = int(printed_numbers.figure(3).set_index("part").loc["blended, equal salience", "clips"])  # type: ignore[arg-type]
    left = printed - int((train.table["salience"] == "50/50").sum())
    least, most = int((test // len(RATIOS)).sum()), int((-(-test // len(RATIOS))).sum())
    detail = (
        f"training leaves {left} of {printed} for the test partition. Assumed, not known: each pair's test clips are shared out evenly among the "
        f"three ratios, which makes {least} to {most}"
    )
    what = "equal blends in Figure 3 fit both partitions"
    return of_statement("figure3.equal", "figure 3", what, least <= left <= most, label, detail, evidence="paper")


def baselines(clips: Clips) -> list[Comparison]:
    """Compare the trivial baselines of section 5, in percent; the class is learnt on the clips scored.

    Tables 2 and 3 print the same numbers once more, see :func:`blemore.results.claims.about_results.trivial`.
    """
    train, label = real_counts(clips)
    scored = trivial_baselines(train.truth)
    test = printed_numbers.figure(4).sum(axis=1)
    rows = []
    for kind, classes in (("single", list(EMOTIONS)), ("blend", BLENDS)):
        n, blends = scored[kind].n, scored[kind].n_blends
        right = round(scored[kind].acc_presence * n), round((scored[kind].acc_salience or 0) * blends)
        most = int(test[classes].max())
        rows += [
            _baseline(kind, "train", "acc_presence", right[0], n, label, evidence="data"),
            _baseline(kind, "test", "acc_presence", most, int(test.sum()), "paper", "from the rows of Figure 4"),
        ]
        if kind == "single":
            rows += [_baseline(kind, part, "acc_salience", 0, of, label, "0 by definition: no blend is answered", evidence="paper")
                     for part, of in (("train", blends), ("test", int(test[BLENDS].sum())))]  # fmt: skip
        else:
            rows += [_baseline(kind, "train", "acc_salience", right[1], blends, label, evidence="data"),
                     _least_salience(most, int(test[BLENDS].sum()))]  # fmt: skip
    return rows


def _least_salience(most: int, blends: int) -> Comparison:
    """Check that the printed salience accuracy of the most frequent blend on the test set is possible."""
    printed = printed_numbers.number("baseline.blend.test.acc_salience")
    bound = -(-most // len(RATIOS))
    least = 100 * bound / blends
    detail = (
        f"{most} clips in {len(RATIOS)} ratios put {bound} or more of {blends} into one of them, the least possible, which is {least:.2f} %. Which ratios test clips have is not "
        "known, so this does not show that the baseline scores no more"
    )
    what = f"most frequent blend, salience, test: the printed {printed.value:g} % is no less than the least possible"
    return of_statement(
        "baseline.blend.test.acc_salience",
        printed.section,
        what,
        printed.value + printed.tolerance >= least,
        "paper",
        detail,
    )


def _baseline(
    kind: str, part: str, metric: str, right: int, n: int, label: str, how: str = "", *, evidence: str = ""
) -> Comparison:
    what = f"most frequent {kind}, {metric.removeprefix('acc_')}, {part}"
    detail = f"{right} of {n:,} clips{', ' if how else ''}{how}"
    return of_number(f"baseline.{kind}.{part}.{metric}", 100 * right / n, label, what, detail, evidence=evidence)


def durations(spans: pd.DataFrame, known: pd.DataFrame, label: str) -> list[Comparison]:
    """Compare durations with section 3.1 and Figure 2.

    Shortest and longest of all clips are the outer edges of Figure 2's bars. The clips whose duration is known are a
    part of all: they can contradict an extreme or a bar, and never confirm it. So they are compared with Figure 2.

    Parameters
    ----------
    spans : DataFrame
        Shortest, median and longest known clip per panel (see :func:`blemore.challenge.clips.duration_range`).
    known : DataFrame
        Known clips in each bar of Figure 2 (see :func:`blemore.challenge.clips.duration_counts`).
    label : str
        Where they come from: ``measured`` or ``recorded``.
    """
    figure = printed_numbers.figure(2)
    bars = figure.groupby("panel").agg(left=("left_s", "min"), right=("right_s", "max"), clips=("clips", "sum"))
    found = spans.set_index("panel")
    edges = bars.loc[found.index]
    inside = (found["shortest_s"] >= edges["left"] - _DRAWN) & (found["longest_s"] <= edges["right"] + _DRAWN)
    high = int((known["clips"].to_numpy() > figure["clips"].to_numpy()).sum())
    holds = bool(inside.all()) and high == 0
    of = f"of {found['clips'].sum():,} clips of known duration"
    detail = (
        f"{found['clips'].sum():,} of {figure['clips'].sum():,} clips, {found['shortest_s'].min():.2f} to {found['longest_s'].max():.2f} s: "
        + (
            "known clips contradict nothing"
            if holds
            else f"{high} of {len(figure)} bars have more known clips than the paper's"
        )
    )
    drawn = "heights of bars are read off the drawing"
    return [
        *(
            Comparison(f"figure2.{panel}", "figure 2", f"bars of the {panel} panel sum to its clips",
                       printed_numbers.number(f"dataset.{panel}_clips").value, int(str(bars.at[panel, "clips"])), "paper", unit="clips", detail=drawn)
            for panel in ("single", "blended")
        ),
        of_statement("figure2.known", "figure 2", "no bar has fewer clips than are known to lie in it, and none lies outside",
                     holds, label, detail, evidence="paper"),
        of_number("dataset.duration_min", bars["left"].min(), "paper", "shortest clip",
                  f"left edge of Figure 2's first bar, read off the drawing; {found['shortest_s'].min():.2f} s {of}"),
        of_number("dataset.duration_max", bars["right"].max(), "paper", "longest clip",
                  f"right edge of Figure 2's last bar, read off the drawing; {found['longest_s'].max():.2f} s {of}"),
    ]  # fmt: skip


_DRAWN = 0.01
"""Seconds by which an edge that was read off a drawing may be off."""


def related_work() -> list[Comparison]:
    """Check what section 2.1 and Table 1 say of each other."""
    table = printed_numbers.table(1).set_index("dataset")
    size = table["samples"].sort_values(ascending=False)
    parts = table["single_blended_samples"][table["single_blended_samples"] != ""]
    rows = [
        of_statement(
            "table1.rank",
            "2.1",
            "BLEMORE is the second largest of the data sets in Table 1",
            size.index[1] == "BLEMORE",
            "paper",
            f"after {size.index[0]} ({size.iloc[0]:,} clips)",
        )
    ]
    for name, text in parts.items():
        single, blended = (int(part) for part in str(text).split(" / "))
        rows.append(
            Comparison(
                f"table1.{str(name).lower()}.samples",
                "table 1",
                f"{name}: single and blended clips sum to all",
                int(table["samples"].loc[str(name)]),
                single + blended,
                "paper",
            )
        )
    return rows
