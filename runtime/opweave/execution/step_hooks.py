"""Calls the hooks of a step that has ended. Imported only by steps that have some; never makes a step fail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opweave.definitions.hook import HookDefinition
from opweave.execution.context import OpExecutionContext, RunInfo, restricted
from opweave.execution.error_info import error_info, one_line
from opweave.execution.events import StepEvents
from opweave.execution.hook_context import HookContext
from opweave.execution.op_use import OpUse
from opweave.wire import codec
from opweave.wire.attempt import EventType


def call_hooks(
    hooks: tuple[HookDefinition, ...],
    *,
    run: RunInfo,
    events: StepEvents,
    op: OpUse,
    resources: Mapping[str, Any] | None,
    context: OpExecutionContext | None,
    values: Mapping[str, Any],
    error: BaseException | None,
) -> None:
    """Call those of *hooks* that the step's end is for, and tell of each.

    Arguments in short:
        resources: By key; None when they could not be set up: hooks that require some are left out then.
        context: The op's, in the last try; None when it did not come that far.
        values: What the op gave.
        error: What made it fail.
    """
    for hook in hooks:
        left_out = _left_out(hook, error, resources)
        if left_out:
            message = f"hook {hook.name} is not called: {left_out}"
            events.tell(EventType.HOOK_SKIPPED, message, {"hook": hook.name})
            continue
        given = HookContext(
            run=run,
            events=events,
            op=op,
            resources=restricted(
                resources or {}, hook.required_resource_keys, f"the hook {hook.name!r}"
            ),
            op_config=context.op_config if context is not None else None,
            op_exception=error,
            op_output_values=values,
            op_output_metadata=_metadata(context),
            hook_def=hook,
        )
        _call(hook, given, events)


def _left_out(
    hook: HookDefinition, error: BaseException | None, resources: Mapping[str, Any] | None
) -> str:
    """Return why *hook* is not called; empty when it is."""
    if hook.on_failure != (error is not None):
        return f"the step {'succeeded' if error is None else 'failed'}"
    if resources is None and hook.required_resource_keys:
        return "the resources that it requires could not be set up"
    return ""


def _call(hook: HookDefinition, context: HookContext, events: StepEvents) -> None:
    try:
        hook.hook_fn(context)
    except Exception as error:  # noqa: BLE001  # whatever a hook raises, the step's outcome stands
        payload = {"hook": hook.name, "error": codec.encode(error_info(error))}
        message = f"hook {hook.name} ({hook.origin}) raised {one_line(error)}"
        events.tell(EventType.HOOK_ERRORED, message, payload)
    else:
        message = f"called hook {hook.name}"
        events.tell(EventType.HOOK_COMPLETED, message, {"hook": hook.name})


def _metadata(context: OpExecutionContext | None) -> dict[str, Any]:
    """Return what the body attached to its outputs; that of members of a dynamic output by their mapping key."""
    result: dict[str, Any] = {}
    for key, values in (context.output_metadata if context is not None else {}).items():
        if isinstance(key, tuple):
            result.setdefault(key[0], {})[key[1]] = dict(values)
        else:
            result[key] = dict(values)
    return result
