"""What a code server answers: its snapshot, plans, config problems and load failures.

All over HTTP with JSON bodies:

| request | reply |
|---|---|
| ``GET /v1/health`` | `LocationHealth`; 200 when ready, 503 while loading or failed |
| ``GET /v1/snapshot`` | `LocationSnapshot`; 503 with `LocationHealth` when not ready |
| ``GET /v1/worker`` | `WorkerCommand`: how a process on the server's own machine runs the same code |
| ``GET /v1/live`` | 200 as long as the process answers |
| ``POST /v1/plan`` `PlanRequest` | `PlanReply`; 503 with `LocationHealth` when nothing is loaded |
| ``POST /v1/scaffold-config`` `ScaffoldRequest` | `ScaffoldReply`; the same |
| ``POST /v1/schedule-tick`` `ticks.ScheduleTickRequest` | `ticks.TickReply`; the same |
| ``POST /v1/sensor-tick`` `ticks.SensorTickRequest` | `ticks.TickReply`; the same |

A request that cannot be answered gets ``{"code", "message", "traceback"}`` with 400 (not this shape), 401 (the server has a
token and the request has not), 404, 411, 413 (above 8 MB) or 500 (user code raised).
"""

from __future__ import annotations

import enum
from typing import Any

from opweave.wire import WIRE_VERSION
from opweave.wire.message import field, message
from opweave.wire.plan import RunPlan


class LoadState(enum.StrEnum):
    """Where a code server stands with loading its definitions."""

    LOADING = "LOADING"
    READY = "READY"
    FAILED = "FAILED"


@message
class LoadFailure:
    """Why a location cannot be loaded.

    Attributes:
        reason: CamelCase, for a condition: ``ImportFailed``, ``DefinitionInvalid``, ``LoadTimedOut``, ``NoDefinitions``.
        message: One line: class and text of the error with file and line.
        traceback: The user's traceback, or the stack where loading hangs; at most 16 kB.
        output: The end of what loading printed; at most 4 kB.
    """

    reason: str
    message: str
    traceback: str = ""
    output: str = ""


@message
class LocationHealth:
    """The state of a code server."""

    state: LoadState
    definitions_hash: str = ""
    loading_seconds: float = 0.0
    failure: LoadFailure | None = None
    runtime_version: str = ""
    wire_version: int = WIRE_VERSION


@message
class WorkerCommand:
    """How to start a step of the location on the machine of its code server.

    Attributes:
        python: The interpreter that the server runs with.
        arguments: Where the definitions are, as ``--file shop.py``.
    """

    python: str
    arguments: tuple[str, ...]
    working_directory: str = ""


@message
class GraphNode:
    """A node of a job's graph as people drew it: an op, or a graph that holds nodes.

    Attributes:
        path: Names from the job's root, joined by dots; for an op the key of its step.
        inputs: Names of the inputs, each with the paths of the nodes that feed it.
    """

    path: str
    definition: str
    description: str | None = None
    inputs: dict[str, tuple[str, ...]] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()
    children: tuple[GraphNode, ...] = ()


@message
class JobSnapshot:
    """A job of a location.

    Attributes:
        plan: The plan with default config; when config is required, ``run_config`` lacks it.
        config_schema: JSON Schema of its run config, with descriptions and defaults.
        requires_config: True when no run can start without run config.
    """

    name: str
    plan: RunPlan
    description: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    graph: tuple[GraphNode, ...] = ()
    config_schema: dict[str, Any] = field(default_factory=dict)
    requires_config: bool = False


@message
class ScheduleSnapshot:
    """A schedule of a location; *crons* are in *time_zone*, which is UTC when it is empty."""

    name: str
    crons: tuple[str, ...] = ()
    time_zone: str = ""
    jobs: tuple[str, ...] = ()
    is_default_running: bool = False
    description: str | None = None


@message
class SensorSnapshot:
    """A sensor of a location."""

    name: str
    jobs: tuple[str, ...] = ()
    interval_seconds: int = 30
    is_default_running: bool = False
    description: str | None = None


@message
class AssetSnapshot:
    """An asset of a location.

    Attributes:
        key: As people write it: parts joined by ``/``.
        upstream: Keys of the assets that it is made of.
        metadata: ``{label: {"type": kind, "value": value}}``.
        op: Name of the op or graph that writes it; None for an asset that others write.
        jobs: Names of the jobs that make it.
    """

    key: str
    group: str = "default"
    description: str | None = None
    upstream: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    tags: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    code_version: str | None = None
    op: str | None = None
    is_observable: bool = False
    jobs: tuple[str, ...] = ()


@message
class AssetCheckSnapshot:
    """A check of an asset; *op* is the name of the op that makes it."""

    asset_key: str
    name: str
    description: str | None = None
    is_blocking: bool = False
    op: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)


@message
class LocationSnapshot:
    """Everything that a location defines, without any of its code.

    ``schedules`` and ``sensors`` are the names of ``schedule_details`` and ``sensor_details``.

    Attributes:
        assets: Keys of the assets that steps of the location write or observe.
        asset_nodes: All assets that it knows, upstream before downstream.
    """

    definitions_hash: str
    jobs: tuple[JobSnapshot, ...] = ()
    assets: tuple[str, ...] = ()
    schedules: tuple[str, ...] = ()
    sensors: tuple[str, ...] = ()
    schedule_details: tuple[ScheduleSnapshot, ...] = ()
    sensor_details: tuple[SensorSnapshot, ...] = ()
    asset_nodes: tuple[AssetSnapshot, ...] = ()
    asset_checks: tuple[AssetCheckSnapshot, ...] = ()
    load_seconds: float = 0.0
    runtime_version: str = ""
    wire_version: int = WIRE_VERSION


@message
class ConfigProblem:
    """One thing wrong with a run config.

    Attributes:
        path: Keys from the root to the culprit, as ``("ops", "clean", "config", "max_row")``.
        message: What is wrong and how to mend it, without the path.
        code: ``UNKNOWN_FIELD``, ``MISSING_FIELD``, ``WRONG_TYPE``, ``INVALID_VALUE``.
    """

    path: tuple[str, ...]
    message: str
    code: str = "INVALID_VALUE"


@message
class PlanRequest:
    """Ask for the plan of a run of *job*; an empty *op_selection* means all ops.

    Attributes:
        asset_selection: Selections in the grammar of assets, all of which are meant; empty means the job's own. An empty *job*
            with one means the job of all assets.
    """

    job: str
    run_config: dict[str, Any] = field(default_factory=dict)
    op_selection: tuple[str, ...] = ()
    asset_selection: tuple[str, ...] = ()


@message
class PlanReply:
    """The plan, or every problem of the config at once; *message* tells why there is neither."""

    plan: RunPlan | None = None
    problems: tuple[ConfigProblem, ...] = ()
    message: str = ""


@message
class ScaffoldRequest:
    """Ask for an example run config of *job*."""

    job: str
    include_defaults: bool = True


@message
class ScaffoldReply:
    """An example run config as YAML text, with comments that say type and meaning."""

    yaml: str = ""
    message: str = ""
