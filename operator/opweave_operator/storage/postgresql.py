"""PostgreSQL: a pool of connections, each used by one thread at a time."""

from __future__ import annotations

from typing import TypeVar

import psycopg
from sqlalchemy import URL, create_engine, event
from sqlalchemy.pool import ConnectionPoolEntry

from opweave_operator.storage import database

T = TypeVar("T")

_CONNECTIONS = 8
_CONNECT_ARGUMENTS = {
    "connect_timeout": 5,
    "tcp_user_timeout": 15_000,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "application_name": "opweave",
}
"""So that a server that vanished without a word is given up after 15 s. Source: PostgreSQL manual, libpq 34.1.2."""

_SESSION_SETTINGS = (
    "SET TIME ZONE 'UTC'",
    "SET lock_timeout = '20s'",
    "SET statement_timeout = '60s'",
    "SET idle_in_transaction_session_timeout = '60s'",
)
"""Bounds what a process that stands still can block. Sent as statements: connection poolers refuse start-up options."""


class PostgresDatabase(database.Database):
    """A PostgreSQL database, shared by any number of processes."""

    dialect_name = "postgresql"

    def __init__(self, url: URL, patience_seconds: float) -> None:
        self.url = url
        self.where = f"PostgreSQL at {url.render_as_string(hide_password=True)}"
        writing = create_engine(
            url,
            connect_args={k: v for k, v in _CONNECT_ARGUMENTS.items() if k not in url.query},
            isolation_level="READ COMMITTED",
            pool_size=_CONNECTIONS,
            max_overflow=0,
        )
        event.listen(writing, "connect", self._set_up)
        self._writing = database.ThreadedEngine(
            writing, threads=_CONNECTIONS, where=self.where, patience_seconds=patience_seconds
        )
        reading = writing.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        self._reading = self._writing.sharing(reading)

    async def write(self, operation: database.Operation[T]) -> T:
        """Run *operation*; what must not change meanwhile it locks itself (``SELECT ... FOR UPDATE``)."""
        return await self._writing.run(operation)

    async def read(self, operation: database.Operation[T]) -> T:
        """Run *operation* on one snapshot."""
        return await self._reading.run(operation)

    async def close(self) -> None:
        """Close the pool."""
        await self._writing.close()

    def _set_up(
        self, connection: psycopg.Connection[tuple[object, ...]], _: ConnectionPoolEntry
    ) -> None:
        self.generation += 1
        connection.autocommit = True
        for statement in _SESSION_SETTINGS:
            connection.execute(statement)
        connection.autocommit = False
