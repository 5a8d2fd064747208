"""What the handlers work with; put together by bootstrap."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from opweave_operator import ports, settings
from opweave_operator.adapters.kubernetes.client import Client
from opweave_operator.usecases.launch_request import LaunchRequest, LaunchResult


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopHealth:
    """One of the controller's loops; *last_beat_at* is when it last finished a round."""

    name: str
    is_healthy: bool
    last_beat_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Collaborators:
    """The parts that handlers need.

    Attributes:
        launch: `usecases.launch_run.RunLauncher.launch`.
        settings: Of this process: which Instance it serves, the stock image.
        database_version: Kind and revision of the tables, for people, as ``SQLite 0001``.
        loops: Tells the health of the controller's loops.
    """

    client: Client
    catalog: ports.CatalogStore
    runs: ports.RunStore
    instigators: ports.InstigatorStore
    code_locations: ports.CodeLocations
    launch: Callable[[LaunchRequest], Awaitable[LaunchResult]]
    settings: settings.OperatorSettings
    clock: ports.Clock
    database_version: str = ""
    loops: Callable[[], Sequence[LoopHealth]] = field(default=lambda: ())
