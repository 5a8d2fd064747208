"""A job's graph taken apart: every op with its path and what feeds it, upstream before downstream."""

from __future__ import annotations

import heapq
import types
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from opweave import errors
from opweave.definitions import composition
from opweave.definitions.graph import GraphDefinition
from opweave.definitions.op import OpDefinition
from opweave.wire.plan import OutputRef

if TYPE_CHECKING:
    from opweave.definitions import origin as origins
    from opweave.definitions.assets.key import AssetKey
    from opweave.definitions.assets.use import AssetUse
    from opweave.definitions.hook import HookDefinition
    from opweave.definitions.retry_policy import RetryPolicy


class NodeInput(NamedTuple):
    """What feeds one input of an op: outputs of other ops.

    Attributes:
        is_collected: The members of a dynamic output, or what was mapped over them, come as a list.
    """

    sources: tuple[OutputRef, ...]
    is_fan_in: bool
    is_collected: bool = False


class OpNode(NamedTuple):
    """One use of an op in a job.

    Attributes:
        path: Names from the job's root, joined by dots: the step key.
        inputs: Connected inputs only.
        tags: Of the op, of its uses and of the graphs around it, the inner ones winning.
        retry_policy: Of its use, else of the op, else of the graphs around it.
        values: Of inputs that the job was given values for.
        assets: What it has to do with assets; None for a plain op.
        hooks: Of its use and of those of the graphs around it; the job's come before them.
    """

    path: str
    definition: OpDefinition[Any, Any]
    inputs: Mapping[str, NodeInput]
    tags: Mapping[str, Any]
    retry_policy: RetryPolicy | None
    origin: origins.Origin
    values: Mapping[str, Any] = types.MappingProxyType({})
    assets: AssetUse | None = None
    hooks: tuple[HookDefinition, ...] = ()

    @property
    def after(self) -> tuple[OutputRef, ...]:
        """Outputs that must be there first beside those that feed it."""
        return self.assets.after if self.assets is not None else ()

    def asset_key_of(self, output_name: str) -> AssetKey | None:
        """Return the asset that an output is, if it is one."""
        spec = self.assets.outputs.get(output_name) if self.assets is not None else None
        return spec.key if spec is not None else None

    @property
    def upstream_keys(self) -> set[str]:
        """Paths of the ops that must end before it."""
        feeding = {ref.step_key for fed in self.inputs.values() for ref in fed.sources}
        return feeding | {ref.step_key for ref in self.after}


