"""Resources: what ops share with the world, set up before a step and torn down after it."""

from __future__ import annotations

import contextlib
import inspect
import types
import typing
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Any, Self, TypeVar, overload

from opweave import errors
from opweave.config import shapes
from opweave.config.problems import shown
from opweave.deferred import deferred_module
from opweave.definitions import origin as origins
from opweave.definitions import signature

if TYPE_CHECKING:
    from opweave.definitions import configured
    from opweave.execution.context import InitResourceContext
else:
    configured = deferred_module("opweave.definitions.configured")

T = TypeVar("T")
ResourceParam = Annotated[T, signature.RESOURCE_MARK]
"""Annotates a parameter of an op that is a resource of any class."""


class ResourceDefinition:
    """How a resource comes to be.

    Args:
        resource_fn: Takes an `InitResourceContext` or nothing; returns the resource, or yields it once and tears it down
            after.
        config_schema: Of its config, for its context's ``resource_config``.
        required_resource_keys: Other resources that it uses; they are set up first.
        source: The user's class or function behind *resource_fn*, for the digest of definitions.
    """

    def __init__(
        self,
        resource_fn: Callable[..., Any],
        config_schema: object = None,
        description: str | None = None,
        required_resource_keys: typing.AbstractSet[str] | None = None,
        version: str | None = None,
        source: object = None,
    ) -> None:
        self.resource_fn = resource_fn
        self.origin = origins.origin_of(resource_fn)
        self.config_field = None if config_schema is None else shapes.as_field(config_schema)
        self.description = description or inspect.getdoc(resource_fn)
        self.required_resource_keys = frozenset(required_resource_keys or ())
        self.version = version
        self.source = resource_fn if source is None else source
        self._takes_context = _takes_context(resource_fn, self.origin)

    @classmethod
    def hardcoded_resource(cls, value: Any, description: str | None = None) -> ResourceDefinition:
        """Return a resource that is *value*, whatever it is."""
        described = description or f"{type(value).__name__} object"
        return cls(lambda: value, description=described, source=type(value))

    @classmethod
    def none_resource(cls, description: str | None = None) -> ResourceDefinition:
        """Return a resource that is None."""
        return cls.hardcoded_resource(None, description)

    @classmethod
    def mock_resource(cls, description: str | None = None) -> ResourceDefinition:
        """Return a resource that is a new ``unittest.mock.MagicMock`` each time it is set up."""

        def mock() -> Any:
            # Tests only: the module costs what a step need not spend.
            from unittest.mock import MagicMock  # noqa: PLC0415

            return MagicMock()

        return cls(mock, description=description or "a mock")

    @classmethod
    def string_resource(cls, description: str | None = None) -> ResourceDefinition:
        """Return a resource that is its config, a text."""
        return cls(lambda context: context.resource_config, str, description, source="text")

    def configured(
        self,
        config_or_config_fn: Any,
        config_schema: object = None,
        description: str | None = None,
    ) -> Self:
        """Return the resource with its config given: by a value, or by a function of a config of its own.

        Args:
            config_or_config_fn: The config, or a function that takes what *config_schema* tells and returns it.
            config_schema: What the function takes; see `configured`.
            description: Of the new resource; this one's by default.

        Raises:
            OpweaveInvalidDefinitionError: It takes no config.
        """
        subject = f"the resource at {self.origin}"
        made = configured.configured_copy(self, subject, config_or_config_fn, config_schema)
        made.description = description or self.description
        return made

    @contextlib.contextmanager
    def opened(self, context: InitResourceContext) -> Iterator[Any]:
        """Set the resource up, give it, tear it down."""
        made = self.resource_fn(context) if self._takes_context else self.resource_fn()
        if inspect.isgenerator(made):
            made = contextlib.contextmanager(lambda: made)()
        if isinstance(made, contextlib._GeneratorContextManager):
            with made as resource:
                yield resource
        else:
            yield made

    def __call__(self, context: Any = None) -> Any:
        """Run the resource's function directly, for tests; `Any`, since the function decides."""
        return self.resource_fn(context) if self._takes_context else self.resource_fn()


def make_values_resource(**fields: Any) -> ResourceDefinition:
    """Return a resource that is its config: for values which several ops share.

    Args:
        fields: Config type of each value, as in ``config_schema``; the ops read them as attributes. None at all takes any
            config and gives it as it is.
    """
    if not fields:
        return ResourceDefinition(
            lambda context: context.resource_config,
            shapes.Permissive(),
            source="make_values_resource",
        )
    return ResourceDefinition(
        lambda context: types.SimpleNamespace(**context.resource_config),
        fields,
        source="make_values_resource",
    )


def _takes_context(resource_fn: Callable[..., Any], origin: origins.Origin) -> bool:
    parameters = [
        p
        for p in inspect.signature(resource_fn).parameters.values()
        if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    if len(parameters) > 1:
        raise errors.OpweaveInvalidDefinitionError(
            f"the resource at {origin} takes {len(parameters)} arguments: take one, the InitResourceContext, or none"
        )
    return len(parameters) == 1


def as_resource(value: object, key: str) -> ResourceDefinition:
    """Return the resource that *value*, given for *key*, stands for: a definition, a configurable resource, any object.

    Raises:
        OpweaveInvalidDefinitionError: It is a class where an instance is meant.
    """
    if isinstance(value, ResourceDefinition):
        return value
    if isinstance(value, type) and getattr(value, "__opweave_resource_class__", False):
        raise errors.OpweaveInvalidDefinitionError(
            f"the resource {key!r} is the class {value.__name__}: give an instance, {value.__name__}(...), "
            f"or {value.__name__}.configure_at_launch()"
        )
    make = getattr(value, "__opweave_resource__", None)
    if make is not None:
        return typing.cast("ResourceDefinition", make())
    return ResourceDefinition.hardcoded_resource(value)


@overload
def resource(function: Callable[..., Any], /) -> ResourceDefinition: ...


@overload
def resource(
    *,
    config_schema: object = None,
    description: str | None = None,
    required_resource_keys: typing.AbstractSet[str] | None = None,
    version: str | None = None,
) -> Callable[[Callable[..., Any]], ResourceDefinition]: ...


def resource(function: Any = None, /, **options: Any) -> Any:
    """Make a function a resource: bare (``@resource``) or with options.

    Args:
        function: Takes an `InitResourceContext` or nothing; returns the resource, or yields it once.
        options: ``config_schema``, ``description``, ``required_resource_keys``, ``version``.

    Raises:
        OpweaveInvalidDefinitionError: It takes other arguments.
    """
    return make_definition(ResourceDefinition, "resource", function, options)


def make_definition(
    definition_class: type[ResourceDefinition],
    decorator: str,
    function: Any,
    options: dict[str, Any],
) -> Any:
    """Return what ``@decorator`` makes of *function*, or the decorator when it was called with options only."""
    if function is None:
        return lambda body: make_definition(definition_class, decorator, body, options)
    if not callable(function):
        raise errors.OpweaveInvalidDefinitionError(
            f"@{decorator} is put on {shown(function)} ({origins.caller_origin()}): put it on a function"
        )
    return definition_class(function, **options)
