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
# # Identity and emotion
#
# Frozen encoders were not made to read emotions; they see a face and hear a voice, and whose these are is plain to them. Section 5.4 of
# {cite:t}`lachmann2025blemore` projects clips on their principal components, and notes that people have to be taken out before emotions show. This page draws
# Figure 5 both ways, and asks how much of the variance is identity and how much is emotion.

# %% tags=["parameters"]
source: str = "auto"  # auto, standin, zenodo
encoder: str = "wavlm"  # whose features
beside: str = "videomaev2"  # a second encoder, unless a feature table is given
features: str = ""  # path of features of your own: a table (.npz), or a folder of one file a clip
metadata: str = ""  # path of a train_metadata.csv
first: str = "hap"  # ang, disg, fea, hap, sad
second: str = "sad"  # another of these
profile: str = "quick"  # quick, paper: width of simulated features
seed: int = 0  # of simulated features

# %% tags=["hide-input"]
from blemore.book import parameters
from blemore.paper import vocabulary
from blemore.results import principal_components
from blemore.results.claims import about_projection
from blemore.show import figures, page_tables
from blemore.sources import lookup, recorded

parameters.check(source=source, encoder=encoder, beside=beside, features=features, metadata=metadata)
parameters.check(first=first, second=second, profile=profile, seed=seed)

# %% tags=["hide-input"]
clips, inputs = lookup.clips(source, metadata)
asked = [encoder] if features else dict.fromkeys([encoder, beside])
tables, more, missing = principal_components.gather(
    asked, clips.of("train"), source, path=features, profile=profile, seed=seed
)
inputs += tuple(more)
names = {name: vocabulary.name_of(name) for name in tables}
notes = [f"{names[name]}: {len(one.clips):,} clips have features" for name, one in tables.items()]
encoder = next(iter(tables))  # the one that was asked for, if its features can be read
origin = "stand-in" if "stand-in" in {one.features.origin for one in tables.values()} else "measured"
shares = {name: principal_components.shares(one.features, one.clips) for name, one in tables.items()}

# %% [markdown]
# ## Figure 5, both ways
#
# The paper shows happiness, sadness and their blends, scaled within each actor: from every clip the mean of its actor is taken, and what is
# left is measured in that actor's own spread. It does so for the picture alone; nothing is trained on such features, for a new actor would first have
# to be known well.

# %% tags=["hide-input"]
planes = [
    plane for one in tables.values() for plane in principal_components.planes(one.features, one.clips, first, second)
]
figures.planes(planes, first, second, origin)

# %% tags=["hide-input"]
page_tables.note(". ".join([*missing, ""]).strip(), [origin]) if missing else None

# %% [markdown]
# ## How much is identity, how much is emotion
#
# For each column, and each component, $\eta^2$ is the share of its variance that lies between groups of clips: between actors, or between the sixteen
# classes of emotions and their blends.

# %% tags=["hide-input"]
figures.variance_shares(shares[encoder], names[encoder], origin)

# %% [markdown]
# What is simulated can only show how one looks. These are real: eGeMAPS describes a voice in 88 numbers that phoneticians chose, and of 1,251 clips they are
# public.

# %% tags=["hide-input"]
real = [recorded.read("egemaps_variance"), recorded.read("egemaps_lines")]
figures.variance_shares(real[0].table, "eGeMAPS, 1,251 clips of 23 actors", "recorded")

# %% [markdown]
# Components are ordered by variance, not by use: the one in which emotions differ most need not come first.

# %% tags=["hide-input"]
page_tables.note(principal_components.shares_in_words(real[0].table), ["recorded"])

# %% tags=["hide-input"]
import pandas as pd

explained = pd.DataFrame(
    {
        (names[name], way): table.query("way == @way and part != 'all columns'").set_index("part")["explained"]
        for name, table in shares.items()
        for way in principal_components.WAYS
    }
).cumsum()
explained.columns = [f"{name}, {way}" for name, way in explained.columns]
page_tables.frame(100 * explained.rename_axis("up to"), "Explained variance, cumulated, %", [origin], decimals=1)

# %% [markdown]
# ## Between two emotions
#
# If a blend looked like a mixture, its clips would lie between the clips of its two emotions, and nearer to the one that dominates.

# %% tags=["hide-input"]
mine = pd.concat(
    [principal_components.along(plane).assign(way=plane.way) for plane in planes if plane.encoder == encoder]
)
figures.between(mine, first, second, names[encoder], origin)

# %% tags=["hide-input"]
figures.between(
    principal_components.line(real[1].table, first, second), first, second, "eGeMAPS, 1,251 clips", "recorded"
)

# %% [markdown]
# ## What the text says
#
# Both statements are about features of the release. Where it is on this machine, the first is checked with them, whatever features this page shows.

# %% tags=["hide-input"]
checks, check_inputs = about_projection.statements()
page_tables.comparisons(checks, "Statements of section 5.4")

# %% tags=["hide-input"]
whole = real[0].table.query("part == 'all columns'").set_index("way")
actor, emotion, alone = (
    whole.at[principal_components.WAYS[0], "actor"],
    whole.at[principal_components.WAYS[0], "emotion"],
    whole.at[principal_components.WAYS[1], "emotion"],
)
page_tables.provenance(
    [*inputs, *check_inputs, *(one.as_input for one in real)],
    [origin, "recorded", "paper"],
    results={
        "egemaps_actor": f"{actor:.0%}",
        "egemaps_emotion": f"{emotion:.0%}",
        "egemaps_emotion_alone": f"{alone:.0%}",
    },
    note=" ".join(f"{one}." for one in [*notes, *missing]),
)
