"""The command group: one clear line where something is wrong, one JSON document where it is asked for."""

from __future__ import annotations

import json
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn

import click

from blemore import __version__
from blemore.errors import LONGEST, BlemoreError, Interrupted, PageError, shortened

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


class _Command(click.Command):
    """A command that refuses what click takes in silence: an option given twice, and numbers such as ``1_0``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        values, _, given = self.make_parser(ctx).parse_args(args=list(args))
        for option in given:
            if not isinstance(option, click.Option) or option.multiple or option.is_eager:
                continue
            if given.count(option) > 1:
                raise click.UsageError(f"{option.opts[-1]} is given twice; give it once", ctx)
            text = values[option.name]
            if option.type.name.startswith(("int", "float")) and not re.fullmatch(r"[-+.0-9einfa]{1,30}", text, re.I):
                raise click.BadParameter(f"{text!r} is not a number of the digits 0 to 9", ctx, option)
        return super().parse_args(ctx, args)


class _Commands(_Command, click.Group):
    """A group whose commands end in one clear line where something is wrong."""

    command_class = _Command
    group_class = type

    def main(self, *args: Any, **kwargs: Any) -> Any:
        with _stoppable() as stopped:
            self._main(stopped, *args, **kwargs)

    def _main(self, stopped: list[signal.Signals], *args: Any, **kwargs: Any) -> NoReturn:
        try:
            code = super().main(*args, **{**kwargs, "standalone_mode": False})
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            sys.exit(2)
        except click.UsageError as error:
            command = error.ctx.command_path if error.ctx else "blemore"
            said = shortened(" ".join(error.format_message().split()), 3 * LONGEST)
            _fail(f"{said} (see {command} --help)", 2)
        except Interrupted as error:
            by = error.by or stopped[-1]
            _fail(f"{error}{'' if by == signal.SIGINT else f' ({signal.Signals(by).name})'}", 128 + by)
        except PageError as error:
            _fail(str(error), 1)
        except BlemoreError as error:
            _fail(" ".join(str(error).splitlines()), 2)
        sys.exit(code if isinstance(code, int) else 0)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an interrupt about which it says nothing of its own is one line, too."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise Interrupted("interrupted; no file is incomplete; run the same command again") from None


@contextmanager
def _stoppable() -> Iterator[list[signal.Signals]]:
    """Let SIGTERM and SIGHUP end a command as Ctrl-C does; the value's last item is the signal that did.

    The processes that the command started end with it then. A signal that is ignored, as under ``nohup``, stays so.
    """
    stopped = [signal.SIGINT]

    def stop(number: int, frame: FrameType | None) -> None:
        stopped.append(signal.Signals(number))
        raise KeyboardInterrupt

    names = ("SIGTERM", "SIGHUP") if threading.current_thread() is threading.main_thread() else ()
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers if signal.getsignal(number) is signal.SIG_DFL}
    for number in before:
        signal.signal(number, stop)
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _fail(message: str, code: int) -> NoReturn:
    click.echo(f"error: {message}", err=True)
    sys.exit(code)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="blemore")
def main() -> None:
    """Check, change and build on the BLEMORE paper's tables and figures."""


def answer(as_json: bool, document: dict[str, Any], text: Callable[[], str]) -> None:
    """Print the JSON document, or the text for people."""
    click.echo(json.dumps(document, indent=2, allow_nan=False) if as_json else text())


def lines_of(values: dict[str, Any]) -> str:
    """Return one line for each value."""
    return "\n".join(f"{name:14} {'–' if value is None else f'{value:.6g}'}" for name, value in values.items())
