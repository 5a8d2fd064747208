"""A code server process for every code location of this machine, kept alive and up to date.

One that somebody else starts is only looked at (`running_server`).

Each location is loaded again when its text changes. Steps of this machine read the text as it is now, so nothing serves
while the newest cannot be loaded: a run launched from older definitions would fail at its first import. A code server that
dies is started again, ever more slowly while it goes on dying.
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from opweave.wire import location as wire_location
from opweave_operator import ports
from opweave_operator.adapters.local import (
    code_server_process,
    declarations,
    running_server,
    source_text,
)
from opweave_operator.adapters.local.code_server_process import CodeServerProcess
from opweave_operator.adapters.local.declarations import LocalLocation
from opweave_operator.core import model

FIRST_DELAY_SECONDS = 0.5
LONGEST_DELAY_SECONDS = 30.0
STEADY_SECONDS = 60.0
"""One that served for so long is started again at once, as if it had never failed."""
LOOK_SECONDS = 1.0
"""How often the text of a location is looked at."""

Listener = Callable[[ports.LocationRecord], None]


class CodeServers:
    """Serve all *locations* and keep their records in the catalog current.

    Args:
        home: Home directory of the instance; each server keeps its files below it.
        token: What code servers ask for, the same that *code_locations* sends; None for none.
        on_change: Called with each record that tells something new: a load, a failure, an end.
        first_delay_seconds: Before a server that ended is started again; doubles up to `LONGEST_DELAY_SECONDS`.
    """

    def __init__(
        self,
        *,
        home: Path,
        locations: Sequence[LocalLocation],
        catalog: ports.CatalogStore,
        code_locations: ports.CodeLocations,
        clock: ports.Clock,
        token: str | None = None,
        on_change: Listener | None = None,
        first_delay_seconds: float = FIRST_DELAY_SECONDS,
    ) -> None:
        self._directory = home / "code-servers"
        self._locations = locations
        self._catalog = catalog
        self._code_locations = code_locations
        self._clock = clock
        self._token = token
        self._on_change = on_change
        self._first_delay_seconds = first_delay_seconds
        self._last_told: dict[model.LocationRef, tuple[str, str, str]] = {}

    async def run(self) -> None:
        """Serve until cancelled; then all code servers end."""
        async with asyncio.TaskGroup() as group:
            for location in self._locations:
                follow = self._follow if location.server_url else self._serve
                group.create_task(follow(location))

    async def _follow(self, location: LocalLocation) -> None:
        """Keep the record of a code server current that somebody else starts and ends."""
        known = await self._known(location)
        while True:
            record = await running_server.record_of(
                location, known, self._code_locations, self._clock
            )
            if record is not known:
                await self._store(record)
                known = record
            await asyncio.sleep(LOOK_SECONDS)

    async def _serve(self, location: LocalLocation) -> None:
        loop = asyncio.get_running_loop()
        serving: CodeServerProcess | None = None
        delay = self._first_delay_seconds
        await self._store_loading(location, ports.LocationRecord(ref=_ref(location)))
        try:
            while True:
                began, text = loop.time(), source_text.fingerprint(location.watched)
                serving = await self._replace(location, serving)
                has_failed = serving is None
                why = await _next_event(location, serving, text, delay if has_failed else None)
                if why is _Event.ENDED and serving is not None:
                    await self._report_end(location, serving)
                    await serving.stop()
                    serving = None
                    await asyncio.sleep(delay)
                is_steady = not has_failed and loop.time() - began > STEADY_SECONDS
                delay = min(2 * delay, LONGEST_DELAY_SECONDS)
                if why is _Event.CHANGED or is_steady:
                    delay = self._first_delay_seconds
                if why is _Event.CHANGED and serving is None:
                    await self._store_loading(location, await self._known(location))
        finally:
            if serving is not None:
                await serving.stop()

    async def _replace(
        self, location: LocalLocation, serving: CodeServerProcess | None
    ) -> CodeServerProcess | None:
        """Load the present text in a new process, then end the one before; return the new one, None if it failed."""
        candidate: CodeServerProcess | None = None
        is_loaded = False
        try:
            candidate = await self._spawn(location)
            is_loaded = candidate is not None and await self._store_loaded(location, candidate)
        finally:
            for process in (serving, None if is_loaded else candidate):
                if process is not None:
                    await process.stop()
        return candidate if is_loaded else None

    async def _spawn(self, location: LocalLocation) -> CodeServerProcess | None:
        """Start a code server; a failure to is stored, as one to load is."""
        try:
            return await asyncio.to_thread(
                code_server_process.spawn,
                location.template,
                self._directory / location.name,
                self._token,
            )
        except OSError as error:
            message = f"cannot start {location.template.python}: {error} ({location.origin})"
            failure = wire_location.LoadFailure(reason="StartFailed", message=message)
            await self._store_failure(location, failure)
            return None

    async def _store_loaded(self, location: LocalLocation, candidate: CodeServerProcess) -> bool:
        """Store what the candidate loaded; return whether it serves from now on."""
        health = await candidate.wait_until_loaded(self._code_locations)
        failure = health.failure
        if health.state is wire_location.LoadState.READY:
            try:
                snapshot = await self._code_locations.snapshot(candidate.url)
            except ports.LocationUnavailable as error:
                failure = wire_location.LoadFailure(reason="SnapshotFailed", message=str(error))
            else:
                await self._store(
                    ports.LocationRecord(
                        ref=_ref(location),
                        url=candidate.url,
                        worker_template=location.template.to_json(),
                        snapshot=snapshot,
                        loaded_at=self._clock.now(),
                        updated_at=self._clock.now(),
                    )
                )
                return True
        failure = failure or wire_location.LoadFailure(
            reason="LoadFailed", message="no reason given"
        )
        await self._store_failure(location, failure)
        return False

    async def _store_loading(self, location: LocalLocation, record: ports.LocationRecord) -> None:
        """Make the location known while its text is being loaded, for the first time or after a failure."""
        await self._catalog.put_location(
            replace(
                record,
                url="",
                worker_template=location.template.to_json(),
                failure=None,
                updated_at=self._clock.now(),
            )
        )

    async def _store_failure(
        self, location: LocalLocation, failure: wire_location.LoadFailure
    ) -> None:
        await self._store(
            replace(
                await self._known(location),
                url="",
                worker_template=location.template.to_json(),
                failure=failure,
                updated_at=self._clock.now(),
            )
        )

    async def _known(self, location: LocalLocation) -> ports.LocationRecord:
        ref = _ref(location)
        return await self._catalog.get_location(ref) or ports.LocationRecord(ref=ref)

    async def _report_end(self, location: LocalLocation, process: CodeServerProcess) -> None:
        code = process.child.returncode
        failure = wire_location.LoadFailure(
            reason="ProcessExited",
            message=f"the code server ended with exit code {code}; it is started again",
            output=process.output_tail(),
        )
        await self._store_failure(location, failure)

    async def _store(self, record: ports.LocationRecord) -> None:
        await self._catalog.put_location(record)
        failure = record.failure
        news = (record.url, failure.reason if failure else "", failure.message if failure else "")
        # A location that goes on failing in the same way is tried again and again; people are told once.
        if self._on_change is not None and self._last_told.get(record.ref) != news:
            self._on_change(record)
        self._last_told[record.ref] = news


class _Event(enum.Enum):
    CHANGED = enum.auto()
    ENDED = enum.auto()
    TRY_AGAIN = enum.auto()


async def _next_event(
    location: LocalLocation,
    serving: CodeServerProcess | None,
    text: tuple[object, ...],
    patience_seconds: float | None,
) -> _Event:
    """Return what comes first: the text differs from *text*, the server has ended, or *patience_seconds* are over."""
    loop = asyncio.get_running_loop()
    deadline = None if patience_seconds is None else loop.time() + patience_seconds
    ended: asyncio.Future[Any] = (
        loop.create_future()
        if serving is None
        else asyncio.ensure_future(serving.wait_until_ended())
    )
    try:
        while True:
            left = LOOK_SECONDS if deadline is None else min(LOOK_SECONDS, deadline - loop.time())
            await asyncio.wait({ended}, timeout=max(0.0, left))
            if ended.done():
                return _Event.ENDED
            if await asyncio.to_thread(source_text.fingerprint, location.watched) != text:
                return _Event.CHANGED
            if deadline is not None and loop.time() >= deadline:
                return _Event.TRY_AGAIN
    finally:
        ended.cancel()
        await asyncio.gather(ended, return_exceptions=True)


def _ref(location: LocalLocation) -> model.LocationRef:
    return model.LocationRef(namespace=declarations.NAMESPACE, name=location.name)
