"""Input managers: resources that load inputs, in place of the I/O manager of what feeds them, or of nothing."""

from __future__ import annotations

import inspect
import typing
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, overload

from opweave import errors
from opweave.config import shapes
from opweave.config.problems import shown
from opweave.definitions import origin as origins
from opweave.definitions import resource as resources

if TYPE_CHECKING:
    from opweave.execution.context import InputContext


class InputManager(ABC):
    """Loads what an op receives."""

    @abstractmethod
    def load_input(self, context: InputContext) -> Any:
        """Return the value of the input; ``context.upstream_output`` is None when no op feeds it."""


class InputManagerDefinition(resources.ResourceDefinition):
    """A resource that is an `InputManager`.

    Args:
        resource_fn: As of every resource; returns the `InputManager`.
        config_schema: Of the resource's config.
        input_config_schema: Of what run config says of each input that it loads, for ``context.config``.
    """

    def __init__(
        self,
        resource_fn: Callable[..., Any],
        config_schema: object = None,
        description: str | None = None,
        input_config_schema: object = None,
        required_resource_keys: typing.AbstractSet[str] | None = None,
        version: str | None = None,
        source: object = None,
    ) -> None:
        super().__init__(
            resource_fn, config_schema, description, required_resource_keys, version, source
        )
        self.input_config_field = optional_field(input_config_schema)


class FunctionInputManager(InputManager):
    """Loads by one function of the user, which takes the `InputContext` or nothing."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._takes_context = bool(inspect.signature(function).parameters)

    def load_input(self, context: InputContext) -> Any:
        """Return what the function returns."""
        return self._function(context) if self._takes_context else self._function()


def optional_field(schema: object) -> shapes.Field | None:
    """Return *schema* as a field, None when there is none."""
    return None if schema is None else shapes.as_field(schema)


@overload
def input_manager(function: Callable[..., Any], /) -> InputManagerDefinition: ...


@overload
def input_manager(
    *,
    config_schema: object = None,
    description: str | None = None,
    input_config_schema: object = None,
    required_resource_keys: typing.AbstractSet[str] | None = None,
    version: str | None = None,
) -> Callable[[Callable[..., Any]], InputManagerDefinition]: ...


def input_manager(function: Any = None, /, **options: Any) -> Any:
    """Make a function that loads a value an input manager: bare (``@input_manager``) or with options.

    Args:
        function: Takes an `InputContext` or nothing; returns the value of the input.
        options: ``config_schema`` (for ``context.resource_config``), ``input_config_schema`` (of each input, for
            ``context.config``), ``required_resource_keys``, ``description``, ``version``.

    Raises:
        OpweaveInvalidDefinitionError: It is put on something else.
    """
    if function is None:
        return lambda body: input_manager(body, **options)
    if not callable(function):
        raise errors.OpweaveInvalidDefinitionError(
            f"@input_manager is put on {shown(function)} ({origins.caller_origin()}): put it on a function"
        )
    options["description"] = options.get("description") or inspect.getdoc(function)
    manager = FunctionInputManager(function)
    definition = InputManagerDefinition(lambda: manager, source=function, **options)
    definition.origin = origins.origin_of(function)
    return definition
