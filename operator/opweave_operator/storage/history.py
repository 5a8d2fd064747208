"""Deleting history, for both databases: in small transactions, so that ingest never waits long behind one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, false, func, not_, select

from opweave_operator.core import model
from opweave_operator.core.tick_records import RequestStatus
from opweave_operator.storage import schema
from opweave_operator.storage.database import Database

_FREED_PAGES = 1000
"""Pages that SQLite gives back to the file system in one transaction: 4 MB."""

_MAX_PARAMETERS = 500


class SqlHistoryStore:
    """What has ended long ago; fulfils `ports.HistoryStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ended_runs(
        self, before: datetime, *, limit: int, with_events: bool = False
    ) -> list[model.RunId]:
        """Return runs of which nothing is left to do since *before*, oldest first."""
        runs, events = schema.runs.c, schema.events.c
        has_events = and_(_is_over(before), exists().where(events.run_id == runs.id))
        wanted = has_events if with_events else _may_go(before)
        statement = select(runs.id).where(wanted).order_by(runs.id).limit(limit)
        return await self._database.read(
            lambda connection: [model.RunId(row.id) for row in connection.execute(statement)]
        )

    async def ended_among(
        self, run_ids: Sequence[model.RunId], before: datetime
    ) -> list[model.RunId]:
        """Return those of *run_ids* of which nothing is left to do since *before*."""

        def look(connection: Connection) -> list[model.RunId]:
            found: list[model.RunId] = []
            for start in range(0, len(run_ids), _MAX_PARAMETERS):
                some = run_ids[start : start + _MAX_PARAMETERS]
                statement = select(schema.runs.c.id).where(
                    schema.runs.c.id.in_(some), _is_over(before)
                )
                found += [model.RunId(row.id) for row in connection.execute(statement)]
            return found

        return await self._database.read(look)

    async def delete_events(self, run_id: model.RunId, *, limit: int) -> int:
        """Delete the first *limit* events of a finished run; return how many went."""
        events = schema.events.c

        def apply(connection: Connection) -> int:
            first = connection.execute(
                select(func.min(events.number)).where(events.run_id == run_id)
            ).scalar()
            if first is None:
                return 0
            is_settled = exists().where(schema.runs.c.id == run_id, schema.runs.c.is_settled)
            return connection.execute(
                delete(schema.events).where(
                    events.run_id == run_id, events.number < first + limit, is_settled
                )
            ).rowcount

        return await self._database.write(apply)

    async def delete_run(self, run_id: model.RunId, before: datetime) -> bool:
        """Delete a run of which nothing is left to do since *before*, if nothing needs it; return whether it went."""
        statement = delete(schema.runs).where(schema.runs.c.id == run_id, _may_go(before))
        return await self._database.write(
            lambda connection: connection.execute(statement).rowcount > 0
        )

    async def delete_ticks(self, before: datetime, *, limit: int) -> int:
        """Delete up to *limit* ticks that ended before *before* and whose runs are launched; return how many went."""
        ticks, requests = schema.ticks.c, schema.run_requests.c
        keys = list(schema.ticks.primary_key.columns)
        is_pending = exists().where(
            requests.status == RequestStatus.PENDING.value,
            *(requests[column.name] == column for column in keys if column.name != "at"),
            requests.tick_at == ticks.at,
        )
        statement = (
            select(*keys)
            .where(ticks.at < before, ticks.ended_at < before, ~is_pending)
            .order_by(ticks.at)
            .limit(limit)
        )

        def apply(connection: Connection) -> int:
            rows = connection.execute(statement).all()
            for row in rows:
                values = row._asdict()
                connection.execute(
                    delete(schema.ticks).where(*(ticks[k] == v for k, v in values.items()))
                )
                values["tick_at"] = values.pop("at")
                connection.execute(
                    delete(schema.run_requests).where(
                        *(requests[k] == v for k, v in values.items())
                    )
                )
            return len(rows)

        return await self._database.write(apply)

    async def free_space(self) -> bool:
        """Give back some of the space that deletion left; return whether there is more. PostgreSQL does so by itself."""
        if self._database.dialect_name != "sqlite":
            return False

        def apply(connection: Connection) -> bool:
            for _ in range(
                _FREED_PAGES
            ):  # the driver steps once a statement, and a step frees a page
                connection.exec_driver_sql("PRAGMA incremental_vacuum(1)")
            left = connection.exec_driver_sql("PRAGMA freelist_count").scalar_one()
            mode = connection.exec_driver_sql("PRAGMA auto_vacuum").scalar_one()
            return bool(left > 0 and mode != 0)

        return await self._database.write(apply)


def _is_over(before: datetime) -> ColumnElement[bool]:
    """Settled, ended before *before*, and no ancestor of a run that may still read its outputs."""
    runs = schema.runs.c
    origins = [
        select(column).where(runs.is_settled == false(), column.is_not(None))
        for column in (runs.parent_run_id, runs.root_run_id)
    ]
    is_between = and_(runs.root_run_id.is_not(None), runs.root_run_id.in_(origins[1]))
    return and_(
        runs.is_settled,
        runs.ended_at < before,
        *(runs.id.not_in(ids) for ids in origins),
        not_(is_between),
    )


def _may_go(before: datetime) -> ColumnElement[bool]:
    """Over since *before*, and no asset's newest value is among its outputs: whoever needs the asset loads it from there."""
    events, latest = schema.asset_events.c, schema.asset_latest.c
    holders = (
        select(events.run_id)
        .join_from(schema.asset_latest, schema.asset_events, latest.event_id == events.id)
        .where(events.is_stored, events.run_id.is_not(None))
    )
    return and_(_is_over(before), schema.runs.c.id.not_in(holders))
