"""Wake-ups between processes, by PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest

from opweave_operator.core import model
from opweave_operator.storage import Stores, engine, open_stores
from run_builders import a_run

pytestmark = pytest.mark.postgres


@pytest.fixture
async def two_processes(postgres_url: str, tmp_path: Path) -> AsyncIterator[tuple[Stores, Stores]]:
    opened = [open_stores(engine.open_database(postgres_url), tmp_path) for _ in range(2)]
    yield opened[0], opened[1]
    for stores in opened:
        await stores.close()


async def hear(listener: AsyncIterator[model.RunId], wanted: model.RunId, speaker: Stores) -> None:
    """Let *speaker* tell of a run until *listener* hears it: its connection takes a moment to stand."""

    async def listen() -> None:
        async for run_id in listener:
            if run_id == wanted:
                return

    hearing = asyncio.create_task(listen())
    async with asyncio.timeout(20):
        while not hearing.done():
            await speaker.wakeups.notify(wanted)
            await asyncio.wait([hearing], timeout=0.05)


async def test_a_commit_wakes_other_processes(two_processes: tuple[Stores, Stores]) -> None:
    """Whoever listens in another process hears of a commit as soon as it can be seen."""
    here, there = two_processes
    listener = there.wakeups.listen()
    await hear(listener, model.RunId("connected"), here)
    run = a_run()
    await here.runs.create(run, [])
    async with asyncio.timeout(10):
        while await anext(listener) != run.id:
            pass
    assert await there.runs.load(run.id) is not None


async def test_listening_survives_the_loss_of_the_connection(
    two_processes: tuple[Stores, Stores], postgres_url: str
) -> None:
    here, there = two_processes
    listener = there.wakeups.listen()
    await hear(listener, model.RunId("before"), here)
    async with await psycopg.AsyncConnection.connect(postgres_url, autocommit=True) as connection:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    await hear(listener, model.RunId("after"), here)


async def test_a_process_hears_its_own_commit_once(
    postgres_url: str, two_processes: tuple[Stores, Stores]
) -> None:
    """What comes back through the database was heard already: the engine need not look twice."""
    here, there = two_processes
    listener = here.wakeups.listen()
    await hear(listener, model.RunId("connected"), there)
    await here.wakeups.notify(model.RunId("own"))
    await hear(listener, model.RunId("end"), there)
    rest: list[str] = []
    second = here.wakeups.listen()
    await here.wakeups.notify(model.RunId("own"))
    await there.wakeups.notify(model.RunId("end"))
    async with asyncio.timeout(10):
        while (run_id := await anext(second)) != "end":
            rest.append(run_id)
    assert rest == ["own"]
