"""Admission from the queue: statements on a connection, for the store of runs.

Whoever changes several queued runs in one transaction holds the lock of the queue, so that two admitters neither pass a
limit together nor wait for each other's rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sqlalchemy import Connection, select, text, update

from opweave_operator.core import model, run_state
from opweave_operator.storage import run_record, run_rows, schema
from opweave_operator.storage.run_cache import CachedRun, RunCache

_LOCK_KEY = 0x6F70_7751_5545_5545
"""``opwQUEUE`` in ASCII."""

_MAX_PARAMETERS = 500
"""Ids in one statement; databases bound them."""


def lock(connection: Connection) -> None:
    """Keep others from admitting until the transaction ends; on SQLite a transaction that writes has the lock already."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})


def active(connection: Connection) -> list[model.Run]:
    """Return the runs that hold places, without their plans."""
    statuses = sorted(status.value for status in run_state.ACTIVE)
    statement = select(schema.runs).where(schema.runs.c.status.in_(statuses))
    return [run_rows.run_from(row) for row in connection.execute(statement)]


def still_queued(
    connection: Connection, run_ids: Sequence[model.RunId], cache: RunCache
) -> dict[model.RunId, CachedRun]:
    """Return, locked, those of *run_ids* that wait in the queue."""
    loaded = (run_record.load(connection, run_id, cache, lock=True) for run_id in sorted(run_ids))
    return {
        found.state.run.id: found
        for found in loaded
        if found is not None and found.state.run.status is model.RunStatus.QUEUED
    }


def note(connection: Connection, reasons: Mapping[model.RunId, str]) -> None:
    """Store why runs wait; one statement for many runs with the same reason."""
    by_reason: dict[str, list[model.RunId]] = {}
    for run_id, reason in reasons.items():
        by_reason.setdefault(reason, []).append(run_id)
    runs = schema.runs.c
    for reason, run_ids in by_reason.items():
        for some in _chunks(sorted(run_ids)):
            connection.execute(
                update(schema.runs)
                .where(runs.id.in_(some), runs.status == model.RunStatus.QUEUED.value)
                .values(queued_reason=reason, revision=runs.revision + 1)
            )


def _chunks(run_ids: Sequence[model.RunId]) -> Iterator[Sequence[model.RunId]]:
    for start in range(0, len(run_ids), _MAX_PARAMETERS):
        yield run_ids[start : start + _MAX_PARAMETERS]
