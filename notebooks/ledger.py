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
from blemore import report
from blemore.claims import ledger

claims, inputs = ledger.all_claims()
problems = ledger.problems(claims)

# %% tags=["hide-input"]
report.summary(claims, f"{len(claims)} claims by verdict, and where ours came from")

# %% [markdown]
# ## What differs, and why

# %% tags=["hide-input"]
report.comparisons(
    [claim for claim in claims if claim.verdict in ("known difference", "differs")], "Claims that differ"
)

# %% [markdown]
# None of these touches a number in the paper's tables. Three concern the description of the data; the two statements in words are a
# shade stronger than the tables beneath them.
#
# ## What agrees

# %% tags=["hide-input"]
agreeing = [claim for claim in claims if claim.verdict in ("reproduced", "consistent", "by construction")]
report.comparisons(agreeing, "Claims that agree")

# %% [markdown]
# ## What cannot be checked
#
# Rows of Tables 2 and 3 whose runs are not public. They wait for features, or for labels that the organisers withhold.

# %% tags=["hide-input"]
waiting = [claim for claim in claims if claim.verdict == "unchecked"]
report.comparisons(waiting, "Claims that wait")

# %% tags=["hide-input"]
from collections import Counter

counts = Counter(claim.verdict for claim in claims)
report.provenance(
    inputs,
    list(dict.fromkeys(claim.label for claim in claims)),
    results={"claims": str(len(claims)), "problems": str(len(problems))}
    | {
        verdict.replace(" ", "_"): str(counts[verdict])
        for verdict in ("reproduced", "consistent", "known difference", "unchecked")
    },
)
