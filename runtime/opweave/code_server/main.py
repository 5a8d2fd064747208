"""``python -m opweave code-server``: read the command line, listen, and leave a guardian over the process that loads."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from opweave.code_server.guardian import Guardian
from opweave.loading import CodePointer, UsageError
from opweave.wire.location import WorkerCommand

USAGE = """\
usage: python -m opweave code-server (--module NAME | --file PATH | --package NAME)
           [--attribute NAME] [--working-directory DIRECTORY] [--host ADDRESS] [--port NUMBER]
           [--port-file PATH] [--load-timeout SECONDS] [--watch-parent PID]
"""
EXIT_USAGE = 2
LISTEN_BACKLOG = 128


class ServerOptions(NamedTuple):
    """What the command line says.

    Attributes:
        port: 0 means any free one.
        port_file: Gets the port as text once the server listens.
        load_timeout_seconds: After so long loading counts as hanging.
        watched_parent: The server ends when this is no longer its parent's process id.
        token: From ``OPWEAVE_CODE_SERVER_TOKEN``; without one every caller is answered.
    """

    pointer: CodePointer
    host: str = "127.0.0.1"
    port: int = 4000
    port_file: str | None = None
    load_timeout_seconds: float = 120.0
    watched_parent: int | None = None
    token: str | None = None

    @property
    def worker(self) -> WorkerCommand:
        """How a step of the same code is started."""
        pointer = self.pointer
        target = pointer.target
        if pointer.kind == "file":
            target = str(Path(pointer.directory) / target)
        attribute = ("--attribute", pointer.attribute) if pointer.attribute else ()
        where = ("--working-directory", pointer.directory)
        return WorkerCommand(
            python=sys.executable,
            arguments=(f"--{pointer.kind}", target, *attribute, *where),
            working_directory=pointer.directory,
        )

    @classmethod
    def parse(cls, arguments: Sequence[str], token: str | None) -> ServerOptions:
        """Return the options in *arguments*.

        Raises:
            UsageError: They are wrong; the text says how.
        """
        pointer, rest = CodePointer.parse(arguments)
        values = _pairs(rest)
        options = cls(
            pointer=pointer,
            host=values.pop("--host", "127.0.0.1"),
            port=int(_number(values, "--port", 4000, 65_535)),
            port_file=values.pop("--port-file", None),
            load_timeout_seconds=_number(values, "--load-timeout", 120, 86_400),
            watched_parent=int(_number(values, "--watch-parent", 0, 1 << 31)) or None,
            token=token or None,
        )
        if values:
            raise UsageError(f"unknown option {next(iter(values))!r}")
        return options


def main(arguments: Sequence[str]) -> int:
    """Serve a code location until told to stop; return the exit code."""
    try:
        options = ServerOptions.parse(arguments, os.environ.get("OPWEAVE_CODE_SERVER_TOKEN"))
        listener = _listen(options.host, options.port)
    except UsageError as error:
        sys.stderr.write(f"opweave code-server: {error}\n{USAGE}")
        return EXIT_USAGE
    if options.port_file is not None:
        _write_port(Path(options.port_file), listener.getsockname()[1])
    return Guardian(options, listener).run()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(LISTEN_BACKLOG)
    except OSError as error:
        listener.close()
        raise UsageError(f"cannot listen on {host} port {port}: {error}") from error
    return listener


def _write_port(path: Path, port: int) -> None:
    """Write the port whole or not at all, since the other side polls for the file."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    temporary.write_text(f"{port}\n", encoding="ascii")
    temporary.replace(path)


def _pairs(arguments: Sequence[str]) -> dict[str, str]:
    values: dict[str, str] = {}
    remaining = list(arguments)
    while remaining:
        option, separator, value = remaining.pop(0).partition("=")
        if not option.startswith("--"):
            raise UsageError(f"unexpected argument {option!r}")
        if not separator:
            if not remaining:
                raise UsageError(f"{option} needs a value")
            value = remaining.pop(0)
        values[option] = value
    return values


def _number(values: dict[str, str], option: str, default: float, limit: float) -> float:
    text = values.pop(option, "")
    if not text:
        return default
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= limit:
        raise UsageError(f"{option} must be a number from 0 to {limit}, not {text!r}")
    return number
