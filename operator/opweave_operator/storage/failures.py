"""What a failure of the database means for the operation that met it, and for its caller.

The edge at which errors of SQLAlchemy and of the drivers become ours.
"""

from __future__ import annotations

import sqlite3

import psycopg
from sqlalchemy import exc

from opweave_operator import errors

_SQLITE_TRANSIENT = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
}
"""Another process holds the lock, or the volume is full, slow or away: all may pass. Source: sqlite.org/rescode.html"""

_POSTGRESQL_TRANSIENT_CLASSES = {"08", "53", "57"}
"""Connection exception, insufficient resources, operator intervention. Source: PostgreSQL manual, appendix A."""

_POSTGRESQL_TRANSIENT = {
    "40001",  # serialization_failure: rolled back for sure
    "40P01",  # deadlock_detected: the same
    "55P03",  # lock_not_available: our lock_timeout
    "25006",  # read_only_sql_transaction: a standby during a failover
    "25P03",  # idle_in_transaction_session_timeout
}


def is_transient(error: BaseException) -> bool:
    """Return whether the same operation may succeed later without anything being changed.

    True includes failures of a commit of which nobody knows whether it happened. Repeating is right even then, because
    every operation of the stores looks at what is stored first: a run that exists is returned, a reported event that is
    stored is a repeat, a state function is applied to the state which its first application left.
    """
    cause = error.orig if isinstance(error, exc.DBAPIError) else error
    if isinstance(cause, sqlite3.Error):
        code = getattr(cause, "sqlite_errorcode", 0)
        return (code & 0xFF) in _SQLITE_TRANSIENT
    if isinstance(error, exc.DBAPIError) and error.connection_invalidated:
        return True
    if isinstance(cause, psycopg.Error):
        state = cause.sqlstate
        if state is None:
            return isinstance(cause, psycopg.OperationalError)
        return state in _POSTGRESQL_TRANSIENT or state[:2] in _POSTGRESQL_TRANSIENT_CLASSES
    return False


def translate(error: Exception) -> Exception:
    """Return what the caller of a store shall see of *error*; errors that are not the database's stay as they are."""
    if not isinstance(error, (exc.SQLAlchemyError, psycopg.Error)):
        return error
    cause = error.orig if isinstance(error, exc.StatementError) else error
    if isinstance(cause, errors.StorageError):
        return cause
    if isinstance(cause, (psycopg.DataError, OverflowError, UnicodeError)):
        return errors.StorageRefused(f"a value does not fit its column: {_first_line(cause)}")
    return errors.StorageError(f"the database refused a statement: {_first_line(cause)}")


def unavailable(
    error: BaseException, where: str, waited_seconds: float
) -> errors.StorageUnavailable:
    """Return the error for callers whose patience with *error* has ended."""
    return errors.StorageUnavailable(
        f"{where} has not answered for {waited_seconds:.0f} s: {cause_of(error)};"
        " check that it runs, can be reached and has free space"
    )


def cause_of(error: BaseException) -> str:
    """Return what the database or its driver said, in one line."""
    return _first_line(error.orig if isinstance(error, exc.DBAPIError) else error)


def _first_line(error: BaseException | None) -> str:
    """Return the error without statement and parameters, which may hold what users wrote."""
    text = str(error).strip()
    return text.splitlines()[0][:500] if text else type(error).__name__
