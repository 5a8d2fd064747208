"""Reads shared by all resolvers of one request: a run or the catalog is read once, however many fields ask for it."""

from __future__ import annotations

import asyncio

from strawberry.dataloader import DataLoader

from opweave_operator import ports
from opweave_operator.core import model
from opweave_operator.usecases.asset_catalog import AssetCatalog, AssetEntry

_CONCURRENT_READS = 4
"""Of one request: more would make the others wait for a reader."""


class Loaders:
    """Loaders for one request; never kept longer, since they remember."""

    def __init__(
        self, runs: ports.RunStore, catalog: ports.CatalogStore, assets: ports.AssetStore
    ) -> None:
        self._runs = runs
        self._catalog = catalog
        self._reading = asyncio.Semaphore(_CONCURRENT_READS)
        self._states: DataLoader[model.RunId, model.RunState | None] = DataLoader(
            load_fn=self._load_states
        )
        self._lists: DataLoader[str, list[ports.LocationRecord]] = DataLoader(
            load_fn=self._load_locations
        )
        self._assets: DataLoader[str, dict[str, AssetEntry]] = DataLoader(load_fn=self._load_assets)
        self._asset_catalog = AssetCatalog(catalog, assets)
        self._jobs: DataLoader[str, list[ports.JobRecord]] = DataLoader(load_fn=self._load_jobs)

    async def run_state(self, run_id: model.RunId) -> model.RunState | None:
        """Return the run with its steps, or None."""
        return await self._states.load(run_id)

    async def locations(self) -> list[ports.LocationRecord]:
        """Return all locations."""
        return await self._lists.load("all")

    async def declared_jobs(self) -> list[ports.JobRecord]:
        """Return all declared jobs."""
        return await self._jobs.load("all")

    async def assets(self) -> dict[str, AssetEntry]:
        """Return all assets by key."""
        return await self._assets.load("all")

    async def _load_assets(self, keys: list[str]) -> list[dict[str, AssetEntry]]:
        return [await self._asset_catalog.entries()] * len(keys)

    async def _load_states(self, run_ids: list[model.RunId]) -> list[model.RunState | None]:
        return await asyncio.gather(*(self._load_state(run_id) for run_id in run_ids))

    async def _load_state(self, run_id: model.RunId) -> model.RunState | None:
        async with self._reading:
            return await self._runs.load(run_id)

    async def _load_locations(self, keys: list[str]) -> list[list[ports.LocationRecord]]:
        return [await self._catalog.list_locations()] * len(keys)

    async def _load_jobs(self, keys: list[str]) -> list[list[ports.JobRecord]]:
        return [await self._catalog.list_jobs()] * len(keys)