class JobStructure:
    """All ops of a job by path, in an order that depends on the definition only.

    Attributes:
        mapped_over: For each op that runs once for each member of a dynamic output: that output.

    Raises:
        OpweaveInvalidDefinitionError: They form a cycle, or depend on several dynamic outputs.
    """

    def __init__(self, nodes: Iterable[OpNode], subject: str) -> None:
        self.subject = subject
        self.nodes: dict[str, OpNode] = _topological(list(nodes), subject)
        self.mapped_over: dict[str, OutputRef] = {}
        for node in self.nodes.values():
            over = self._mapped_over(node)
            if over is not None:
                self.mapped_over[node.path] = over

    def _mapped_over(self, node: OpNode) -> OutputRef | None:
        """Return the dynamic output whose members *node* is run for; None when it runs once."""
        found: OutputRef | None = None
        for fed in node.inputs.values():
            for source in fed.sources:
                over = self._members_of(source, node)
                if fed.is_collected:
                    continue
                if over is not None and found is not None and over != found:
                    raise errors.OpweaveInvalidDefinitionError(
                        f"{node.path!r} in {self.subject} ({node.origin}) depends on two dynamic outputs, "
                        f"{found.output_name!r} of {found.step_key!r} and {over.output_name!r} of {over.step_key!r}: "
                        "collect one of them, or have one op give the combinations"
                    )
                found = found or over
        if found is not None and any(fed.is_collected for fed in node.inputs.values()):
            raise errors.OpweaveInvalidDefinitionError(
                f"{node.path!r} in {self.subject} ({node.origin}) collects a dynamic output and runs once for each member of "
                f"{found.output_name!r} of {found.step_key!r}: collect in an op before it"
            )
        return found

    def _members_of(self, source: OutputRef, node: OpNode) -> OutputRef | None:
        over = self.mapped_over.get(source.step_key)
        output = self.nodes[source.step_key].definition.outputs[source.output_name]
        if not output.is_dynamic:
            return over
        if over is not None:
            raise errors.OpweaveInvalidDefinitionError(
                f"{node.path!r} in {self.subject} ({node.origin}) depends on the dynamic output {source.output_name!r} of "
                f"{source.step_key!r}, which is itself mapped over that of {over.step_key!r}: a dynamic output within "
                "another cannot be mapped or collected; collect the first before, or give all members at once there"
            )
        return source

    def select(self, paths: frozenset[str]) -> JobStructure:
        """Return the part with *paths* only; inputs fed by others become unconnected."""
        kept = []
        for node in self.nodes.values():
            if node.path in paths:
                inputs = {
                    name: fed
                    for name, fed in (
                        (name, _restricted(fed, paths)) for name, fed in node.inputs.items()
                    )
                    if fed is not None
                }
                kept.append(node._replace(inputs=inputs, assets=_restricted_use(node, paths)))
        return JobStructure(kept, self.subject)

    def unconnected(self, node: OpNode) -> list[str]:
        """Return the inputs of *node* that run config or a default must feed."""
        return [
            name
            for name, definition in node.definition.inputs.items()
            if name not in node.inputs
            and name not in node.values
            and not definition.is_nothing
            and (node.assets is None or name not in node.assets.inputs)
        ]


def _restricted(fed: NodeInput, paths: frozenset[str]) -> NodeInput | None:
    sources = tuple(s for s in fed.sources if s.step_key in paths)
    if not sources and fed.sources:
        return None
    return fed._replace(sources=sources)


def _restricted_use(node: OpNode, paths: frozenset[str]) -> AssetUse | None:
    if node.assets is None:
        return None
    return node.assets._replace(after=tuple(r for r in node.after if r.step_key in paths))


def structure_of(
    graph: GraphDefinition,
    subject: str,
    input_values: Mapping[str, Any] = types.MappingProxyType({}),
) -> JobStructure:
    """Return the ops of *graph*, *input_values* given to those that its inputs feed.

    Raises:
        OpweaveInvalidDefinitionError: They form a cycle, which the text names, or a value is for no input.
    """
    for name in input_values:
        if name not in graph.inputs:
            hint = errors.did_you_mean(str(name), graph.inputs)
            known = ", ".join(graph.inputs) or "none"
            raise errors.OpweaveInvalidDefinitionError(
                f"input_values name {name!r:.100}, which is no input of {subject}{hint or f'; its inputs: {known}'}"
            )
    return JobStructure(_Level(graph, None, "", {}, None, input_values, ()).ops(), subject)


