"""What the web role needs of the rest of the operator, wired by bootstrap."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from importlib.resources.abc import Traversable

from opweave_operator import ports
from opweave_operator.api.metrics import Metrics
from opweave_operator.usecases.attempt_access import WorkerNames
from opweave_operator.usecases.ingest_events import IngestLimits

GIBIBYTE = 1024**3


async def _always_ready() -> str:
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSettings:
    """Settings of the web role.

    Attributes:
        path_prefix: Path under which everything is served, as ``/opweave``; empty for the root.
        max_artifact_bytes: Of one output; 5 GiB is what one S3 upload may have, too.
        allowed_hosts: Values of ``Host`` that are answered; empty means any. A laptop names its loopback ones, so that a web page
            cannot reach the API by a name of its own that resolves to 127.0.0.1.
        database_kind: ``SQLite`` or ``PostgreSQL``, for people.
        version: Of opweave.
    """

    path_prefix: str = ""
    max_artifact_bytes: int = 5 * GIBIBYTE
    allowed_hosts: tuple[str, ...] = ()
    database_kind: str = ""
    version: str = ""
    ingest: IngestLimits = field(default_factory=IngestLimits)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiDependencies:
    """The collaborators of the web role.

    Attributes:
        identity: Verifies the tokens of workers; None without a cluster, where each attempt has a random token.
        worker_names: Name that the executor gives to the worker of a step's attempt, if it derives from the ids.
        ui: The directory with the built web UI; None where it has not been built.
        why_not_ready: Returns why the process cannot serve now; empty when it can.
    """

    runs: ports.RunStore
    events: ports.EventStore
    catalog: ports.CatalogStore
    instigators: ports.InstigatorStore
    assets: ports.AssetStore
    wakeups: ports.WakeUps
    artifacts: ports.ArtifactStore
    logs: ports.LogStore
    code_locations: ports.CodeLocations
    clock: ports.Clock
    identity: ports.IdentityReviewer | None = None
    worker_names: WorkerNames | None = None
    why_not_ready: Callable[[], Awaitable[str]] = _always_ready
    metrics: Metrics = field(default_factory=Metrics)
    ui: Traversable | None = None
    settings: ApiSettings = field(default_factory=ApiSettings)
