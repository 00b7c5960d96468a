"""The ``blemore`` command: a skin over the package's public functions.

Every command takes ``--json`` and then prints one JSON document and nothing else on stdout. Errors go
to stderr in one line: exit code 2 for bad input, 1 where a check or a page fails.
"""

from __future__ import annotations

import datetime
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import click

from blemore import __version__
from blemore.errors import BlemoreError, PageError

_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


class _Commands(click.Group):
    """A group whose commands end in one clear line where something is wrong."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        try:
            code = super().main(*args, **{**kwargs, "standalone_mode": False})
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            sys.exit(2)
        except click.UsageError as error:
            command = error.ctx.command_path if error.ctx else "blemore"
            _fail(f"{' '.join(error.format_message().split())} (see {command} --help)", 2)
        except click.Abort:
            _fail("interrupted; what was finished is kept", 130)
        except PageError as error:
            _fail(str(error), 1)
        except BlemoreError as error:
            _fail(" ".join(str(error).splitlines()), 2)
        sys.exit(code if isinstance(code, int) else 0)


def _fail(message: str, code: int) -> NoReturn:
    click.echo(f"error: {message}", err=True)
    sys.exit(code)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="blemore")
def main() -> None:
    """Check, change and build on the BLEMORE paper's tables and figures."""


def _answer(as_json: bool, document: dict[str, Any], text: Callable[[], str]) -> None:
    click.echo(json.dumps(document, indent=2, allow_nan=False) if as_json else text())


@main.group(invoke_without_command=True)
@_json
@click.pass_context
def data(ctx: click.Context, as_json: bool) -> None:
    """Show which sources are here, with digests."""
    if ctx.invoked_subcommand:
        return
    from blemore import sources

    rows = sources.describe()
    lines = [f"{'here' if row['here'] else 'absent':7} {row['name']:21} {row['holds']}" for row in rows]
    _answer(as_json, {"sources": rows}, lambda: "\n".join(lines))


@data.command()
@click.argument("what", type=click.Choice(["released"]))
@click.option("--logs", is_flag=True, help="Also the TensorBoard logs of all 105 runs (9 MB).")
@_json
def fetch(what: str, logs: bool, as_json: bool) -> None:
    """Download public results of the authors and others, checked by SHA-256."""
    from blemore import sources

    groups = ["summaries", "predictions", *(["logs"] if logs else [])]
    got = sources.fetch(groups, progress=not as_json)
    rows = [
        {"name": f"{what}/{group}", "files": len(files), "sha256": sources.digest(f"{what}/{group}")}
        for group, files in got.items()
    ]
    _answer(as_json, {"fetched": rows, "folder": str(sources.cache_folder())},
            lambda: f"{sum(len(files) for files in got.values())} files are in {sources.cache_folder()}")  # fmt: skip


@main.command()
@click.argument("predictions", type=click.Path(path_type=Path))
@click.option("--metadata", type=click.Path(path_type=Path), help="CSV with the truth; else the clip names say it.")
@_json
def score(predictions: Path, metadata: Path | None, as_json: bool) -> None:
    """Score decisions (JSON) by the challenge's two accuracies."""
    from blemore import metrics
    from blemore import predictions as files
    from blemore import truth as truths

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
    _answer(as_json, vars(scores), lambda: _lines(vars(scores)))


@main.command()
@click.argument("table", type=click.Path(path_type=Path))
@click.option("--logits", is_flag=True, help="The values of a CSV are logits.")
@click.option("--order", help="Order of the columns, e.g. neu,ang,disg,fea,hap,sad.")
@_json
def tune(table: Path, logits: bool, order: str | None, as_json: bool) -> None:
    """Find the two thresholds of the best composite score for a table of probabilities."""
    import numpy as np

    from blemore import predictions as files
    from blemore import thresholds
    from blemore import truth as truths

    columns = [name.strip() for name in order.split(",")] if order is not None else None
    read = files.read_table(table, logits=logits, order=columns)
    truth = np.array(list(truths.truth_of_names(table, read.names).values()))
    tuned = thresholds.tune(read.probabilities, truth)
    _answer(as_json, vars(tuned), lambda: _lines(vars(tuned)))


@main.command()
@_json
def check(as_json: bool) -> None:
    """Check every claim of the ledger; exit 1 if one that must hold does not."""
    from blemore.claims import ledger

    claims, _ = ledger.all_claims()
    wrong = ledger.problems(claims)
    rows = [
        {"id": claim.id, "section": claim.section, "verdict": claim.verdict, "label": claim.label, "paper": claim.paper,
         "ours": claim.ours, "tolerance": {"kind": claim.kind, "value": claim.tolerance}}
        for claim in claims
    ]  # fmt: skip
    lines = [f"{c.verdict:16} {c.label:9} {c.section:9} {c.what}" for c in claims if c.verdict != "unchecked"]
    lines.append(f"{len(claims) - len(lines)} more cannot be checked: what it takes is not public")
    lines += [f"PROBLEM {problem}" for problem in wrong]
    _answer(as_json, {"claims": rows, "problems": wrong}, lambda: "\n".join(lines))
    sys.exit(1 if wrong else 0)


