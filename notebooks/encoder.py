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
# # Encoder report
#
# Everything that this book knows about one encoder, or about one fusion of two: where it comes from, what the paper's networks make of its features, whom and
# what they get right, and where it stands among the others. The same page reports on features of your own: give it a table of them and the clip
# table, and a name to call them by.

# %% tags=["parameters"]
encoder: str = "wavlm"  # an encoder, a fusion such as imagebind+wavlm, or any name for features of your own
features: str = ""  # path of features of your own: a table (.npz), or a folder of one file a clip
metadata: str = ""  # path of a train_metadata.csv
source: str = "auto"  # auto, standin, zenodo
profile: str = "quick"  # quick, paper: widths of simulated features, epochs and learning rates of all
model: str = "mlp-512"  # linear, mlp-256, mlp-512: which classifier in detail
seed: int = 0  # of simulated features

# %% tags=["hide-input"]
from blemore.book import parameters
from blemore.results import one_encoder
from blemore.show import encoder_report, page_tables

given = {"features": features, "metadata": metadata, "source": source, "profile": profile, "model": model}
parameters.check(encoder=encoder, seed=seed, **given)
subject = one_encoder.gather(encoder, **given, seed=seed)

# %% [markdown]
# ## Where it comes from

# %% tags=["hide-input"]
encoder_report.facts(subject)

# %% [markdown]
# An encoder's name covers several models, and several ways to use one. The table says which the authors' scripts use and which the text names, what a row of
# features describes, and how wide it is, as it comes and as seven statistics over time. The cost is that of the network alone, every multiplication and addition
# counted, without decoding.

# %% tags=["hide-input"]
encoder_report.variants(subject)

# %% [markdown]
# ## Validation
#
# Means and sample standard deviations over five folds, each fold at its own best epoch and thresholds, as in Table 2. The paper prints the largest of three
# classifiers; the authors published summaries of all three for five of the encoders.

# %% tags=["hide-input"]
encoder_report.validation(subject)

# %% [markdown]
# ## How they learn
#
# Here, and in the authors' logs where these are public.

# %% tags=["hide-input"]
encoder_report.curves(subject)

# %% tags=["hide-input"]
encoder_report.authors_curves(subject)

# %% [markdown]
# ## What is taken for what
#
# As in Figure 4, but on the validation folds: each clip is decided by the network that was not trained on its actor.

# %% tags=["hide-input"]
encoder_report.confusion(subject)

# %% [markdown]
# ## For whom, and for what
#
# A mean hides two spreads. Some emotions are found more often than others; and some actors are read more easily than others, which is what a mean
# over few of them is uncertain by.

# %% tags=["hide-input"]
encoder_report.spreads(subject)

# %% [markdown]
# ## What varies
#
# Figure 5's projection for these features, and how much of what varies between clips is who is seen or heard and how much is emotion. [Identity and
# emotion](pca.ipynb) explains both.

# %% tags=["hide-input"]
encoder_report.planes(subject)

# %% tags=["hide-input"]
encoder_report.shares(subject)

# %% [markdown]
# ## Among the others
#
# Every encoder, fusion and subsampling that has a score, whatever it was computed from; the hue of a dot says which, and only dots of one hue compare.

# %% tags=["hide-input"]
encoder_report.standing(subject)

# %% tags=["hide-input"]
page_tables.provenance(encoder_report.shown_inputs(subject), encoder_report.labels(subject))
