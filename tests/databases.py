"""Fixtures: the stores over both databases, each test with a database of its own that is migrated already."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from opweave_operator.storage import Stores, engine, open_stores
from postgres import PostgresServer

OpenStores = Callable[[], Stores]

SQLITE = pytest.param("sqlite", id="sqlite")
POSTGRESQL = pytest.param("postgresql", id="postgresql", marks=pytest.mark.postgres)


async def _migrate(url: str) -> None:
    database = engine.open_database(url)
    await engine.migrate(database)
    await database.close()


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, to copy."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    asyncio.run(_migrate(f"sqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def migrated_template(postgres_server: PostgresServer) -> str:
    """The name of a migrated PostgreSQL database, to copy."""
    name = postgres_server.create_database()
    asyncio.run(_migrate(postgres_server.url(name)))
    return name


@pytest.fixture(params=[SQLITE, POSTGRESQL])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'opweave.db'}"
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.url(server.create_database())


@pytest.fixture
def sqlite_url(migrated_file: Path, tmp_path: Path) -> str:
    """The URL of a migrated, empty SQLite file."""
    path = tmp_path / "opweave.db"
    shutil.copy(migrated_file, path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgres_url(postgres_server: PostgresServer, migrated_template: str) -> str:
    """The URL of a migrated, empty PostgreSQL database."""
    return postgres_server.url(postgres_server.create_database(migrated_template))


@pytest.fixture(params=[SQLITE, POSTGRESQL])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of a migrated, empty database of either kind."""
    url: str = request.getfixturevalue(
        "sqlite_url" if request.param == "sqlite" else "postgres_url"
    )
    return url


@pytest.fixture
async def open_more_stores(database_url: str, tmp_path: Path) -> AsyncIterator[OpenStores]:
    """Opens stores over the test's database, each with its own connections and cache, as another process has them."""
    opened: list[Stores] = []

    def open_one() -> Stores:
        opened.append(open_stores(engine.open_database(database_url), tmp_path / "data"))
        return opened[-1]

    yield open_one
    for stores in opened:
        await stores.close()


@pytest.fixture
def stores(open_more_stores: OpenStores) -> Stores:
    """The stores over the test's database."""
    return open_more_stores()
