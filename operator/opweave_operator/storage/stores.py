"""All stores of one instance, wired. Called by `bootstrap` and by tests."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from opweave_operator.storage import postgresql
from opweave_operator.storage.artifacts import FileArtifactStore
from opweave_operator.storage.assets import SqlAssetStore
from opweave_operator.storage.catalog import SqlCatalogStore
from opweave_operator.storage.database import Database
from opweave_operator.storage.events import SqlEventStore
from opweave_operator.storage.history import SqlHistoryStore
from opweave_operator.storage.instigators import SqlInstigatorStore
from opweave_operator.storage.logs import FileLogStore
from opweave_operator.storage.run_cache import RunCache
from opweave_operator.storage.runs import SqlRunStore
from opweave_operator.storage.wakeups import LocalWakeUps, PostgresWakeUps, RunWakeUps


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """The stores of one instance in one process."""

    database: Database
    runs: SqlRunStore
    events: SqlEventStore
    history: SqlHistoryStore
    catalog: SqlCatalogStore
    assets: SqlAssetStore
    instigators: SqlInstigatorStore
    wakeups: RunWakeUps
    artifacts: FileArtifactStore
    logs: FileLogStore

    async def close(self) -> None:
        """Close them and the database."""
        await self.wakeups.close()
        await self.database.close()


def open_stores(database: Database, data_directory: Path) -> Stores:
    """Return the stores of the instance in *database*, its files under *data_directory*, which need not exist."""
    cache = RunCache(lambda: database.generation)
    wakeups = _open_wakeups(database)
    artifacts = FileArtifactStore(data_directory / "artifacts")
    artifacts.remove_unfinished()
    return Stores(
        database=database,
        runs=SqlRunStore(database, cache, wakeups),
        events=SqlEventStore(database, cache, wakeups),
        history=SqlHistoryStore(database),
        catalog=SqlCatalogStore(database),
        assets=SqlAssetStore(database),
        instigators=SqlInstigatorStore(database),
        wakeups=wakeups,
        artifacts=artifacts,
        logs=FileLogStore(data_directory / "logs"),
    )


def _open_wakeups(database: Database) -> RunWakeUps:
    if isinstance(database, postgresql.PostgresDatabase):
        return PostgresWakeUps(database, database.url)
    return LocalWakeUps()
