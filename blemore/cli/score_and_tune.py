"""Commands that score, choose thresholds, and hold claims and tables against the paper."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from blemore.cli.group import answer, json_option, lines_of, main
from blemore.paper.vocabulary import REPORTED

if TYPE_CHECKING:
    from blemore.paper.comparison import Comparison


@main.command()
@click.argument("predictions", type=click.Path(path_type=Path))
@click.option("--metadata", type=click.Path(path_type=Path), help="CSV with the truth; else the clip names say it.")
@json_option
def score(predictions: Path, metadata: Path | None, as_json: bool) -> None:
    """Score decisions (JSON) by the challenge's two accuracies."""
    from blemore.challenge import ground_truth as truths
    from blemore.challenge import metrics
    from blemore.challenge import predictions as files

    decisions = files.read_decisions(predictions)
    truth = (
        truths.read_truth(metadata)
        if metadata
        else truths.truth_of_names(predictions, decisions, "bring the truth with --metadata")
    )
    decided, true, extra = truths.match(decisions, truth)
    if extra:
        click.echo(f"note: {len(extra)} clips that the truth does not have were not scored", err=True)
    scores = metrics.score(decided, true)
    answer(as_json, vars(scores), lambda: lines_of(vars(scores)))


@main.command()
@click.argument("table", type=click.Path(path_type=Path))
@click.option("--logits", is_flag=True, help="The values are logits: take their softmax.")
@click.option("--probabilities", is_flag=True, help="The values are probabilities: use them as they are.")
@click.option("--order", help="Order of the columns, e.g. neu,ang,disg,fea,hap,sad.")
@json_option
def tune(table: Path, logits: bool, probabilities: bool, order: str | None, as_json: bool) -> None:
    """Find the two thresholds of the best composite score for a table of probabilities or logits.

    The output reports how it read the values and columns; set them with --logits or --probabilities, and --order.
    """
    import numpy as np

    from blemore.challenge import ground_truth as truths
    from blemore.challenge import predictions as files
    from blemore.challenge import thresholds

    if logits and probabilities:
        raise click.UsageError("--logits contradicts --probabilities; give one of them")
    columns = [name.strip() for name in order.split(",")] if order is not None else None
    read = files.read_table(table, logits=logits if logits or probabilities else None, order=columns)
    truth = np.array(list(truths.truth_of_names(table, read.names).values()))
    tuned = thresholds.tune(read.probabilities, truth)
    text = f"{lines_of(vars(tuned))}\n{'read as':14} {read.taken_for}"
    answer(as_json, {**vars(tuned), "taken_for": read.taken_for}, lambda: text)


@main.command()
@json_option
def check(as_json: bool) -> None:
    """Check every claim of the ledger; exit 1 if one that must hold does not."""
    from blemore.paper.comparison import VERDICTS, known_differences
    from blemore.results.claims import ledger

    claims, _ = ledger.all_claims()
    wrong = ledger.problems(claims)
    rows = [
        {"id": claim.id, "section": claim.section, "what": claim.what, "detail": claim.detail,
         "reason": known_differences()[claim.id] if claim.verdict == "known difference" else None, "verdict": claim.verdict, "evidence": claim.evidence,
         "label": claim.label, "paper": claim.paper, "ours": claim.ours, "tolerance": {"kind": claim.kind, "value": claim.tolerance}}
        for claim in claims
    ]  # fmt: skip
    lines = [f"{c.verdict:16} {c.label:9} {c.section:9} {c.what}" for c in claims if c.verdict != "unchecked"]
    lines += [f"KNOWN {row['id']}: {row['reason']}" for row in rows if row["reason"]]
    counts = Counter(claim.verdict for claim in claims)
    counted = {verdict: counts[verdict] for verdict in VERDICTS}
    lines.append(f"{len(claims)} claims: {', '.join(f'{n} {verdict}' for verdict, n in counted.items() if n)}")
    lines += [f"PROBLEM {problem}" for problem in wrong]
    answer(as_json, {"claims": rows, "verdicts": counted, "problems": wrong}, lambda: "\n".join(lines))
    sys.exit(1 if wrong else 0)


@main.command()
@click.argument("number", type=click.Choice(["2", "3"]))
@click.option("--trained", is_flag=True, help="Ours are trained here, and not the authors' runs.")
@click.option("--source", default="auto", show_default=True, help="What to train on: auto, standin or zenodo.")
@click.option("--profile", default="quick", show_default=True, help="How wide and how long: quick or paper.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Of simulated features.")
@click.option("--epochs", type=click.IntRange(1), help="Default: the profile's.")
@click.option(
    "--runs", default="runs", show_default=True, type=click.Path(path_type=Path), help="Folder of trained runs."
)
@json_option
def table(number: str, trained: bool, as_json: bool, **how: Any) -> None:
    """Show Table 2 or 3: the paper's numbers, ours, and a verdict for each row.

    Ours come from the authors' published runs; with --trained from trainings on the release's features, where
    BLEMORE_DATA names them, else on simulated ones (stand-in).
    """
    from blemore.paper import printed_numbers
    from blemore.paper.comparison import by_row, worst

    cells = _trained(int(number), not as_json, **how) if trained else _released(int(number))
    printed = printed_numbers.table(int(number)).set_index("id")
    rows: list[dict[str, Any]] = []
    for row, mine in by_row(cells).items():
        one = worst(mine.values())
        ours = {column: cell.ours for column, cell in mine.items()} if one.ours is not None else None
        rows.append({"id": row, "encoder": printed.loc[row, "encoder"], "method": printed.loc[row, "method"], "label": one.label,
                     "paper": {column: cell.paper for column, cell in mine.items()}, "ours": ours, "badge": one.verdict})  # fmt: skip
    lines = [
        f"{row['encoder']:20} {row['method']:12} {_numbers(row['paper']):32} {_numbers(row['ours']):32} {row['badge']}"
        + (f" ({row['label']})" if row["ours"] else "")
        for row in rows
    ]
    answer(as_json, {"rows": rows}, lambda: "\n".join([f"{'':33} {'paper':32} ours", *lines]))


def _released(number: int) -> list[Comparison]:
    from blemore.results.claims import about_results
    from blemore.sources import lookup, released

    cells = about_results.table2(released.validation()) if number == 2 else about_results.table3(released.tests())
    return cells + about_results.trivial(number, lookup.clips()[0])


def _trained(
    number: int, progress: bool, source: str, profile: str, seed: int, epochs: int | None, runs: Path
) -> list[Comparison]:
    from blemore.challenge import clips as clip_tables
    from blemore.results import between_rows, trained_tables
    from blemore.results.claims import about_results
    from blemore.sources import lookup

    how: dict[str, Any] = {"epochs": epochs} if epochs else {}
    done = trained_tables.train(
        lookup.clips(source)[0], source, profile=profile, seed=seed, models=[REPORTED], test=number == 3,
        folder=runs, progress=progress, **how,
    )  # fmt: skip
    absent = [f"{row}: {why}" for row, why in done.missing(number).items()]
    whole = len(clip_tables.standin().of("train"))  # published counts
    for note in (f"trained on {done.how(number)}; the data set has {whole:,} training clips", *done.notes(), *absent):
        click.echo(f"note: {note}", err=True)
    ours = done.table2() if number == 2 else done.table3()
    return about_results.trained(number, between_rows.together(ours), done.missing(number))


def _numbers(values: dict[str, Any] | None) -> str:
    return " ".join(f"{value:.3f}" for value in values.values()) if values else "–"
