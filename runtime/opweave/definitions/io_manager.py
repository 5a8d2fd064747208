"""I/O managers: resources that store outputs and load inputs."""

from __future__ import annotations

import typing
from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, overload

from opweave.definitions import resource as resources
from opweave.definitions.input_manager import InputManager, InputManagerDefinition, optional_field

if TYPE_CHECKING:
    from opweave.execution.context import InputContext, OutputContext


class IOManager(InputManager):
    """Stores what an op gives and loads what another receives."""

    @abstractmethod
    def handle_output(self, context: OutputContext, obj: Any) -> None:
        """Store *obj* where `load_input` finds it by the same identifier."""

    @abstractmethod
    def load_input(self, context: InputContext) -> Any:
        """Return what was stored for ``context.upstream_output``."""


def identifier_of(context: InputContext | OutputContext) -> list[str]:
    """Return where a value belongs: an asset by its key, so that the newest replaces the older, anything else by its run."""
    return context.get_asset_identifier() if context.has_asset_key else context.get_identifier()


class IOManagerDefinition(InputManagerDefinition):
    """A resource that is an `IOManager`.

    Args:
        resource_fn: As of every resource; returns the `IOManager`.
        config_schema: Of the resource's config.
        input_config_schema: Of what run config says of each input that it loads, for ``context.config``.
        output_config_schema: The same of each output that it stores.
    """

    def __init__(
        self,
        resource_fn: Callable[..., Any],
        config_schema: object = None,
        description: str | None = None,
        required_resource_keys: typing.AbstractSet[str] | None = None,
        version: str | None = None,
        input_config_schema: object = None,
        output_config_schema: object = None,
        source: object = None,
    ) -> None:
        super().__init__(
            resource_fn,
            config_schema,
            description,
            input_config_schema,
            required_resource_keys,
            version,
            source,
        )
        self.output_config_field = optional_field(output_config_schema)

    @classmethod
    def hardcoded_io_manager(
        cls, value: IOManager, description: str | None = None
    ) -> IOManagerDefinition:
        """Return an I/O manager resource that is *value*."""
        described = description or f"{type(value).__name__} object"
        return cls(lambda: value, description=described, source=type(value))


@overload
def io_manager(function: Callable[..., IOManager], /) -> IOManagerDefinition: ...


@overload
def io_manager(
    *,
    config_schema: object = None,
    description: str | None = None,
    output_config_schema: object = None,
    input_config_schema: object = None,
    required_resource_keys: typing.AbstractSet[str] | None = None,
    version: str | None = None,
) -> Callable[[Callable[..., IOManager]], IOManagerDefinition]: ...


def io_manager(function: Any = None, /, **options: Any) -> Any:
    """Make a function that returns an `IOManager` a resource: bare (``@io_manager``) or with options.

    Those of ``@resource``, and ``input_config_schema`` and ``output_config_schema``: what run config may say of each input
    that it loads and each output that it stores, for ``context.config``.
    """
    return resources.make_definition(IOManagerDefinition, "io_manager", function, options)
