"""A database as the stores see it: functions on a connection, each run in one transaction.

Statements are synchronous and run in threads; a function given to `Database.write` or `Database.read` may be called
again from the start when its transaction failed, so it must not act on anything but the connection.
"""

from __future__ import annotations

import abc
import asyncio
import copy
import time
from collections.abc import Callable
from concurrent import futures
from typing import TypeVar

import structlog
from sqlalchemy import Connection, Engine

from opweave_operator.storage import failures

T = TypeVar("T")

Operation = Callable[[Connection], T]

PATIENCE_SECONDS = 60.0
"""How long an operation waits for a database that does not answer: twice the outage that must pass unnoticed."""

_FIRST_DELAY_SECONDS = 0.02
_LONGEST_DELAY_SECONDS = 1.0

_log = structlog.get_logger(__name__)


class Database(abc.ABC):
    """One database, open.

    Attributes:
        dialect_name: ``sqlite`` or ``postgresql``.
        where: For messages: what and where it is, without password.
        generation: Grows with every connection that is made; what was read by an older one may have been lost since.
    """

    dialect_name: str
    where: str
    generation: int = 0

    @abc.abstractmethod
    async def write(self, operation: Operation[T]) -> T:
        """Run *operation* in a transaction that may write; return what it returned after the commit.

        Raises:
            StorageUnavailable: The database did not answer for as long as an operation may wait.
            StorageError: It refused.
        """

    @abc.abstractmethod
    async def read(self, operation: Operation[T]) -> T:
        """Run *operation* on one snapshot of the database.

        Raises:
            StorageUnavailable: The database did not answer for as long as an operation may wait.
            StorageError: It refused.
        """

    @abc.abstractmethod
    async def close(self) -> None:
        """Close all connections, after what is being written; afterwards the database must not be used."""


class Backoff:
    """Delays of the retries of one operation, until its patience ends."""

    def __init__(self, patience_seconds: float) -> None:
        self._began_at = time.monotonic()
        self._patience_seconds = patience_seconds
        self._delay_seconds = _FIRST_DELAY_SECONDS

    @property
    def waited_seconds(self) -> float:
        """How long the operation has been trying."""
        return time.monotonic() - self._began_at

    def next_delay(self) -> float | None:
        """Return how many seconds to wait before the next try; None when there shall be none."""
        if self.waited_seconds >= self._patience_seconds:
            return None
        delay = self._delay_seconds
        self._delay_seconds = min(delay * 2, _LONGEST_DELAY_SECONDS)
        return delay


class ThreadedEngine:
    """An engine with as many threads as connections, which tries again while the database does not answer."""

    def __init__(
        self, engine: Engine, *, threads: int, where: str, patience_seconds: float
    ) -> None:
        self._engine = engine
        self._where = where
        self._patience_seconds = patience_seconds
        self._threads = futures.ThreadPoolExecutor(threads, thread_name_prefix="opweave-database")

    def sharing(self, engine: Engine) -> ThreadedEngine:
        """Return the same threads with *engine*, which uses the same pool of connections in another mode."""
        shared = copy.copy(self)
        shared._engine = engine
        return shared

    async def run(self, operation: Operation[T]) -> T:
        """Run *operation* in a transaction in one of the threads."""
        loop = asyncio.get_running_loop()
        backoff = Backoff(self._patience_seconds)
        while True:
            try:
                return await loop.run_in_executor(self._threads, self._transact, operation)
            except Exception as error:
                if not failures.is_transient(error):
                    raise failures.translate(error) from error
                delay = backoff.next_delay()
                if delay is None:
                    raise failures.unavailable(
                        error, self._where, backoff.waited_seconds
                    ) from error
                log_retry(self._where, error, delay)
            await asyncio.sleep(delay)

    def _transact(self, operation: Operation[T]) -> T:
        with self._engine.begin() as connection:
            return operation(connection)

    async def close(self) -> None:
        """Wait for the threads and close the connections."""
        await asyncio.to_thread(self._threads.shutdown)
        self._engine.dispose()


def log_retry(where: str, error: BaseException, delay_seconds: float) -> None:
    """Note that the database did not answer and will be asked again."""
    _log.warning(
        "database_retry",
        database=where,
        delay_seconds=delay_seconds,
        error=failures.cause_of(error),
    )
