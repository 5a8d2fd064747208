"""The result of a run in this process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from opweave import errors
from opweave.definitions.graph import GraphDefinition
from opweave.definitions.job import JobDefinition
from opweave.wire import mapped_steps
from opweave.wire.attempt import EventType, StepFailure
from opweave.wire.plan import RunPlan


class OpweaveEvent(NamedTuple):
    """One event of a run.

    Attributes:
        step_key: None for events of the run itself.
    """

    event_type: EventType
    message: str
    step_key: str | None
    payload: Mapping[str, Any]

    @property
    def event_type_value(self) -> str:
        """Name of the type."""
        return str(self.event_type)

    @property
    def is_step_success(self) -> bool:
        """Whether it tells that a step succeeded."""
        return self.event_type is EventType.STEP_SUCCESS

    @property
    def is_step_failure(self) -> bool:
        """Whether it tells that a step failed."""
        return self.event_type is EventType.STEP_FAILURE

    @property
    def is_step_skipped(self) -> bool:
        """Whether it tells that a step was skipped."""
        return self.event_type is EventType.STEP_SKIPPED


class ExecuteInProcessResult:
    """What a run in this process came to.

    Attributes:
        success: Whether every step succeeded or was skipped.
        all_events: In order.
        failures: By step key.
    """

    def __init__(
        self,
        job: JobDefinition,
        plan: RunPlan,
        run_id: str,
        events: Sequence[OpweaveEvent],
        values: Mapping[str, Mapping[str, Any]],
        failures: Mapping[str, StepFailure],
        *,
        success: bool,
    ) -> None:
        self.job_def = job
        self.plan = plan
        self.run_id = run_id
        self.all_events = list(events)
        self.failures = dict(failures)
        self.success = success
        self._values = values

    def output_for_node(self, node_str: str, output_name: str = "result") -> Any:
        """Return what the op or graph at the path *node_str* gave.

        A dynamic output, and an output of an op that was mapped over one, is a dict by mapping key.

        Raises:
            OpweaveInvariantViolationError: There is no such node or output, or the node did not give it.
        """
        path, name = _resolve(self.job_def, node_str, output_name)
        members = self._members(path, name)
        if members:
            return members
        given = self._values.get(path)
        if given is None or name not in given:
            raise errors.OpweaveInvariantViolationError(
                f"{node_str!r} gave no output {output_name!r} in this run: it failed, was skipped, or left it out"
            )
        return given[name]

    def _members(self, path: str, output_name: str) -> dict[str, Any]:
        """Return what the steps of a mapped op gave, by mapping key."""
        return {
            key: self._values[step.key][output_name]
            for step in self.plan.steps
            if mapped_steps.op_path(step.key) == path
            and (key := mapped_steps.mapping_key_of(step.key)) is not None
            and output_name in self._values.get(step.key, {})
        }

    def output_value(self, output_name: str = "result") -> Any:
        """Return an output of the job's graph: what its body returns.

        Raises:
            OpweaveInvariantViolationError: The graph returns no such output.
        """
        handle = self.job_def.graph.results.get(output_name)
        if handle is None:
            known = ", ".join(self.job_def.graph.results) or "none"
            raise errors.OpweaveInvariantViolationError(
                f"{self.job_def} returns no output {output_name!r} (it returns: {known}); use output_for_node"
            )
        return self.output_for_node(handle.node_name, handle.output_name)

    @property
    def all_node_events(self) -> list[OpweaveEvent]:
        """The events of all steps, without those of the run itself."""
        return [e for e in self.all_events if e.step_key is not None]

    def events_for_node(self, node_name: str) -> list[OpweaveEvent]:
        """Return the events of the step or steps at the path *node_name*."""
        return [
            e
            for e in self.all_events
            if e.step_key is not None
            and (
                e.step_key == node_name or e.step_key.startswith((f"{node_name}.", f"{node_name}["))
            )
        ]

    def get_failed_step_keys(self) -> frozenset[str]:
        """Return the keys of the steps that failed."""
        return frozenset(self.failures)

    def get_events_of_type(self, event_type: EventType) -> list[OpweaveEvent]:
        """Return the events of one type."""
        return [e for e in self.all_events if e.event_type is event_type]


def _resolve(job: JobDefinition, node: str, output_name: str) -> tuple[str, str]:
    """Return path and output of the op behind an output of *node*, which may be a graph."""
    if node in job.structure.nodes:
        outputs = job.structure.nodes[node].definition.outputs
        if output_name not in outputs:
            hint = errors.did_you_mean(output_name, outputs)
            raise errors.OpweaveInvariantViolationError(
                f"{node!r} has no output {output_name!r}{hint}"
            )
        return node, output_name
    graph = job.graph
    for name in node.split("."):
        use = graph.invocations.get(name)
        inner = use.definition if use is not None else None
        if not isinstance(inner, GraphDefinition):
            hint = errors.did_you_mean(node, job.structure.nodes)
            raise errors.OpweaveInvariantViolationError(f"{job} has no node {node!r}{hint}")
        graph = inner
    handle = graph.results.get(output_name)
    if handle is None:
        raise errors.OpweaveInvariantViolationError(
            f"the graph {node!r} returns no output {output_name!r}"
        )
    return _resolve(job, f"{node}.{handle.node_name}", handle.output_name)
