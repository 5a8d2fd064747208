"""What a hook is told of the step that has ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opweave import errors
from opweave.definitions.hook import HookDefinition
from opweave.execution.context import RunInfo, StepLogging
from opweave.execution.events import StepEvents
from opweave.execution.op_use import OpUse


class HookContext(StepLogging):
    """The step that has ended, for its hooks.

    Attributes:
        hook_def: The hook that is called; None in a context that was built for a test.
        resources: Those that the hook requires.
        op_config: The op's config.
        op_exception: What the op raised; None when it succeeded.
        op_output_values: What it gave, by output; the members of a dynamic output by mapping key.
        op_output_metadata: What it attached to its outputs, by output.
    """

    __opweave_hook_context__ = True

    def __init__(
        self,
        *,
        run: RunInfo,
        events: StepEvents,
        op: OpUse | None,
        resources: Any,
        op_config: Any = None,
        op_exception: BaseException | None = None,
        op_output_values: Mapping[str, Any] | None = None,
        op_output_metadata: Mapping[str, Any] | None = None,
        hook_def: HookDefinition | None = None,
    ) -> None:
        self._run = run
        self._events = events
        self._op = op
        self.hook_def = hook_def
        self.resources = resources
        self.op_config = op_config
        self.op_exception = op_exception
        self.op_output_values = dict(op_output_values or {})
        self.op_output_metadata = dict(op_output_metadata or {})
        self.step_key = events.step_key

    @property
    def op(self) -> OpUse:
        """The op as its job uses it: name, definition and tags.

        Raises:
            OpweaveInvariantViolationError: The context was built for a test without one.
        """
        if self._op is None:
            raise errors.OpweaveInvariantViolationError(
                "context.op is used in a hook's context that has none: build_hook_context(op=...)"
            )
        return self._op

    @property
    def run_id(self) -> str:
        """Id of the run."""
        return self._run.run_id

    @property
    def opweave_run(self) -> RunInfo:
        """The run."""
        return self._run

    run = opweave_run

    @property
    def job_name(self) -> str:
        """Name of the job."""
        return self._run.job_name

    @property
    def required_resource_keys(self) -> frozenset[str]:
        """Keys that the hook requires."""
        return self.hook_def.required_resource_keys if self.hook_def is not None else frozenset()
