"""Calling an op's body, whatever kind of function it is, as a stream of what it gives."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from opweave import errors
from opweave.config.problems import shown
from opweave.deferred import deferred_module
from opweave.definitions import signature
from opweave.definitions.events import Output
from opweave.definitions.op import OpDefinition
from opweave.definitions.outputs import OutputDefinition
from opweave.execution.context import OpExecutionContext

if TYPE_CHECKING:
    import asyncio

    from opweave.execution import asset_outcomes
else:
    asyncio = deferred_module("asyncio")
    asset_outcomes = deferred_module("opweave.execution.asset_outcomes")


def call_body(
    op: OpDefinition[Any, Any],
    context: OpExecutionContext,
    inputs: Mapping[str, Any],
    config: Any,
) -> Generator[object, None, None]:
    """Yield what the body of *op* gives: `Output` objects and events, in order.

    Raises:
        OpweaveInvariantViolationError: It returned what does not fit its outputs.
        Exception: Whatever the body raises.
    """
    arguments: dict[str, Any] = dict(inputs)
    if op.body.config is not signature.EMPTY:
        arguments["config"] = config
    for key in op.body.resources:
        arguments[key] = getattr(context.resources, key)
    result = _invoke(op.function, context if op.body.has_context else None, arguments)
    if inspect.isgenerator(result):
        yield from _closing(result)
    elif inspect.isasyncgen(result):
        yield from _iterate(result)
    else:
        if inspect.iscoroutine(result):
            result = asyncio.run(result)
        yield from _returned(op, result, context)


def _invoke(function: Callable[..., Any], context: object, arguments: Mapping[str, Any]) -> Any:
    if context is None:
        return function(**arguments)
    return function(context, **arguments)


def _closing(generator: Generator[object, Any, Any]) -> Iterator[object]:
    try:
        yield from generator
    finally:
        generator.close()


def _iterate(generator: AsyncGenerator[object, Any]) -> Iterator[object]:
    with asyncio.Runner() as runner:
        try:
            while True:
                try:
                    item = runner.run(_next(generator))
                except StopAsyncIteration:
                    return
                yield item
        finally:
            runner.run(_aclose(generator))


async def _next(generator: AsyncGenerator[object, Any]) -> object:
    return await anext(generator)


async def _aclose(generator: AsyncGenerator[object, Any]) -> None:
    await generator.aclose()


def _returned(
    op: OpDefinition[Any, Any], result: object, context: OpExecutionContext
) -> Iterator[object]:
    outputs = op.outputs
    if not outputs:
        return
    if context.is_for_assets:
        items = asset_outcomes.flattened(result)
        if items is not None:
            yield from items
            return
        if context.has_reported_results:
            raise errors.OpweaveInvariantViolationError(
                f"{op} returns {shown(result)} and leaves what its external process has reported: return "
                "get_materialize_result() or get_results(), or yield the latter's items"
            )
    if len(outputs) == 1:
        (definition,) = outputs.values()
        yield from _single(result, definition, context)
    elif isinstance(result, Output):
        yield result
    elif isinstance(result, Mapping):
        for name, value in result.items():
            yield from _members(value, name, outputs)
    elif isinstance(result, tuple) and len(result) == len(outputs):
        for name, value in zip(outputs, result, strict=True):
            yield from _members(value, name, outputs)
    elif result is not None or any(o.is_required and not o.is_nothing for o in outputs.values()):
        raise errors.OpweaveInvariantViolationError(
            f"{op} returns {shown(result)} and has the outputs {', '.join(outputs)}: return a tuple of {len(outputs)} in "
            "that order or a dict by name, or yield Output(value, output_name=...)"
        )


def _members(
    value: object, name: str, outputs: Mapping[str, OutputDefinition]
) -> Iterator[Output[Any]]:
    """Yield *value*, one of several that were returned, as the output *name*; of a dynamic one its members."""
    is_dynamic = name in outputs and outputs[name].is_dynamic
    members = value if is_dynamic and isinstance(value, Sequence) else (value,)
    for member in members:
        if isinstance(member, Output) and member.output_name != "result":
            yield member
        else:
            yield _named(member, name)


def _single(
    result: object, definition: OutputDefinition, context: OpExecutionContext
) -> Iterator[object]:
    if definition.is_dynamic and isinstance(result, Sequence):
        yield from _members(result, definition.name, {definition.name: definition})
        return
    if isinstance(result, Output):
        yield _named(result, definition.name) if result.output_name == "result" else result
        return
    if result is None and not definition.is_required and not definition.is_nothing:
        context.log.warning(
            "None was returned for the optional output %r and is passed on; yield to leave an output out",
            definition.name,
        )
    yield Output(result, definition.name)


def _named(value: object, name: str) -> Output[Any]:
    if isinstance(value, Output):
        return value.renamed(name)
    return Output(value, name)
