"""Inputs of a step: loaded from stored outputs, taken from run config or from defaults, then checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from opweave import errors
from opweave.config.problems import Problems
from opweave.config.resolution import resolved
from opweave.definitions import job_config
from opweave.definitions.inputs import InputDefinition
from opweave.definitions.job import JobDefinition
from opweave.definitions.structure import OpNode
from opweave.execution.context import (
    InputContext,
    OutputContext,
    RunInfo,
    check_input_manager,
    restricted,
)
from opweave.execution.events import StepEvents
from opweave.execution.resources import resource_config_of
from opweave.wire.attempt import StoredOutput
from opweave.wire.plan import OutputRef

if TYPE_CHECKING:
    from opweave.definitions.assets.use import AssetInput


def load_inputs(
    job: JobDefinition,
    node: OpNode,
    run: RunInfo,
    stored: Mapping[str, tuple[StoredOutput, ...]],
    resources: Mapping[str, Any],
    events: StepEvents,
    asset_inputs: Mapping[str, StoredOutput] | None = None,
) -> dict[str, Any]:
    """Return the value of each input of *node* but those for order only.

    *asset_inputs* says where an asset which no step of the run writes was stored last, for I/O managers that go by it.

    Raises:
        OpweaveExecutionLoadInputError: An I/O manager raised.
        OpweaveTypeCheckDidNotPass: A value is not of the input's type.
        OpweaveInvariantViolationError: Nothing feeds an input.
    """
    loader = _Loader(job, node, run, resources, events, asset_inputs or {})
    values = {}
    for name, definition in node.definition.inputs.items():
        if not definition.is_nothing:
            values[name] = loader.value(definition, stored)
    return values


class _Loader:
    """Finds the values of one node's inputs."""

    def __init__(
        self,
        job: JobDefinition,
        node: OpNode,
        run: RunInfo,
        resources: Mapping[str, Any],
        events: StepEvents,
        asset_inputs: Mapping[str, StoredOutput],
    ) -> None:
        self._asset_inputs = asset_inputs
        self._job = job
        self._node = node
        self._run = run
        self._resources = resources
        self._events = events
        given = job_config.op_entry(run.run_config, node.path).get("inputs")
        self._given: dict[str, Any] = {
            name: entry["value"]
            for name, entry in (given if isinstance(given, Mapping) else {}).items()
            if isinstance(entry, Mapping) and "value" in entry
        }

    def value(
        self, definition: InputDefinition, stored: Mapping[str, tuple[StoredOutput, ...]]
    ) -> Any:
        """Return the checked value of one input."""
        name = definition.name
        fed = self._node.inputs.get(name)
        if name in stored or (fed is not None and fed.is_fan_in and name not in self._given):
            members = [self._load(definition, source) for source in stored.get(name, ())]
            if (fed is None or not fed.is_fan_in) and len(members) != 1:
                raise errors.OpweaveInvariantViolationError(
                    f"the input {name!r} of {self._node.path!r} takes one value and is fed by {len(members)}"
                )
            value = members if fed is not None and fed.is_fan_in else members[0]
        elif name in self._node.values:
            value = self._node.values[name]
        elif self._node.assets is not None and name in self._node.assets.inputs:
            value = self._load_asset(definition, self._node.assets.inputs[name])
        elif definition.input_manager_key is not None:
            value = self._load_unfed(definition, definition.input_manager_key)
        elif name in self._given:
            value = self._configured(definition)
        elif definition.has_default:
            value = definition.default_value
        else:
            raise errors.OpweaveInvariantViolationError(
                f"nothing feeds the input {name!r} of {self._node.path!r}: give it in run config, as "
                f"{'.'.join(job_config.problem_path(self._node.path))}.inputs.{name}.value"
            )
        self._check(definition, value)
        return value

    def _configured(self, definition: InputDefinition) -> Any:
        value = self._given[definition.name]
        config_type = job_config.value_config_type(definition.type.typing_type)
        if config_type is None:
            return value
        path = (*job_config.problem_path(self._node.path), "inputs", definition.name, "value")
        problems = Problems()
        value = config_type.validate(value, path, problems)
        if problems.found:
            raise errors.OpweaveInvalidConfigError(f"{'.'.join(path)} is wrong", problems.found)
        return value

    def _load(self, definition: InputDefinition, source: StoredOutput) -> Any:
        key, upstream = self._upstream(definition, source)
        told = f"{source.step_key}.{source.output_name} of run {source.run_id}"
        return self._loaded(definition, key, upstream, told)

    def _load_asset(self, definition: InputDefinition, given: AssetInput) -> Any:
        """Return the value of an asset that no step of the run writes: what was written last."""
        stored = self._asset_inputs.get(definition.name)
        upstream = OutputContext(
            run=RunInfo(stored.run_id if stored else "", self._run.job_name),
            events=self._events,
            step_key=stored.step_key if stored else given.key.to_python_identifier(),
            name=stored.output_name if stored else "result",
            metadata=given.metadata,
            opweave_type=given.opweave_type,
            asset_key=given.key,
        )
        key = definition.input_manager_key or given.io_manager_key
        told = f"the asset {given.key.to_user_string()!r}, which no step of this run writes,"
        return self._loaded(definition, key, upstream, told)

    def _loaded(
        self, definition: InputDefinition, key: str, upstream: OutputContext, told: str
    ) -> Any:
        where = f"the input {definition.name!r} of {self._node.path!r}"
        try:
            value = self._managed(definition, key, upstream, where)
        except Exception as error:
            raise errors.OpweaveExecutionLoadInputError(
                f"{where} could not be loaded from {told} by the I/O manager {key!r}"
            ) from error
        self._events.input_loaded(
            definition.name, key, upstream.run_id, upstream.step_key, upstream.name
        )
        return value

    def _load_unfed(self, definition: InputDefinition, key: str) -> Any:
        """Return what the input manager *key* loads for an input that no op feeds."""
        where = f"the input {definition.name!r} of {self._node.path!r}"
        try:
            return self._managed(definition, key, None, where)
        except Exception as error:
            raise errors.OpweaveExecutionLoadInputError(
                f"{where} could not be loaded by the input manager {key!r}"
            ) from error

    def _managed(
        self, definition: InputDefinition, key: str, upstream: OutputContext | None, where: str
    ) -> Any:
        manager = check_input_manager(self._resources.get(key), key, where)
        config = job_config.op_entry(self._run.run_config, self._node.path).get("inputs") or {}
        field = job_config.input_manager_field(
            self._job.structure, self._node, definition.name, self._job.resource_defs
        )
        context = InputContext(
            run=self._run,
            events=self._events,
            name=definition.name,
            upstream_output=upstream,
            metadata=definition.metadata,
            opweave_type=definition.type,
            op_def=self._node.definition,
            resources=restricted(self._resources, self._keys_of(key), f"the I/O manager {key!r}"),
            resource_config=resource_config_of(self._job, key, self._run),
            config=None
            if field is None
            else resolved(
                field,
                config.get(definition.name, job_config.NO_CONFIG),
                (*job_config.problem_path(self._node.path), "inputs", definition.name),
            ),
        )
        return manager.load_input(context)

    def _keys_of(self, manager_key: str) -> frozenset[str]:
        definition = self._job.resource_defs.get(manager_key)
        return definition.required_resource_keys if definition is not None else frozenset()

    def _upstream(
        self, definition: InputDefinition, source: StoredOutput
    ) -> tuple[str, OutputContext]:
        path = _op_path(source.step_key)
        upstream = self._job.structure.nodes.get(path)
        output = upstream.definition.outputs.get(source.output_name) if upstream else None
        if upstream is None or output is None:
            raise errors.OpweaveInvariantViolationError(
                f"the input {definition.name!r} of {self._node.path!r} is fed by {source.step_key}.{source.output_name}, "
                f"which {self._job} does not have; its code has changed since the run was planned"
            )
        ref = OutputRef(step_key=path, output_name=source.output_name)
        context = OutputContext(
            run=RunInfo(source.run_id, self._run.job_name),
            events=self._events,
            step_key=source.step_key,
            name=source.output_name,
            mapping_key=source.mapping_key,
            metadata=output.metadata,
            opweave_type=output.type,
            op_def=upstream.definition,
            asset_key=upstream.asset_key_of(source.output_name),
            resource_config=resource_config_of(self._job, output.io_manager_key, self._run),
        )
        return self._job.input_manager_key(self._node, definition.name, ref), context

    def _check(self, definition: InputDefinition, value: Any) -> None:
        check = definition.type.type_check(None, value)
        self._events.input_checked(definition.name, definition.type, check)
        if not check.success:
            raise errors.OpweaveTypeCheckDidNotPass(
                f"the input {definition.name!r} of {self._node.path!r} ({self._node.definition.origin}) is not "
                f"{definition.type.name}: {check.description or 'its check says no'}"
            )


def _op_path(step_key: str) -> str:
    """Return *step_key* without the mapping keys of dynamic outputs."""
    return step_key.partition("[")[0]
