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
# # Encoders
#
# Sections 4.1 and 4.2 of {cite:t}`lachmann2025blemore` take seven networks that others have trained, five for the picture and two for the sound, and leave them as they
# are: what a clip becomes is decided before this paper's own networks learn anything. This page says what each of them sees, how much it gives and
# costs, where the authors' scripts do otherwise than the text, and sends one clip through all that can be had here.

# %% tags=["parameters"]
openface_csv: str = ""  # path of a CSV that OpenFace wrote
seconds: float = 2.0  # length of the drawn clip

# %% tags=["hide-input"]
from blemore.book import parameters
from blemore.encoders import synthetic_clips, trial_run
from blemore.results.claims import about_encoders as claims
from blemore.show import encoder_tables, figures, page_tables
from blemore.sources.recorded import Input
from blemore.system import fingerprints

parameters.check(openface_csv=openface_csv)

# %% [markdown]
# ## What each sees, gives and costs
#
# A still image encoder gives a row for each frame and knows nothing of motion. VideoMAE V2 and Video Swin look at windows, and give one row for sixteen frames. The two
# encoders of sound give fifty rows a second. eGeMAPS and HiCMAE are not the paper's: one is a floor that needs no training, the other a network that
# was made for emotions. Costs are those of the network alone, every multiplication and addition counted.

# %% tags=["hide-input"]
encoder_tables.overview()

# %% [markdown]
# Licences differ as much as costs, and OpenFace is a program with terms of its own. ImageBind's weights are for non-commercial use alone and never downloaded; who
# agrees to their licence names the file. For VideoMAE V2 and WavLM their makers name two licences in two places; the stricter one is the safe one.
#
# ## What the text says and what the scripts do
#
# Where an encoder's name covers more than one network, it matters which one is meant. The text names one VideoMAE V2; the scripts load another, with many
# times the parameters. Video Swin was fine-tuned by the authors, on weights that they kept; what can be had is what it was before, and it sees mostly black, for
# short clips are filled up to ten seconds. `blemore extract --variant` offers the alternatives.

# %% tags=["hide-input"]
encoder_tables.choices()

# %% tags=["hide-input"]
checks, check_inputs = claims.claims()
page_tables.comparisons(checks, "Statements of sections 4.1 and 4.2, compared with files of features")

# %% [markdown]
# ## One clip of nobody
#
# To see shapes and rates one needs a clip, and no clip of a person is in this repository. This one is drawn and synthesised: a face with raised and lowered brows,
# a mouth, a voice of three formants. It rises from neutral to anger and falls back, encoded as any clip is, H.264 and AAC.
#
# An encoder whose weights are on this machine runs as it is. For the others a network of the same kind stands in, one layer deep, with random weights: it
# gives as many rows of the same width, and what it sees means nothing.

# %% tags=["hide-input"]
import tempfile

import pandas as pd

with tempfile.TemporaryDirectory() as folder:
    (path,) = synthetic_clips.write_clips(folder, 1, seconds=seconds)
    takes = trial_run.takes(path, openface_csv)
table = pd.DataFrame({"how": [one.how for one in takes]}, index=pd.Index([one.name for one in takes], name="encoder"))
table["rows T"] = pd.array([None if one.rows is None else len(one.rows) for one in takes], dtype="Int64")
table["width D"] = pd.array([None if one.rows is None else one.rows.shape[1] for one in takes], dtype="Int64")
page_tables.frame(table, f"What {seconds:g} seconds of a drawn clip become", ["stand-in"])

# %% [markdown]
# ## What changes over time
#
# Each square holds every moment of the clip against every other. Blocks are stretches that look alike to the encoder; a dark band far from the diagonal is
# a moment that returns.

# %% tags=["hide-input"]
seen = [(one.name, one.similarity()) for one in takes if one.rows is not None and len(one.rows) > 1]
figures.similarity(seen, seconds, "stand-in")

# %% [markdown]
# ## On this machine
#
# `blemore encoders` lists the same; `blemore extract --encoder clip clips/*.mov --out features` runs one over clips of your own. Weights are fetched at a pinned
# commit, or compared with a pinned digest; where the network may not be used, the message says what to download. An encoder of your own is one file and one entry; it then has its
# row in every table here, and like each of these a report of its own among the *Encoder reports*.

# %% tags=["hide-input"]
encoder_tables.at_hand()

# %% tags=["hide-input"]
given = [Input("file/openface_csv", fingerprints.sha256_of(openface_csv))] if openface_csv else []
page_tables.provenance(
    [*given, *check_inputs],
    ["paper", "released", "stand-in", *dict.fromkeys(one.label for one in checks if one.ours is not None)],
)
