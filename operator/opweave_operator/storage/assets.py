"""The store of assets, for both databases; ingest writes it by `asset_rows` in its own transactions."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, delete, exists, select

from opweave_operator.core.assets import AssetEvent, AssetEventKind, AssetState
from opweave_operator.storage import asset_rows, schema
from opweave_operator.storage.database import Database

MAX_PAGE = 1000
"""The most entries of a history that one call returns."""
_KEYS_AT_ONCE = 500
"""SQLite takes a bounded number of parameters in a statement."""

_LATEST = select(schema.asset_events).join_from(
    schema.asset_latest,
    schema.asset_events,
    schema.asset_latest.c.event_id == schema.asset_events.c.id,
)


class SqlAssetStore:
    """What is known of assets; fulfils `ports.AssetStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def states(self, keys: Collection[str] | None = None) -> dict[str, AssetState]:
        """Return what is known of the assets *keys*, or of all; those of which nothing is known are left out."""
        found: dict[str, dict[AssetEventKind, AssetEvent]] = {}
        for event in await self._latest(keys, is_check=False):
            found.setdefault(event.key, {})[event.kind] = event
        return {
            key: AssetState(
                key=key,
                materialization=kinds.get(AssetEventKind.MATERIALIZATION),
                observation=kinds.get(AssetEventKind.OBSERVATION),
            )
            for key, kinds in found.items()
        }

    async def verdicts(self, keys: Collection[str] | None = None) -> list[AssetEvent]:
        """Return the last verdict of each check of the assets *keys*, or of all."""
        return await self._latest(keys, is_check=True)

    async def _latest(self, keys: Collection[str] | None, *, is_check: bool) -> list[AssetEvent]:
        kind = schema.asset_latest.c.kind
        of_kind = (
            kind == AssetEventKind.CHECK.value if is_check else kind != AssetEventKind.CHECK.value
        )
        statements = [_LATEST.where(of_kind)]
        if keys is not None:
            parts = sorted(set(keys))
            statements = [
                _LATEST.where(
                    of_kind, schema.asset_latest.c.key.in_(parts[start : start + _KEYS_AT_ONCE])
                )
                for start in range(0, len(parts), _KEYS_AT_ONCE)
            ]
        return await self._database.read(
            lambda connection: [
                asset_rows.event_from(row)
                for statement in statements
                for row in connection.execute(statement.order_by(schema.asset_latest.c.key))
            ]
        )

    async def history(
        self,
        key: str,
        *,
        kinds: Collection[AssetEventKind] = (),
        before: int | None = None,
        limit: int = 100,
    ) -> list[AssetEvent]:
        """Return entries of an asset's history, newest first, those with an id below *before* only."""
        columns = schema.asset_events.c
        statement = select(schema.asset_events).where(columns.key == key)
        if kinds:
            statement = statement.where(columns.kind.in_(sorted(kind.value for kind in kinds)))
        if before is not None:
            statement = statement.where(columns.id < before)
        statement = statement.order_by(columns.id.desc()).limit(min(max(limit, 0), MAX_PAGE))
        return await self._database.read(
            lambda connection: [asset_rows.event_from(row) for row in connection.execute(statement)]
        )

    async def wrote(self, keys: Collection[str], run_id: str, step_key: str) -> bool:
        """Return whether the step of a run wrote one of the assets *keys*."""
        columns = schema.asset_events.c
        found = exists().where(
            columns.run_id == run_id,
            columns.step_key == step_key,
            columns.kind == AssetEventKind.MATERIALIZATION.value,
            columns.key.in_(sorted(keys)),
        )
        return await self._database.read(
            lambda connection: bool(connection.execute(select(found)).scalar_one())
        )

    async def report(self, events: Sequence[AssetEvent]) -> None:
        """Record *events* that no run told."""
        await self._database.write(lambda connection: asset_rows.record(connection, events))

    async def wipe(self, key: str) -> bool:
        """Forget all of an asset but its definition; return whether anything was known of it."""

        def wiped(connection: Connection) -> bool:
            from_latest = delete(schema.asset_latest).where(schema.asset_latest.c.key == key)
            from_history = delete(schema.asset_events).where(schema.asset_events.c.key == key)
            connection.execute(from_latest)
            return bool(connection.execute(from_history).rowcount)

        return await self._database.write(wiped)
