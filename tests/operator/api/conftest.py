"""The web role on SQLite and PostgreSQL, served on the loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from opweave_operator.adapters.http_code_locations import HttpCodeLocations
from postgres import PostgresServer, postgres_programs, postgres_server
from support import api_world

__all__ = ["postgres_programs", "postgres_server"]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[api_world.World]:
    """An API on SQLite."""
    async for made in _world(f"sqlite:///{tmp_path}/opweave.db", tmp_path):
        yield made


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def any_world(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[api_world.World]:
    """An API on each of the databases."""
    url = f"sqlite:///{tmp_path}/opweave.db"
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        url = server.url(server.create_database())
    async for made in _world(url, tmp_path):
        yield made


async def _world(url: str, directory: Path) -> AsyncIterator[api_world.World]:
    async with (
        HttpCodeLocations() as locations,
        api_world.open_stores(url, directory / "data") as stores,
    ):
        dependencies = api_world.dependencies(stores, locations)
        async with (
            api_world.serve(dependencies) as base,
            httpx.AsyncClient(base_url=base, timeout=30, trust_env=False) as client,
        ):
            yield api_world.World(stores, base, client, dependencies)
