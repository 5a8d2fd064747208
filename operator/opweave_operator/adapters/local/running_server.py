"""A code server that somebody else starts on this machine: looked at again and again, never started or ended.

Its steps are processes of this machine, started as the server says that its own code is run.
"""

from __future__ import annotations

from opweave.wire import location as wire_location
from opweave_operator import ports
from opweave_operator.adapters.local import declarations
from opweave_operator.adapters.local.declarations import LocalLocation
from opweave_operator.adapters.local.worker_template import WorkerTemplate
from opweave_operator.core import model


async def record_of(
    location: LocalLocation,
    known: ports.LocationRecord | None,
    code_locations: ports.CodeLocations,
    clock: ports.Clock,
) -> ports.LocationRecord:
    """Return the record of the server as it is now; *known* is the one before, returned itself when nothing is new."""
    ref = model.LocationRef(namespace=declarations.NAMESPACE, name=location.name)
    known = known or ports.LocationRecord(ref=ref)
    try:
        health = await code_locations.health(location.server_url)
        if health.state is wire_location.LoadState.LOADING:
            return ports.LocationRecord(ref=ref, snapshot=known.snapshot, updated_at=clock.now())
        if health.failure is not None:
            return _failed(known, health.failure, clock)
        is_same = known.snapshot and known.snapshot.definitions_hash == health.definitions_hash
        if is_same and known.url == location.server_url:
            return known
        return await _loaded(location, ref, code_locations, clock)
    except ports.LocationUnavailable as error:
        message = (
            f"{error}; start it with `opweave code-server start -m MODULE --port PORT` "
            f"({location.origin})"
        )
        failure = wire_location.LoadFailure(reason="NotReachable", message=message)
        return _failed(known, failure, clock)


async def _loaded(
    location: LocalLocation,
    ref: model.LocationRef,
    code_locations: ports.CodeLocations,
    clock: ports.Clock,
) -> ports.LocationRecord:
    snapshot = await code_locations.snapshot(location.server_url)
    worker = await code_locations.worker(location.server_url)
    template = WorkerTemplate(
        python=worker.python,
        arguments=worker.arguments,
        working_directory=worker.working_directory,
    )
    return ports.LocationRecord(
        ref=ref,
        url=location.server_url,
        worker_template=template.to_json(),
        snapshot=snapshot,
        loaded_at=clock.now(),
        updated_at=clock.now(),
    )


def _failed(
    known: ports.LocationRecord, failure: wire_location.LoadFailure, clock: ports.Clock
) -> ports.LocationRecord:
    if known.failure == failure and not known.url:
        return known
    return ports.LocationRecord(
        ref=known.ref,
        worker_template=known.worker_template,
        snapshot=known.snapshot,
        failure=failure,
        loaded_at=known.loaded_at,
        updated_at=clock.now(),
    )
