"""Runs a whole job in this process, in plan order, outputs kept in memory: for tests and for trying things out."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from opweave import errors
from opweave.definitions import resource as resource_definitions
from opweave.definitions import run_config as run_configs
from opweave.definitions.io_manager import IOManager
from opweave.definitions.job import DEFAULT_IO_MANAGER_KEY, JobDefinition
from opweave.execution import outputs as step_outputs
from opweave.execution.clock import Clock, SystemClock
from opweave.execution.context import RunInfo
from opweave.execution.events import StepEvents
from opweave.execution.plan import asset_subset, build_plan
from opweave.execution.resources import opened_resources
from opweave.execution.result import ExecuteInProcessResult, OpweaveEvent
from opweave.execution.step import StepTask, run_step, user_error
from opweave.io_managers.memory import InMemoryIOManager
from opweave.wire import codec, mapped_steps
from opweave.wire.attempt import DATA_VERSION_TAG, EventType, StepFailure, StoredOutput
from opweave.wire.plan import OutputRef, PlannedStep, RunPlan

_ASSET_EVENTS = (EventType.ASSET_MATERIALIZATION, EventType.ASSET_OBSERVATION)


def execute(
    job: JobDefinition,
    run_config: run_configs.RunConfig | Mapping[str, Any] | None = None,
    *,
    raise_on_error: bool = True,
    op_selection: Sequence[str] = (),
    resources: Mapping[str, Any] | None = None,
    tags: Mapping[str, str] | None = None,
    run_id: str | None = None,
    input_values: Mapping[str, Any] | None = None,
    clock: Clock | None = None,
    asset_selection: Any = None,
    default_io_manager: IOManager | None = None,
    asset_versions: Mapping[str, str] | None = None,
    on_event: Callable[[OpweaveEvent], None] | None = None,
) -> ExecuteInProcessResult:
    """Run *job* and return its result.

    Arguments in short:
        clock: Waits between retries.
        default_io_manager: Stores what names no other I/O manager; by default values stay in memory.
        asset_versions: Data versions of assets that were written before, by written key.
        on_event: Called with each event as it happens.
        others: Those of `JobDefinition.execute_in_process`.
    """
    replaced = {
        key: resource_definitions.as_resource(value, key)
        for key, value in (resources or {}).items()
    }
    if replaced:
        job = job.replacing_resources(replaced)
    if input_values:
        job = job.with_input_values(input_values)
    job = asset_subset(job, asset_selection)
    plan = build_plan(job, run_config, op_selection)
    planned = [mapped_steps.op_path(step.key) for step in (*plan.steps, *plan.templates)]
    run_config = job.expanded_run_config(plan.run_config, planned)
    run = RunInfo(
        run_id or secrets.token_hex(13), job.name, {**plan.tags, **(tags or {})}, run_config
    )
    manager = default_io_manager or InMemoryIOManager()
    made = _InProcessRun(
        job, plan, run, clock or SystemClock(), manager, asset_versions or {}, on_event
    )
    return made.execute(raise_on_error)


class _InProcessRun:
    """One run while it happens."""

    def __init__(
        self,
        job: JobDefinition,
        plan: RunPlan,
        run: RunInfo,
        clock: Clock,
        default_io_manager: IOManager,
        asset_versions: Mapping[str, str],
        on_event: Callable[[OpweaveEvent], None] | None,
    ) -> None:
        self._on_event = on_event
        self._default_io_manager = default_io_manager
        self._asset_versions = dict(asset_versions)
        self._job = job
        self._plan = plan
        self._run = run
        self._clock = clock
        planned = (*plan.steps, *plan.templates)
        self._structure = job.selected([mapped_steps.op_path(step.key) for step in planned])
        self._events: list[OpweaveEvent] = []
        self._values: dict[str, Mapping[str, Any]] = {}
        self._failures: dict[str, StepFailure] = {}
        self._ended: set[str] = set()
        self._abandoned: set[str] = set()

    def execute(self, raise_on_error: bool) -> ExecuteInProcessResult:
        """Run every step whose inputs are there."""
        self._tell(EventType.RUN_START, f"started {self._job.name}")
        definitions = self._job.required_resources(self._structure.nodes.values())
        events = StepEvents(self._recorder(None), "")
        error: Exception | None = None
        try:
            with opened_resources(definitions, self._run, events) as resources:
                resources.setdefault(DEFAULT_IO_MANAGER_KEY, self._default_io_manager)
                waiting = list(self._plan.steps)
                while waiting:
                    step = waiting.pop(self._next_of(waiting))
                    error = self._step(step, resources) or error
                    if error is not None and raise_on_error:
                        break
                    self._ended.add(step.key)
                    waiting = self._grow(step) or waiting
        except errors.OpweaveError as not_ready:
            error = not_ready
        if error is not None and raise_on_error:
            raise user_error(error)
        self._end(error)
        return ExecuteInProcessResult(
            self._job,
            self._plan,
            self._run.run_id,
            self._events,
            self._values,
            self._failures,
            success=error is None,
        )

    def _next_of(self, waiting: Sequence[PlannedStep]) -> int:
        """Return the place of the first step whose upstreams have all ended."""
        for index, step in enumerate(waiting):
            if all(key in self._ended for key in step.upstream_keys):
                return index
        raise AssertionError(f"nothing can run of {[step.key for step in waiting][:10]}")

    def _grow(self, step: PlannedStep) -> list[PlannedStep] | None:
        """Return the steps that wait, those first that the dynamic outputs of *step* call for; None when it has none."""
        if step.key not in self._values or not any(o.is_dynamic for o in step.outputs):
            return None
        given = step_outputs.produced(
            self._structure.nodes[mapped_steps.op_path(step.key)].definition, self._values[step.key]
        )
        known = len(self._plan.steps)
        self._plan = mapped_steps.grown(self._plan, step, [(o.name, o.mapping_key) for o in given])
        steps = (*self._plan.steps[known:], *self._plan.steps[:known])
        return [other for other in steps if other.key not in self._ended]

    def _end(self, error: Exception | None) -> None:
        if error is None:
            self._tell(EventType.RUN_SUCCESS, f"succeeded: {self._job.name}")
        else:
            failed = ", ".join(self._failures) or str(error)
            self._tell(EventType.RUN_FAILURE, f"failed: {failed}")

    def _step(self, step: PlannedStep, resources: Mapping[str, Any]) -> Exception | None:
        reason = self._upstream_failure(step) or self._skip_reason(step)
        if reason:
            self._tell(EventType.STEP_SKIPPED, f"skipped {step.key}: {reason}", step.key)
            return None
        node = self._structure.nodes[mapped_steps.op_path(step.key)]
        task = StepTask(
            self._job, node, self._run, self._stored(step), asset_versions=self._asset_versions
        )
        events = StepEvents(self._recorder(step.key), step.key)
        outcome = run_step(task, events, lambda: contextlib.nullcontext(resources), self._clock)
        payload = codec.encode(outcome.result)
        if isinstance(outcome.result, StepFailure):
            self._failures[step.key] = outcome.result
            message = f"failed {step.key}: {outcome.result.message}"
            self._tell(EventType.STEP_FAILURE, message, step.key, payload)
            return outcome.error or RuntimeError(outcome.result.message)
        self._values[step.key] = outcome.values
        self._tell(EventType.STEP_SUCCESS, f"succeeded {step.key}", step.key, payload)
        return None

    def _upstream_failure(self, step: PlannedStep) -> str:
        """Return which upstream of *step* failed, or was skipped since one of its own did; empty when none."""
        for key in step.upstream_keys:
            if key in self._failures or key in self._abandoned:
                self._abandoned.add(step.key)
                state = (
                    "failed"
                    if key in self._failures
                    else "was skipped, since a step before it failed"
                )
                return f"its upstream {key} {state}"
        return ""

    def _skip_reason(self, step: PlannedStep) -> str:
        """Return why *step* cannot run; empty when it can. A fan-in needs one of its sources, other inputs all."""
        for given in step.inputs:
            missing = [ref for ref in given.sources if not self._members(ref, step)]
            if not missing or (
                given.is_fan_in and len(missing) < len(given.sources) and not given.is_nothing
            ):
                continue
            ref = missing[0]
            return f"its input {given.name} needs {ref.step_key}.{ref.output_name}, and {ref.step_key} gave no output"
        return ""

    def _members(self, ref: OutputRef, step: PlannedStep) -> tuple[str | None, ...]:
        """Return the mapping keys of what *ref* gave to *step*: None for an output that is not dynamic."""
        values = self._values.get(ref.step_key, {})
        if ref.output_name not in values:
            return ()
        output = self._structure.nodes[mapped_steps.op_path(ref.step_key)].definition.outputs[
            ref.output_name
        ]
        if not output.is_dynamic:
            return (None,)
        return (
            (mapped_steps.mapping_key_of(step.key),)
            if ref == step.mapped_over
            else tuple(values[ref.output_name])
        )

    def _stored(self, step: PlannedStep) -> dict[str, tuple[StoredOutput, ...]]:
        return {
            given.name: tuple(
                StoredOutput(
                    run_id=self._run.run_id,
                    step_key=ref.step_key,
                    output_name=ref.output_name,
                    mapping_key=key,
                )
                for ref in given.sources
                for key in self._members(ref, step)
            )
            for given in step.inputs
            if given.sources
        }

    def _recorder(self, step_key: str | None) -> Any:
        def record(event_type: EventType, message: str, payload: dict[str, Any]) -> None:
            self._keep(OpweaveEvent(event_type, message, step_key, payload))
            if event_type in _ASSET_EVENTS:
                self._note_version(payload)

        return record

    def _note_version(self, payload: Mapping[str, Any]) -> None:
        """Remember the data version that an event about an asset tells, for the steps that come after."""
        version = payload["tags"].get(DATA_VERSION_TAG)
        if version is not None:
            key = "/".join(part.replace("/", r"\/") for part in payload["asset_key"])
            self._asset_versions[key] = version

    def _tell(
        self,
        event_type: EventType,
        message: str,
        step_key: str | None = None,
        payload: Mapping[str, Any] | None = None,
    ) -> None:
        self._keep(OpweaveEvent(event_type, message, step_key, payload or {}))

    def _keep(self, event: OpweaveEvent) -> None:
        self._events.append(event)
        if self._on_event is not None:
            self._on_event(event)
