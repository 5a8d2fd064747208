"""Wires everything: the one place that knows every adapter. Called by `cli` and by end-to-end tests."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path

import kopf

from opweave_operator import logs, loop_beats, ports, settings, storage
from opweave_operator.adapters.http_code_locations import HttpCodeLocations
from opweave_operator.adapters.kubernetes import connection, names
from opweave_operator.adapters.kubernetes.client import Client
from opweave_operator.adapters.kubernetes.executor import KubernetesExecutor
from opweave_operator.adapters.kubernetes.token_review import TokenReviewer
from opweave_operator.adapters.local import declarations, instance_file, manifests, workspace
from opweave_operator.adapters.local.code_servers import CodeServers
from opweave_operator.adapters.local.executor import LocalExecutor
from opweave_operator.adapters.local.manifest_watch import ManifestWatch
from opweave_operator.api import dependencies as api_dependencies
from opweave_operator.api import server, ui_files
from opweave_operator.api.metrics import Metrics
from opweave_operator.clock import SystemClock
from opweave_operator.handlers import startup
from opweave_operator.storage import engine as storage_engine
from opweave_operator.storage import migrating
from opweave_operator.usecases.admit_runs import RunAdmitter
from opweave_operator.usecases.advance_run import RunAdvancer
from opweave_operator.usecases.check_declared import DeclaredJobChecker
from opweave_operator.usecases.engine import RunEngine
from opweave_operator.usecases.evaluate_ticks import TickEngine
from opweave_operator.usecases.instance_settings import InstanceSettings
from opweave_operator.usecases.keep_history import HistoryKeeper
from opweave_operator.usecases.known_instigators import KnownInstigators
from opweave_operator.usecases.launch_requested import RequestedRunLauncher
from opweave_operator.usecases.launch_run import RunLauncher

LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalListener:
    """Who wants to know how a local instance comes up.

    Attributes:
        on_serving: Called once with the URL of the web role.
        on_location: Called with each record of a code location that was loaded, failed or ended.
        on_notice: Called with sentences about what was declared and has no effect here.
    """

    on_serving: Callable[[str], None]
    on_location: Callable[[ports.LocationRecord], None]
    on_notice: Callable[[str], None]


@contextlib.asynccontextmanager
async def open_storage(database_url: str, directory: Path) -> AsyncIterator[storage.Stores]:
    """Open and migrate the database; close it at the end."""
    database = storage_engine.open_database(database_url)
    try:
        await storage_engine.migrate(database)
        stores = storage.open_stores(database, directory)
    except BaseException:
        await database.close()
        raise
    try:
        yield stores
    finally:
        await stores.close()


async def pending_migrations(database_url: str) -> tuple[str, ...]:
    """Return the revisions that the database lacks, oldest first; it is left as it is."""
    database = storage_engine.open_database(database_url)
    try:
        return await database.read(migrating.pending_revisions)
    finally:
        await database.close()


def declared(local: settings.LocalSettings) -> declarations.Declarations:
    """Return what files, flags and the current directory declare.

    Raises:
        DeclarationError: Something in them is wrong, or there is nothing.
    """
    directory = local.working_directory or Path.cwd()
    if local.attribute and len(local.files) + len(local.modules) != 1:
        raise declarations.DeclarationError(
            "-a names the definitions in a file or module: give exactly one with -f or -m"
        )
    single = [
        workspace.from_file(path, working_directory=directory, attribute=local.attribute)
        for path in local.files
    ]
    single += [
        workspace.from_module(name, working_directory=directory, attribute=local.attribute)
        for name in local.modules
    ]
    parts = [declarations.Declarations(locations=(location,)) for location in single]
    if local.workspace is not None:
        parts.append(workspace.from_workspace(local.workspace))
    if local.manifests:
        parts.append(manifests.load(local.manifests, local.home))
    code = declarations.merge(parts) if parts else workspace.discover(directory)
    return declarations.merge([code, instance_file.load(local.home, directory)])


async def run_local(local: settings.LocalSettings, listener: LocalListener) -> None:
    """Run a whole instance on this machine until cancelled: web, engine, code servers, step processes.

    Raises:
        DeclarationError: What it should serve cannot be understood.
    """
    found = declared(local)
    local.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    for notice in found.notices:
        listener.on_notice(notice)
    database_url = local.database_url or f"sqlite:///{local.home.absolute() / 'opweave.db'}"
    token = secrets.token_urlsafe(32)
    clock = SystemClock()
    async with contextlib.AsyncExitStack() as stack:
        stores = await stack.enter_async_context(open_storage(database_url, local.home))
        locations = await stack.enter_async_context(HttpCodeLocations(token=token))
        await declarations.store(found, stores.catalog)
        await declarations.store_instigators(found, stores.instigators)
        api = _local_api(stores, locations, clock, local)
        app = server.create_app(api)
        web = server.ApiServer(app, local.host, local.port)
        url = f"http://{_in_url(local.host)}:{web.port}"
        executor = await stack.enter_async_context(
            LocalExecutor(
                home=local.home.absolute(),
                api_url=url,
                set_token_digest=stores.events.set_token_digest,
                clock=clock,
            )
        )
        checker = DeclaredJobChecker(
            catalog=stores.catalog, code_locations=locations, on_notice=listener.on_notice
        )

        def told_of_location(record: ports.LocationRecord) -> None:
            listener.on_location(record)
            checker.wake()

        servers = CodeServers(
            home=local.home.absolute(),
            locations=found.locations,
            catalog=stores.catalog,
            code_locations=locations,
            clock=clock,
            token=token,
            on_change=told_of_location,
        )
        engine = build_engine(stores, executor, clock, lambda: None, api.metrics)
        tick_engine = build_tick_engine(stores, locations, clock, lambda: None)
        keeper = build_history_keeper(stores, clock)
        watch = ManifestWatch(
            paths=(
                *local.manifests,
                *instance_file.candidates(local.home, local.working_directory or Path.cwd()),
            ),
            declare=lambda: declared(local),
            started=found,
            catalog=stores.catalog,
            instigators=stores.instigators,
            on_notice=listener.on_notice,
            on_taken=checker.wake,
        )
        await serve_together(
            web=web,
            on_started=lambda: listener.on_serving(url),
            others=(servers.run, engine.run, tick_engine.run, keeper.run, watch.run, checker.run),
        )


async def run_controller(own: settings.OperatorSettings) -> None:
    """Run the roles of a process on a cluster until cancelled.

    Raises:
        NoCluster: No API server can be found.
        StorageError: The database cannot be opened or migrated.
    """
    logs.configure()
    clock = SystemClock()
    async with contextlib.AsyncExitStack() as stack:
        client = await stack.enter_async_context(Client(await connection.connect()))
        stores = await stack.enter_async_context(open_storage(own.database_url, own.data_directory))
        locations = await stack.enter_async_context(HttpCodeLocations())
        executor = KubernetesExecutor(
            client, api_url=own.api_url, clock=clock, namespaces=own.watch_namespaces or None
        )
        beats = loop_beats.LoopBeats(clock)
        api = _cluster_api(own, client, stores, locations, clock)
        works: list[Callable[[], Awaitable[None]]] = []
        if own.runs_controller:
            engine = build_engine(stores, executor, clock, beats.of("run-engine"), api.metrics)
            handlers = _kopf_operator(own, client, stores, locations, clock, beats)
            tick_engine = build_tick_engine(stores, locations, clock, beats.of("ticks"))
            keeper = build_history_keeper(stores, clock)
            works = [executor.run, engine.run, tick_engine.run, keeper.run, handlers]
        await serve_together(
            web=server.ApiServer(server.create_app(api), own.http_host, own.http_port),
            on_started=lambda: None,
            others=tuple(works),
        )


def _kopf_operator(
    own: settings.OperatorSettings,
    client: Client,
    stores: storage.Stores,
    locations: ports.CodeLocations,
    clock: ports.Clock,
    beats: loop_beats.LoopBeats,
) -> Callable[[], Awaitable[None]]:
    """Return what runs the handlers of the five kinds."""
    launcher = RunLauncher(
        runs=stores.runs, catalog=stores.catalog, code_locations=locations, clock=clock
    )
    registry = kopf.OperatorRegistry()
    startup.register(
        registry,
        startup.Collaborators(
            client=client,
            catalog=stores.catalog,
            runs=stores.runs,
            instigators=stores.instigators,
            code_locations=locations,
            launch=launcher.launch,
            settings=own,
            clock=clock,
            database_version=f"{database_kind(own.database_url)} {migrating.newest_revision()}",
            loops=lambda: [
                startup.LoopHealth(
                    name=beat.name, is_healthy=beat.is_healthy, last_beat_at=beat.last_at
                )
                for beat in beats.read()
            ],
        ),
    )

    main = asyncio.current_task()

    async def run_handlers() -> None:
        await startup.serve(registry, namespaces=own.watch_namespaces)
        # kopf takes the signals that end the process, and returns at them.
        if main is not None:
            main.cancel()
        await asyncio.Event().wait()

    return run_handlers


def _cluster_api(
    own: settings.OperatorSettings,
    client: Client,
    stores: storage.Stores,
    locations: ports.CodeLocations,
    clock: ports.Clock,
) -> api_dependencies.ApiDependencies:
    public = api_dependencies.ApiSettings(
        path_prefix=own.path_prefix,
        database_kind=database_kind(own.database_url),
        version=metadata.version("opweave"),
    )
    return replace(
        _api(stores, locations, clock, public),
        identity=TokenReviewer(client),
        worker_names=lambda run, step, attempt: names.pod_name(run, step.index, attempt),
    )


def _api(
    stores: storage.Stores,
    locations: ports.CodeLocations,
    clock: ports.Clock,
    public: api_dependencies.ApiSettings,
) -> api_dependencies.ApiDependencies:
    """Return what the web role needs on a cluster and on a laptop alike."""
    return api_dependencies.ApiDependencies(
        runs=stores.runs,
        events=stores.events,
        catalog=stores.catalog,
        instigators=stores.instigators,
        assets=stores.assets,
        wakeups=stores.wakeups,
        artifacts=stores.artifacts,
        logs=stores.logs,
        code_locations=locations,
        clock=clock,
        ui=ui_files.built(),
        settings=public,
    )


def build_engine(
    stores: storage.Stores,
    executor: ports.Executor,
    clock: ports.Clock,
    beat: Callable[[], None],
    metrics: Metrics,
) -> RunEngine:
    """Return the run engine over *stores* and *executor*: the same on a cluster and on a laptop."""
    instance = InstanceSettings(stores.catalog)
    return RunEngine(
        runs=stores.runs,
        advancer=RunAdvancer(
            runs=stores.runs,
            executor=executor,
            clock=clock,
            policy=instance.policy,
            observe_handoff=metrics.observe_handoff,
        ),
        admitter=RunAdmitter(runs=stores.runs, clock=clock, limits=instance.limits),
        wakeups=stores.wakeups,
        executor=executor,
        beat=beat,
    )


def build_history_keeper(stores: storage.Stores, clock: ports.Clock) -> HistoryKeeper:
    """Return what deletes old history: the same on a cluster and on a laptop."""
    return HistoryKeeper(
        history=stores.history,
        logs=stores.logs,
        artifacts=stores.artifacts,
        retention=InstanceSettings(stores.catalog).retention,
        clock=clock,
    )


def build_tick_engine(
    stores: storage.Stores,
    locations: ports.CodeLocations,
    clock: ports.Clock,
    beat: Callable[[], None],
) -> TickEngine:
    """Return what evaluates schedules and sensors: the same on a cluster and on a laptop."""
    launcher = RunLauncher(
        runs=stores.runs, catalog=stores.catalog, code_locations=locations, clock=clock
    )
    return TickEngine(
        known=KnownInstigators(stores.catalog, stores.instigators),
        store=stores.instigators,
        code_locations=locations,
        launcher=RequestedRunLauncher(stores.instigators, launcher.launch),
        clock=clock,
        paused=InstanceSettings(stores.catalog).paused,
        beat=beat,
    )


def _local_api(
    stores: storage.Stores,
    locations: ports.CodeLocations,
    clock: ports.Clock,
    local: settings.LocalSettings,
) -> api_dependencies.ApiDependencies:
    is_loopback = local.host in LOOPBACK_HOSTS
    public = api_dependencies.ApiSettings(
        allowed_hosts=LOOPBACK_HOSTS if is_loopback else (),
        database_kind=database_kind(local.database_url or "sqlite:"),
        version=metadata.version("opweave"),
    )
    return _api(stores, locations, clock, public)


def _in_url(host: str) -> str:
    """Return *host* as steps on this machine reach it and as a URL spells it."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # compared, not bound
    return f"[{reachable}]" if ":" in reachable else reachable


def database_kind(url: str) -> str:
    """Return what people call the database at *url*."""
    return "SQLite" if url.startswith("sqlite") else "PostgreSQL"


async def serve_together(
    *,
    web: server.ApiServer,
    on_started: Callable[[], None],
    others: tuple[Callable[[], Awaitable[None]], ...],
) -> None:
    """Run the web role and, once it answers, the *others*; the end of one ends all."""
    started = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(_endless("web", web.serve(started.set)))
        await started.wait()
        on_started()
        for other in others:
            group.create_task(_endless(other.__qualname__, other()))


async def _endless(name: str, work: Awaitable[None]) -> None:
    await work
    raise RuntimeError(f"{name} ended although nobody asked for it")
