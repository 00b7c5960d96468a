"""Signals that end work: noted while code of a library runs, and acted on where nothing can be lost.

Python raises KeyboardInterrupt wherever it is. Inside a callback that a C library calls, the exception is printed and
dropped, and the library goes on with whatever the callback left undone: with a cut clip, say.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType


@dataclass
class Noted:
    """Whether a signal asked for the end, and its number."""

    stop: bool = False
    by: int = 0


@contextmanager
def noted() -> Iterator[Noted]:
    """Note SIGINT and SIGTERM instead of acting on them; a second one ends this process and its children at once.

    Signals that are ignored stay ignored. In a thread other than the main one, which gets no signals, nothing changes.
    """
    asked, before = Noted(), {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def note(number: int, frame: FrameType | None) -> None:
        workers = multiprocessing.active_children()
        if asked.stop or not workers:  # without workers the next one needs no Python, which may be far away
            for other in before:
                signal.signal(other, signal.SIG_DFL)
        if asked.stop:
            for worker in workers:
                worker.terminate()
            os.kill(os.getpid(), number)
        asked.stop, asked.by = True, number
        with suppress(OSError):  # not print: the signal may come while sys.stderr is at work
            os.write(2, b"\ninterrupted: stopping after the current clip; press Ctrl-C again to stop immediately\n")

    if threading.current_thread() is not threading.main_thread():
        yield asked
        return
    before = {number: handler for number, handler in before.items() if handler not in (signal.SIG_IGN, None)}
    for number in before:
        signal.signal(number, note)
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def overheard() -> Iterator[list[BaseException]]:
    """Collect what Python would print and drop: exceptions in callbacks of C libraries, and in finalizers."""
    dropped: list[BaseException] = []
    before = sys.unraisablehook
    sys.unraisablehook = lambda what: dropped.append(what.exc_value or what.exc_type())
    try:
        yield dropped
    finally:
        sys.unraisablehook = before


def ignore_interrupts() -> None:
    """Leave SIGINT, which a terminal sends to all processes, to the process that coordinates this one."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
