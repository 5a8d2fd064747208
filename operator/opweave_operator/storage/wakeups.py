"""Tell listeners that something about a run was committed: in this process, and through PostgreSQL in the others.

The stores call `RunWakeUps.announce` inside a transaction and `RunWakeUps.spread` after its commit; nobody else needs to.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import weakref
from collections.abc import AsyncIterator
from typing import Protocol

import psycopg
import structlog
from sqlalchemy import URL, Connection, bindparam, func, select

from opweave_operator.core import model
from opweave_operator.storage.database import Database

_CHANNEL = "opweave_runs"
_FIRST_DELAY_SECONDS = 0.1
_LONGEST_DELAY_SECONDS = 5.0

_log = structlog.get_logger(__name__)


class RunWakeUps(Protocol):
    """The port `ports.WakeUps`, and what the stores need of it beyond."""

    def announce(self, connection: Connection, run_id: model.RunId) -> None:
        """Within a transaction: tell other processes, when and if it commits."""
        ...

    def spread(self, run_id: model.RunId) -> None:
        """After a commit: tell the listeners in this process."""
        ...

    async def notify(self, run_id: model.RunId) -> None:
        """Tell everyone that something about the run was committed."""
        ...

    def listen(self) -> AsyncIterator[model.RunId]:
        """Yield ids of runs about which something was committed since this call."""
        ...

    async def close(self) -> None:
        """Stop; listeners hear nothing more."""
        ...


class Listener:
    """One listener: an iterator over ids, each given once however often it was told meanwhile."""

    def __init__(self) -> None:
        self._pending: dict[model.RunId, None] = {}
        self._has_pending = asyncio.Event()

    def tell(self, run_id: model.RunId) -> None:
        """Note *run_id* for the next step of the iteration."""
        self._pending[run_id] = None
        self._has_pending.set()

    def __aiter__(self) -> Listener:
        return self

    async def __anext__(self) -> model.RunId:
        await self._has_pending.wait()
        run_id = next(iter(self._pending))
        del self._pending[run_id]
        if not self._pending:
            self._has_pending.clear()
        return run_id


class LocalWakeUps:
    """Within this process: all that an instance on SQLite needs. One event loop."""

    def __init__(self) -> None:
        self._listeners: weakref.WeakSet[Listener] = weakref.WeakSet()

    def announce(self, connection: Connection, run_id: model.RunId) -> None:
        """Do nothing: there is no other process."""

    def spread(self, run_id: model.RunId) -> None:
        """Tell the listeners; one that was dropped in mid-iteration is forgotten by itself."""
        for listener in list(self._listeners):
            listener.tell(run_id)

    async def notify(self, run_id: model.RunId) -> None:
        """Tell the listeners."""
        self.spread(run_id)

    def listen(self) -> AsyncIterator[model.RunId]:
        """Yield ids told since this call."""
        listener = Listener()
        self._listeners.add(listener)
        return listener

    async def close(self) -> None:
        """Do nothing: there is nothing to close."""


class PostgresWakeUps:
    """Across processes by LISTEN and NOTIFY, within this one directly.

    While the connection that listens is away, what other processes tell is lost; their slow timers make up for it.
    """

    def __init__(self, database: Database, url: URL) -> None:
        self._database = database
        self._url = url.set(drivername="postgresql")
        self._local = LocalWakeUps()
        self._sender = secrets.token_hex(4)
        self._task: asyncio.Task[None] | None = None

    def announce(self, connection: Connection, run_id: model.RunId) -> None:
        """Tell other processes with the commit; PostgreSQL merges equal ones of one transaction."""
        connection.execute(_NOTIFY, {"channel": _CHANNEL, "payload": f"{self._sender} {run_id}"})

    def spread(self, run_id: model.RunId) -> None:
        """Tell the listeners in this process."""
        self._local.spread(run_id)

    async def notify(self, run_id: model.RunId) -> None:
        """Tell everyone."""
        await self._database.write(lambda connection: self.announce(connection, run_id))
        self.spread(run_id)

    def listen(self) -> AsyncIterator[model.RunId]:
        """Yield ids told since this call; those of other processes once the connection stands."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._relay(), name="opweave-wakeups")
        return self._local.listen()

    async def close(self) -> None:
        """Close the connection that listens."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _relay(self) -> None:
        delay = _FIRST_DELAY_SECONDS
        while True:
            try:
                async with await self._connect() as connection:
                    await connection.execute(f"LISTEN {_CHANNEL}")
                    delay = _FIRST_DELAY_SECONDS
                    async for notification in connection.notifies():
                        self._receive(notification.payload)
            except (psycopg.Error, OSError) as error:
                _log.warning(
                    "wakeups_reconnecting", delay_seconds=delay, error=type(error).__name__
                )
            await asyncio.sleep(delay)
            delay = min(delay * 2, _LONGEST_DELAY_SECONDS)

    async def _connect(self) -> psycopg.AsyncConnection[tuple[object, ...]]:
        return await psycopg.AsyncConnection.connect(
            self._url.render_as_string(hide_password=False),
            autocommit=True,
            connect_timeout=5,
            keepalives_idle=10,
            keepalives_interval=5,
            keepalives_count=3,
        )

    def _receive(self, payload: str) -> None:
        sender, _, run_id = payload.partition(" ")
        if run_id and sender != self._sender:
            self.spread(model.RunId(run_id))


_NOTIFY = select(func.pg_notify(bindparam("channel"), bindparam("payload")))
