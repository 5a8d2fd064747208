"""The result of a run in this process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from opweave import errors
from opweave.deferred import deferred_module
from opweave.definitions import events as user_events
from opweave.definitions import metadata as user_metadata
from opweave.definitions.events import AssetMaterialization, AssetObservation
from opweave.definitions.graph import GraphDefinition
from opweave.definitions.job import JobDefinition
from opweave.wire import mapped_steps
from opweave.wire.attempt import EventType, StepFailure
from opweave.wire.plan import RunPlan

if TYPE_CHECKING:
    from opweave.definitions.assets import key as asset_keys
    from opweave.definitions.assets.key import AssetKey, CoercibleToAssetKey
else:
    asset_keys = deferred_module("opweave.definitions.assets.key")


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
    def is_step_materialization(self) -> bool:
        """Whether it tells that an asset was written."""
        return self.event_type is EventType.ASSET_MATERIALIZATION

    @property
    def asset_key(self) -> AssetKey | None:
        """The asset that it is about, if it is about one."""
        path = self.payload.get("asset_key")
        return None if path is None else asset_keys.AssetKey(path)

    @property
    def materialization(self) -> AssetMaterialization | AssetObservation:
        """What it tells of an asset, as the object that a body would log.

        Raises:
            OpweaveInvariantViolationError: It tells nothing of an asset.
        """
        if self.event_type is EventType.ASSET_MATERIALIZATION:
            return _told(user_events.AssetMaterialization, self.payload)
        if self.event_type is EventType.ASSET_OBSERVATION:
            return _told(user_events.AssetObservation, self.payload)
        raise errors.OpweaveInvariantViolationError(
            f"{self.event_type} tells no materialisation of an asset"
        )

    @property
    def is_step_failure(self) -> bool:
        """Whether it tells that a step failed."""
        return self.event_type is EventType.STEP_FAILURE

    @property
    def is_step_skipped(self) -> bool:
        """Whether it tells that a step was skipped."""
        return self.event_type is EventType.STEP_SKIPPED


class AssetCheckEvaluation(NamedTuple):
    """The verdict of a check in a run.

    Attributes:
        severity: ``WARN`` or ``ERROR``: what a failure means.
    """

    asset_key: AssetKey
    check_name: str
    passed: bool
    severity: str
    description: str | None
    metadata: Mapping[str, user_metadata.MetadataValue]
    blocking: bool


EventT = TypeVar("EventT", AssetMaterialization, AssetObservation)


def _told(event_class: type[EventT], payload: Mapping[str, Any]) -> EventT:
    metadata = {
        label: user_metadata.MetadataValue(item["type"], item["value"])
        for label, item in payload["metadata"].items()
    }
    return event_class(
        payload["asset_key"],
        payload["description"],
        metadata,
        payload["partition"],
        payload["tags"],
    )


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

    def asset_value(self, asset_key: CoercibleToAssetKey) -> Any:
        """Return the value of an asset that this run made.

        Raises:
            OpweaveInvariantViolationError: It made none.
        """
        key = asset_keys.AssetKey.from_coercible(asset_key)
        for node in self.job_def.structure.nodes.values():
            if node.assets is None:
                continue
            for output, spec in node.assets.outputs.items():
                if spec.key == key and output in self._values.get(node.path, {}):
                    return self._values[node.path][output]
        raise errors.OpweaveInvariantViolationError(
            f"this run gave no value for the asset {key.to_user_string()!r}: its step failed, was skipped, or was not selected"
        )

    def get_asset_materialization_events(self) -> list[OpweaveEvent]:
        """Return the events that tell that an asset was written."""
        return self.get_events_of_type(EventType.ASSET_MATERIALIZATION)

    def get_asset_observation_events(self) -> list[OpweaveEvent]:
        """Return the events that tell what was seen of an asset."""
        return self.get_events_of_type(EventType.ASSET_OBSERVATION)

    def asset_materializations_for_node(self, node_name: str) -> list[AssetMaterialization]:
        """Return what the step or steps at the path *node_name* tell of assets that they wrote."""
        return [
            _told(user_events.AssetMaterialization, e.payload)
            for e in self.events_for_node(node_name)
            if e.is_step_materialization
        ]

    def asset_observations_for_node(self, node_name: str) -> list[AssetObservation]:
        """Return what the step or steps at the path *node_name* tell of assets that they saw."""
        return [
            _told(user_events.AssetObservation, e.payload)
            for e in self.events_for_node(node_name)
            if e.event_type is EventType.ASSET_OBSERVATION
        ]

    def get_asset_check_evaluations(self) -> list[AssetCheckEvaluation]:
        """Return the verdicts of checks, in order."""
        return [
            AssetCheckEvaluation(
                asset_keys.AssetKey(e.payload["asset_key"]),
                e.payload["check_name"],
                e.payload["passed"],
                e.payload["severity"],
                e.payload["description"],
                {
                    label: user_metadata.MetadataValue(item["type"], item["value"])
                    for label, item in e.payload["metadata"].items()
                },
                e.payload["is_blocking"],
            )
            for e in self.get_events_of_type(EventType.ASSET_CHECK_EVALUATION)
        ]

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
