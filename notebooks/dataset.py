# ---
# jupyter:
#   jupytext:
#     cell_metadata_filter: tags,mystnb,-all
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # The data set
#
# Fifty-eight actors, one camera, no words. Each clip shows an actor who conveys either one emotion (anger, disgust, fear,
# happiness, sadness, or neutral) or a blend of two of the first five, in equal parts or with one of them dominating 70 to 30. Voices are
# free to cry, laugh or groan. Section 3.1 of {cite:t}`lachmann2025blemore` describes the recordings, which
# extend those of {cite:t}`israelsson2023`, and a second paper, {cite:t}`lachmann2026blends`, is devoted to them. This page counts the clips, and holds every
# count against the printed one.

# %% tags=["parameters"]
source: str = "auto"  # auto, standin, zenodo
metadata: str = ""  # path of a train_metadata.csv
durations: str = ""  # path of a CSV: filename, duration_s

# %% tags=["hide-input"]
from blemore.book import parameters
from blemore.challenge import clips as clip_tables
from blemore.challenge import metrics
from blemore.paper import printed_numbers
from blemore.results.claims import about_dataset
from blemore.show import figures, page_tables
from blemore.sources import lookup, recorded
from blemore.system import fingerprints

parameters.check(source=source, metadata=metadata, durations=durations)
clips, inputs = lookup.clips(source, metadata)
train, origin = about_dataset.real_counts(clips)

# %% [markdown]
# ## Names that carry the truth
#
# A training clip's name says all that the labels say: the actor, the emotion or the two emotions with their saliences in percent,
# an intensity or a situation, and a version. The clip table is read from the names, and whatever else a metadata file says is checked
# against them. Where the release is not on this machine, the table below holds invented names: real in form and in number, of actors who do not exist.

# %% tags=["hide-input"]
few = (
    clips.table.groupby("salience", sort=False)
    .head(2)[["filename", "partition", "fold", "emotions", "salience"]]
    .head(8)
)
page_tables.frame(few.set_index("filename"), f"Eight of {len(clips):,} clips in the table", [clips.origin])

# %% [markdown]
# ## How many
#
# Test labels are withheld, so the two partitions are counted from two sides: the training clips from their public names, the
# test clips from the rows of the confusion matrix in the paper's Figure 4. Together they must give the totals of section 3.1, and
# the actors on either side of the split those that it names.

# %% tags=["hide-input"]
page_tables.comparisons(about_dataset.counts(clips), "Clips, actors and folds, counted and printed")

# %% tags=["hide-input"]
figures.structure()

# %% [markdown]
# ## Balance
#
# No class is rare, so the trivial baselines are weak: a constant prediction is rarely correct.

# %% tags=["hide-input"]
figures.classes(train.counts(), [origin])

# %% [markdown]
# ## Folds
#
# Five folds serve for cross-validation. No actor is in two of them, so a system is always scored on people it has not seen.

# %% tags=["hide-input"]
figures.folds(train.partitions(), origin)

# %% [markdown]
# ## Durations
#
# Clips last a few seconds, blends longer than single emotions. The grey bars are read off the
# paper's Figure 2; the blue ones count the clips whose duration is public.

# %% tags=["hide-input"]
if durations:
    seconds = clip_tables.read_durations(durations, clips)
    bars, spans, known = clip_tables.duration_counts(seconds), clip_tables.duration_range(seconds), "measured"
    inputs += (recorded.Input("file/durations", fingerprints.sha256_of(durations)),)
else:
    counted, spanned = recorded.read("durations"), recorded.read("durations_range")
    bars, spans, known = counted.table, spanned.table, "recorded"
    inputs += (counted.as_input, spanned.as_input)
figures.durations(bars, known)

# %% tags=["hide-input"]
page_tables.comparisons(about_dataset.durations(spans, bars, known), "Durations, against section 3.1 and Figure 2")

# %% [markdown]
# ## Beside other data sets
#
# Table 1 of the paper places BLEMORE among video data sets of blended emotions. It is the only one with a salience, and the second largest.
# Where a row prints single, blended and all clips, the first two sum to the third.

# %% tags=["hide-input"]
table = printed_numbers.table(1).set_index("dataset").rename(columns=lambda name: name.replace("_", " "))
page_tables.frame(table, "Table 1: video data sets of blended emotions", ["paper"])

# %% tags=["hide-input"]
page_tables.comparisons(about_dataset.related_work(), "Table 1 against itself and section 2.1")

# %% [markdown]
# ## What a constant answer scores
#
# Section 5 sets two floors: always answer the most frequent single emotion, or the most frequent blend in its most frequent
# ratio. The paper takes the class from the very clips that are scored.

# %% tags=["hide-input"]
page_tables.comparisons(about_dataset.baselines(clips), "Trivial baselines of section 5, in percent")

# %% [markdown]
# A stricter baseline picks the class on the other folds. Classes are so balanced that the most frequent class of the other folds may be among the rarest in
# the fold that is scored.

# %% tags=["hide-input"]
import pandas as pd

strict = metrics.baselines_by_fold(train.truth, train.table["fold"].to_numpy(int))
rows = {
    (name, metric): [getattr(scores, f"acc_{metric}") for scores in folds]
    for name, folds in strict.items()
    for metric in ("presence", "salience")
}
table = pd.DataFrame(rows, index=[f"fold {fold}" for fold in sorted(train.table["fold"].unique())]).T
table = table.assign(mean=table.mean(axis=1), std=table.std(axis=1))
table.index = [f"most frequent {name}, {metric}" for name, metric in table.index]
page_tables.frame(table.rename_axis("baseline"), "Trivial baselines with the class learnt on the other folds", [origin])

# %% tags=["hide-input"]
page_tables.provenance(
    [*inputs, *about_dataset.inputs(clips)],
    ["paper", *dict.fromkeys([origin, known, clips.origin])],
    results={
        "clips": f"{len(clips):,}",
        "train_clips": f"{len(train):,}",
        "train_actors": str(train.table["actor"].nunique()),
        "printed_train_actors": printed_numbers.number("split.train_actors").printed,
    },
)
