"""ACCEPTANCE of the simulation: the committed report of its fit keeps to the limits that were set before it.

It reads ``blemore/paper/reference/standin_fit.csv`` and trains nothing. Where it fails, the simulation is to be fitted again
(``python -m benchmarks.standin_fit --rounds 3``) and the report written anew (``python -m benchmarks.standin_report fit``).
"""

from __future__ import annotations

import pytest

from blemore.appendix import fit_to_table2, leaks
from blemore.appendix.fit_to_table2 import Criterion

FIT = fit_to_table2.read()


@pytest.mark.parametrize("criterion", fit_to_table2.criteria(FIT), ids=lambda one: one.what)
def test_committed_fit_meets(criterion: Criterion) -> None:
    assert criterion.met, f"{criterion.found}, asked for at least {criterion.asked}"


def test_fit_rests_on_four_seeds_and_is_tried_on_three_fresh_ones() -> None:
    seeds = FIT.groupby("role")["seed"].nunique()
    assert seeds.get("displayed", 0) == 1 and seeds.get("fitted", 0) >= 4 and seeds.get("fresh", 0) >= 3


def test_committed_report_of_leaks_keeps_its_limits() -> None:
    found = leaks.verdicts(leaks.read())
    assert set(found["check"]) == set(leaks.CHECKS)
    assert found["kept"].all(), found[~found["kept"]].to_string()
    assert (found.loc[found["check"] == "signal off", "seeds"] >= 3).all()
