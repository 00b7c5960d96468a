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
# # The ledger
#
# Every claim of the paper that this book checks, in one place, with its verdict. `make check` runs the same list and fails if a claim that must hold
# does not, and also if a difference that was explained is no longer there. [How to read this book](../reading.md) says what labels and verdicts mean.

# %% tags=["hide-input"]
from blemore.paper.comparison import AGREEING, VERDICTS
from blemore.results.claims import ledger
from blemore.show import page_tables

claims, inputs = ledger.all_claims()
problems = ledger.problems(claims)

# %% tags=["hide-input"]
page_tables.summary(claims, f"{len(claims)} claims by verdict, and where ours came from")

# %% [markdown]
# ## What differs, and why

# %% tags=["hide-input"]
page_tables.comparisons(
    [claim for claim in claims if claim.verdict in ("known difference", "differs")], "Claims that differ"
)

# %% [markdown]
# ## What agrees
#
# The verdict says what the agreement rests on: on data (*reproduced*), on results that the authors published (*recomputed*), or on no more than other
# numbers that the paper prints (*consistent*).

# %% tags=["hide-input"]
page_tables.comparisons([claim for claim in claims if claim.verdict in AGREEING], "Claims that agree")

# %% [markdown]
# ## What cannot be checked
#
# These claims need runs that are not public, features of the release, or test labels, which the organisers withhold.

# %% tags=["hide-input"]
waiting = [claim for claim in claims if claim.verdict == "unchecked"]
page_tables.comparisons(waiting, "Claims that cannot be checked here")

# %% tags=["hide-input"]
from collections import Counter

counts = Counter(claim.verdict for claim in claims)
page_tables.provenance(
    inputs,
    list(dict.fromkeys(["paper", *(claim.label for claim in claims if claim.ours is not None)])),
    results={
        "claims": str(len(claims)),
        "problems": str(len(problems)),
        "scores_reproduced": str(ledger.scores_reproduced(claims) or "none"),
    }
    | {verdict.replace(" ", "_"): str(counts[verdict]) for verdict in VERDICTS},
)
