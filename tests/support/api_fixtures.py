"""Fixtures for tests that need the web role or a real code server; a ``conftest.py`` imports what it needs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from opweave_operator import ports
from opweave_operator.adapters.http_code_locations import HttpCodeLocations
from opweave_operator.adapters.local import code_server_process, workspace
from opweave_operator.core import model
from postgres import PostgresServer
from support import api_world

SHOP = Path(__file__).with_name("shop_definitions.py")
ASSETS = Path(__file__).with_name("asset_definitions.py")


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


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ports.LocationRecord]:
    """A code location that a real code server serves."""
    yield from _served(SHOP, tmp_path_factory.mktemp("code-server"))


@pytest.fixture(scope="session")
def asset_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ports.LocationRecord]:
    """The same location with other definitions: assets only."""
    yield from _served(ASSETS, tmp_path_factory.mktemp("code-server"))


def _served(file: Path, directory: Path) -> Iterator[ports.LocationRecord]:
    declared = workspace.from_file(file, working_directory=file.parent)
    process = code_server_process.spawn(declared.template, directory, None)
    try:
        yield asyncio.run(_loaded(process, declared.template.to_json()))
    finally:
        asyncio.run(process.stop())


async def _loaded(
    process: code_server_process.CodeServerProcess, template: dict[str, object]
) -> ports.LocationRecord:
    async with HttpCodeLocations() as locations:
        health = await process.wait_until_loaded(locations)
        assert health.failure is None, health.failure
        return ports.LocationRecord(
            ref=model.LocationRef(namespace="local", name="shop"),
            url=process.url,
            worker_template=template,
            snapshot=await locations.snapshot(process.url),
            loaded_at=api_world.now(),
        )


@pytest.fixture
async def shop_world(world: api_world.World, shop: ports.LocationRecord) -> api_world.World:
    """An API whose catalog has the shop."""
    await world.stores.catalog.put_location(shop)
    return world


@pytest.fixture
async def asset_world(world: api_world.World, asset_shop: ports.LocationRecord) -> api_world.World:
    """An API whose catalog has the location of assets."""
    await world.stores.catalog.put_location(asset_shop)
    return world
