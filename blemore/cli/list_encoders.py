"""The command that lists the encoders."""

from __future__ import annotations

from blemore.cli.group import answer, json_option, main


@main.command()
@json_option
def encoders(as_json: bool) -> None:
    """List the encoders, their variants, and whether they can be opened here without a download."""
    from blemore import encoders as registry

    found = registry.known().values()
    rows = [
        {"name": one.name, "modality": one.modality, "level": one.level, "dim": one.dim, "rate": one.rate,
         "checkpoint": one.checkpoint or None, "licence": one.licence, "available": one.available,
         "revision": one.revision or None, "reads": one.reads, "n_parameters": one.n_parameters or None,
         "reference": one.reference, "lacking": one.lacking(), "variants": [vars(choice) for choice in one.choices]}
        for one in found
    ]  # fmt: skip
    lines = [
        f"{'here' if one.at_hand(choice) else 'absent':7} {one.name:11} {choice.name:16} {choice.dim:5} {choice.rate:16} "
        f"{choice.used:8} {one.licence}"
        for one in found
        for choice in one.choices
    ]
    answer(as_json, {"encoders": rows}, lambda: "\n".join(lines))
