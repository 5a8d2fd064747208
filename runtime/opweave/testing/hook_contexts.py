"""Contexts for calling hooks directly."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any, Self

from opweave.definitions import resource as resource_definitions
from opweave.definitions.op import OpDefinition
from opweave.execution.context import Resources, RunInfo
from opweave.execution.events import StepEvents
from opweave.execution.hook_context import HookContext
from opweave.execution.op_use import OpUse
from opweave.execution.resources import opened_resources


class DirectHookContext(HookContext):
    """A context for calling a hook directly; as a context manager it tears its resources down."""

    _stack: contextlib.ExitStack

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


def build_hook_context(
    resources: Mapping[str, Any] | None = None,
    op: OpDefinition[Any, Any] | None = None,
    run_id: str = "EPHEMERAL",
    job_name: str = "EPHEMERAL",
    op_exception: BaseException | None = None,
    op_output_values: Mapping[str, Any] | None = None,
) -> DirectHookContext:
    """Return a context for calling a hook directly in a test.

    Args:
        resources: By key: objects, or definitions, which are set up with their default config; use the context in a
            ``with`` statement to have them torn down.
        op: What ``context.op`` tells of.
        run_id: Of the run.
        job_name: Of the job.
        op_exception: What the op raised, for a failure hook.
        op_output_values: What the op gave, by output, for a success hook.
    """
    definitions = {
        key: resource_definitions.as_resource(value, key)
        for key, value in (resources or {}).items()
    }
    run = RunInfo(run_id, job_name)
    events = StepEvents(lambda *_: None, op.name if op is not None else "op")
    stack = contextlib.ExitStack()
    values = stack.enter_context(opened_resources(definitions, run, events))
    context = DirectHookContext(
        run=run,
        events=events,
        op=OpUse(op.name, op, op.tags) if op is not None else None,
        resources=Resources(values, "the hook"),
        op_exception=op_exception,
        op_output_values=op_output_values,
    )
    context._stack = stack
    return context
