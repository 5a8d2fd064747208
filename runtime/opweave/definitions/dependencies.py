"""The written-out form of a graph's edges, for graphs that are made by data and not by a body."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple

from opweave import errors
from opweave.definitions import composition
from opweave.definitions import hook as hook_definitions
from opweave.definitions import origin as origins
from opweave.definitions.node import NodeDefinition
from opweave.definitions.outputs import DEFAULT_OUTPUT
from opweave.definitions.retry_policy import RetryPolicy


class DependencyDefinition(NamedTuple):
    """An input is fed by *output* of *node*."""

    node: str
    output: str = DEFAULT_OUTPUT
    description: str | None = None


class MultiDependencyDefinition(NamedTuple):
    """An input is fed by several outputs, as a list."""

    dependencies: Sequence[DependencyDefinition]


class NodeInvocation:
    """A key of a dependency mapping: a node under an alias, with tags, hooks or a retry policy of its own."""

    def __init__(
        self,
        name: str,
        alias: str | None = None,
        tags: Mapping[str, Any] | None = None,
        hook_defs: AbstractSet[hook_definitions.HookDefinition] | None = None,
        retry_policy: RetryPolicy | None = None,
    ) -> None:
        self.name = name
        self.alias = alias
        self.tags = dict(tags or {})
        self.hook_defs = hook_definitions.checked(hook_defs, f"NodeInvocation {name!r}")
        self.retry_policy = retry_policy

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NodeInvocation) and (self.name, self.alias) == (
            other.name,
            other.alias,
        )

    def __hash__(self) -> int:
        return hash((self.name, self.alias))


_Inputs = Mapping[str, DependencyDefinition | MultiDependencyDefinition]
Dependencies = Mapping[Any, _Inputs]
"""Keys are names or `NodeInvocation` objects; `Any`, since a mapping is invariant in its keys and people write all three."""


def invocations_from(
    node_defs: Sequence[NodeDefinition],
    dependencies: Dependencies,
    owner: str,
    origin: origins.Origin,
) -> dict[str, composition.Invocation]:
    """Return one invocation per key of *dependencies* and per node that no key names.

    Raises:
        OpweaveInvalidDefinitionError: A node or an input does not exist, or a name is used twice.
    """
    by_name: dict[str, NodeDefinition] = {}
    for definition in node_defs:
        if definition.name in by_name:
            raise errors.OpweaveInvalidDefinitionError(
                f"{owner} is given two nodes called {definition.name!r}: rename one of them"
            )
        by_name[definition.name] = definition
    result: dict[str, composition.Invocation] = {}
    used: set[str] = set()
    for key, inputs in dependencies.items():
        use = key if isinstance(key, NodeInvocation) else NodeInvocation(key)
        if use.name not in by_name:
            hint = errors.did_you_mean(use.name, by_name)
            raise errors.OpweaveInvalidDefinitionError(
                f"{owner} has dependencies of {use.name!r}, which is not one of its nodes{hint}"
            )
        used.add(use.name)
        _add(result, _invocation(by_name[use.name], use, inputs, owner, origin), owner)
    for name, definition in by_name.items():
        if name not in used:
            _add(result, _invocation(definition, NodeInvocation(name), {}, owner, origin), owner)
    return result


def _add(
    result: dict[str, composition.Invocation], invocation: composition.Invocation, owner: str
) -> None:
    if invocation.name in result:
        raise errors.OpweaveInvalidDefinitionError(
            f"two nodes of {owner} are called {invocation.name!r}: give one of them an alias"
        )
    result[invocation.name] = invocation


def _invocation(
    definition: NodeDefinition,
    use: NodeInvocation,
    inputs: Mapping[str, DependencyDefinition | MultiDependencyDefinition],
    owner: str,
    origin: origins.Origin,
) -> composition.Invocation:
    name = use.alias or use.name
    sources: dict[str, composition.InputSource] = {}
    for input_name, dependency in inputs.items():
        if input_name not in definition.inputs:
            hint = errors.did_you_mean(input_name, definition.inputs)
            raise errors.OpweaveInvalidDefinitionError(
                f"{owner} feeds the input {input_name!r} of {name!r}, which has no such input{hint}"
            )
        if isinstance(dependency, MultiDependencyDefinition):
            handles = (composition.OutputHandle(d.node, d.output) for d in dependency.dependencies)
            sources[input_name] = composition.FanIn(tuple(handles))
        else:
            sources[input_name] = composition.OutputHandle(dependency.node, dependency.output)
    return composition.Invocation(
        name, definition, sources, use.tags, use.retry_policy, origin, use.hook_defs
    )
