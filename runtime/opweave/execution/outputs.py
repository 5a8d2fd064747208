"""Outputs of a step: checked, stored, and found complete when the body has ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from opweave import errors
from opweave.config.problems import shown
from opweave.config.resolution import resolved
from opweave.deferred import deferred_module
from opweave.definitions import job_config
from opweave.definitions import metadata as metadata_values
from opweave.definitions.events import DynamicOutput, Output
from opweave.definitions.job import JobDefinition
from opweave.definitions.op import OpDefinition
from opweave.definitions.outputs import DEFAULT_OUTPUT, OutputDefinition
from opweave.definitions.structure import OpNode
from opweave.execution.context import (
    OpExecutionContext,
    OutputContext,
    RunInfo,
    check_io_manager,
    restricted,
)
from opweave.execution.error_info import text_of
from opweave.execution.events import StepEvents
from opweave.execution.resources import resource_config_of
from opweave.wire.attempt import ProducedOutput

if TYPE_CHECKING:
    from opweave.execution import asset_outcomes
else:
    asset_outcomes = deferred_module("opweave.execution.asset_outcomes")

MAX_MEMBERS = 10_000
"""Of one dynamic output: the most that ingest takes in one report."""


class OutputReceiver:
    """Takes what a body gives: stores outputs, tells events.

    Attributes:
        values: By output, of those that were given.
    """

    def __init__(
        self,
        job: JobDefinition,
        node: OpNode,
        run: RunInfo,
        events: StepEvents,
        context: OpExecutionContext,
        resources: Mapping[str, Any],
    ) -> None:
        self._job = job
        self._node = node
        self._run = run
        self._events = events
        self._context = context
        self._resources = resources
        self.values: dict[str, Any] = {}
        self._assets: asset_outcomes.AssetOutcomes | None = None
        if context.is_for_assets:
            self._assets = asset_outcomes.AssetOutcomes(node, run, events, context)

    def receive(self, item: object) -> None:
        """Take one item of the body's stream.

        Raises:
            OpweaveInvariantViolationError: It is neither an output of the op nor an event, or an output given twice.
            OpweaveTypeCheckDidNotPass: The value is not of the output's type.
            OpweaveExecutionHandleOutputError: The I/O manager could not store it.
        """
        if self._assets is not None:
            item = self._assets.taken(item)
            if item is None:
                return
        if not isinstance(item, Output):
            self._events.user_event(item)
            return
        item = self._resolved(item)
        definition = self._node.definition.outputs[item.output_name]
        if self._assets is not None and asset_outcomes.has_no_value(item):
            self._assets.output_told(item, {}, is_stored=False)
            self.values[item.output_name] = None
            return
        self._check_type(item, definition)
        stored = {} if definition.is_nothing else self._store(item, definition)
        if self._assets is not None:
            self._assets.output_told(item, stored, is_stored=not definition.is_nothing)
        if isinstance(item, DynamicOutput):
            self.values.setdefault(item.output_name, {})[item.mapping_key] = item.value
        else:
            self.values[item.output_name] = item.value

    def _check_type(self, item: Output[Any], definition: OutputDefinition) -> None:
        check = definition.type.type_check(self._context, item.value)
        self._events.output_given(item, definition.type, check)
        if not check.success:
            raise errors.OpweaveTypeCheckDidNotPass(
                f"the output {item.output_name!r} of {self._node.path!r} ({self._node.definition.origin}) is not "
                f"{definition.type.name}: {check.description or 'its check says no'}"
            )

    def _resolved(self, output: Output[Any]) -> Output[Any]:
        """Return *output* under the name that the op declares, with what `add_output_metadata` attached."""
        outputs = self._node.definition.outputs
        name = output.output_name
        if name == DEFAULT_OUTPUT and name not in outputs and len(outputs) == 1:
            (name,) = outputs
        if name not in outputs:
            hint = errors.did_you_mean(str(name), outputs) or f"; its outputs: {', '.join(outputs)}"
            raise errors.OpweaveInvariantViolationError(
                f"the op {self._node.path!r} gives the output {name!r:.100}, which it does not declare{hint}"
            )
        self._check_kind(output, outputs[name])
        attached = self._context.output_metadata.get(name, {})
        if isinstance(output, DynamicOutput):
            attached = self._context.output_metadata.get((name, output.mapping_key), {})
        return output.renamed(name).with_metadata(attached)

    def _check_kind(self, output: Output[Any], definition: OutputDefinition) -> None:
        """Check that *output* is a member of a dynamic output, or the one value of another, and new."""
        where = f"the op {self._node.path!r} gives its output {definition.name!r}"
        given = self.values.get(definition.name)
        if not definition.is_dynamic:
            if isinstance(output, DynamicOutput):
                raise errors.OpweaveInvariantViolationError(
                    f"{where} as a DynamicOutput, and it is not dynamic: declare it as DynamicOut()"
                )
            if definition.name in self.values:
                raise errors.OpweaveInvariantViolationError(f"{where} twice")
        elif not isinstance(output, DynamicOutput):
            raise errors.OpweaveInvariantViolationError(
                f"{where}, which is dynamic, as {shown(output.value)}: give DynamicOutput(value, mapping_key=...) for each "
                "member, or a list of them"
            )
        elif given is not None and output.mapping_key in given:
            raise errors.OpweaveInvariantViolationError(
                f"{where} with the mapping key {output.mapping_key!r} twice: each names one member"
            )
        elif given is not None and len(given) >= MAX_MEMBERS:
            raise errors.OpweaveInvariantViolationError(
                f"{where} more than {MAX_MEMBERS} times: let each member be a batch"
            )

    def _store(
        self, output: Output[Any], definition: OutputDefinition
    ) -> dict[str, metadata_values.MetadataValue]:
        """Store the value; return what the I/O manager told of it."""
        key = definition.io_manager_key
        where = f"the output {definition.name!r} of {self._node.path!r}"
        manager = check_io_manager(self._resources.get(key), key, where)
        context = OutputContext(
            run=self._run,
            events=self._events,
            step_key=self._context.step_key,
            name=definition.name,
            mapping_key=output.mapping_key if isinstance(output, DynamicOutput) else None,
            metadata=definition.metadata,
            opweave_type=definition.type,
            op_def=self._node.definition,
            resources=restricted(self._resources, self._resources, f"the I/O manager {key!r}"),
            asset_key=self._node.asset_key_of(definition.name),
            resource_config=resource_config_of(self._job, key, self._run),
            config=self._config(definition),
        )
        try:
            manager.handle_output(context, output.value)
        except Exception as error:
            if is_pickling_error(error):
                raise unserializable(where, output.value, key, error) from error
            raise errors.OpweaveExecutionHandleOutputError(
                f"{where} could not be stored by the I/O manager {key!r}"
            ) from error
        self._events.output_handled(definition.name, key, context.logged_metadata)
        return context.logged_metadata

    def _config(self, definition: OutputDefinition) -> Any:
        """Return what run config tells the I/O manager about the output, environment references resolved."""
        field = job_config.output_manager_field(
            self._job.resource_defs.get(definition.io_manager_key)
        )
        if field is None:
            return None
        given = job_config.op_entry(self._run.run_config, self._node.path).get("outputs") or {}
        path = (*job_config.problem_path(self._node.path), "outputs", definition.name)
        return resolved(field, given.get(definition.name, job_config.NO_CONFIG), path)

    def finished(self) -> dict[str, Any]:
        """Return the values of all outputs, now that the body has ended.

        Raises:
            OpweaveStepOutputNotFoundError: A required one was not given.
        """
        for name, definition in self._node.definition.outputs.items():
            if definition.is_dynamic:
                self.values.setdefault(name, {})
            if name in self.values or not definition.is_required:
                continue
            if self._assets is not None and self._assets.makes_check_only:
                # Its verdicts are what it gives; what waits for them waits for this output.
                self.values[name] = None
                continue
            if not definition.is_nothing:
                raise errors.OpweaveStepOutputNotFoundError(
                    f"the op {self._node.path!r} ({self._node.definition.origin}) ended without its output {name!r}: yield "
                    f"Output(value, output_name={name!r}), or declare it as Out(is_required=False)"
                )
            self.receive(Output(None, name))
        if self._assets is not None:
            self._assets.finish()
        return self.values


def produced(op: OpDefinition[Any, Any], values: Mapping[str, Any]) -> tuple[ProducedOutput, ...]:
    """Return which outputs of *op* were given, the members of dynamic ones in order."""
    found: list[ProducedOutput] = []
    for name, definition in op.outputs.items():
        if definition.is_dynamic:
            found += (ProducedOutput(name=name, mapping_key=key) for key in values.get(name, ()))
        elif name in values:
            found.append(ProducedOutput(name=name))
    return tuple(found)


def is_pickling_error(error: BaseException) -> bool:
    """Return whether *error* tells that a value cannot be pickled; the module raises four classes for that."""
    if isinstance(error, RecursionError) or any(
        cls.__name__ == "PicklingError" for cls in type(error).__mro__
    ):
        return True
    return isinstance(error, (TypeError, AttributeError)) and "pickle" in text_of(error)


def unserializable(
    where: str, value: object, manager_key: str, error: Exception
) -> errors.OpweaveUnserializableOutputError:
    """Return the error for a *value* that cannot be pickled, with what to do about it."""
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    return errors.OpweaveUnserializableOutputError(
        f"{where} is {shown(value)} ({kind}), which cannot be pickled: {text_of(error).splitlines()[0][:300]}; return plain "
        f"data, or give the output an I/O manager that can store it (Out(io_manager_key=...) instead of {manager_key!r})"
    )
