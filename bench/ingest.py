"""Measure ingest: events per second that the real server acknowledges, each durable, from concurrent step processes.

Run: ``python bench/ingest.py [--database postgres|sqlite|URL] [--clients 4] [--batch 250] [--seconds 5]``. Without
``--database`` both are measured. Each client is a process of its own that speaks for one attempt over one connection, as a
step does. Also prints the latency of one report alone and the resident memory of the server.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import http.client
import json
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(REPOSITORY / part) for part in ("runtime", "operator", "tests")]

ALONE_REPORTS = 200


def main() -> None:
    arguments = _parse()
    for name in arguments.database or ("sqlite", "postgres"):
        with _database(name) as url:
            _measure(name, url, arguments)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", action="append")
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--batch", type=int, default=250)
    parser.add_argument("--seconds", type=float, default=5.0)
    return parser.parse_args()


@contextlib.contextmanager
def _database(name: str) -> Iterator[str]:
    if name == "sqlite":
        with tempfile.TemporaryDirectory() as directory:
            yield f"sqlite:///{directory}/opweave.db"
    elif name == "postgres":
        import postgres

        programs = postgres.find_programs()
        if programs is None:
            sys.exit(postgres.NOT_INSTALLED)
        with postgres.PostgresServer(programs, is_durable=True) as server:
            yield server.url(server.create_database())
    else:
        yield name


def _measure(name: str, url: str, arguments: argparse.Namespace) -> None:
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    server = spawn.Process(target=_serve, args=(url, arguments.clients, theirs))
    server.start()
    try:
        port, run_id, idle = ours.recv()
        print(f"{name}: server idle {idle:.0f} MB resident")
        alone = _latencies(port, run_id)
        print(
            f"{name}: one report alone, median {statistics.median(alone) * 1000:.2f} ms,"
            f" 99 % below {sorted(alone)[len(alone) * 99 // 100] * 1000:.2f} ms"
        )
        with spawn.Pool(arguments.clients) as clients:
            work = [
                (port, run_id, f"s{n}", arguments.batch, arguments.seconds)
                for n in range(arguments.clients)
            ]
            began = time.perf_counter()
            counts = clients.starmap(_report, work)
            took = max(seconds for _, seconds in counts)
            elapsed = time.perf_counter() - began
        total = sum(count for count, _ in counts)
        print(
            f"{name}: {total / took:,.0f} events/s acknowledged"
            f" ({total:,} events in batches of {arguments.batch}, {arguments.clients} clients,"
            f" {took:.1f} s of {elapsed:.1f} s)"
        )
        ours.send("stop")
        print(f"{name}: server afterwards {ours.recv():.0f} MB resident")
        server.join(20)
    finally:
        if server.is_alive():
            server.kill()


def _serve(url: str, clients: int, pipe: Connection) -> None:
    asyncio.run(_serve_until_told(url, clients, pipe))


async def _serve_until_told(url: str, clients: int, pipe: Connection) -> None:
    from opweave_operator.adapters.http_code_locations import HttpCodeLocations
    from opweave_operator.api.server import ApiServer, create_app
    from support import api_world, builders

    with tempfile.TemporaryDirectory() as directory:
        async with (
            HttpCodeLocations() as locations,
            api_world.open_stores(url, Path(directory)) as stores,
        ):
            dependencies = api_world.dependencies(stores, locations)
            server = ApiServer(create_app(dependencies), "127.0.0.1", 0)
            serving = asyncio.create_task(server.serve())
            world = api_world.World(stores, "", None, dependencies)  # type: ignore[arg-type]  # no client is used
            keys = ["alone", *(f"s{n}" for n in range(clients))]
            run = await world.launch(*(builders.planned(key) for key in keys))
            for key in keys:
                await world.worker(run, key)
            pipe.send((server.port, run.id, _resident_megabytes()))
            await asyncio.to_thread(pipe.recv)
            pipe.send(_resident_megabytes())
            server.stop()
            await serving


def _resident_megabytes() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


class _Client:
    """A step process as ingest sees it."""

    def __init__(self, port: int, run_id: str, step_key: str) -> None:
        from support import api_world

        self._path = f"/ingest/v1/runs/{run_id}/steps/{step_key}/attempts/1"
        self._headers = {
            "Authorization": f"Bearer {api_world.TOKEN}",
            "Content-Type": "application/json",
        }
        self._connection = http.client.HTTPConnection("127.0.0.1", port)
        self._seq = 0
        self._post("start", b"{}")

    def report(self, events: int) -> None:
        """Send a batch and wait for its acknowledgement."""
        batch = [
            {
                "seq": seq,
                "type": "LOG_MESSAGE",
                "at": "2026-03-01T12:00:00.123456+00:00",
                "message": f"row group {seq} written",
                "payload": {"level": "INFO", "rows": seq, "logger": "shop.assets"},
            }
            for seq in range(self._seq, self._seq + events)
        ]
        self._seq += events
        ack = self._post("events", json.dumps({"events": batch}).encode())
        if ack["next_seq"] != self._seq:
            raise RuntimeError(f"acknowledged {ack}, sent up to {self._seq}")

    def _post(self, rest: str, body: bytes) -> dict[str, int]:
        self._connection.request("POST", f"{self._path}/{rest}", body, self._headers)
        reply = self._connection.getresponse()
        content = reply.read()
        if reply.status != 200:
            raise RuntimeError(f"{reply.status}: {content[:500]!r}")
        parsed: dict[str, int] = json.loads(content)
        return parsed


def _latencies(port: int, run_id: str) -> list[float]:
    client = _Client(port, run_id, "alone")
    taken = []
    for _ in range(ALONE_REPORTS):
        began = time.perf_counter()
        client.report(1)
        taken.append(time.perf_counter() - began)
    return taken


def _report(port: int, run_id: str, step_key: str, batch: int, seconds: float) -> tuple[int, float]:
    client = _Client(port, run_id, step_key)
    began = time.perf_counter()
    count = 0
    while time.perf_counter() - began < seconds:
        client.report(batch)
        count += batch
    return count, time.perf_counter() - began


if __name__ == "__main__":
    main()
