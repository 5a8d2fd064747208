"""I/O managers: resources that store outputs and load inputs."""

from __future__ import annotations

import typing
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, overload

from opweave.definitions import resource as resources

if TYPE_CHECKING:
    from opweave.execution.context import InputContext, OutputContext


class IOManager(ABC):
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


class IOManagerDefinition(resources.ResourceDefinition):
    """A resource that is an `IOManager`."""


@overload
def io_manager(function: Callable[..., IOManager], /) -> IOManagerDefinition: ...


@overload
def io_manager(
    *,
    config_schema: object = None,
    description: str | None = None,
    required_resource_keys: typing.AbstractSet[str] | None = None,
    version: str | None = None,
) -> Callable[[Callable[..., IOManager]], IOManagerDefinition]: ...


def io_manager(function: Any = None, /, **options: Any) -> Any:
    """Make a function that returns an `IOManager` a resource: bare (``@io_manager``) or with options as for ``@resource``."""
    return resources.make_definition(IOManagerDefinition, "io_manager", function, options)
