"""What happens when ops and graphs are called inside the body of a graph or a job: invocations are recorded, not run."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple

from opweave import errors
from opweave.config.problems import shown
from opweave.definitions import origin as origins

if TYPE_CHECKING:
    from opweave.definitions.hook import HookDefinition
    from opweave.definitions.node import NodeDefinition
    from opweave.definitions.retry_policy import RetryPolicy


class OutputHandle(NamedTuple):
    """An output of an invoked node, as it is passed about inside a composition."""

    node_name: str
    output_name: str

    def map(self, function: Callable[..., Any]) -> Any:
        """Refuse: only a dynamic output has members.

        Raises:
            OpweaveInvalidDefinitionError: Always.
        """
        raise self._not_dynamic("map")

    def collect(self) -> Any:
        """Refuse: only a dynamic output has members.

        Raises:
            OpweaveInvalidDefinitionError: Always.
        """
        raise self._not_dynamic("collect")

    def _not_dynamic(self, method: str) -> errors.OpweaveInvalidDefinitionError:
        return errors.OpweaveInvalidDefinitionError(
            f".{method}() is called on the output {self.output_name!r} of {self.node_name!r}, which is not dynamic "
            f"({origins.caller_origin()}): declare it as out=DynamicOut() and give DynamicOutput objects there"
        )


class DynamicHandle(OutputHandle):
    """A dynamic output, or an output of a node that runs once for each member of one."""

    __slots__ = ()

    def map(self, function: Callable[..., Any]) -> Any:
        """Call *function* with what stands for one member; return what stands for its results of all members.

        Raises:
            OpweaveInvalidDefinitionError: *function* cannot be called, or returns no outputs.
        """
        if not callable(function):
            raise errors.OpweaveInvalidDefinitionError(
                f".map() of the output {self.output_name!r} of {self.node_name!r} is given {shown(function)} "
                f"({origins.caller_origin()}): give an op, a graph, or a function that calls them"
            )
        result = function(OutputHandle(self.node_name, self.output_name))
        if result is None:
            return None
        if isinstance(result, OutputHandle):
            return DynamicHandle(*result)
        if isinstance(result, OutputHandles):
            return OutputHandles(DynamicHandle(*handle) for handle in result)
        if isinstance(result, tuple) and all(isinstance(item, OutputHandle) for item in result):
            return tuple(DynamicHandle(*handle) for handle in result)
        raise errors.OpweaveInvalidDefinitionError(
            f"the function that is mapped over {self.node_name!r} returns {shown(result)} ({origins.caller_origin()}): "
            "return outputs of the ops that it calls, or nothing"
        )

    def collect(self) -> Collected:
        """Return what stands for the list of all members, in the order in which they were given."""
        return Collected(OutputHandle(self.node_name, self.output_name))


class Collected(NamedTuple):
    """All members of a dynamic output, or the outputs of all steps mapped over one: a list for one input."""

    handle: OutputHandle


class GraphInput(NamedTuple):
    """An input of the graph that is being composed, passed on to a node."""

    input_name: str


class FanIn(NamedTuple):
    """A list of outputs that one input receives together."""

    members: tuple[OutputHandle | GraphInput, ...]


InputSource = OutputHandle | GraphInput | FanIn | Collected


def members_of(source: InputSource) -> tuple[OutputHandle | GraphInput, ...]:
    """Return the outputs and inputs that *source* is made of."""
    if isinstance(source, FanIn):
        return source.members
    return (source.handle,) if isinstance(source, Collected) else (source,)


class OutputHandles(tuple[OutputHandle, ...]):
    """The outputs of an invoked node with several: unpack it, or take one by its name."""

    __slots__ = ()

    def __getattr__(self, name: str) -> OutputHandle:
        """Return the output called *name*."""
        for handle in self:
            if handle.output_name == name:
                return handle
        names = [handle.output_name for handle in self]
        hint = errors.did_you_mean(name, names)
        raise AttributeError(
            f"there is no output {name!r}; the outputs are {', '.join(names)}{hint}"
        )


class Invocation(NamedTuple):
    """One use of a node in a graph."""

    name: str
    definition: NodeDefinition
    inputs: Mapping[str, InputSource]
    tags: Mapping[str, Any]
    retry_policy: RetryPolicy | None
    origin: origins.Origin
    hooks: tuple[HookDefinition, ...] = ()


class Composer:
    """Records the invocations of one graph's body."""

    def __init__(self, graph_name: str) -> None:
        # Without its place: messages name the line of the call, which is in it.
        self.graph_name = graph_name
        self.invocations: dict[str, Invocation] = {}
        self._explicit: set[str] = set()

    def invoke(
        self,
        definition: NodeDefinition,
        alias: str | None,
        tags: Mapping[str, Any],
        retry_policy: RetryPolicy | None,
        arguments: tuple[Any, ...],
        named_arguments: Mapping[str, Any],
        hooks: tuple[HookDefinition, ...] = (),
    ) -> Any:
        """Record one call and return what stands for its outputs.

        Raises:
            OpweaveInvalidDefinitionError: The name is taken, or an argument does not fit.
        """
        place = origins.caller_origin()
        name = self._name_for(definition, alias, place)
        inputs = self._inputs_for(definition, name, arguments, named_arguments, place)
        self.invocations[name] = Invocation(
            name, definition, inputs, tags, retry_policy, place, hooks
        )
        handles = [
            (DynamicHandle if output.is_dynamic else OutputHandle)(name, key)
            for key, output in definition.outputs.items()
        ]
        if not handles:
            return None
        return handles[0] if len(handles) == 1 else OutputHandles(handles)

    def _name_for(
        self, definition: NodeDefinition, alias: str | None, place: origins.Origin
    ) -> str:
        name = alias or definition.name
        taken = self.invocations.get(name)
        if taken is None:
            if alias:
                self._explicit.add(alias)
            return name
        if alias or name in self._explicit:
            raise errors.OpweaveInvalidDefinitionError(
                f"two nodes of {self.graph_name} are called {name!r} ({taken.origin} and {place}): "
                f"give one of them another name by .alias(...)"
            )
        if taken.definition is not definition:
            raise errors.OpweaveInvalidDefinitionError(
                f"{self.graph_name} uses two different definitions called {name!r} ({taken.definition.origin} and "
                f"{definition.origin}): rename one, or call one by .alias(...)"
            )
        number = 2
        while f"{name}_{number}" in self.invocations:
            number += 1
        return f"{name}_{number}"

    def _inputs_for(
        self,
        definition: NodeDefinition,
        name: str,
        arguments: tuple[Any, ...],
        named_arguments: Mapping[str, Any],
        place: origins.Origin,
    ) -> dict[str, InputSource]:
        input_names = list(definition.inputs)
        where = f"{name} in {self.graph_name} ({place})"
        if len(arguments) > len(input_names):
            raise errors.OpweaveInvalidDefinitionError(
                f"{where} is called with {len(arguments)} positional arguments and has "
                f"{len(input_names)} inputs: {', '.join(input_names) or 'none'}; "
                "leave out context, config and resources, which opweave passes itself"
            )
        given = dict(zip(input_names, arguments, strict=False))
        for key, value in named_arguments.items():
            if key not in definition.inputs:
                hint = errors.did_you_mean(key, input_names)
                raise errors.OpweaveInvalidDefinitionError(
                    f"{where} has no input {key!r}{hint or '; its inputs: ' + (', '.join(input_names) or 'none')}"
                )
            if key in given:
                raise errors.OpweaveInvalidDefinitionError(
                    f"{where} is given the input {key!r} twice"
                )
            given[key] = value
        return {key: self._source(value, key, where) for key, value in given.items()}

    def _source(self, value: object, input_name: str, where: str) -> InputSource:
        if isinstance(value, OutputHandles):
            names = ", ".join(h.output_name for h in value)
            raise errors.OpweaveInvalidDefinitionError(
                f"the input {input_name!r} of {where} is given all outputs of {value[0].node_name} ({names}): "
                "pass one of them"
            )
        if isinstance(value, Collected):
            self._check_known(value.handle, input_name, where)
            return value
        if isinstance(value, (OutputHandle, GraphInput)):
            return self._member(value, input_name, where)
        if isinstance(value, (list, tuple)):
            return FanIn(tuple(self._member(item, input_name, where) for item in value))
        raise self._no_source(value, input_name, where)

    def _member(self, value: object, input_name: str, where: str) -> OutputHandle | GraphInput:
        if isinstance(value, DynamicHandle):
            raise errors.OpweaveInvalidDefinitionError(
                f"the input {input_name!r} of {where} is given the dynamic output {value.output_name!r} of "
                f"{value.node_name!r} as it is: .map(fn) runs fn for each of its members, .collect() gives a list of all"
            )
        if isinstance(value, Collected):
            raise errors.OpweaveInvalidDefinitionError(
                f"the input {input_name!r} of {where} is given a list with a collected output in it, which is a list "
                "itself: give .collect() alone, and the others to inputs of their own"
            )
        if isinstance(value, (OutputHandle, GraphInput)):
            self._check_known(value, input_name, where)
            return value
        raise self._no_source(value, input_name, where)

    def _check_known(self, value: OutputHandle | GraphInput, input_name: str, where: str) -> None:
        if isinstance(value, OutputHandle) and value.node_name not in self.invocations:
            raise errors.OpweaveInvalidDefinitionError(
                f"the input {input_name!r} of {where} is given an output of {value.node_name!r}, which belongs to "
                "another graph: return it from that graph, or pass it in as an input"
            )

    def _no_source(
        self, value: object, input_name: str, where: str
    ) -> errors.OpweaveInvalidDefinitionError:
        if hasattr(value, "__opweave_node__"):
            return errors.OpweaveInvalidDefinitionError(
                f"the input {input_name!r} of {where} is given {value} itself, not its output: call it, "
                f"{value.__opweave_node__}(...)"
            )
        return errors.OpweaveInvalidDefinitionError(
            f"the input {input_name!r} of {where} is given {shown(value)}, which is no output of an op: bodies of jobs "
            "and graphs only connect ops; give a constant by config, by a default, or from an op that returns it"
        )


