"""Where a code server stands with loading, and what it answers once it has loaded."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from opweave import loading
from opweave.wire.codec import encode
from opweave.wire.location import LoadFailure, LoadState, LocationHealth, LocationSnapshot

if TYPE_CHECKING:
    from opweave import Definitions

MAX_STACK_FRAMES = 100


class LocationState:
    """The state of one location; read by the server's threads, changed by the thread that loads and by a timer."""

    def __init__(self, runtime_version: str, output: Callable[[], str]) -> None:
        """Start as LOADING.

        Args:
            runtime_version: Told in each answer.
            output: Returns the end of what loading printed.
        """
        self._runtime_version = runtime_version
        self._output = output
        self._lock = threading.Lock()
        self._state = LoadState.LOADING
        self._failure: loading.LoadError | None = None
        self._definitions: Definitions | None = None
        self._snapshot = b""
        self._hash = ""
        self._began = time.monotonic()
        self._seconds: float | None = None

    @property
    def definitions(self) -> Definitions | None:
        """What was loaded; None while nothing serves."""
        return self._definitions

    @property
    def snapshot(self) -> bytes:
        """The encoded `LocationSnapshot`; empty while nothing serves."""
        return self._snapshot

    @property
    def is_ready(self) -> bool:
        """Whether the location serves."""
        return self._state is LoadState.READY

    def health(self) -> LocationHealth:
        """Return the state as the wire tells it."""
        with self._lock:
            failure: LoadFailure | None = None
            if self._failure is not None:
                failure = self._failure.failure(self._output())
            seconds = self._seconds
            return LocationHealth(
                state=self._state,
                definitions_hash=self._hash,
                loading_seconds=time.monotonic() - self._began if seconds is None else seconds,
                failure=failure,
                runtime_version=self._runtime_version,
            )

    def load(self, pointer: loading.CodePointer) -> None:
        """Load what *pointer* names and become READY or FAILED; anything but a way to stop the process is caught."""
        try:
            definitions = loading.load_definitions(pointer)
            seconds = time.monotonic() - self._began
            snapshot = self._encoded_snapshot(definitions, pointer, seconds)
        except loading.LoadError as error:
            self.fail(error)
            return
        with self._lock:
            self._definitions, self._snapshot = definitions, snapshot
            self._hash = definitions.definitions_hash()
            self._state, self._failure, self._seconds = LoadState.READY, None, seconds

    def fail(self, error: loading.LoadError) -> None:
        """Become FAILED."""
        with self._lock:
            self._state, self._failure = LoadState.FAILED, error
            self._seconds = time.monotonic() - self._began

    def fail_if_loading(self, timeout_seconds: float, thread_id: int, directory: str) -> None:
        """Become FAILED with the stack of the thread that loads; it may still finish, and then serves."""
        frame = sys._current_frames().get(thread_id)  # the documented way to look at another thread
        if self._state is LoadState.LOADING:
            self.fail(loading.describe_hang(frame, timeout_seconds, directory))

    def _encoded_snapshot(
        self, definitions: Definitions, pointer: loading.CodePointer, seconds: float
    ) -> bytes:
        from opweave.execution.asset_snapshot import (  # noqa: PLC0415 - part of what is timed and guarded
            snapshot_assets,
            snapshot_checks,
        )
        from opweave.execution.snapshot import (  # noqa: PLC0415 - as above
            snapshot_job,
            snapshot_schedule,
            snapshot_sensor,
        )

        try:
            nodes = snapshot_assets(definitions)
            snapshot = LocationSnapshot(
                definitions_hash=definitions.definitions_hash(),
                jobs=tuple(snapshot_job(job) for job in definitions.jobs),
                assets=tuple(node.key for node in nodes if node.op is not None),
                asset_nodes=nodes,
                asset_checks=snapshot_checks(definitions.get_asset_graph()),
                schedules=tuple(schedule.name for schedule in definitions.schedules),
                sensors=tuple(sensor.name for sensor in definitions.sensors),
                schedule_details=tuple(map(snapshot_schedule, definitions.schedules)),
                sensor_details=tuple(map(snapshot_sensor, definitions.sensors)),
                load_seconds=seconds,
                runtime_version=self._runtime_version,
            )
            return json.dumps(encode(snapshot)).encode()
        except Exception as error:
            raise loading.describe_error(error, pointer.directory, "DefinitionInvalid") from error
