"""What events tell of assets, as rows: written in the transaction that stores the events."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

from opweave.wire import attempt as wire_attempt
from opweave_operator.core import assets as core_assets
from opweave_operator.core.assets import AssetEvent, AssetEventKind
from opweave_operator.storage import run_rows, schema

ASSET_EVENT_TYPES = frozenset(
    {
        wire_attempt.EventType.ASSET_MATERIALIZATION.value,
        wire_attempt.EventType.ASSET_OBSERVATION.value,
        wire_attempt.EventType.ASSET_CHECK_EVALUATION.value,
    }
)


def record_rows(connection: Connection, event_rows: Iterable[run_rows.RowValues]) -> None:
    """Record what the rows of new events tell of assets."""
    told = [
        event
        for row in event_rows
        if row["type"] in ASSET_EVENT_TYPES
        for event in [
            core_assets.told_by(
                wire_attempt.EventType(row["type"]),
                row["payload"],
                at=row["at"],
                run_id=row["run_id"],
                step_key=row["step_key"] or "",
            )
        ]
        if event is not None
    ]
    if told:
        record(connection, told)


def record(connection: Connection, told: Sequence[AssetEvent]) -> None:
    """Add *told* to the histories of their assets and make each the latest of its kind.

    Rows of the latest are written in the order of their keys: two transactions that touch the same ones never wait for each
    other.
    """
    latest: dict[tuple[str, str, str], int] = {}
    for event in told:
        inserted = connection.execute(_INSERT, _event_values(event))
        number = inserted.scalar_one()
        name = event.check_name if event.kind is AssetEventKind.CHECK else ""
        latest[event.key, event.kind.value, name] = number
    for (key, kind, name), number in sorted(latest.items()):
        values = {"key": key, "kind": kind, "check_name": name, "event_id": number}
        _raise_latest(connection, schema.asset_latest, values)


def _event_values(event: AssetEvent) -> run_rows.RowValues:
    return {
        "key": event.key,
        "kind": event.kind.value,
        "at": event.at,
        "run_id": event.run_id or None,
        "step_key": event.step_key or None,
        "output": event.output or None,
        "is_stored": event.is_stored,
        "description": event.description,
        "metadata": dict(event.metadata) or None,
        "tags": dict(event.tags) or None,
        "data_version": event.data_version or None,
        "check_name": event.check_name or None,
        "passed": event.passed,
        "severity": event.severity or None,
        "is_blocking": event.is_blocking,
    }


def _raise_latest(connection: Connection, table: Table, values: run_rows.RowValues) -> None:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    keys = [column.name for column in table.primary_key]
    insert = dialect.insert(table).values(values)
    # A transaction that took its number earlier may end later.
    is_newer = table.c.event_id < insert.excluded.event_id
    statement = insert.on_conflict_do_update(
        index_elements=keys, set_={"event_id": insert.excluded.event_id}, where=is_newer
    )
    connection.execute(statement)


_INSERT = schema.asset_events.insert().returning(schema.asset_events.c.id)


# Any: a row of SQLAlchemy has no static type.
def event_from(row: Any) -> AssetEvent:
    """Return the entry of a history in *row*."""
    return AssetEvent(
        id=row.id,
        key=row.key,
        kind=AssetEventKind(row.kind),
        at=row.at,
        run_id=row.run_id or "",
        step_key=row.step_key or "",
        output=row.output or "",
        is_stored=row.is_stored,
        description=row.description,
        metadata=row.metadata or {},
        tags=row.tags or {},
        data_version=row.data_version or "",
        check_name=row.check_name or "",
        passed=row.passed,
        severity=row.severity or "",
        is_blocking=row.is_blocking,
    )
