"""Commands that execute notebooks and build the book."""

from __future__ import annotations

from pathlib import Path

import click

from blemore.cli.group import answer, json_option, main

_given_option = click.option(
    "-p", "parameters", nargs=2, multiple=True, metavar="NAME VALUE", help="A parameter, for every page that has it."
)


@main.command()
@click.argument("notebook", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("-p", "parameters", nargs=2, multiple=True, metavar="NAME VALUE", help="A parameter of the notebook.")
@json_option
def run(notebook: Path, out: Path, parameters: tuple[tuple[str, str], ...], as_json: bool) -> None:
    """Execute a notebook with parameters, strictly: what cannot be right is refused before it starts."""
    from blemore.book import execution as notebooks

    values = notebooks.typed(notebook, _once(parameters))
    notebooks.run(notebook, out, values)
    answer(as_json, {"notebook": str(notebook), "out": str(out), "parameters": values}, lambda: f"wrote {out}")


@main.command()
@_given_option
@json_option
def book(parameters: tuple[tuple[str, str], ...], as_json: bool) -> None:
    """Build the book, executing only pages whose content, parameters or inputs have changed."""
    from blemore.book import builder

    html = builder.build(lambda line: click.echo(line, err=as_json), _once(parameters))
    answer(as_json, {"html": str(html)}, lambda: "")


@main.command()
@_given_option
@json_option
def why(parameters: tuple[tuple[str, str], ...], as_json: bool) -> None:
    """Name what has changed since each page was last executed."""
    from blemore.book import pages

    pages.check_folder()
    reasons = pages.reasons(_once(parameters))
    answer(as_json, {"pages": reasons},
            lambda: "\n".join(f"{name}: {'; '.join(found) or 'up to date'}" for name, found in reasons.items()))  # fmt: skip


@main.command()
@json_option
def twins(as_json: bool) -> None:
    """Write the .ipynb twins of the notebooks' sources."""
    from blemore.book import execution as notebooks
    from blemore.book import pages

    pages.check_folder()
    written = [str(path) for path in notebooks.write_twins()]
    answer(as_json, {"written": written}, lambda: "\n".join(written) or "all twins are up to date")


def _once(parameters: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """Return parameters by name; refuse one that is given twice."""
    from blemore.book.parameters import ParameterError
    from blemore.errors import repeated

    if twice := repeated(name for name, _ in parameters):
        raise ParameterError(f"parameter {twice[0]}: given more than once")
    return dict(parameters)