@main.command()
@click.argument("number", type=click.Choice(["2", "3"]))
@_json
def table(number: str, as_json: bool) -> None:
    """Show Table 2 or 3: the paper's numbers, ours, and a verdict for each row."""
    from blemore import paper, released, sources
    from blemore.claims import results
    from blemore.comparison import by_row, worst

    cells = results.table2(released.validation()) if number == "2" else results.table3(released.tests())
    cells += results.trivial(int(number), sources.clips()[0])
    printed = paper.table(int(number)).set_index("id")
    rows: list[dict[str, Any]] = []
    for row, mine in by_row(cells).items():
        one = worst(mine.values())
        ours = {column: cell.ours for column, cell in mine.items()} if one.ours is not None else None
        rows.append({"id": row, "encoder": printed.loc[row, "encoder"], "method": printed.loc[row, "method"], "label": one.label,
                     "paper": {column: cell.paper for column, cell in mine.items()}, "ours": ours, "badge": one.verdict})  # fmt: skip
    lines = [
        f"{row['encoder']:20} {row['method']:12} {_numbers(row['paper']):32} {_numbers(row['ours']):32} {row['badge']}"
        for row in rows
    ]
    _answer(as_json, {"rows": rows}, lambda: "\n".join([f"{'':33} {'paper':32} ours", *lines]))


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
@click.option("--jobs", type=int, help="Processes; default one a core.")
@click.option("--scheduler", help="Address of a Dask scheduler (tcp://...).")
@_json
def train(features: Path, metadata: Path, folds: str | None, runs: Path | None, jobs: int | None, scheduler: str | None,
          exact: bool, epochs: int | None, as_json: bool, **settings: Any) -> None:  # fmt: skip
    """Train one classifier on a table of features, fold by fold."""
    from blemore import trainings
    from blemore.errors import InputError

    if folds is not None and not all(fold.strip().isdigit() for fold in folds.split(",")):
        raise InputError("--folds", "not a list of folds", expected="numbers such as 0,4", got=folds)
    chosen = [int(fold) for fold in folds.split(",")] if folds else None
    settings |= {} if epochs is None else {"epochs": epochs}
    done = trainings.train(features, metadata, chosen, exact=exact, folder=runs, jobs=jobs, scheduler=scheduler,
                           progress=not as_json, **settings)  # fmt: skip
    if done.note:
        click.echo(f"note: {done.note}", err=True)
    document = done.document()
    lines = [f"fold {run['fold']}: best epoch {run['best']['epoch']}, presence {run['best']['acc_presence']:.3f}, "
             f"salience {run['best']['acc_salience']:.3f} ({run['n_train']} clips to train on, {run['n_val']} to validate)"
             for run in document["runs"]]  # fmt: skip
    _answer(as_json, document, lambda: "\n".join(lines))


@main.command()
@click.argument("notebook", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("-p", "parameters", nargs=2, multiple=True, metavar="NAME VALUE", help="A parameter of the notebook.")
@_json
def run(notebook: Path, out: Path, parameters: tuple[tuple[str, str], ...], as_json: bool) -> None:
    """Execute a notebook with parameters, strictly: what cannot be right is refused before it starts."""
    from collections import Counter

    from blemore import notebook as notebooks
    from blemore.parameters import ParameterError

    if twice := [name for name, times in Counter(name for name, _ in parameters).items() if times > 1]:
        raise ParameterError(f"parameter {twice[0]}: given more than once")
    values = notebooks.typed(notebook, dict(parameters))
    notebooks.run(notebook, out, values)
    _answer(as_json, {"notebook": str(notebook), "out": str(out), "parameters": values}, lambda: f"wrote {out}")


@main.command()
@_json
def book(as_json: bool) -> None:
    """Build the book, executing only pages whose content or inputs have changed."""
    from blemore import book as builder

    html = builder.build(lambda line: click.echo(line, err=as_json))
    _answer(as_json, {"html": str(html)}, lambda: "")


@main.command()
@_json
def why(as_json: bool) -> None:
    """Name what has changed since each page was last executed."""
    from blemore import pages

    pages.check_folder()
    reasons = {name: pages.why(name) for name in pages.names()}
    _answer(as_json, {"pages": reasons},
            lambda: "\n".join(f"{name}: {'; '.join(found) or 'up to date'}" for name, found in reasons.items()))  # fmt: skip


@main.command()
@_json
def twins(as_json: bool) -> None:
    """Write the .ipynb twins of the notebooks' sources."""
    from blemore import notebook as notebooks
    from blemore import pages

    pages.check_folder()
    written = [str(path) for path in notebooks.write_twins()]
    _answer(as_json, {"written": written}, lambda: "\n".join(written) or "all twins are up to date")


@main.command()
@click.option("--metadata", type=click.Path(path_type=Path), help="Also count this metadata file.")
@click.option("--durations", type=click.Path(path_type=Path), help="Also summarise these durations.")
@click.option("--egemaps", type=click.Path(path_type=Path), help="Also train on these real eGeMAPS features.")
@_json
def record(metadata: Path | None, durations: Path | None, egemaps: Path | None, as_json: bool) -> None:
    """Compute the recorded tables anew from the public files that are here."""
    from blemore import recording

    changed = recording.record(datetime.date.today(), metadata, durations, egemaps)
    _answer(as_json, {"changed": changed}, lambda: "\n".join(changed) or "nothing changed")


def _numbers(values: dict[str, Any] | None) -> str:
    return " ".join(f"{value:.3f}" for value in values.values()) if values else "–"


def _lines(values: dict[str, Any]) -> str:
    return "\n".join(f"{name:14} {'–' if value is None else f'{value:.6g}'}" for name, value in values.items())


if __name__ == "__main__":
    main()
