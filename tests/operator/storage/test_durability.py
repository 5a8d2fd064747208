"""Nothing acknowledged is lost when a process is killed, and an outage of the database only delays."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from opweave_operator import errors, ports
from opweave_operator.core import model
from opweave_operator.storage import Stores, engine, open_stores
from postgres import PostgresServer
from run_builders import EXTRACT, a_run, an_outcome, append, reported, set_run, with_attempt

WRITER = """
import asyncio, sys
from pathlib import Path
from opweave_operator import ports
from opweave_operator.storage import engine, open_stores
from run_builders import append, reported

async def main(url, run_id, step_key):
    stores = open_stores(engine.open_database(url), Path(sys.argv[4]))
    ref = ports.AttemptRef(run_id=run_id, step_key=step_key, number=1)
    seq = 0
    while True:
        seq = await append(stores, ref, reported(*range(seq, seq + 7)))
        print(seq, flush=True)

asyncio.run(main(*sys.argv[1:4]))
"""


async def test_what_a_killed_process_acknowledged_is_there(sqlite_url: str, tmp_path: Path) -> None:
    """Two processes write one run and are killed at any instruction; the file opens and holds every acknowledged event."""
    keys = [model.StepKey("a"), model.StepKey("b")]
    stores = open_stores(engine.open_database(sqlite_url), tmp_path)
    run = a_run(*keys)
    for key in keys:
        await with_attempt(stores, run, key)
    await stores.close()

    acknowledged = await asyncio.gather(
        *(asyncio.to_thread(write_until_killed, sqlite_url, run.id, key, tmp_path) for key in keys)
    )

    reopened = open_stores(engine.open_database(sqlite_url), tmp_path)
    stored = await reopened.events.events(run.id, limit=10_000)
    assert [event.number for event in stored] == list(range(len(stored)))
    for key, count in zip(keys, acknowledged, strict=True):
        seqs = [event.seq for event in stored if event.step_key == key]
        assert seqs == list(range(len(seqs)))
        assert len(seqs) >= count
        ref = ports.AttemptRef(run_id=run.id, step_key=key, number=1)
        assert await append(reopened, ref, reported(len(seqs)), an_outcome()) == len(seqs) + 1
    await reopened.close()


def write_until_killed(url: str, run_id: str, step_key: str, data: Path) -> int:
    """Return the last number that the writer acknowledged before it was killed."""
    command = [sys.executable, "-c", WRITER, url, run_id, step_key, str(data)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as writer:
        assert writer.stdout is not None
        for _ in range(15):
            assert writer.stdout.readline()
        writer.send_signal(signal.SIGKILL)
        rest = writer.stdout.read().split()
    return int(rest[-1]) if rest else 15 * 7


@pytest.fixture
def own_server(postgres_programs: Path) -> Iterator[PostgresServer]:
    with PostgresServer(postgres_programs) as server:
        yield server


@pytest.mark.postgres
async def test_a_restart_of_the_database_only_delays(
    own_server: PostgresServer, tmp_path: Path
) -> None:
    """Reports, changes and reads that meet the outage wait for its end, and none is lost or doubled."""
    stores = await migrated(own_server.url(), tmp_path)
    ref = await with_attempt(stores)
    await append(stores, ref, reported(0))
    await asyncio.to_thread(own_server.stop)
    pending = [
        asyncio.create_task(append(stores, ref, reported(*range(1, 40)))),
        asyncio.create_task(stores.runs.transact(ref.run_id, set_run(reason="Changed"))),
        asyncio.create_task(stores.runs.load(ref.run_id)),
    ]
    done, _ = await asyncio.wait(pending, timeout=0.3)
    assert not done
    await asyncio.to_thread(own_server.start)
    await asyncio.gather(*pending)
    state = await stores.runs.load(ref.run_id)
    assert state is not None
    assert state.run.reason == "Changed"
    assert [event.seq for event in await stores.events.events(ref.run_id)] == list(range(40))
    await stores.close()


@pytest.mark.postgres
async def test_connections_cut_under_load_lose_and_double_nothing(
    own_server: PostgresServer, tmp_path: Path
) -> None:
    """A commit of which nobody knows whether it happened is repeated, and the repeat is recognised."""
    stores = await migrated(own_server.url(), tmp_path)
    ref = await with_attempt(stores)
    counter = a_run()
    await stores.runs.create(counter, [])

    async def report() -> None:
        for seq in range(0, 600, 10):
            await append(stores, ref, reported(*range(seq, seq + 10)))

    reporting = asyncio.create_task(report())
    while not reporting.done():
        await stores.runs.transact(counter.id, set_run(message="once"))
        await asyncio.to_thread(cut_connections, own_server.url())
        await asyncio.wait([reporting], timeout=0.1)
    await reporting
    stored = await stores.events.events(ref.run_id)
    assert [(event.number, event.seq) for event in stored] == [(n, n) for n in range(600)]
    await stores.close()


def cut_connections(url: str) -> None:

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'opweave' AND datname = current_database()"
        )


async def migrated(url: str, data: Path, **options: float) -> Stores:
    database = engine.open_database(url, **options)
    await engine.migrate(database)
    return open_stores(database, data)


async def test_a_database_that_stays_away_is_reported_in_words(tmp_path: Path) -> None:
    """The message says where and for how long, and not the password."""
    url = "postgresql://opweave:secret@127.0.0.1:1/opweave"
    stores = open_stores(engine.open_database(url, patience_seconds=0.2), tmp_path)
    with pytest.raises(
        errors.StorageUnavailable, match=r"127\.0\.0\.1:1/opweave has not"
    ) as raised:
        await stores.runs.unfinished()
    assert "secret" not in str(raised.value)
    with pytest.raises(errors.StorageUnavailable):
        await stores.runs.transact(model.RunId("x"), set_run())
    await stores.close()


async def test_a_file_that_another_process_locks_is_waited_for(
    sqlite_url: str, tmp_path: Path
) -> None:
    """What waited meanwhile is committed together afterwards."""
    stores = open_stores(engine.open_database(sqlite_url), tmp_path)
    ref = await with_attempt(stores)
    locker = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    locker.execute("BEGIN IMMEDIATE")
    pending = [
        asyncio.create_task(append(stores, ref, reported(0, 1))),
        asyncio.create_task(stores.runs.transact(ref.run_id, set_run(reason="Changed"))),
    ]
    done, _ = await asyncio.wait(pending, timeout=0.2)
    assert not done
    assert await stores.runs.load(ref.run_id) is not None
    locker.execute("ROLLBACK")
    locker.close()
    await asyncio.gather(*pending)
    state = await stores.runs.load(ref.run_id)
    assert state is not None
    assert (state.run.reason, state.run.next_event) == ("Changed", 2)
    await stores.close()


async def test_a_write_that_nobody_waits_for_any_more_is_dropped(
    sqlite_url: str, tmp_path: Path
) -> None:
    stores = open_stores(engine.open_database(sqlite_url), tmp_path)
    run = a_run()
    await stores.runs.create(run, [])
    locker = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    locker.execute("BEGIN IMMEDIATE")
    first = asyncio.create_task(stores.runs.transact(run.id, set_run(reason="Waited for")))
    await asyncio.wait([first], timeout=0.1)
    second = asyncio.create_task(stores.runs.transact(run.id, set_run(message="Dropped")))
    await asyncio.wait([second], timeout=0.1)
    second.cancel()
    await asyncio.wait([second])
    locker.execute("ROLLBACK")
    locker.close()
    await first
    state = await stores.runs.load(run.id)
    assert state is not None
    assert (state.run.reason, state.run.message) == ("Waited for", "")
    await stores.close()


async def test_closing_commits_what_is_queued(sqlite_url: str, tmp_path: Path) -> None:
    stores = open_stores(engine.open_database(sqlite_url), tmp_path)
    run = a_run()
    await stores.runs.create(run, [])
    pending = [
        asyncio.create_task(stores.runs.transact(run.id, set_run(priority=n))) for n in range(20)
    ]
    await asyncio.sleep(0)
    await stores.close()
    await asyncio.gather(*pending)
    again = open_stores(engine.open_database(sqlite_url), tmp_path)
    state = await again.runs.load(run.id)
    assert state is not None
    assert state.run.priority == 19
    with pytest.raises(errors.StorageError, match="is closed"):
        await stores.runs.transact(run.id, set_run(priority=20))
    await again.close()


async def test_a_cached_state_is_void_after_an_outage(
    own_server: PostgresServer, tmp_path: Path
) -> None:
    """A standby that takes over may lack the last commits: what is stored counts, not what was."""
    stores = await migrated(own_server.url(), tmp_path)
    run = a_run()
    await stores.runs.create(run, [])
    await stores.runs.transact(run.id, set_run(message="kept"))
    await asyncio.to_thread(rewrite_message, own_server.url(), "from the standby")
    await asyncio.to_thread(own_server.stop)
    await asyncio.to_thread(own_server.start)
    state = await stores.runs.load(run.id)
    assert state is not None
    assert state.run.message == "from the standby"
    assert EXTRACT in state.steps
    await stores.close()


def rewrite_message(url: str, message: str) -> None:

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("UPDATE runs SET message = %s", (message,))