_current: ContextVar[Composer | None] = ContextVar("opweave_composer", default=None)


def current() -> Composer | None:
    """Return the composer of the body that runs now, or None outside of any."""
    return _current.get()


@contextlib.contextmanager
def composing(graph_name: str) -> Iterator[Composer]:
    """Record invocations in the block."""
    composer = Composer(graph_name)
    token = _current.set(composer)
    try:
        yield composer
    finally:
        _current.reset(token)


def returned_outputs(
    result: object, declared: Sequence[str] | None, graph: str
) -> dict[str, OutputHandle]:
    """Return which output each name of a graph's return value stands for.

    Args:
        result: What the body returned: nothing, one output, a tuple or a dict of outputs.
        declared: Names from ``out=``, if it was given.
        graph: For messages, with its place.

    Raises:
        OpweaveInvalidDefinitionError: It returned something else, or not what it declares.
    """
    if result is None:
        found: dict[str, OutputHandle] = {}
    elif isinstance(result, OutputHandle):
        found = {declared[0] if declared and len(declared) == 1 else "result": result}
    elif isinstance(result, Mapping):
        found = dict(result)
    elif isinstance(result, OutputHandles) and declared is None:
        found = {handle.output_name: handle for handle in result}
    elif isinstance(result, tuple) and declared is not None and len(result) == len(declared):
        found = dict(zip(declared, result, strict=True))
    else:
        raise errors.OpweaveInvalidDefinitionError(
            f"{graph} returns {shown(result)}: return an output, a dict of outputs, or a tuple with one output per "
            "name in out="
        )
    for name, handle in found.items():
        if not isinstance(handle, OutputHandle):
            raise errors.OpweaveInvalidDefinitionError(
                f"{graph} returns {shown(handle)} as {name!r}: only outputs of the ops in it can be returned"
            )
    if declared is not None and set(declared) != set(found):
        raise errors.OpweaveInvalidDefinitionError(
            f"{graph} declares the outputs {', '.join(declared)} and returns {', '.join(found) or 'none'}"
        )
    return found
