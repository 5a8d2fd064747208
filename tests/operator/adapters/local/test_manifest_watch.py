"""Manifests that change under a running instance."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from opweave_operator import ports, storage
from opweave_operator.adapters.local import declarations, manifests
from opweave_operator.adapters.local.manifest_watch import ManifestWatch
from opweave_operator.storage import engine

LIMIT_SECONDS = 30
LOCATION = """
apiVersion: opweave.dev/v1alpha1
kind: CodeLocation
metadata: {name: shop}
spec: {source: {image: a, module: shop}}
"""
JOB = """---
apiVersion: opweave.dev/v1alpha1
kind: Job
metadata: {name: nightly}
spec: {codeLocation: shop, job: report}
"""
INSTANCE = """---
apiVersion: opweave.dev/v1alpha1
kind: Instance
metadata: {name: default}
spec: {runQueue: {maxConcurrentRuns: %s}}
"""


@pytest.fixture
async def stores(tmp_path: Path) -> AsyncIterator[storage.Stores]:
    database = engine.open_database(f"sqlite:///{tmp_path / 'opweave.db'}")
    await engine.migrate(database)
    stores = storage.open_stores(database, tmp_path)
    yield stores
    await stores.close()


@pytest.fixture
def catalog(stores: storage.Stores) -> ports.CatalogStore:
    return stores.catalog


class Notices:
    """Hands over each notice."""

    def __init__(self) -> None:
        self._told: asyncio.Queue[str] = asyncio.Queue()

    def put(self, notice: str) -> None:
        self._told.put_nowait(notice)

    async def next(self) -> str:
        async with asyncio.timeout(LIMIT_SECONDS):
            return await self._told.get()


@contextlib.asynccontextmanager
async def watching(
    tmp_path: Path, stores: storage.Stores, text: str
) -> AsyncIterator[tuple[Path, Notices]]:
    """Watch a file that holds *text* at first."""
    file, notices = tmp_path / "manifests.yaml", Notices()
    file.write_text(text, encoding="utf-8")

    def declare() -> declarations.Declarations:
        return manifests.load([file], tmp_path / "home")

    started = declare()
    await declarations.store(started, stores.catalog)
    watch = ManifestWatch(
        paths=[file],
        declare=declare,
        started=started,
        catalog=stores.catalog,
        instigators=stores.instigators,
        on_notice=notices.put,
        look_seconds=0.01,
    )
    task = asyncio.create_task(watch.run())
    try:
        yield file, notices
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_settings_and_jobs_take_effect_without_a_restart(
    tmp_path: Path, stores: storage.Stores, catalog: ports.CatalogStore
) -> None:
    """What was changed, added and removed."""
    async with watching(tmp_path, stores, LOCATION + INSTANCE % 3) as (file, notices):
        file.write_text(LOCATION + JOB + INSTANCE % 10, encoding="utf-8")
        await notices.next()
        changed = await catalog.get_instance()
        jobs = [job.name for job in await catalog.list_jobs()]
        file.write_text(LOCATION, encoding="utf-8")
        await notices.next()

        assert (changed, jobs) == ({"runQueue": {"maxConcurrentRuns": 10}}, ["nightly"])
        assert await catalog.get_instance() == {}
        assert await catalog.list_jobs() == []


async def test_a_broken_manifest_changes_nothing(
    tmp_path: Path, stores: storage.Stores, catalog: ports.CatalogStore
) -> None:
    """It is told with its fault, and what held before holds on."""
    async with watching(tmp_path, stores, LOCATION + INSTANCE % 3) as (file, notices):
        file.write_text(LOCATION + INSTANCE % "many", encoding="utf-8")
        notice = await notices.next()

        assert "spec.runQueue.maxConcurrentRuns must be a whole number" in notice
        assert await catalog.get_instance() == {"runQueue": {"maxConcurrentRuns": 3}}


async def test_what_depends_on_the_declared_jobs_is_told(
    tmp_path: Path, stores: storage.Stores, catalog: ports.CatalogStore
) -> None:
    """Once the catalog holds them: their config is checked against the code then."""
    file = tmp_path / "manifests.yaml"
    file.write_text(LOCATION)
    taken = asyncio.Event()
    watch = ManifestWatch(
        paths=[file],
        declare=lambda: manifests.load([file], tmp_path),
        started=manifests.load([file], tmp_path),
        catalog=catalog,
        instigators=stores.instigators,
        on_notice=lambda _: None,
        on_taken=taken.set,
        look_seconds=0.01,
    )
    running = asyncio.create_task(watch.run())
    try:
        file.write_text(LOCATION + JOB)
        async with asyncio.timeout(LIMIT_SECONDS):
            await taken.wait()
        assert ["nightly"] == [job.name for job in await catalog.list_jobs()]
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def test_another_location_needs_a_new_start(
    tmp_path: Path, stores: storage.Stores, catalog: ports.CatalogStore
) -> None:
    """That is said, and the location that is served is not forgotten."""
    async with watching(tmp_path, stores, LOCATION) as (file, notices):
        file.write_text(LOCATION.replace("name: shop", "name: other"), encoding="utf-8")
        told = [await notices.next(), await notices.next()]

    assert "start `opweave dev` again" in told[1]


async def test_schedules_are_taken_over_and_forgotten(
    tmp_path: Path, stores: storage.Stores
) -> None:
    """As declared jobs are."""
    schedule = """---
apiVersion: opweave.dev/v1alpha1
kind: Schedule
metadata: {name: daily}
spec: {job: nightly, cron: "0 6 * * *"}
"""
    async with watching(tmp_path, stores, LOCATION + JOB) as (file, notices):
        file.write_text(LOCATION + JOB + schedule, encoding="utf-8")
        await notices.next()
        added = [declared.name for declared in await stores.instigators.declarations()]
        file.write_text(LOCATION + JOB, encoding="utf-8")
        await notices.next()

        assert added == ["daily"]
        assert await stores.instigators.declarations() == []
