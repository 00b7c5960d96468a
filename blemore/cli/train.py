"""The command that trains on features."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from blemore.cli.group import answer, json_option, main


@main.command()
@click.option(
    "--features",
    required=True,
    type=click.Path(path_type=Path),
    help="A feature table (.npz), or a folder of .npy files.",
)
@click.option("--metadata", required=True, type=click.Path(path_type=Path), help="The release's train_metadata.csv.")
@click.option("--model", default="mlp-512", show_default=True, help="linear, mlp-256 or mlp-512.")
@click.option("--learning-rate", default=5e-6, show_default=True, type=float)
@click.option("--epochs", type=int, help="Default: the paper's, 200, or 300 for subsamples.")
@click.option("--seed", default=42, show_default=True, type=int, help="Set anew for each fold.")
@click.option("--folds", help="Folds to validate on, e.g. 0,4; default all.")
@click.option("--exact", is_flag=True, help="To the last bit as the public baseline, on one thread.")
@click.option(
    "--runs",
    type=click.Path(path_type=Path),
    help="Folder that keeps finished runs; an interrupted command resumes there.",
)
@click.option(
    "--test-features",
    type=click.Path(path_type=Path),
    help="Features of the test clips: train on all folds, too, and predict them.",
)
@click.option(
    "--protocol",
    default="released-code",
    show_default=True,
    help="How long to train for the test: released-code, paper-text or nested.",
)
@click.option("--jobs", type=int, help="Processes; default one a core.")
@click.option("--scheduler", help="Address of a Dask scheduler (tcp://...).")
@json_option
def train(features: Path, metadata: Path, folds: str | None, runs: Path | None, jobs: int | None, scheduler: str | None,
          exact: bool, epochs: int | None, test_features: Path | None, protocol: str, as_json: bool, **settings: Any) -> None:  # fmt: skip
    """Train one classifier on a table of features, fold by fold."""
    from blemore.errors import InputError
    from blemore.experiments import from_files

    if folds is not None and not re.fullmatch(r" *[0-9]{1,9} *(, *[0-9]{1,9} *)*", folds):
        raise InputError("--folds", "not a list of folds", expected="numbers such as 0,4", got=folds)
    chosen = [int(fold) for fold in folds.split(",")] if folds else None
    settings |= {} if epochs is None else {"epochs": epochs}
    done = from_files.train(features, metadata, chosen, exact=exact, folder=runs, jobs=jobs, scheduler=scheduler,
                           progress=not as_json, test_features=test_features, protocol=protocol, **settings)  # fmt: skip
    if done.note:
        click.echo(f"note: {done.note}", err=True)
    document = done.document()
    lines = [f"fold {run['fold']}: best epoch {run['best']['epoch']}, presence {run['best']['acc_presence']:.3f}, "
             f"salience {run['best']['acc_salience']:.3f} ({run['n_train']} clips to train on, {run['n_val']} to validate)"
             for run in document["runs"]]  # fmt: skip
    if test := document.get("test"):
        lines.append(f"{test['clips']} test clips predicted after {test['epochs']} epochs on all folds: {test['run']}")
        if done.complete:
            lines.append(f"submit them: blemore submit {test['run']} --protocol {protocol} --out submission.zip")
    answer(as_json, document, lambda: "\n".join(lines))
