"""Kernels that only this user can reach, and that say how they ended."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from jupyter_client.manager import AsyncKernelManager
from traitlets import default

from blemore.errors import InputError
from blemore.system import files

_LONGEST = 103
"""Bytes of a socket's path that every system takes."""

_running: set[subprocess.Popen[bytes]] = set()


class PrivateKernel(AsyncKernelManager):
    """A kernel that is reached through sockets of this user alone; TCP would be open to all on the machine."""

    transport = "ipc" if os.name == "posix" else "tcp"
    folder: ClassVar[Path]
    process: ClassVar[subprocess.Popen[bytes] | None] = None

    async def _async_launch_kernel(self, kernel_cmd: list[str], **options: object) -> None:
        """Launch without a console: what a page's code prints arrives by message; the rest is read when it dies."""
        path = self.folder / "stderr"
        line = f"__import__('faulthandler').enable(__import__('os').open({str(path)!r}, {os.O_WRONLY | os.O_APPEND}))"
        with path.open("ab") as stderr:
            command = [*kernel_cmd, f"--IPKernelApp.exec_lines={line}"]
            await super()._async_launch_kernel(command, stderr=stderr, **options)
        process: subprocess.Popen[bytes] = self.provisioner.process  # type: ignore[union-attr]
        type(self).process = process
        _running.add(process)

    @default("ip")
    def _own_socket(self) -> str:
        return str(self.folder / "socket") if self.transport == "ipc" else "127.0.0.1"

    @default("connection_file")
    def _own_connection_file(self) -> str:
        return str(self.folder / "connection.json")

    @classmethod
    def end(cls) -> str:
        """Say how the kernel ended, and what it last wrote to stderr; empty if neither is known."""
        how = _ended(cls.process.poll() if cls.process else None)
        stderr = cls.folder / "stderr"
        text = stderr.read_text(encoding="utf-8", errors="replace") if stderr.exists() else ""
        lines = [line for line in map(str.strip, text.splitlines()) if line]
        told = [line for line in lines if "error" in line.lower()] or lines
        return "; ".join(part for part in (how, " | ".join(told[-3:])[:500]) if part)


@contextmanager
def private() -> Iterator[type[PrivateKernel]]:
    """Yield a kind of kernel for one notebook; its sockets go with it, and those of killed processes before.

    Raises
    ------
    InputError
        If the folder for temporary files has too long a path for a socket.
    """
    with files.working_folder(_place(), "kernel") as folder:

        class OneKernel(PrivateKernel):
            pass

        OneKernel.folder = folder
        try:
            yield OneKernel
        finally:
            if OneKernel.process:
                _running.discard(OneKernel.process)


def kill() -> None:
    """Kill all kernels of this process; whoever waits for one finds it dead."""
    for process in list(_running):
        process.kill()


def _ended(code: int | None) -> str:
    if code is None:
        return ""
    if code >= 0:
        return f"exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:  # a real-time signal, which has no name
        name = f"signal {-code}"
    return f"{name}, perhaps because memory ran out" if name == "SIGKILL" else name


def _place() -> Path:
    """Return a folder for sockets, whose paths must be short."""
    usual = tempfile.gettempdir()
    for place in (usual, "/tmp"):
        socket = Path(place, files.passing("kernel"), "socket-5")
        if len(os.fsencode(socket)) <= _LONGEST and os.access(place, os.W_OK):
            return Path(place)
    raise InputError(usual, "the path is too long for sockets", fix="set TMPDIR to a folder with a shorter path")
