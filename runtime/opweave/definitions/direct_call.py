"""Calling an op as the plain function that it is, outside of any graph: what tests of user code do."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from copy import copy
from typing import TYPE_CHECKING, Any

from opweave import errors
from opweave.config import resolution, shapes
from opweave.definitions import signature

if TYPE_CHECKING:
    from opweave.definitions.op import OpDefinition
    from opweave.execution.context import OpExecutionContext


def call(op: OpDefinition[Any, Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """Return what the body of *op* returns for the arguments of a direct call; a context may stand first.

    Raises:
        OpweaveInvalidInvocationError: An argument is missing or unknown.
        OpweaveInvalidConfigError: The context's config is not what the op declares.
    """
    named = dict(kwargs)
    if args and is_context(args[0]):
        context, args = args[0], args[1:]
    else:
        context = named.pop("context", None)
    if context is not None:
        context, named = _completed(op, context, args, named)
        args = (context,) if op.body.has_context else ()
    elif op.body.has_context:
        raise errors.OpweaveInvalidInvocationError(
            f"{op} takes a context: call it with one from opweave.build_op_context() as the first argument"
        )
    try:
        inspect.signature(op.function).bind(*args, **named)
    except TypeError as error:
        raise _wrong_call(op, str(error)) from None
    return op.function(*args, **named)


def is_context(value: object) -> bool:
    """Return whether *value* is the context of a step."""
    return bool(getattr(type(value), "__opweave_context__", False))


def _completed(
    op: OpDefinition[Any, Any],
    context: OpExecutionContext,
    args: tuple[Any, ...],
    named: Mapping[str, Any],
) -> tuple[OpExecutionContext, dict[str, Any]]:
    """Return the context as the op sees it, and all arguments by name.

    Config and resources that are not given come from *context*; the config is checked and filled as a run does.
    """
    result = dict(named)
    if op.body.config is signature.EMPTY:
        config = _config(op, context)
    else:
        if "config" not in result and args and hasattr(args[0], "__opweave_config_value__"):
            result["config"], args = args[0], args[1:]
        config = result["config"] if "config" in result else _config(op, context)
        result["config"] = config
    for key in op.body.resources:
        if key not in result:
            result[key] = getattr(context.resources, key)
    names = [parameter.name for parameter in op.body.inputs]
    if len(args) > len(names):
        raise _wrong_call(op, f"{len(args)} values for its {len(names)} inputs")
    for name, value in zip(names, args, strict=False):
        if name in result:
            raise _wrong_call(op, f"multiple values for argument {name!r}")
        result[name] = value
    return _bound(op, context, config), result


def _config(op: OpDefinition[Any, Any], context: OpExecutionContext) -> Any:
    """Return the context's config, checked and filled; as it is when the op declares none."""
    if op.config_field is None:
        return context.op_config
    given = shapes.NO_DEFAULT if context.op_config is None else context.op_config
    return resolution.resolved(op.config_field, given, ("config",), f"the config of {op}")


def _bound(
    op: OpDefinition[Any, Any], context: OpExecutionContext, config: Any
) -> OpExecutionContext:
    """Return *context* for this call of *op*: it shares with the given one all that the body tells it."""
    bound = copy(context)
    bound.op_def = op
    bound.op_config = resolution.as_written(config)
    return bound


def _wrong_call(op: OpDefinition[Any, Any], why: str) -> errors.OpweaveInvalidInvocationError:
    return errors.OpweaveInvalidInvocationError(f"{op} is called directly: {why}")
