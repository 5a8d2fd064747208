"""Graphs: nodes connected to each other, usable as one node."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import (
    TYPE_CHECKING,
    Any,
    Generic,
    NamedTuple,
    ParamSpec,
    Protocol,
    Self,
    TypeVar,
    overload,
)

from opweave import errors
from opweave.config.problems import shown
from opweave.deferred import deferred_module
from opweave.definitions import composition, signature
from opweave.definitions import dependencies as written
from opweave.definitions import origin as origins
from opweave.definitions import types as value_types
from opweave.definitions.inputs import GraphIn, InputDefinition
from opweave.definitions.node import NodeDefinition
from opweave.definitions.outputs import GraphOut, OutputDefinition

if TYPE_CHECKING:
    from opweave.definitions import config_mapping as config_mappings
    from opweave.definitions import job as jobs
    from opweave.definitions.config_mapping import ConfigMapping
    from opweave.execution.result import ExecuteInProcessResult
else:
    config_mappings = deferred_module("opweave.definitions.config_mapping")
    jobs = deferred_module("opweave.definitions.job")

P = ParamSpec("P")
R = TypeVar("R")


class InputMapping(NamedTuple):
    """An input of a graph made by data: where it goes."""

    graph_input_name: str
    mapped_node_name: str
    mapped_node_input_name: str


class OutputMapping(NamedTuple):
    """An output of a graph made by data: where it comes from."""

    graph_output_name: str
    mapped_node_name: str
    mapped_node_output_name: str = "result"


class GraphDefinition(NodeDefinition):
    """Nodes with the edges between them.

    Args:
        name: Unique among the nodes beside it.
        node_defs: Ops and graphs; each is used once, unless *dependencies* name it under aliases.
        dependencies: For each node, what feeds its inputs.
        input_mappings: What the graph's own inputs feed.
        output_mappings: What its own outputs are.

    Attributes:
        invocations: By name, in the order of the body.
        results: For each output, the inner output that it is.

    Raises:
        OpweaveInvalidDefinitionError: A name is unknown or used twice.
    """

    kind = "graph"
    config_mapping: ConfigMapping | None = None
    """Makes the config of its ops of a smaller one."""

    def __init__(
        self,
        name: str,
        *,
        description: str | None = None,
        node_defs: Sequence[NodeDefinition] = (),
        dependencies: written.Dependencies | None = None,
        input_mappings: Sequence[InputMapping] = (),
        output_mappings: Sequence[OutputMapping] = (),
        tags: Mapping[str, Any] | None = None,
    ) -> None:
        origin = origins.caller_origin()
        owner = f"{self.kind} {name!r} ({origin})"
        self.invocations = written.invocations_from(node_defs, dependencies or {}, owner, origin)
        for mapping in input_mappings:
            self._map_input(mapping, owner)
        self.results = {
            m.graph_output_name: composition.OutputHandle(
                m.mapped_node_name, m.mapped_node_output_name
            )
            for m in output_mappings
        }
        inputs = {m.graph_input_name: InputDefinition(m.graph_input_name) for m in input_mappings}
        self._finish(name, description, inputs, {}, tags, origin)

    @classmethod
    def from_body(
        cls,
        function: Callable[..., Any],
        *,
        name: str | None = None,
        description: str | None = None,
        ins: Mapping[str, GraphIn] | None = None,
        out: GraphOut | Mapping[str, GraphOut] | None = None,
        tags: Mapping[str, Any] | None = None,
        config: ConfigMapping | Mapping[str, Any] | None = None,
    ) -> Self:
        """Return the graph that *function* composes when it is called with its inputs.

        Raises:
            OpweaveInvalidDefinitionError: What the body connects or returns does not fit.
        """
        origin = origins.origin_of(function)
        own_name = name or function.__name__
        owner = f"{cls.kind} {own_name!r} ({origin})"
        inputs = _graph_inputs(function, ins, owner)
        with composition.composing(f"{cls.kind} {own_name!r}") as composer:
            result = function(**{key: composition.GraphInput(key) for key in inputs})
        if inspect.isgenerator(result) or inspect.iscoroutine(result):
            result.close()
            raise errors.OpweaveInvalidDefinitionError(
                f"{owner} is a generator or coroutine: bodies of jobs and graphs connect ops by plain calls"
            )
        declared = _declared_outputs(out)
        graph = cls.__new__(cls)
        graph.invocations = composer.invocations
        graph.results = composition.returned_outputs(result, declared, owner)
        descriptions = _output_descriptions(out, graph.results)
        own_description = description or inspect.getdoc(function)
        graph._finish(own_name, own_description, inputs, descriptions, tags, origin)
        graph.config_mapping = _mapping_of(config)
        return graph

    @classmethod
    def of_invocations(
        cls,
        name: str,
        invocations: Mapping[str, composition.Invocation],
        origin: origins.Origin,
    ) -> Self:
        """Return the graph of *invocations*, without inputs and outputs of its own.

        Raises:
            OpweaveInvalidDefinitionError: What they connect does not fit.
        """
        graph = cls.__new__(cls)
        graph.invocations = dict(invocations)
        graph.results = {}
        graph._finish(name, None, {}, {}, None, origin)
        return graph

    def _map_input(self, mapping: InputMapping, owner: str) -> None:
        node = self.invocations.get(mapping.mapped_node_name)
        if node is None or mapping.mapped_node_input_name not in node.definition.inputs:
            raise errors.OpweaveInvalidDefinitionError(
                f"{owner} maps its input {mapping.graph_input_name!r} to "
                f"{mapping.mapped_node_name}.{mapping.mapped_node_input_name}, which does not exist"
            )
        source = composition.GraphInput(mapping.graph_input_name)
        inputs = {**node.inputs, mapping.mapped_node_input_name: source}
        self.invocations[node.name] = node._replace(inputs=inputs)

    def _finish(
        self,
        name: str,
        description: str | None,
        inputs: Mapping[str, InputDefinition],
        output_descriptions: Mapping[str, str | None],
        tags: Mapping[str, Any] | None,
        origin: origins.Origin,
    ) -> None:
        """Check the edges and derive the graph's own inputs and outputs from the nodes that they belong to."""
        owner = f"{self.kind} {name!r} ({origin})"
        for node in self.invocations.values():
            for input_name, source in node.inputs.items():
                for member in composition.members_of(source):
                    if isinstance(member, composition.OutputHandle):
                        self._check_edge(node, input_name, member, owner)
        outputs = {
            key: self._output(key, handle, output_descriptions.get(key), owner)
            for key, handle in self.results.items()
        }
        super().__init__(
            name,
            description=description,
            inputs={key: self._typed_input(definition) for key, definition in inputs.items()},
            outputs=outputs,
            tags=tags,
            origin=origin,
        )

    def _check_edge(
        self,
        node: composition.Invocation,
        input_name: str,
        source: composition.OutputHandle,
        owner: str,
    ) -> None:
        where = f"the input {input_name!r} of {node.name!r} in {owner}"
        output = self._find_output(source, where)
        if output.is_nothing and not node.definition.inputs[input_name].is_nothing:
            raise errors.OpweaveInvalidDefinitionError(
                f"{where} is fed by {source.node_name!r}, whose output {source.output_name!r} carries no value "
                "(its type is None or Nothing): return a value there, or declare the input as In(Nothing)"
            )

    def _find_output(self, source: composition.OutputHandle, where: str) -> OutputDefinition:
        upstream = self.invocations.get(source.node_name)
        if upstream is None:
            hint = errors.did_you_mean(source.node_name, self.invocations)
            raise errors.OpweaveInvalidDefinitionError(
                f"{where} is fed by {source.node_name!r}, which is no node of it{hint}"
            )
        outputs = upstream.definition.outputs
        if source.output_name not in outputs:
            hint = errors.did_you_mean(source.output_name, outputs)
            raise errors.OpweaveInvalidDefinitionError(
                f"{where} is fed by the output {source.output_name!r} of {source.node_name!r}, which has "
                f"{', '.join(outputs) or 'no outputs'}{hint}"
            )
        return outputs[source.output_name]

    def _output(
        self, name: str, handle: composition.OutputHandle, description: str | None, owner: str
    ) -> OutputDefinition:
        inner = self._find_output(handle, f"the output {name!r} of {owner}")
        return OutputDefinition(
            name,
            inner.type,
            description or inner.description,
            inner.is_required,
            inner.io_manager_key,
            inner.metadata,
            is_dynamic=inner.is_dynamic or isinstance(handle, composition.DynamicHandle),
        )

    def _typed_input(self, definition: InputDefinition) -> InputDefinition:
        """Return *definition* with order only when all that it feeds are for order only."""
        targets = [target for _, target in self.uses_of_input(definition.name)]
        if targets and all(target.is_nothing for target in targets):
            definition.type = value_types.NothingType
        return definition

    def uses_of_input(self, name: str) -> Iterator[tuple[composition.Invocation, InputDefinition]]:
        """Yield the nodes that the graph's input *name* feeds, each with that node's input."""
        for node in self.invocations.values():
            for input_name, source in node.inputs.items():
                if composition.GraphInput(name) in composition.members_of(source):
                    yield node, node.definition.inputs[input_name]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Use the graph as a node in the graph whose body runs now.

        Raises:
            OpweaveInvalidInvocationError: Outside of any body; a graph runs only as a job.
        """
        composer = composition.current()
        if composer is None:
            raise errors.OpweaveInvalidInvocationError(
                f"{self} is called outside of a job or graph ({origins.caller_origin()}): run it by "
                f"{self.name}.execute_in_process()"
            )
        return composer.invoke(self, None, {}, None, args, kwargs)

    def to_job(self, name: str | None = None, **options: Any) -> jobs.JobDefinition:
        """Return a job that runs this graph; *options* are those of ``@job``."""
        return jobs.JobDefinition(self, name=name, **options)

    def execute_in_process(self, **options: Any) -> ExecuteInProcessResult:
        """Run the graph as a job in this process; *options* as for `JobDefinition.execute_in_process`.

        ``input_values`` may hold what no run config can, so they belong to the job from the start.
        """
        resources = options.pop("resources", None)
        values = options.pop("input_values", None)
        job = self.to_job(resource_defs=resources, input_values=values)
        return job.execute_in_process(**options)


class ComposedGraph(GraphDefinition, Generic[P, R]):
    """A graph that a body composed; type checkers compare calls of it with the body's signature."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Use the graph as a node in the graph whose body runs now.

        Raises:
            OpweaveInvalidInvocationError: Outside of any body; a graph runs only as a job.
        """
        result: R = super().__call__(*args, **kwargs)
        return result


def _graph_inputs(
    function: Callable[..., Any], ins: Mapping[str, GraphIn] | None, owner: str
) -> dict[str, InputDefinition]:
    body = signature.read_signature(function, owner)
    if body.has_context or body.config is not signature.EMPTY or body.resources:
        raise errors.OpweaveInvalidDefinitionError(
            f"{owner} takes a context, config or resources: only ops do; bodies of jobs and graphs connect ops"
        )
    described = dict(ins or {})
    result = {}
    for parameter in body.inputs:
        if parameter.default is not signature.EMPTY:
            raise errors.OpweaveInvalidDefinitionError(
                f"{owner} gives its input {parameter.name!r} a default: give the default to the op that receives it"
            )
        graph_in = described.pop(parameter.name, GraphIn())
        result[parameter.name] = InputDefinition(parameter.name, description=graph_in.description)
    if described:
        unknown = next(iter(described))
        hint = errors.did_you_mean(unknown, result)
        raise errors.OpweaveInvalidDefinitionError(
            f"{owner} declares the input {unknown!r}, which its function does not take{hint}"
        )
    return result


def is_config_mapping(value: object) -> bool:
    """Return whether *value* is a `ConfigMapping`, whose module most jobs do without."""
    return bool(getattr(type(value), "__opweave_config_mapping__", False))


def _mapping_of(config: Any) -> ConfigMapping | None:
    if config is None or is_config_mapping(config):
        mapping: ConfigMapping | None = config
        return mapping
    return config_mappings.given_in_code(config)


def mappings_in(graph: GraphDefinition, parent: str = "") -> Iterator[tuple[str, ConfigMapping]]:
    """Yield the config mapping of each graph inside *graph*, with its path."""
    for use in graph.invocations.values():
        if isinstance(use.definition, GraphDefinition):
            path = f"{parent}{use.name}"
            if use.definition.config_mapping is not None:
                yield path, use.definition.config_mapping
            yield from mappings_in(use.definition, f"{path}.")


def _declared_outputs(out: GraphOut | Mapping[str, GraphOut] | None) -> list[str] | None:
    if out is None:
        return None
    return ["result"] if isinstance(out, GraphOut) else list(out)


def _output_descriptions(
    out: GraphOut | Mapping[str, GraphOut] | None, results: Mapping[str, object]
) -> dict[str, str | None]:
    if isinstance(out, GraphOut):
        return dict.fromkeys(results, out.description)
    return {key: described.description for key, described in (out or {}).items()}


class GraphDecorator(Protocol):
    """What ``graph(...)`` returns."""

    def __call__(self, function: Callable[P, R], /) -> ComposedGraph[P, R]:
        """Return *function* as a graph."""
        ...


@overload
def graph(function: Callable[P, R], /) -> ComposedGraph[P, R]: ...


@overload
def graph(
    *,
    name: str | None = None,
    description: str | None = None,
    ins: Mapping[str, GraphIn] | None = None,
    out: GraphOut | Mapping[str, GraphOut] | None = None,
    tags: Mapping[str, Any] | None = None,
    config: ConfigMapping | Mapping[str, Any] | None = None,
) -> GraphDecorator: ...


def graph(function: Any = None, /, **options: Any) -> Any:
    """Make a function that connects ops a graph: bare (``@graph``) or with options.

    Its parameters are the graph's inputs, what it returns (an output, or a dict or tuple of outputs) its outputs.

    Args:
        function: The body, when used bare.
        options: ``name``, ``description``, ``ins`` and ``out`` (descriptions of inputs and outputs), ``tags``, ``config``
            (the config of its ops by name, or a `ConfigMapping` that makes it).

    Raises:
        OpweaveInvalidDefinitionError: Something does not fit together.
    """
    if function is None:
        return lambda body: checked_body(body, "graph", options)
    return checked_body(function, "graph", options)


def checked_body(function: Any, decorator: str, options: dict[str, Any]) -> ComposedGraph[Any, Any]:
    """Return the graph of *function*, the body under ``@graph`` or ``@job``.

    Raises:
        OpweaveInvalidDefinitionError: It is no function, or what it composes does not fit.
    """
    if not callable(function) or isinstance(function, NodeDefinition):
        raise errors.OpweaveInvalidDefinitionError(
            f"@{decorator} is put on {shown(function)} ({origins.caller_origin()}): put it on a function"
        )
    return ComposedGraph.from_body(function, **options)
