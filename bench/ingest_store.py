"""Measure how many reported events per second the event store takes, each durable once acknowledged.

Run with ``PYTHONPATH=runtime:operator:tests``. Steps report concurrently, each waiting for the acknowledgement of a batch
before the next, as step processes do. The bare figure beside it is what the same disk takes when the same events are
inserted by the driver alone, one commit a batch.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sqlite3
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import postgres
from opweave.wire import attempt as wire_attempt
from opweave.wire import plan as wire_plan
from opweave_operator import ports
from opweave_operator.core import ids, model
from opweave_operator.storage import Stores, engine, open_stores

_PAYLOAD = {"level": "INFO", "logger": "shop.clean", "fields": {"rows": 10_412, "kept": 10_377}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--events", type=int, default=20_000, help="by all steps together")
    parser.add_argument("--batch", type=int, default=250)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="opweave-bench-") as name:
        directory = Path(name)
        bare = measure_bare(directory / "bare.db", options.events, options.batch)
        print(f"bare SQLite    {bare:10,.0f} events/s  (driver alone, one step)")
        url = f"sqlite:///{directory / 'store.db'}"
        report("SQLite", asyncio.run(measure(url, directory, options)), bare)
        programs = postgres.find_programs()
        if programs is None:
            print(f"PostgreSQL     skipped: {postgres.NOT_INSTALLED}")
            return
        with postgres.PostgresServer(programs, is_durable=True) as server:
            url = server.url(server.create_database())
            report("PostgreSQL", asyncio.run(measure(url, directory, options)), bare)


def report(name: str, rate: float, bare: float) -> None:
    print(f"{name:14} {rate:10,.0f} events/s  {rate / bare:5.2f} times bare SQLite")


async def measure(url: str, directory: Path, options: argparse.Namespace) -> float:
    """Return the events per second of all steps together."""
    database = engine.open_database(url)
    await engine.migrate(database)
    stores = open_stores(database, directory)
    refs = await start_run(stores, options.steps)
    each = options.events // options.steps
    began = time.perf_counter()
    await asyncio.gather(*(send(stores, ref, each, options.batch) for ref in refs))
    seconds = time.perf_counter() - began
    await stores.close()
    events: int = each * options.steps
    return events / seconds


async def start_run(stores: Stores, steps: int) -> list[ports.AttemptRef]:
    """Store a run with *steps* attempts that may report."""
    now = datetime.now(UTC)
    plan = wire_plan.RunPlan(
        job="bench",
        steps=tuple(wire_plan.PlannedStep(key=f"step_{n}", op="op") for n in range(steps)),
    )
    run = model.Run(
        id=ids.new_run_id(now, bytes(10)),
        location=model.LocationRef(namespace="bench", name="bench"),
        job="bench",
        status=model.RunStatus.STARTED,
        plan=plan,
        created_at=now,
    )
    await stores.runs.create(run, [])

    def request(state: model.RunState) -> model.Decision:
        attempts = (model.Attempt(number=1),)
        starting = model.StepStatus.STARTING
        return model.Decision(
            state=replace(
                state,
                steps={
                    key: replace(step, status=starting, attempts=attempts)
                    for key, step in state.steps.items()
                },
            )
        )

    decision = await stores.runs.transact(run.id, request)
    assert decision is not None
    return [ports.AttemptRef(run_id=run.id, step_key=key, number=1) for key in decision.state.steps]


async def send(stores: Stores, ref: ports.AttemptRef, count: int, batch: int) -> None:
    """Report *count* events of one attempt in batches."""
    for first in range(0, count, batch):
        now = datetime.now(UTC)
        events = [
            wire_attempt.Event(
                seq=seq,
                type=wire_attempt.EventType.LOG_MESSAGE,
                at=now.isoformat(),
                message=f"cleaned part {seq} of {count}",
                payload=_PAYLOAD,
            )
            for seq in range(first, min(first + batch, count))
        ]
        await stores.events.append(ref, events, outcome=None, moments=model.Moments(), now=now)


def measure_bare(path: Path, events: int, batch: int) -> float:
    """Return the events per second of SQLite's driver without any of ours."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(
        "CREATE TABLE events (run_id TEXT, number INTEGER, at INTEGER, message TEXT, step_key TEXT,"
        " seq INTEGER, payload TEXT, PRIMARY KEY (run_id, number), UNIQUE (run_id, step_key, seq))"
    )
    began = time.perf_counter()
    for first in range(0, events, batch):
        rows = [
            ("r" * 26, n, n, f"cleaned part {n} of {events}", "step", n, json.dumps(_PAYLOAD))
            for n in range(first, min(first + batch, events))
        ]
        with connection:
            connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    seconds = time.perf_counter() - began
    connection.close()
    return events / seconds


if __name__ == "__main__":
    main()
