"""Registers the five kinds with kopf and sets kopf up; called by bootstrap before ``kopf.operator``."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import kopf

from opweave_operator import ports
from opweave_operator.adapters.kubernetes import names
from opweave_operator.adapters.kubernetes.connection import Connection
from opweave_operator.adapters.kubernetes.events import EventRecorder
from opweave_operator.adapters.kubernetes.resources import (
    CODE_LOCATIONS,
    INSTANCES,
    JOBS,
    SCHEDULES,
    SENSORS,
    Resource,
)
from opweave_operator.core.instigators import Kind
from opweave_operator.handlers import code_location, instance, job, own_instances
from opweave_operator.handlers.collaborators import Collaborators, LoopHealth
from opweave_operator.handlers.instigator import InstigatorReconciler
from opweave_operator.handlers.reconciler import Reconciler
from opweave_operator.handlers.status import StatusWriter

__all__ = [
    "Collaborators",
    "Handlers",
    "LoopHealth",
    "configure",
    "connection_info",
    "register",
    "serve",
]

RUN_SCAN_SECONDS = 2.0
"""How late a Job's status may show a run that was launched elsewhere (web, command line)."""
RUN_SCAN_LIMIT = 100

_log = logging.getLogger(__name__)


class Handlers:
    """The reconcilers of all kinds.

    Args:
        parts: What they work with.
    """

    def __init__(self, parts: Collaborators) -> None:
        self._parts = parts
        k8s_events = EventRecorder(parts.client, parts.clock)
        status = StatusWriter(parts.client, k8s_events, parts.clock)
        jobs = job.JobReconciler(parts, status, k8s_events)
        self._job_index = jobs
        locations = code_location.CodeLocationReconciler(parts, status, self._location_changed)
        instances = instance.InstanceReconciler(parts, status)
        schedules = InstigatorReconciler(parts, status, Kind.SCHEDULE, SCHEDULES)
        sensors = InstigatorReconciler(parts, status, Kind.SENSOR, SENSORS)
        self._by_resource = {
            CODE_LOCATIONS: Reconciler("CodeLocation", locations.reconcile),
            JOBS: Reconciler("Job", jobs.reconcile),
            INSTANCES: Reconciler("Instance", instances.reconcile),
            SCHEDULES: Reconciler("Schedule", schedules.reconcile),
            SENSORS: Reconciler("Sensor", sensors.reconcile),
        }
        self._tasks: list[asyncio.Task[None]] = []

    def wake(self, resource: Resource, namespace: str, name: str) -> None:
        """Reconcile an object soon."""
        self._by_resource[resource].wake(namespace, name)

    def resources(self) -> tuple[Resource, ...]:
        """Return the kinds that are served."""
        return tuple(self._by_resource)

    async def start(self) -> None:
        """Look once at everything that the catalog knows: an object deleted while nobody watched sends no event."""
        for location in await self._parts.catalog.list_locations():
            self.wake(CODE_LOCATIONS, location.ref.namespace, location.ref.name)
        for declared in await self._parts.catalog.list_jobs():
            self.wake(JOBS, declared.namespace, declared.name)
        for instigator in await self._parts.instigators.declarations():
            resource = SCHEDULES if instigator.kind is Kind.SCHEDULE else SENSORS
            self.wake(resource, instigator.namespace, instigator.name)
        settings = self._parts.settings
        self.wake(INSTANCES, settings.namespace, settings.instance)
        self._tasks.append(asyncio.create_task(self._scan_runs()))
        if own_instances.is_needed(settings):
            instances = own_instances.informer(
                self._parts.client,
                settings.namespace,
                lambda name: self.wake(INSTANCES, settings.namespace, name),
            )
            self._tasks.append(asyncio.create_task(instances.run()))

    async def close(self) -> None:
        """End all work."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for reconciler in self._by_resource.values():
            await reconciler.close()

    def _location_changed(self, namespace: str, name: str) -> None:
        for key in self._job_index.jobs_of(namespace, name):
            self.wake(JOBS, *key)

    async def _scan_runs(self) -> None:
        """Wake the Jobs of new runs: they may have been launched by another process."""
        newest = ""
        while True:
            try:
                runs = await self._parts.runs.list_runs(ports.RunFilter(), limit=1)
                if runs and runs[0].id > newest:
                    runs = await self._parts.runs.list_runs(ports.RunFilter(), limit=RUN_SCAN_LIMIT)
                for run in runs:
                    if run.id > newest and run.job_resource is not None:
                        self.wake(JOBS, run.location.namespace, run.job_resource)
                newest = max([newest, *(run.id for run in runs)])
            except Exception:  # noqa: BLE001  # the database may be away; status is late then, nothing else
                _log.exception("runs_not_scanned")
            await asyncio.sleep(RUN_SCAN_SECONDS)


def register(registry: kopf.OperatorRegistry, collaborators: Collaborators) -> Handlers:
    """Register handlers of all kinds, the log-in, and start and end of our own loops; return the handlers."""
    handlers = Handlers(collaborators)

    @kopf.on.login(registry=registry)
    async def _login(**_: Any) -> kopf.ConnectionInfo:  # kopf passes what it has
        return await connection_info(collaborators.client.connection)

    @kopf.on.startup(registry=registry)
    async def _start(settings: kopf.OperatorSettings, **_: Any) -> None:
        configure(settings, is_namespaced=bool(collaborators.settings.watch_namespaces))
        await handlers.start()

    @kopf.on.cleanup(registry=registry)
    async def _close(**_: Any) -> None:
        await handlers.close()

    for resource in handlers.resources():
        _register_kind(registry, handlers, resource)
    return handlers


def _register_kind(registry: kopf.OperatorRegistry, handlers: Handlers, resource: Resource) -> None:
    @kopf.on.event(
        resource.group, resource.version, resource.plural, registry=registry, id=resource.plural
    )
    async def _changed(namespace: str | None, name: str | None, **_: Any) -> None:
        if namespace and name:
            handlers.wake(resource, namespace, name)


def configure(settings: kopf.OperatorSettings, *, is_namespaced: bool) -> None:
    """Set kopf up: nothing of its own on objects, no Events of its own, no peering, bounded lists and time-outs.

    With *is_namespaced* it follows neither namespaces nor CRDs, for which a namespaced role has no right.
    """
    settings.scanning.disabled = is_namespaced
    settings.posting.enabled = False
    settings.peering.standalone = True
    settings.persistence.finalizer = f"{names.GROUP}/finalizer"
    settings.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix=names.GROUP)
    settings.persistence.diffbase_storage = kopf.AnnotationsDiffBaseStorage(
        prefix=names.GROUP, key="last-handled"
    )
    settings.watching.chunk_size = 500
    settings.networking.request_timeout = 30
    settings.queueing.worker_limit = 64
    # One line per event of every object, although its handler only wakes a reconciler.
    logging.getLogger("kopf.objects").setLevel(logging.WARNING)


async def serve(
    registry: kopf.OperatorRegistry,
    *,
    namespaces: tuple[str, ...] = (),
    is_ready: asyncio.Event | None = None,
) -> None:
    """Run kopf over *namespaces* (empty means all) until a signal tells it to end or it is cancelled.

    ``kopf.operator`` is not used, because at its end it cancels every task of the loop that began after it, ours included.
    """
    tasks = await kopf.spawn_tasks(
        registry=registry,
        settings=kopf.OperatorSettings(),
        standalone=True,
        clusterwide=not namespaces,
        namespaces=namespaces,
        ready_flag=is_ready,
    )
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def connection_info(connection: Connection) -> kopf.ConnectionInfo:
    """Return *connection* for kopf, so that both speak to the same cluster as the same user."""
    await connection.reload()
    scheme, _, token = (await connection.authorization() or "").partition(" ")
    certificate = connection.client_certificate
    return kopf.ConnectionInfo(
        server=connection.server,
        ca_path=connection.ca_path,
        insecure=connection.is_insecure,
        scheme=scheme.capitalize() or None,
        token=token or None,
        certificate_path=certificate[0] if certificate else None,
        private_key_path=certificate[1] if certificate else None,
        proxy_url=connection.proxy,
    )
