"""The store of code locations, declared jobs and the instance's settings, for both databases."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, Table, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from opweave.wire import codec
from opweave.wire import location as wire_location
from opweave_operator import ports
from opweave_operator.core import model
from opweave_operator.storage import run_rows, schema
from opweave_operator.storage.database import Database

_INSTANCE = "instance"


class SqlCatalogStore:
    """What is declared, as it was last seen; fulfils `ports.CatalogStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put_location(self, record: ports.LocationRecord) -> None:
        """Store *record* in place of an older one."""
        values = {
            "namespace": record.ref.namespace,
            "name": record.ref.name,
            "url": record.url,
            "image": record.image,
            "worker_template": dict(record.worker_template),
            "snapshot": codec.encode(record.snapshot),
            "failure": codec.encode(record.failure),
            "loaded_at": record.loaded_at,
            "updated_at": record.updated_at,
        }
        await self._put(schema.locations, values)

    async def get_location(self, ref: model.LocationRef) -> ports.LocationRecord | None:
        """Return the location, or None."""
        row = await self._get(_one(schema.locations, ref.namespace, ref.name))
        return None if row is None else _location_from(row)

    async def list_locations(self) -> list[ports.LocationRecord]:
        """Return all locations by namespace and name."""
        return [_location_from(row) for row in await self._all(schema.locations)]

    async def location_stamps(self) -> dict[model.LocationRef, tuple[str, datetime | None]]:
        """Return url and time of the last change of all locations."""
        table = schema.locations.c
        statement = select(table.namespace, table.name, table.url, table.updated_at)
        rows = await self._database.read(lambda connection: connection.execute(statement).all())
        return {
            model.LocationRef(namespace=row.namespace, name=row.name): (row.url, row.updated_at)
            for row in rows
        }

    async def delete_location(self, ref: model.LocationRef) -> None:
        """Forget a location."""
        await self._delete(schema.locations, ref.namespace, ref.name)

    async def put_job(self, record: ports.JobRecord) -> None:
        """Store *record* in place of an older one."""
        values = {
            "namespace": record.namespace,
            "name": record.name,
            "location": record.location,
            "job": record.job,
            "assets": record.assets,
            "run_config": dict(record.run_config),
            "tags": dict(record.tags),
            "priority": record.priority,
            "max_concurrent_runs": record.max_concurrent_runs,
            "start_timeout_seconds": record.timeouts.start_seconds,
            "run_timeout_seconds": record.timeouts.run_seconds,
            "max_retries": record.max_retries,
            "step_overrides": dict(record.step_overrides),
        }
        await self._put(schema.declared_jobs, values)

    async def get_job(self, namespace: str, name: str) -> ports.JobRecord | None:
        """Return the declared job, or None."""
        row = await self._get(_one(schema.declared_jobs, namespace, name))
        return None if row is None else _job_from(row)

    async def list_jobs(self) -> list[ports.JobRecord]:
        """Return all declared jobs by namespace and name."""
        return [_job_from(row) for row in await self._all(schema.declared_jobs)]

    async def delete_job(self, namespace: str, name: str) -> None:
        """Forget a declared job."""
        await self._delete(schema.declared_jobs, namespace, name)

    async def put_instance(self, spec: Mapping[str, Any]) -> None:
        """Store the instance's settings."""
        await self._put(schema.instance_settings, {"name": _INSTANCE, "spec": dict(spec)})

    async def get_instance(self) -> Mapping[str, Any]:
        """Return the instance's settings; empty before any are stored."""
        row = await self._get(
            select(schema.instance_settings).where(schema.instance_settings.c.name == _INSTANCE)
        )
        if row is None:
            return {}
        spec: Mapping[str, Any] = row.spec
        return spec

    async def _put(self, table: Table, values: run_rows.RowValues) -> None:
        await self._database.write(lambda connection: _upsert(connection, table, values))

    async def _get(self, statement: Select[*tuple[Any, ...]]) -> run_rows.RowTuple | None:
        return await self._database.read(
            lambda connection: connection.execute(statement).one_or_none()
        )

    async def _all(self, table: Table) -> list[run_rows.RowTuple]:
        statement = select(table).order_by(table.c.namespace, table.c.name)
        return await self._database.read(
            lambda connection: list(connection.execute(statement).all())
        )

    async def _delete(self, table: Table, namespace: str, name: str) -> None:
        statement = delete(table).where(table.c.namespace == namespace, table.c.name == name)
        await self._database.write(lambda connection: connection.execute(statement))


def _upsert(connection: Connection, table: Table, values: run_rows.RowValues) -> None:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    keys = [column.name for column in table.primary_key]
    others = {name: value for name, value in values.items() if name not in keys}
    insert = dialect.insert(table).values(values)
    connection.execute(insert.on_conflict_do_update(index_elements=keys, set_=others))


def _one(table: Table, namespace: str, name: str) -> Select[*tuple[Any, ...]]:
    return select(table).where(table.c.namespace == namespace, table.c.name == name)


def _location_from(row: run_rows.RowTuple) -> ports.LocationRecord:
    return ports.LocationRecord(
        ref=model.LocationRef(namespace=row.namespace, name=row.name),
        url=row.url,
        image=row.image,
        worker_template=row.worker_template,
        snapshot=None
        if row.snapshot is None
        else codec.decode(wire_location.LocationSnapshot, row.snapshot),
        failure=None
        if row.failure is None
        else codec.decode(wire_location.LoadFailure, row.failure),
        loaded_at=row.loaded_at,
        updated_at=row.updated_at,
    )


def _job_from(row: run_rows.RowTuple) -> ports.JobRecord:
    return ports.JobRecord(
        namespace=row.namespace,
        name=row.name,
        location=row.location,
        job=row.job,
        assets=row.assets or "",
        run_config=row.run_config,
        tags=row.tags,
        priority=row.priority,
        max_concurrent_runs=row.max_concurrent_runs,
        timeouts=model.Timeouts(
            start_seconds=row.start_timeout_seconds, run_seconds=row.run_timeout_seconds
        ),
        max_retries=row.max_retries,
        step_overrides=row.step_overrides,
    )
