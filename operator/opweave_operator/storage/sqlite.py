"""SQLite: one thread that writes, a few that read, and commits shared by writes that wait at the same time.

A commit costs a flush of the write-ahead log to the disk (``synchronous=FULL``: what is acknowledged survives a power
cut), and SQLite has one writer at a time anyway. So all writes go through one queue, and those that are waiting when a
transaction is open join it, each behind its own savepoint.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from concurrent import futures
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from opweave_operator import errors
from opweave_operator.storage import database, failures

T = TypeVar("T")

_READERS = 4
_BUSY_TIMEOUT_SECONDS = 5
_MAX_SHARED_WRITES = 64
"""Bounds how long the first write of a transaction waits for the last."""


def open_sqlite(path: Path, patience_seconds: float) -> SqliteDatabase:
    """Open the database file at *path*, which is made if it is not there.

    Raises:
        StorageError: The file system cannot hold it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise errors.StorageError(
            f"cannot make the directory of the SQLite file {path}: {error.strerror};"
            " choose another place or mend its permissions"
        ) from error
    return SqliteDatabase(path, patience_seconds)


@dataclass(eq=False)
class _Write(Generic[T]):
    """A write that somebody waits for."""

    operation: database.Operation[T]
    backoff: database.Backoff
    future: futures.Future[T] = field(default_factory=futures.Future)
    is_taken: bool = False

    def take(self) -> bool:
        """Return whether it is still wanted; from then on it can no longer be cancelled."""
        if not self.is_taken:
            self.is_taken = self.future.set_running_or_notify_cancel()
        return self.is_taken


class SqliteDatabase(database.Database):
    """A database in one file, for one pod or one laptop."""

    dialect_name = "sqlite"

    def __init__(self, path: Path, patience_seconds: float) -> None:
        self.where = f"the SQLite file {path}"
        self._patience_seconds = patience_seconds
        self._is_closed = False
        readers = _make_engine(path, begin="BEGIN", is_writer=False)
        self._readers = database.ThreadedEngine(
            readers, threads=_READERS, where=self.where, patience_seconds=patience_seconds
        )
        self._writer = _Writer(
            _make_engine(path, begin="BEGIN IMMEDIATE", is_writer=True), self.where
        )

    async def write(self, operation: database.Operation[T]) -> T:
        """Queue *operation* behind the writes that wait already; return after its commit."""
        if self._is_closed:
            raise errors.StorageError(f"{self.where} is closed")
        write = _Write(operation, database.Backoff(self._patience_seconds))
        self._writer.submit(write)
        return await asyncio.wrap_future(write.future)

    async def read(self, operation: database.Operation[T]) -> T:
        """Run *operation* beside the writer, on the newest commit."""
        return await self._readers.run(operation)

    async def close(self) -> None:
        """Commit what is queued and close the file."""
        self._is_closed = True
        await asyncio.to_thread(self._writer.stop)
        await self._readers.close()


class _Writer:
    """The thread that writes."""

    def __init__(self, engine: Engine, where: str) -> None:
        self._engine = engine
        self._where = where
        self._queue: queue.SimpleQueue[_Write[Any] | None] = queue.SimpleQueue()
        self._is_stopping = False
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="opweave-sqlite-writer", daemon=True)
        self._thread.start()

    def submit(self, write: _Write[Any]) -> None:
        """Queue *write*."""
        self._queue.put(write)

    def stop(self) -> None:
        """Serve what is queued, then end the thread."""
        self._queue.put(None)
        self._wake.set()
        self._thread.join()
        self._engine.dispose()

    def _run(self) -> None:
        while not self._is_stopping:
            write = self._queue.get()
            if write is None:
                return
            if write.take():
                self._serve([write])

    def _serve(self, writes: list[_Write[Any]]) -> None:
        """Commit *writes* and those that join them, trying again while the file cannot be written."""
        while writes:
            answers: list[tuple[_Write[Any], Any, Exception | None]] = []
            try:
                with self._engine.begin() as connection:
                    self._run_group(connection, writes, answers)
            except Exception as error:  # noqa: BLE001  # whatever it is, each waiter gets it; the thread must live
                writes = self._retried(writes, error)
                continue
            for write, result, failure in answers:
                if failure is None:
                    write.future.set_result(result)
                else:
                    write.future.set_exception(failure)
            return

    def _run_group(
        self,
        connection: Connection,
        writes: list[_Write[Any]],
        answers: list[tuple[_Write[Any], Any, Exception | None]],
    ) -> None:
        """Run *writes* and append to them what is waiting in the queue, each behind a savepoint."""
        position = 0
        while position < len(writes):
            write = writes[position]
            try:
                with connection.begin_nested():
                    answers.append((write, write.operation(connection), None))
            except Exception as error:
                if failures.is_transient(error):
                    raise
                failure = failures.translate(error)
                if failure is not error:
                    failure.__cause__ = error
                answers.append((write, None, failure))
            position += 1
            if position == len(writes) < _MAX_SHARED_WRITES:
                self._join_waiting(writes)

    def _join_waiting(self, writes: list[_Write[Any]]) -> None:
        while not self._is_stopping:
            try:
                write = self._queue.get_nowait()
            except queue.Empty:
                return
            if write is None:
                self._is_stopping = True
            elif write.take():
                writes.append(write)
                return

    def _retried(self, writes: list[_Write[Any]], error: Exception) -> list[_Write[Any]]:
        """Answer the writes that cannot or need not be tried again, wait, and return the others."""
        kept: list[_Write[Any]] = []
        delays: list[float] = []
        for write in writes:
            delay = write.backoff.next_delay()
            if not failures.is_transient(error):
                write.future.set_exception(failures.translate(error))
            elif delay is None:
                waited = write.backoff.waited_seconds
                write.future.set_exception(failures.unavailable(error, self._where, waited))
            else:
                kept.append(write)
                delays.append(delay)
        if kept:
            database.log_retry(self._where, error, min(delays))
            self._wake.wait(min(delays))
        return kept


def _make_engine(path: Path, *, begin: str, is_writer: bool) -> Engine:
    """Return an engine whose transactions open with *begin*: SQLAlchemy's driver would open none before a SELECT."""
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"check_same_thread": False, "timeout": _BUSY_TIMEOUT_SECONDS},
        poolclass=QueuePool,
        pool_size=1 if is_writer else _READERS,
        max_overflow=0,
    )

    @event.listens_for(engine, "connect")
    def set_up(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
        connection.isolation_level = None
        if connection.execute("PRAGMA page_count").fetchone()[0] == 0:
            # Only a new file can choose to shrink; another keeps its mode, and uses freed pages again.
            connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
        mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        if mode != "wal":
            raise errors.StorageError(
                f"{path} lies on a file system without shared memory, so SQLite cannot keep a write-ahead log there;"
                " use a local disk or a block volume, or PostgreSQL"
            )
        for pragma in (
            "synchronous=FULL",
            "foreign_keys=ON",
            "temp_store=MEMORY",
            "journal_size_limit=67108864",
        ):
            connection.execute(f"PRAGMA {pragma}")
        if not is_writer:
            connection.execute("PRAGMA query_only=ON")

    @event.listens_for(engine, "begin")
    def begin_transaction(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine
