"""The command that writes a submission."""

from __future__ import annotations

from pathlib import Path

import click

from blemore.cli.group import answer, json_option, main


@main.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The archive to write, FILE.zip.")
@click.option(
    "--protocol",
    default="released-code",
    show_default=True,
    help="Where the thresholds come from: released-code, paper-text or nested.",
)
@click.option(
    "--epochs", type=int, help="Epochs of the cross-validation to take thresholds from, where the run names none."
)
@json_option
def submit(run: Path, out: Path, protocol: str, epochs: int | None, as_json: bool) -> None:
    """Write a submission to the challenge from a run on the test clips: its JSON file, or a folder that holds one."""
    from collections import Counter

    from blemore.experiments import submissions

    decided, note = submissions.answer(submissions.find(run), protocol, epochs)
    submissions.write(out, decided)
    if note:
        click.echo(f"note: {note}", err=True)
    if decided.origin == "stand-in":
        click.echo("note: the features are simulated; this file shows the format only", err=True)
    kinds = Counter(
        "/".join(str(share) for share in sorted(row[row > 0].tolist(), reverse=True)) for row in decided.decided
    )
    document = {
        "out": str(out), "encoder": decided.encoder, "model": decided.settings.model, "protocol": protocol, "origin": decided.origin,
        "epochs": decided.settings.epochs, "alpha": decided.alpha, "beta": decided.beta, "clips": len(decided.names),
        "decisions": dict(sorted(kinds.items())),
    }  # fmt: skip
    answer(as_json, document, lambda: f"wrote {out}: {len(decided.names)} clips, alpha {decided.alpha:.4g}, "
           f"beta {decided.beta:.4g} ({protocol}), {', '.join(f'{n} at {kind}' for kind, n in sorted(kinds.items()))}")  # fmt: skip
