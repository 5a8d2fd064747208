"""The web role alone in a process, with a run whose steps wait for reports; for ``bench/ingest.py``.

Run: ``python bench/ingest_server.py DATABASE_URL DIRECTORY STEP...``. Writes a line of JSON with its port, the run's id and the
resident memory, then serves until its input ends, then writes the resident memory again.
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from opweave.wire import location as wire_location
from opweave.wire import plan as wire_plan
from opweave_operator import ports, storage
from opweave_operator.api import identity
from opweave_operator.api.dependencies import ApiDependencies, ApiSettings
from opweave_operator.api.server import ApiServer, create_app
from opweave_operator.clock import SystemClock
from opweave_operator.core import decide, ids, model
from opweave_operator.storage import engine

TOKEN = "the-token-of-every-step"


class NoCodeLocations:
    """There are none: nothing is launched by request."""

    async def health(self, url: str) -> wire_location.LocationHealth:
        raise ports.LocationUnavailable(url)

    async def snapshot(self, url: str) -> wire_location.LocationSnapshot:
        raise ports.LocationUnavailable(url)

    async def plan(self, url: str, request: wire_location.PlanRequest) -> wire_location.PlanReply:
        raise ports.LocationUnavailable(url)

    async def scaffold(
        self, url: str, request: wire_location.ScaffoldRequest
    ) -> wire_location.ScaffoldReply:
        raise ports.LocationUnavailable(url)


@dataclass(frozen=True)
class Arguments:
    database_url: str
    directory: Path
    step_keys: tuple[str, ...]


async def main(arguments: Arguments) -> None:
    database = engine.open_database(arguments.database_url)
    await engine.migrate(database)
    stores = storage.open_stores(database, arguments.directory)
    server = ApiServer(create_app(_dependencies(stores)), "127.0.0.1", 0)
    serving = asyncio.create_task(server.serve())
    run_id = await _launch(stores, arguments.step_keys)
    _say(port=server.port, run_id=run_id, resident_mb=_resident_mb())
    await asyncio.to_thread(sys.stdin.read)
    _say(resident_mb=_resident_mb())
    server.stop()
    await serving
    await stores.close()


def _dependencies(stores: storage.Stores) -> ApiDependencies:
    return ApiDependencies(
        runs=stores.runs,
        events=stores.events,
        catalog=stores.catalog,
        instigators=stores.instigators,
        assets=stores.assets,
        wakeups=stores.wakeups,
        artifacts=stores.artifacts,
        logs=stores.logs,
        code_locations=NoCodeLocations(),
        clock=SystemClock(),
        settings=ApiSettings(version="bench"),
    )


async def _launch(stores: storage.Stores, step_keys: tuple[str, ...]) -> model.RunId:
    """Store a run and let the engine's decisions make an attempt of each step."""
    now = datetime.now(UTC)
    steps = tuple(wire_plan.PlannedStep(key=key, op="op") for key in step_keys)
    run = model.Run(
        id=ids.new_run_id(now, bytes(10)),
        location=model.LocationRef(namespace="bench", name="bench"),
        job="bench",
        status=model.RunStatus.QUEUED,
        plan=wire_plan.RunPlan(job="bench", steps=steps),
        created_at=now,
    )
    await stores.runs.create(run, ())
    await stores.runs.transact(run.id, lambda state: decide.admit(state, now))
    await stores.runs.transact(
        run.id,
        lambda state: decide.decide(state, model.Observation(), now, model.EnginePolicy()),
    )
    for key in step_keys:
        ref = ports.AttemptRef(run_id=run.id, step_key=model.StepKey(key), number=1)
        await stores.events.set_token_digest(ref, identity.token_digest(TOKEN))
    return run.id


def _resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


def _say(**values: object) -> None:
    print(json.dumps(values), flush=True)


if __name__ == "__main__":
    url, directory, *keys = sys.argv[1:]
    asyncio.run(main(Arguments(database_url=url, directory=Path(directory), step_keys=tuple(keys))))
