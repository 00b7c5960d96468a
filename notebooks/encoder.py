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
# One encoder, or one fusion, from where it comes to what it achieves.

# %% tags=["parameters"]
encoder: str = "wavlm"  # an encoder, a fusion such as imagebind+wavlm, or any name for features of your own
features: str = ""  # path of a feature table (.npz)
metadata: str = ""  # path of a train_metadata.csv
source: str = "auto"  # auto, standin, zenodo
profile: str = "quick"  # quick, paper: widths of simulated features, epochs and learning rates
model: str = "mlp-512"  # linear, mlp-256, mlp-512
seed: int = 0  # of simulated features

# %% tags=["hide-input"]
from blemore import parameters, report

parameters.check(encoder=encoder, features=features, metadata=metadata, source=source, profile=profile, model=model)

# %% tags=["hide-input"]
report.provenance([], ["paper"])
