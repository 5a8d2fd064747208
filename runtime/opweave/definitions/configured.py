"""Definitions whose config is given in code, whole or by a function of a smaller config."""

from __future__ import annotations

import copy
import types
from collections.abc import Callable
from typing import Any, Protocol, Self, TypeVar

from opweave import errors
from opweave.config import env_var, mapped, shapes
from opweave.config import types as config_types
from opweave.config.problems import shown
from opweave.definitions import origin as origins
from opweave.definitions import signature
from opweave.definitions.node import NodeDefinition


class Configurable(Protocol):
    """A definition that takes config: an op, a resource, an I/O manager."""

    config_field: shapes.Field | None


class _HasConfigured(Protocol):
    def configured(self, config_or_config_fn: Any, /, **options: Any) -> Self: ...


C = TypeVar("C", bound=Configurable)
D = TypeVar("D", bound=_HasConfigured)


def configured(configurable: D, config_schema: object = None, **options: Any) -> Callable[[Any], D]:
    """Return what makes *configurable* a definition with its config given: call it with the config, or put it on a function.

    Args:
        configurable: An op, a resource, an I/O manager.
        config_schema: What the function takes; its parameter may be annotated with a `Config` class instead. With neither
            it takes any config.
        options: ``name`` (of an op; by default the function's) and ``description``.

    Raises:
        OpweaveInvalidDefinitionError: *configurable* takes no config that could be given, or an op has no name.
    """
    if not _is_configurable(configurable):
        raise errors.OpweaveInvalidDefinitionError(
            f"configured is given {shown(configurable)} ({origins.caller_origin()}): give an op, a resource or an I/O manager"
        )

    def give(config_or_config_fn: Any) -> D:
        given = dict(options)
        if _has_name(configurable) and callable(config_or_config_fn):
            given.setdefault("name", getattr(config_or_config_fn, "__name__", None))
        return configurable.configured(config_or_config_fn, config_schema=config_schema, **given)

    return give


def _is_configurable(value: object) -> bool:
    return hasattr(value, "configured") and not isinstance(value, type)


def _has_name(value: object) -> bool:
    return isinstance(value, NodeDefinition)


def configured_copy(
    definition: C, subject: str, config_or_config_fn: Any, config_schema: object
) -> C:
    """Return *definition*, which messages call *subject*, with its config given by a value or a function.

    Raises:
        OpweaveInvalidDefinitionError: It takes no config.
        OpweaveInvalidConfigDefinitionError: *config_schema* is no schema.
    """
    place = origins.caller_origin()
    if definition.config_field is None:
        raise errors.OpweaveInvalidDefinitionError(
            f"{subject} takes no config, so none can be given to it ({place}): declare its config_schema first"
        )
    made = copy.copy(definition)
    inner = definition.config_field
    if callable(config_or_config_fn):
        outer = shapes.as_field(outer_schema(config_or_config_fn, config_schema))
        name = f"{getattr(config_or_config_fn, '__name__', 'a function')} ({origins.origin_of(config_or_config_fn)})"
        function, source = config_or_config_fn, config_or_config_fn
    else:
        source = env_var.as_references(config_or_config_fn)
        outer, name = shapes.Field(shapes.Shape({})), f"the config given in code ({place})"

        def function(_given: Any) -> Any:
            return copy.deepcopy(source)

    made.config_field = mapped.Mapped(outer, function, inner, name, source).as_field()
    return made


def outer_schema(function: Callable[..., Any], config_schema: object) -> object:
    """Return what *function* takes: *config_schema*, else the `Config` class of its parameter, else anything."""
    if config_schema is not None:
        return config_schema
    if isinstance(function, types.FunctionType):
        body = signature.read_signature(function, f"the config function {function.__name__!r}")
        if body.config is not signature.EMPTY:
            return body.config
        for parameter in body.inputs[:1]:
            if hasattr(parameter.annotation, "__opweave_config_type__"):
                return parameter.annotation
    return shapes.Field(config_types.Any, is_required=False)