class _Level:
    """A graph inside another while it is taken apart."""

    def __init__(
        self,
        graph: GraphDefinition,
        parent: _Level | None,
        path: str,
        tags: Mapping[str, Any],
        retry_policy: RetryPolicy | None,
        input_values: Mapping[str, Any],
        hooks: tuple[HookDefinition, ...],
    ) -> None:
        self.graph = graph
        self.parent = parent
        self.path = path
        self.tags = tags
        self.retry_policy = retry_policy
        self.input_values = input_values
        self.hooks = hooks
        self.name = path.rpartition(".")[2]

    def path_of(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def ops(self) -> Iterable[OpNode]:
        for use in self.graph.invocations.values():
            definition = use.definition
            tags = {**self.tags, **definition.tags, **use.tags}
            hooks = tuple(dict.fromkeys((*self.hooks, *use.hooks)))
            if isinstance(definition, GraphDefinition):
                policy = use.retry_policy or self.retry_policy
                path = self.path_of(use.name)
                values = self.values_of(use)
                yield from _Level(definition, self, path, tags, policy, values, hooks).ops()
            elif isinstance(definition, OpDefinition):
                policy = use.retry_policy or definition.retry_policy or self.retry_policy
                path, values = self.path_of(use.name), self.values_of(use)
                inputs = {}
                for name, source in use.inputs.items():
                    fed = self.feed(source)
                    if fed is not None and (fed.sources or name not in values):
                        inputs[name] = fed
                yield OpNode(
                    path, definition, inputs, tags, policy, use.origin, values, hooks=hooks
                )

    def values_of(self, use: composition.Invocation) -> dict[str, Any]:
        """Return the values that the job was given for inputs of *use*."""
        values = {}
        for name, source in use.inputs.items():
            members = composition.members_of(source)
            given = [
                self.input_values[member.input_name]
                for member in members
                if isinstance(member, composition.GraphInput)
                and member.input_name in self.input_values
            ]
            if not given:
                continue
            if len(given) < len(members):
                raise errors.OpweaveInvalidDefinitionError(
                    f"the input {name!r} of {self.path_of(use.name)!r} ({use.origin}) takes a list of which input_values "
                    "give a part: give all of its members, or return the values from ops"
                )
            values[name] = given if isinstance(source, composition.FanIn) else given[0]
        return values

    def feed(self, source: composition.InputSource) -> NodeInput | None:
        """Return the ops' outputs that *source* stands for; None when nothing feeds it."""
        if isinstance(source, composition.OutputHandle):
            return NodeInput((self.output(source),), False)
        if isinstance(source, composition.Collected):
            return NodeInput((self.output(source.handle),), True, is_collected=True)
        if isinstance(source, composition.GraphInput):
            outer = self.parent.graph.invocations[self.name].inputs if self.parent else {}
            if self.parent is None or source.input_name not in outer:
                return None
            return self.parent.feed(outer[source.input_name])
        fed = [self.feed(member) for member in source.members]
        return NodeInput(tuple(ref for f in fed if f is not None for ref in f.sources), True)

    def output(self, handle: composition.OutputHandle) -> OutputRef:
        """Return the op's output behind *handle*, through the graphs that return it."""
        path = self.path_of(handle.node_name)
        definition = self.graph.invocations[handle.node_name].definition
        while isinstance(definition, GraphDefinition):
            handle = definition.results[handle.output_name]
            path = f"{path}.{handle.node_name}"
            definition = definition.invocations[handle.node_name].definition
        return OutputRef(step_key=path, output_name=handle.output_name)


def _topological(nodes: list[OpNode], subject: str) -> dict[str, OpNode]:
    """Return *nodes* upstream first; among those that are ready the order of definition decides."""
    order = {node.path: index for index, node in enumerate(nodes)}
    upstream = {node.path: node.upstream_keys for node in nodes}
    downstream: dict[str, list[str]] = {path: [] for path in order}
    for path, needed in upstream.items():
        for other in needed:
            downstream[other].append(path)
    waiting = {path: len(needed) for path, needed in upstream.items()}
    ready = [order[path] for path, count in waiting.items() if count == 0]
    heapq.heapify(ready)
    result: dict[str, OpNode] = {}
    while ready:
        node = nodes[heapq.heappop(ready)]
        result[node.path] = node
        for path in downstream[node.path]:
            waiting[path] -= 1
            if waiting[path] == 0:
                heapq.heappush(ready, order[path])
    if len(result) < len(nodes):
        left = {path: needed for path, needed in upstream.items() if path not in result}
        raise errors.OpweaveInvalidDefinitionError(
            f"{subject} is cyclic: {' -> '.join(_cycle(left))}; a step cannot wait for its own output"
        )
    return result


def _cycle(left: Mapping[str, set[str]]) -> list[str]:
    """Return one cycle among the nodes that are *left*, its first node repeated at the end, in the direction of data."""
    path = next(iter(left))
    seen: list[str] = []
    while path not in seen:
        seen.append(path)
        path = next(other for other in sorted(left[path]) if other in left)
    cycle = seen[seen.index(path) :]
    return [path, *reversed(cycle)]
