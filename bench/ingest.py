"""Measure ingest: events per second that the real server acknowledges, each durable, from concurrent step processes.

Run: ``python bench/ingest.py [--database sqlite|postgres|URL] [--clients 4] [--batch 250] [--seconds 5]``. Without
``--database`` both are measured. Server and clients are processes of their own; each client speaks for one attempt over one
connection, as a step does. Also tells how long one report takes when nothing else happens, and the server's resident memory.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PYTHON_PATH = os.pathsep.join(str(HERE.parent / part) for part in ("runtime", "operator", "tests"))
sys.path[:0] = PYTHON_PATH.split(os.pathsep)

import postgres  # noqa: E402  # found through the path above

ALONE = "alone"
ALONE_SECONDS = 2.0
TOKEN = "the-token-of-every-step"


@dataclass(frozen=True)
class Settings:
    databases: tuple[str, ...]
    clients: int
    batch: int
    seconds: float


def main(settings: Settings) -> None:
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    for name in settings.databases:
        with _database(name) as url:
            _measure(name, url, settings)


@contextlib.contextmanager
def _database(name: str) -> Iterator[str]:
    if name == "sqlite":
        with tempfile.TemporaryDirectory(prefix="opweave-bench-") as directory:
            yield f"sqlite:///{directory}/opweave.db"
    elif name == "postgres":
        programs = postgres.find_programs()
        if programs is None:
            sys.exit(postgres.NOT_INSTALLED)
        with postgres.PostgresServer(programs, is_durable=True) as server:
            yield server.url(server.create_database())
    else:
        yield name


def _measure(name: str, url: str, settings: Settings) -> None:
    keys = [f"s{n}" for n in range(settings.clients)]
    with (
        tempfile.TemporaryDirectory(prefix="opweave-bench-") as directory,
        _program("ingest_server.py", url, directory, ALONE, *keys) as server,
    ):
        told = _read(server)
        print(f"{name:9} server idle: {told['resident_mb']:.0f} MB resident")
        (alone,) = _report(told, [ALONE], batch=1, seconds=ALONE_SECONDS)
        taken = sorted(alone["reports"])
        print(
            f"{name:9} one report alone: median {statistics.median(taken) * 1000:.1f} ms,"
            f" 95 % within {taken[len(taken) * 95 // 100] * 1000:.1f} ms"
        )
        results = _report(told, keys, batch=settings.batch, seconds=settings.seconds)
        rate = sum(result["events"] / result["seconds"] for result in results)
        print(
            f"{name:9} {rate:,.0f} events/s acknowledged: {settings.clients} clients, batches of"
            f" {settings.batch}"
        )
        _end_input(server)
        print(f"{name:9} server afterwards: {_read(server)['resident_mb']:.0f} MB resident")


def _report(
    told: dict[str, Any], keys: list[str], *, batch: int, seconds: float
) -> list[dict[str, Any]]:
    """Let a client report for each of *keys*, all at the same time."""
    with contextlib.ExitStack() as stack:
        arguments = (TOKEN, str(batch), str(seconds))
        clients = [
            stack.enter_context(
                _program("ingest_client.py", str(told["port"]), told["run_id"], key, *arguments)
            )
            for key in keys
        ]
        for client in clients:
            assert client.stdout is not None
            assert client.stdout.readline() == "ready\n"
        for client in clients:
            _end_input(client)
        return [_read(client) for client in clients]


@contextlib.contextmanager
def _program(name: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, str(HERE / name), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": PYTHON_PATH},
    )
    try:
        with process:
            yield process
            _end_input(process)
    finally:
        process.kill()


def _end_input(process: subprocess.Popen[str]) -> None:
    if process.stdin is not None and not process.stdin.closed:
        process.stdin.close()


def _read(process: subprocess.Popen[str]) -> dict[str, Any]:
    # Any: what our own programs write about themselves.
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        sys.exit(f"{process.args!r} ended with {process.wait()}")
    told: dict[str, Any] = json.loads(line)
    return told


def _parse() -> Settings:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--database", action="append", help="sqlite, postgres or a URL")
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--batch", type=int, default=250)
    parser.add_argument("--seconds", type=float, default=5.0)
    given = parser.parse_args()
    databases = tuple(given.database or ("sqlite", "postgres"))
    return Settings(databases, given.clients, given.batch, given.seconds)


if __name__ == "__main__":
    main(_parse())
