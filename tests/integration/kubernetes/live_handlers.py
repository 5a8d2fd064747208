"""Handlers of all kinds at work on the test cluster, with a real database, in a namespace of their own."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kopf

import testbed
from integration.kubernetes import namespaces
from opweave_operator import ports, settings, storage
from opweave_operator.adapters.http_code_locations import HttpCodeLocations
from opweave_operator.adapters.kubernetes import connection
from opweave_operator.adapters.kubernetes.client import Client, JsonObject
from opweave_operator.adapters.kubernetes.resources import Resource
from opweave_operator.clock import SystemClock
from opweave_operator.handlers import startup
from opweave_operator.storage import engine as storage_engine
from opweave_operator.usecases.launch_run import RunLauncher

CRDS = Path(__file__).parents[3] / "crds"
LIMIT_SECONDS = 90.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveHandlers:
    """What a test needs of them."""

    client: Client
    namespace: str
    stores: storage.Stores
    code_locations: ports.CodeLocations
    stock_image: str

    async def until(
        self, resource: Resource, name: str, wanted: Callable[[JsonObject], bool]
    ) -> JsonObject:
        """Return the object once *wanted* holds for it; a watch tells of changes."""
        seen: JsonObject = {}
        try:
            async with asyncio.timeout(LIMIT_SECONDS):
                while True:
                    seen = await self.client.get(resource, self.namespace, name)
                    if wanted(seen):
                        return seen
                    events = self.client.watch(
                        resource,
                        self.namespace,
                        resource_version=seen["metadata"]["resourceVersion"],
                        field_selector=f"metadata.name={name}",
                        stall_seconds=LIMIT_SECONDS,
                        server_seconds=60,
                    )
                    async with contextlib.aclosing(events) as stream:  # type: ignore[type-var]  # an async generator
                        async for event in stream:
                            seen = event["object"]
                            if event["type"] == "MODIFIED" and wanted(seen):
                                return seen
        except TimeoutError:
            raise AssertionError(f"not as wanted; last seen: {seen.get('status')}") from None


def condition(body: JsonObject, kind: str = "Ready") -> dict[str, Any]:
    """Return a condition of an object; empty when it has none."""
    for found in (body.get("status") or {}).get("conditions") or ():
        if found["type"] == kind:
            return dict(found)
    return {}


def is_ready(reason: str) -> Callable[[JsonObject], bool]:
    """Return whether an object is Ready for *reason*, decided on its newest spec."""
    return _has("True", reason)


def is_not_ready(reason: str) -> Callable[[JsonObject], bool]:
    """Return whether an object is not Ready for *reason*, decided on its newest spec."""
    return _has("False", reason)


def _has(status: str, reason: str) -> Callable[[JsonObject], bool]:
    def wanted(body: JsonObject) -> bool:
        found = condition(body)
        return (
            found.get("status") == status
            and found.get("reason") == reason
            and found.get("observedGeneration") == body["metadata"]["generation"]
        )

    return wanted


@contextlib.asynccontextmanager
async def live_handlers(
    cluster: testbed.Cluster, stock_image: str, directory: Path
) -> AsyncIterator[LiveHandlers]:
    """Run the handlers in this process until left."""
    await asyncio.to_thread(install_crds, cluster)
    async with contextlib.AsyncExitStack() as stack:
        client = await stack.enter_async_context(
            Client(await connection.connect(cluster.kubeconfig))
        )
        namespace = await stack.enter_async_context(namespaces.fresh_namespace(client, "handlers"))
        database = storage_engine.open_database(f"sqlite:///{directory / 'opweave.db'}")
        await storage_engine.migrate(database)
        stores = storage.open_stores(database, directory)
        stack.push_async_callback(stores.close)
        code_locations = await stack.enter_async_context(HttpCodeLocations())
        clock = SystemClock()
        launcher = RunLauncher(
            runs=stores.runs, catalog=stores.catalog, code_locations=code_locations, clock=clock
        )
        registry = kopf.OperatorRegistry()
        startup.register(
            registry,
            startup.Collaborators(
                client=client,
                catalog=stores.catalog,
                runs=stores.runs,
                instigators=stores.instigators,
                code_locations=code_locations,
                launch=launcher.launch,
                settings=settings.OperatorSettings(
                    namespace=namespace, watch_namespaces=(namespace,), stock_image=stock_image
                ),
                clock=clock,
                database_version="SQLite",
            ),
        )
        await stack.enter_async_context(_running(registry, namespace))
        yield LiveHandlers(
            client=client,
            namespace=namespace,
            stores=stores,
            code_locations=code_locations,
            stock_image=stock_image,
        )


@contextlib.asynccontextmanager
async def _running(registry: kopf.OperatorRegistry, namespace: str) -> AsyncIterator[None]:
    ready = asyncio.Event()
    task = asyncio.create_task(startup.serve(registry, namespaces=(namespace,), is_ready=ready))
    try:
        await ready.wait()
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def install_crds(cluster: testbed.Cluster) -> None:
    """Bring the five kinds onto the cluster, or up to date."""
    kubectl = [str(cluster.kubectl), "--kubeconfig", str(cluster.kubeconfig)]
    subprocess.run(
        [*kubectl, "apply", "--server-side", "--force-conflicts", "-f", str(CRDS)],
        check=True,
        capture_output=True,
    )
    subprocess.run(
        [*kubectl, "wait", "--for=condition=Established", "-f", str(CRDS), "--timeout=30s"],
        check=True,
        capture_output=True,
    )
