"""Claims of section 3.1, Table 1 and Figures 2 and 3, and the trivial baselines of section 5."""

from __future__ import annotations

import pandas as pd

from blemore import paper
from blemore.clips import Clips, standin
from blemore.comparison import Comparison, of_number, of_statement
from blemore.labels import EMOTIONS, PAIRS, RATIOS
from blemore.metrics import Scores, trivial_baselines


def real_counts(clips: Clips) -> tuple[Clips, str]:
    """Return a training partition with the real counts, and their label.

    Real clips are counted here and now. Where there are only invented ones, their counts are those that
    this project counted earlier from the public clip names, so the label is ``recorded``.
    """
    if clips.origin == "stand-in":
        return standin().of("train"), "recorded"
    return clips.of("train"), clips.origin


def counts(clips: Clips) -> list[Comparison]:
    """Compare numbers of clips and actors with section 3.1 and Figure 3.

    The test partition's share comes from the row sums of the paper's Figure 4, so that the totals are
    checked from two independent sides: public names for training, a printed matrix for testing.
    """
    train, label = real_counts(clips)
    test = paper.figure(4).sum(axis=1)
    single = int(test[list(EMOTIONS)].sum())
    blended = int(test.sum()) - single
    parts = train.partitions()[["actors", "clips", "single", "blended"]].sum()
    how = f"{parts['clips']:,} training clips counted, {single + blended} from Figure 4's rows"
    total = "single and blended clips, training and test"
    return [
        of_number("dataset.clips", int(parts["clips"]) + single + blended, label, total, how),
        of_number("dataset.single_clips", int(parts["single"]) + single, label, "clips of a single emotion"),
        of_number("dataset.blended_clips", int(parts["blended"]) + blended, label, "clips of a blend"),
        of_number("split.train_actors", int(parts["actors"]), label, "actors in the training partition"),
        of_number(
            "split.test_actors",
            int(paper.number("dataset.actors").value - parts["actors"]),
            label,
            "actors in the test partition",
            "58 actors in all, less those in the training partition",
        ),
        of_number("split.folds", train.table["fold"].nunique(), label, "cross-validation folds"),
        _equal_blends(train, blended, label),
    ]


def _equal_blends(train: Clips, test_blends: int, label: str) -> Comparison:
    """Check Figure 3's equal blends: what training leaves of them must fit the test partition's pairs."""
    printed = int(paper.figure(3).set_index("part").loc["blended, equal salience", "clips"])  # type: ignore[arg-type]
    left = printed - int((train.table["salience"] == "50/50").sum())
    least = test_blends // (len(PAIRS) * len(RATIOS)) * len(PAIRS)
    most = least + test_blends % (len(PAIRS) * len(RATIOS))
    detail = f"training leaves {left} of {printed}; eleven or so for each of ten pairs make {least} to {most}"
    what = "equal blends in Figure 3 fit both partitions"
    return of_statement("figure3.equal", "figure 3", what, least <= left <= most, label, detail)


def baselines(clips: Clips) -> list[Comparison]:
    """Compare the trivial baselines of section 5, in percent; the class is learnt on the clips scored."""
    train, label = real_counts(clips)
    scored: dict[str, tuple[dict[str, Scores], str]] = {
        "train": (trivial_baselines(train.truth), label),
        "test": (trivial_baselines(standin().of("test").truth), "paper"),
    }
    rows = []
    for kind in ("single", "blend"):
        for part, (scores, origin) in scored.items():
            for metric in ("acc_presence", "acc_salience"):
                value = getattr(scores[kind], metric)
                n = scores[kind].n if metric == "acc_presence" else scores[kind].n_blends
                detail = f"{round(value * n)} of {n:,} clips"
                if part == "test":
                    detail += ", from the counts that the paper prints"
                if part == "test" and kind == "blend" and metric == "acc_salience":
                    detail += "; which ratios the four clips beyond eleven each have is not known, and chosen to fit"
                what = f"most frequent {kind}, {metric.removeprefix('acc_')}, {part}"
                rows.append(of_number(f"baseline.{kind}.{part}.{metric}", 100 * value, origin, what, detail))
    return rows


def durations(known: pd.DataFrame, label: str) -> list[Comparison]:
    """Compare durations with section 3.1 and Figure 2.

    Parameters
    ----------
    known : DataFrame
        Shortest, median and longest clip per panel (see :func:`blemore.clips.duration_range`).
    label : str
        Where they come from: ``measured`` or ``recorded``.
    """
    totals = paper.figure(2).groupby("panel")["clips"].sum()
    of = f"of {known['clips'].sum():,} clips of known duration"
    rows = [
        Comparison(f"figure2.{panel}", "figure 2", f"bars of the {panel} panel sum to its clips",
                   paper.number(f"dataset.{panel}_clips").value, int(totals[panel]), "paper", unit="clips")
        for panel in ("single", "blended")
    ]  # fmt: skip
    return [
        *rows,
        of_number("dataset.duration_min", known["shortest_s"].min(), label, "shortest clip", of),
        of_number("dataset.duration_max", known["longest_s"].max(), label, "longest clip", of),
    ]


def related_work() -> list[Comparison]:
    """Check what section 2.1 and Table 1 say of each other."""
    table = paper.table(1).set_index("dataset")
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
