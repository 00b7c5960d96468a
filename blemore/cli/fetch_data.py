"""Commands for what the book reads: sources, downloads, recorded tables."""

from __future__ import annotations

import datetime
from pathlib import Path

import click

from blemore.cli.group import answer, json_option, main
from blemore.system import environment


@main.group(invoke_without_command=True)
@json_option
@click.pass_context
def data(ctx: click.Context, as_json: bool) -> None:
    """Show which sources are here, with digests."""
    if ctx.invoked_subcommand:
        return
    from blemore.sources import lookup

    rows = lookup.describe()
    lines = [f"{'here' if row['here'] else 'absent':7} {row['name']:21} {row['holds']}" for row in rows]
    answer(as_json, {"sources": rows}, lambda: "\n".join(lines))


@data.command()
@click.argument("what", type=click.Choice(["released"]))
@click.option("--logs", is_flag=True, help="Also the TensorBoard logs of all 105 runs (9 MB).")
@json_option
def fetch(what: str, logs: bool, as_json: bool) -> None:
    """Download public results of the authors and others, checked by SHA-256."""
    from blemore.sources import lookup

    groups = ["summaries", "predictions", *(["logs"] if logs else [])]
    got = lookup.fetch(groups, progress=not as_json)
    rows = [
        {"name": f"{what}/{group}", "files": len(files), "sha256": lookup.digest(f"{what}/{group}")}
        for group, files in got.items()
    ]
    answer(as_json, {"fetched": rows, "folder": str(environment.cache_folder())},
            lambda: f"{sum(len(files) for files in got.values())} files are in {environment.cache_folder()}")  # fmt: skip


@main.command()
@click.option("--metadata", type=click.Path(path_type=Path), help="Also count this metadata file.")
@click.option("--durations", type=click.Path(path_type=Path), help="Also summarise these durations.")
@click.option("--egemaps", type=click.Path(path_type=Path), help="Also train on these real eGeMAPS features.")
@click.option("--openface", type=click.Path(path_type=Path), help="Also count the columns of this CSV of OpenFace 2.0.")
@json_option
def record(
    metadata: Path | None, durations: Path | None, egemaps: Path | None, openface: Path | None, as_json: bool
) -> None:
    """Compute the recorded tables anew from the public files that are here."""
    from blemore.results import recording

    changed = recording.record(datetime.date.today(), metadata, durations, egemaps, openface)
    answer(as_json, {"changed": changed}, lambda: "\n".join(changed) or "nothing changed")
