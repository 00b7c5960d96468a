"""Commands from clips to features, and from features to one table."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from blemore.cli.group import answer, json_option, main


@main.command()
@click.option("--encoder", required=True, help="Id of the encoder; blemore encoders lists them.")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="Folder of the features.")
@click.option("--variant", default="", help="Which of its models or settings; default the authors'.")
@click.option("--weights", type=click.Path(path_type=Path), help="Read this file of weights, not the checkpoint.")
@click.option("--device", default="cpu", show_default=True, help="As torch names it: cpu, cuda, cuda:1.")
@click.option("--jobs", default=1, show_default=True, type=int, help="Processes; each holds the model in memory.")
@click.option("--scheduler", help="Address of a Dask scheduler (tcp://...) whose workers see the same files.")
@json_option
def extract(encoder: str, paths: tuple[Path, ...], out: Path, variant: str, weights: Path | None, device: str,
            jobs: int, scheduler: str | None, as_json: bool) -> None:  # fmt: skip
    """Extract features of clips: one .npy (T, D) for each; what is done is not done again.

    PATHS are clips, or folders of them; folders within are read too. Where a folder holds a video and its sound under
    one name, the video is read. A clip that cannot be read gives one line, and the others are extracted; the exit code
    is then 1. Ctrl-C stops after the current clip, with exit code 130; the same command continues from there.
    """
    from blemore import encoders
    from blemore.encoders import extraction

    outcomes = extraction.extract(encoders.get(encoder), paths, out, variant=variant, weights=weights, device=device,
                                  jobs=jobs, scheduler=scheduler, progress=not as_json)  # fmt: skip
    document = extraction.summary(outcomes)
    text = f"{document['extracted']} extracted, {document['kept']} already there, {document['failed']} failed: {out}"
    answer(as_json, document, lambda: text)
    sys.exit(1 if document["failed"] else 0)


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="The .npz to write.")
@json_option
def aggregate(folder: Path, out: Path, as_json: bool) -> None:
    """Aggregate a folder of .npy (T, D) or .csv to seven statistics a clip: X (N, 7D) and filenames."""
    from blemore.errors import InputError
    from blemore.features import feature_files

    if out.suffix != ".npz" or not os.path.isdir(out.absolute().parent):  # noqa: PTH112  (says no to any path)
        raise InputError(out, "cannot be written", expected="a name ending in .npz, in a folder that is there")
    table = feature_files.read_folder(folder, encoder=folder.name)
    feature_files.write(out, table)
    n, width = table.x.shape
    if table.remark and not as_json:
        click.echo(f"note: {table.remark}", err=True)
    answer(
        as_json,
        {"out": str(out), "n": n, "width": width, "note": table.remark},
        lambda: f"{n} clips, {width} features each: {out}",
    )
