"""The ledger: every claim that can be checked, with its verdict."""

from __future__ import annotations

from blemore.errors import repeated
from blemore.paper.comparison import Comparison, known_differences
from blemore.results.claims import about_dataset, about_encoders, about_projection, about_results
from blemore.sources import lookup, recorded, released
from blemore.sources.recorded import Input


def all_claims() -> tuple[list[Comparison], tuple[Input, ...]]:
    """Check everything with what is here; return the comparisons and the inputs that they used.

    A number that the paper prints twice counts once: the trivial baselines in percent, and not their rows of Tables 2 and 3.
    """
    clips, clip_inputs = lookup.clips()
    spans, durations = recorded.read("durations_range"), recorded.read("durations")
    of_encoders, encoder_inputs = about_encoders.claims()
    projected, projection_inputs = about_projection.statements()
    validation, tests = released.validation(), released.tests()
    claims = [
        *about_dataset.counts(clips),
        *about_dataset.related_work(),
        *about_dataset.durations(spans.table, durations.table, "recorded"),
        *about_dataset.baselines(clips),
        *of_encoders,
        *about_results.table2(validation),
        *about_results.table3(tests),
        *about_results.table3_fractions(),
        *about_results.figure4(),
        *about_results.statements(validation),
        *projected,
    ]
    inputs = [*clip_inputs, *about_dataset.inputs(clips), spans.as_input, durations.as_input, *validation.inputs, *tests.inputs,
              *encoder_inputs, *projection_inputs]  # fmt: skip
    return claims, tuple(dict.fromkeys(inputs))


def scores_reproduced(claims: list[Comparison]) -> int:
    """Count the claims reproduced from data that are scores of a trained network: cells of Tables 2 and 3."""
    return sum(bool(claim.row) and claim.verdict == "reproduced" for claim in claims)


def problems(claims: list[Comparison]) -> list[str]:
    """Return what must not be: unexplained differences, and known ones that are no longer.

    A known difference may be unchecked if it takes features that are not here (label ``measured``).
    """
    lacking = {claim.id for claim in claims if claim.ours is None and claim.label == "measured"}
    verdicts = {claim.id: claim.verdict for claim in claims}
    wrong = [f"{id}: differs from the paper; explain it in known_differences.yml or mend it"
             for id, verdict in verdicts.items() if verdict == "differs"]  # fmt: skip
    stale = [f"{id}: listed in known_differences.yml, but its verdict is {verdicts.get(id, 'missing')!r}; take it out"
             for id in known_differences() if verdicts.get(id) != "known difference" and id not in lacking]  # fmt: skip
    if twice := repeated(claim.id for claim in claims):
        wrong.append(f"{', '.join(twice)}: more than one claim of that name")
    return wrong + stale
