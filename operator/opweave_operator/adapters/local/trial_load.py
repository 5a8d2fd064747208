"""Load a location once, to see whether it can be; nothing is kept."""

from __future__ import annotations

import asyncio
from pathlib import Path

from opweave.wire import location as wire_location
from opweave_operator import ports
from opweave_operator.adapters.local import code_server_process, declarations
from opweave_operator.adapters.local.declarations import LocalLocation
from opweave_operator.core import model


async def load(
    location: LocalLocation, home: Path, code_locations: ports.CodeLocations, token: str
) -> ports.LocationRecord:
    """Return the record that serving *location* would give: its snapshot, or its failure.

    The files of the code server stand below *home*; *token* is the one that *code_locations* sends.
    """
    ref = model.LocationRef(namespace=declarations.NAMESPACE, name=location.name)
    try:
        if location.server_url:
            health = await code_locations.health(location.server_url)
            return await _record(ref, location.server_url, health, code_locations)
        directory = home / "code-servers" / location.name
        process = await asyncio.to_thread(
            code_server_process.spawn, location.template, directory, token
        )
        try:
            health = await process.wait_until_loaded(code_locations)
            return await _record(ref, process.url, health, code_locations)
        finally:
            await process.stop()
    except (ports.LocationUnavailable, OSError) as error:
        failure = wire_location.LoadFailure(
            reason="StartFailed", message=f"{error} ({location.origin})"
        )
        return ports.LocationRecord(ref=ref, failure=failure)


async def _record(
    ref: model.LocationRef,
    url: str,
    health: wire_location.LocationHealth,
    code_locations: ports.CodeLocations,
) -> ports.LocationRecord:
    if health.state is wire_location.LoadState.READY:
        return ports.LocationRecord(ref=ref, snapshot=await code_locations.snapshot(url))
    failure = health.failure or wire_location.LoadFailure(
        reason="NotLoaded", message=f"the code server at {url} is {health.state}"
    )
    return ports.LocationRecord(ref=ref, failure=failure)
