"""A web role on real storage, served on the loopback by the real server, for the tests of the API."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import httpx

from opweave.wire import attempt as wire_attempt
from opweave.wire import codec
from opweave.wire import plan as wire_plan
from opweave_operator import ports, storage
from opweave_operator.adapters.http_code_locations import HttpCodeLocations
from opweave_operator.api import identity
from opweave_operator.api.dependencies import ApiDependencies, ApiSettings
from opweave_operator.api.server import ApiServer, create_app
from opweave_operator.clock import SystemClock
from opweave_operator.core import decide, ids, model
from opweave_operator.storage import engine
from support import builders

POLICY = model.EnginePolicy()
TOKEN = "a-token-of-a-local-process"


@contextlib.asynccontextmanager
async def open_stores(url: str, directory: Path) -> AsyncIterator[storage.Stores]:
    """Open migrated storage."""
    database = engine.open_database(url)
    await engine.migrate(database)
    stores = storage.open_stores(database, directory)
    try:
        yield stores
    finally:
        await stores.close()


@contextlib.asynccontextmanager
async def serve(dependencies: ApiDependencies) -> AsyncIterator[str]:
    """Serve the API; yield its base URL."""
    server = ApiServer(create_app(dependencies), "127.0.0.1", 0)
    serving = asyncio.create_task(server.serve())
    try:
        yield f"http://127.0.0.1:{server.port}{dependencies.settings.path_prefix}"
    finally:
        server.stop()
        await serving


def dependencies(
    stores: storage.Stores, locations: HttpCodeLocations, **changes: object
) -> ApiDependencies:
    """Return the dependencies of a local API."""
    made = ApiDependencies(
        runs=stores.runs,
        events=stores.events,
        catalog=stores.catalog,
        instigators=stores.instigators,
        assets=stores.assets,
        wakeups=stores.wakeups,
        artifacts=stores.artifacts,
        logs=stores.logs,
        code_locations=locations,
        clock=SystemClock(),
        settings=ApiSettings(database_kind="SQLite", version="0.0.test"),
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # the caller names real fields


def run(*steps: wire_plan.PlannedStep, **fields: object) -> model.Run:
    """Return a new QUEUED run of *steps* with an id of its own."""
    now = datetime.now(UTC)
    state = builders.run_state(*steps, status=model.RunStatus.QUEUED)
    run_id = ids.new_run_id(now, next(_randomness))
    return replace(state.run, **{"id": run_id, "created_at": now, **fields})  # type: ignore[arg-type]  # the same


def _random_bytes() -> Iterator[bytes]:
    number = 0
    while True:
        number += 1
        yield number.to_bytes(10, "big")


_randomness = _random_bytes()


@dataclass(frozen=True, slots=True)
class World:
    """A served API with its storage."""

    stores: storage.Stores
    url: str
    client: httpx.AsyncClient
    dependencies: ApiDependencies

    async def launch(self, *steps: wire_plan.PlannedStep, **fields: object) -> model.Run:
        """Store a run and let the engine's decisions make its first attempts."""
        created = await self.stores.runs.create(run(*steps, **fields), ())
        run_id = created.run.id
        await self.stores.runs.transact(run_id, lambda state: decide.admit(state, now()))
        await self.advance(run_id)
        return created.run

    async def advance(self, run_id: model.RunId) -> model.RunState:
        """Apply the engine's decision for a run of which no worker has been seen."""
        decision = await self.stores.runs.transact(
            run_id, lambda state: decide.decide(state, model.Observation(), now(), POLICY)
        )
        assert decision is not None
        return decision.state

    async def cancel(self, run_id: model.RunId) -> None:
        """Ask a run to end, as the API does."""
        await self.stores.runs.transact(run_id, lambda state: decide.request_cancel(state, now()))
        await self.advance(run_id)

    async def state(self, run_id: model.RunId) -> model.RunState:
        """Return what is stored."""
        found = await self.stores.runs.load(run_id)
        assert found is not None
        return found

    async def worker(self, run_: model.Run, key: str, number: int = 1) -> StepWorker:
        """Return a step process of an attempt that has not started yet, with its local token stored."""
        ref = ports.AttemptRef(run_id=run_.id, step_key=model.StepKey(key), number=number)
        await self.stores.events.set_token_digest(ref, identity.token_digest(TOKEN))
        return StepWorker(self.client, ref)


class StepWorker:
    """Speaks to ingest as a step process does."""

    def __init__(
        self, client: httpx.AsyncClient, ref: ports.AttemptRef, token: str = TOKEN
    ) -> None:
        self.client = client
        self.ref = ref
        self.headers = {"Authorization": f"Bearer {token}"}
        self.next_seq = 0

    def path(self, rest: str) -> str:
        """Return the path of *rest* under the attempt."""
        return f"ingest/v1/runs/{self.ref.run_id}/steps/{self.ref.step_key}/attempts/{self.ref.number}/{rest}"

    async def start(self) -> httpx.Response:
        """Report the start."""
        return await self.client.post(self.path("start"), json={}, headers=self.headers)

    async def send(self, *events: wire_attempt.Event) -> httpx.Response:
        """Report events."""
        body = codec.encode(wire_attempt.EventBatch(events=events))
        return await self.client.post(self.path("events"), json=body, headers=self.headers)

    def event(
        self,
        kind: wire_attempt.EventType = wire_attempt.EventType.LOG_MESSAGE,
        message: str = "",
        payload: dict[str, object] | None = None,
    ) -> wire_attempt.Event:
        """Return the next event."""
        seq = self.next_seq
        self.next_seq += 1
        return wire_attempt.Event(
            seq=seq, type=kind, at=now().isoformat(), message=message, payload=payload or {}
        )

    def success(self, *outputs: wire_attempt.ProducedOutput) -> wire_attempt.Event:
        """Return the next event, a success."""
        told = wire_attempt.StepSuccess(outputs=outputs, user_code_at=now().isoformat())
        return self.event(wire_attempt.EventType.STEP_SUCCESS, payload=codec.encode(told))

    def failure(
        self, kind: wire_attempt.FailureKind = wire_attempt.FailureKind.USER_CODE
    ) -> wire_attempt.Event:
        """Return the next event, a failure."""
        told = wire_attempt.StepFailure(
            reason="UserCodeError",
            message="ZeroDivisionError: division by zero",
            kind=kind,
            error=wire_attempt.ErrorInfo(
                class_name="ZeroDivisionError", message="division by zero", stack="line 1"
            ),
        )
        return self.event(wire_attempt.EventType.STEP_FAILURE, payload=codec.encode(told))

    async def put_output(self, name: str, content: bytes, **query: str) -> httpx.Response:
        """Store an output."""
        path = self.path(f"outputs/{name}")
        return await self.client.put(path, content=content, params=query, headers=self.headers)

    async def get_input(self, run_id: str, step_key: str, output: str) -> httpx.Response:
        """Read an input."""
        path = self.path(f"inputs/{run_id}/{step_key}/{output}")
        return await self.client.get(path, headers=self.headers)

    async def put_log(self, stream: str, offset: object, content: bytes) -> httpx.Response:
        """Store a piece of a log."""
        path = self.path(f"logs/{stream}")
        return await self.client.put(
            path, content=content, params={"offset": str(offset)}, headers=self.headers
        )


def now() -> datetime:
    """Return the present."""
    return datetime.now(UTC)
