"""What ops and graphs have in common: a name, inputs and outputs, and that calling them composes."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from opweave import errors
from opweave.config.problems import shown
from opweave.definitions import composition
from opweave.definitions import hook as hook_definitions
from opweave.definitions import origin as origins
from opweave.definitions.inputs import InputDefinition
from opweave.definitions.outputs import OutputDefinition
from opweave.definitions.retry_policy import RetryPolicy


class NodeDefinition:
    """A unit that graphs are made of.

    Attributes:
        inputs: By name, in order.
        outputs: By name, in order.
        origin: Where it was written.
    """

    kind = "a node"

    def __init__(
        self,
        name: str,
        *,
        description: str | None,
        inputs: Mapping[str, InputDefinition],
        outputs: Mapping[str, OutputDefinition],
        tags: Mapping[str, Any] | None,
        origin: origins.Origin,
    ) -> None:
        self.name = origins.checked_name(name, self.kind, origin)
        self.description = description
        self.inputs = dict(inputs)
        self.outputs = dict(outputs)
        self.tags = origins.checked_tags(tags, f"{self.kind} {name!r}", origin)
        self.origin = origin

    @property
    def __opweave_node__(self) -> str:
        """Name, for messages about a node that was not called."""
        return self.name

    def alias(self, name: str) -> PendingNode:
        """Return the node under another *name*, to be called once in a graph."""
        return PendingNode(self).alias(name)

    def tag(self, tags: Mapping[str, Any]) -> PendingNode:
        """Return the node with more *tags*, to be called in a graph."""
        return PendingNode(self).tag(tags)

    def with_retry_policy(self, retry_policy: RetryPolicy) -> PendingNode:
        """Return the node with another retry policy, to be called in a graph."""
        return PendingNode(self).with_retry_policy(retry_policy)

    def with_hooks(self, hooks: AbstractSet[hook_definitions.HookDefinition]) -> PendingNode:
        """Return the node with *hooks* for its steps, to be called in a graph."""
        return PendingNode(self).with_hooks(hooks)

    def __str__(self) -> str:
        """Return kind, name and place."""
        return f"{self.kind} {self.name!r} ({self.origin})"

    def __repr__(self) -> str:
        """Return the same, for messages and debuggers."""
        return f"<{self}>"


class PendingNode:
    """A node with an alias, tags, hooks or a retry policy of its own, waiting to be called in a graph."""

    def __init__(
        self,
        definition: NodeDefinition,
        alias: str | None = None,
        tags: Mapping[str, Any] | None = None,
        retry_policy: RetryPolicy | None = None,
        hooks: tuple[hook_definitions.HookDefinition, ...] = (),
    ) -> None:
        self._definition = definition
        self._alias = alias
        self._tags = dict(tags or {})
        self._retry_policy = retry_policy
        self._hooks = hooks

    @property
    def __opweave_node__(self) -> str:
        """Name, for messages about a node that was not called."""
        return self._alias or self._definition.name

    def alias(self, name: str) -> PendingNode:
        """Return it under another *name*."""
        place = origins.caller_origin()
        checked = origins.checked_name(name, f"{self._definition.kind} by .alias", place)
        return self._with(alias=checked)

    def tag(self, tags: Mapping[str, Any]) -> PendingNode:
        """Return it with more *tags*."""
        checked = origins.checked_tags(tags, str(self._definition), origins.caller_origin())
        merged = {**self._tags, **checked}
        return self._with(tags=merged)

    def with_retry_policy(self, retry_policy: RetryPolicy) -> PendingNode:
        """Return it with another retry policy."""
        if not isinstance(retry_policy, RetryPolicy):
            raise errors.OpweaveInvalidDefinitionError(
                f"{self._definition} is given {shown(retry_policy)} as its retry policy: give a RetryPolicy"
            )
        return self._with(retry_policy=retry_policy)

    def with_hooks(self, hooks: AbstractSet[hook_definitions.HookDefinition]) -> PendingNode:
        """Return it with more *hooks* for its steps; those of a graph are for all steps in it."""
        more = hook_definitions.checked(hooks, str(self._definition))
        return self._with(hooks=hook_definitions.merged(self._hooks, more))

    def _with(self, **changed: Any) -> PendingNode:
        parts: dict[str, Any] = {
            "alias": self._alias,
            "tags": self._tags,
            "retry_policy": self._retry_policy,
            "hooks": self._hooks,
        }
        return PendingNode(self._definition, **{**parts, **changed})

    def __str__(self) -> str:
        """Return kind, name and place of the node."""
        return str(self._definition)

    def __repr__(self) -> str:
        """Return the same, for messages and debuggers."""
        return f"<{self}>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Use it in the graph whose body runs now; `Any`, since its signature is the wrapped node's.

        Raises:
            OpweaveInvalidInvocationError: No graph is being composed.
        """
        composer = composition.current()
        if composer is None:
            raise errors.OpweaveInvalidInvocationError(
                f"{self._definition} with an alias, tags, hooks or a retry policy is called outside of a job or graph "
                f"({origins.caller_origin()}): call the op itself to run it as a function"
            )
        return composer.invoke(
            self._definition,
            self._alias,
            self._tags,
            self._retry_policy,
            args,
            kwargs,
            self._hooks,
        )
