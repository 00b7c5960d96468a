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
# # Aggregation
#
# A clip is a few seconds of frames, and a network wants one row. Section 4.3 of {cite:t}`lachmann2025blemore` makes rows in two ways: seven
# statistics of each feature over time, or many short windows that are learnt one by one. Section 4.4 puts the rows of a video and an
# audio encoder side by side. This page looks at what each step keeps, what it loses, and what the scores say of it.

# %% tags=["parameters"]
source: str = "auto"  # auto, standin, zenodo
openface: str = ""  # folder of frames, one .csv or .npy a clip
clip: int = 0  # which clip's frames, the longest first
profile: str = "quick"  # quick, paper: width of simulated features
seed: int = 0  # of simulated features

# %% tags=["hide-input"]
import numpy as np

from blemore.book import parameters
from blemore.features import feature_table as feature_tables
from blemore.results import aggregation, between_rows
from blemore.results.claims import about_results
from blemore.show import figures, page_tables
from blemore.simulation import generator
from blemore.sources import lookup, recorded, released

parameters.check(source=source, openface=openface, profile=profile, seed=seed)
clips, inputs = lookup.clips(source)
clips = clips.of("train")
validation = released.validation()

# %% [markdown]
# ## Seven statistics of one series
#
# Mean, standard deviation and five percentiles describe how a feature's values are distributed over the frames of a clip. They do not say when a value
# occurred. The right half of the figure has the same frames in random order; every line stays where it was.

# %% tags=["hide-input"]
if openface:
    (series, folder), label = aggregation.frames_in(openface), "measured"
    inputs += (folder,)
else:
    series, label = dict(generator.frames("openface", clips, seed=seed, profile=profile)), "stand-in"
frames = aggregation.longest(series, clip)
column = aggregation.liveliest(frames)
course = frames[:, column]
orders = {"as it happened": course, "backwards": course[::-1], "in ascending order": np.sort(course)}
numbers = aggregation.seven(orders)
figures.series(course, numbers.iloc[0], f"OpenFace, feature {column + 1} of {frames.shape[1]}", label)

# %% tags=["hide-input"]
page_tables.frame(
    numbers.rename_axis("order of frames"), "The seven statistics, to the last digit whatever the order", [label]
)

# %% [markdown]
# ## What that loses
#
# Emotions unfold: onset, apex, offset. Whether an apex comes early or late, once or twice, is no longer to be seen; that there was one is. A flat course
# of the same mean differs in six of seven numbers.

# %% tags=["hide-input"]
figures.shapes(aggregation.shapes())

# %% tags=["hide-input"]
page_tables.frame(
    aggregation.seven(aggregation.shapes()).rename_axis("course"), "Statistics of four invented courses", ["stand-in"]
)

# %% [markdown]
# ## Aggregated or subsampled
#
# VideoMAEv2 and VideoSwin see windows of 16 frames, not single ones. Their windows are either aggregated like frames, or kept as rows of their own: the
# network then learns from each window by itself, and its answers are averaged over a clip. That keeps each window whole but leaves the network nothing to
# compare windows with.

# %% tags=["hide-input"]
import pandas as pd

whole, more, missed = lookup.features_or_simulated("videomaev2", clips, source, profile=profile, seed=seed)
windows, *_ = lookup.features_or_simulated("videomaev2:sub", clips, source, profile=profile, seed=seed)
rows = {
    name: {"rows": len(one.x), "rows a clip": len(one.x) / len(one.names), "columns": one.x.shape[1]}
    for name, one in (("aggregated", whole), ("subsampled", windows))
}
inputs += more
table = pd.DataFrame(rows).T.astype({"rows": int, "columns": int}).rename_axis("VideoMAEv2")
page_tables.frame(table, f"What the network is given, {len(whole.names):,} training clips", [whole.origin], decimals=1)

# %% [markdown]
# The authors ran both with the same encoders, the same five folds and the same three classifiers, so six pairs can be compared fold by
# fold. Epochs and batches are not the same: 200 of 32 rows against 300 of 512.

# %% tags=["hide-input"]
compared = aggregation.strategies(validation)
figures.strategies(compared, validation.origin)

# %% tags=["hide-input"]
by_fold = released.strategy_folds()
page_tables.note(between_rows.strategies_in_words(by_fold.table), [by_fold.origin])

# %% tags=["hide-input"]
wanted = ("5.5.aggregation", "4.4.video_encoders", "5.1.fusion", "5.2.fusion")
claims = {one.id: one for one in about_results.statements(validation) if one.id in wanted}
page_tables.comparisons([claims["5.5.aggregation"]], "What section 5.5 makes of it")

# %% [markdown]
# ## Standardisation
#
# Columns differ in scale by orders of magnitude, so each is brought to mean 0 and variance 1, by the mean and variance of the *training* folds. Other
# choices are easy to make by accident, and each lets the scored clips help to prepare themselves: people of a new fold are then a little less new than they
# would be in a test.

# %% tags=["hide-input"]
joined = feature_tables.join(clips, whole)
table = aggregation.scaling(joined.features, joined.clips)
page_tables.frame(table, "Where the clips of a scored fold lie, by what scaled them (VideoMAEv2)", [whole.origin])

# %% tags=["hide-input"]
real = recorded.read("egemaps_scaling")
page_tables.frame(
    real.table.set_index("scaled by"), "The same with real acoustic features (eGeMAPS, 1,251 clips)", ["recorded"]
)

# %% [markdown]
# A fold of unseen actors is off centre. Scaled by all clips it is less so, since a fifth of them are its own; scaled by itself, as a pipeline does that fits
# its scaler once more for the test set, not at all, and what sets these people apart is gone before it could hurt.

# %% [markdown]
# ## Early fusion
#
# Fusion is nothing but concatenation: a row holds the statistics of a video encoder and then those of an audio encoder. The paper pairs its two best video
# encoders with both audio encoders. Where the release lacks one of the encoders, its simulated features stand beside measured ones here, since the
# table counts columns and compares no values.

# %% tags=["hide-input"]
voice, others, unheard = lookup.features_or_simulated("wavlm", clips, source, profile=profile, seed=seed)
both, more = lookup.fused((whole, more), (voice, others))
inputs += others
parts = {"VideoMAEv2": whole, "WavLM": voice, "VideoMAEv2 + WavLM": both}
table = pd.DataFrame({"columns": {name: part.x.shape[1] for name, part in parts.items()}}).rename_axis("features")
page_tables.frame(table, f"Width of a row, {len(both.names):,} clips", [both.origin])

# %% tags=["hide-input"]
figures.fusions(aggregation.fusions())

# %% tags=["hide-input"]
page_tables.comparisons([claims[id] for id in wanted[1:]], "What the text says of fusion, checked")

# %% tags=["hide-input"]
ahead = (compared["aggregated"] > compared["subsampled"]).groupby(compared["metric"]).sum()
page_tables.provenance(
    [*inputs, *validation.inputs, *by_fold.inputs, real.as_input],
    list(dict.fromkeys([label, "stand-in", whole.origin, "recorded", validation.origin, "paper"])),
    note=" ".join(filter(None, (missed, unheard))),
    results={"ahead": f"{ahead['presence']} of 6 in presence and {ahead['salience']} of 6 in salience"},
)
