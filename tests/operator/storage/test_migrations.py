"""The migrations lead to the schema, from nothing and again, and refuse what they do not know."""

from __future__ import annotations

import asyncio

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from opweave_operator import errors
from opweave_operator.storage import engine, migrating, schema
from opweave_operator.storage.database import Database


@pytest.fixture
async def database(empty_url: str) -> Database:
    return engine.open_database(empty_url)


async def test_migrated_tables_are_those_of_the_schema(database: Database) -> None:
    await engine.migrate(database)

    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(
            connection,
            opts={"version_table": migrating.VERSION_TABLE, "compare_server_default": True},
        )
        return list(compare_metadata(context, schema.metadata))

    found = await database.read(differences)
    await database.close()
    assert found == []


async def test_partial_index_holds_what_the_engine_looks_for(database: Database) -> None:
    """Its condition is spelt alike in schema, migration and query, or it would never be used."""
    await engine.migrate(database)

    def condition(connection: Connection) -> str:
        indexes = inspect(connection).get_indexes("runs")
        [index] = [index for index in indexes if index["name"] == "ix_runs_unsettled"]
        options = index["dialect_options"]
        return str(options[f"{connection.dialect.name}_where"])

    found = await database.read(condition)
    await database.close()
    assert found in ("is_settled = 0", "(is_settled = false)")


async def test_migrating_again_changes_nothing(database: Database) -> None:
    for _ in range(2):
        await engine.migrate(database)
    revision = await database.read(migrating.current_revision)
    await database.close()
    assert revision == migrating.newest_revision() == "0004"


async def test_processes_that_migrate_at_once_wait_for_each_other(empty_url: str) -> None:
    databases = [engine.open_database(empty_url) for _ in range(3)]
    await asyncio.gather(*(engine.migrate(database) for database in databases))
    for database in databases:
        await database.close()


async def test_a_database_of_a_newer_version_is_refused_in_words(database: Database) -> None:
    await engine.migrate(database)
    newer = text(f"UPDATE {migrating.VERSION_TABLE} SET version_num = '9999'")
    await database.write(lambda connection: connection.execute(newer))
    with pytest.raises(errors.SchemaUnknown, match=r"revision 9999.*a newer version has migrated"):
        await engine.migrate(database)
    await database.close()


async def test_a_migration_that_fails_leaves_nothing(database: Database) -> None:
    """A table in the way stops it; when it is gone, the migration starts from the beginning."""
    in_the_way = text("CREATE TABLE steps (id INTEGER)")
    await database.write(lambda connection: connection.execute(in_the_way))
    with pytest.raises(errors.StorageError, match="steps"):
        await engine.migrate(database)

    def names(connection: Connection) -> list[str]:
        return inspect(connection).get_table_names()

    left = await database.read(names)
    await database.write(lambda connection: connection.execute(text("DROP TABLE steps")))
    await engine.migrate(database)
    await database.close()
    assert left == ["steps"]
