"""Config mappings: a job or graph whose config is smaller than that of its ops, which a function makes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, overload

from opweave import errors
from opweave.config import mapped, shapes
from opweave.config import types as config_types
from opweave.config.problems import Problems, shown
from opweave.definitions import configured
from opweave.definitions import origin as origins
from opweave.definitions import run_config as run_configs


class ConfigMapping:
    """A config for a job (``@job(config=...)``) or graph (``@graph(config=...)``) and what it becomes.

    Args:
        config_fn: Takes the config that a run is given; returns the run config of the job, or what stands under ``ops`` of
            the graph.
        config_schema: What it takes; its parameter may be annotated with a `Config` class instead.
        receive_processed_config_values: Whether defaults are filled in and references read before; always so.

    Raises:
        OpweaveInvalidDefinitionError: *config_fn* is no function.
    """

    __opweave_config_mapping__ = True

    def __init__(
        self,
        config_fn: Callable[[Any], Any],
        config_schema: object = None,
        receive_processed_config_values: bool | None = None,
    ) -> None:
        if not callable(config_fn):
            raise errors.OpweaveInvalidDefinitionError(
                f"a config mapping is given {shown(config_fn)} ({origins.caller_origin()}): give a function of the config"
            )
        self.config_fn = config_fn
        self.origin = origins.origin_of(config_fn)
        if receive_processed_config_values is False:
            raise errors.OpweaveInvalidDefinitionError(
                f"{self} has receive_processed_config_values=False, which is not supported: it receives complete config"
            )
        self.field = shapes.as_field(configured.outer_schema(config_fn, config_schema))

    def __str__(self) -> str:
        """Return name and place."""
        return f"{getattr(self.config_fn, '__name__', 'a config mapping')} ({self.origin})"

    def __call__(self, config: Any) -> Any:
        """Return what the function makes of *config*, for tests."""
        return self.config_fn(config)

    def over(self, inner: config_types.ConfigType) -> mapped.Mapped:
        """Return the type of configs of which the function makes those of *inner*."""

        def function(config: Any) -> dict[str, Any]:
            return run_configs.as_config_dict(self.config_fn(config))

        return mapped.Mapped(self.field, function, shapes.Field(inner), str(self), self.config_fn)


class MappedGraph(shapes.Shape):
    """What stands for a graph in a run config: ``{"config": ...}``, which becomes what its ops are given."""

    def __init__(self, mapping: ConfigMapping, ops: config_types.ConfigType) -> None:
        self.config = mapping.over(ops)
        super().__init__({"config": self.config.as_field()})


@overload
def config_mapping(config_fn: Callable[[Any], Any], /) -> ConfigMapping: ...


@overload
def config_mapping(
    *, config_schema: object = None, receive_processed_config_values: bool | None = None
) -> Callable[[Callable[[Any], Any]], ConfigMapping]: ...


def config_mapping(config_fn: Any = None, /, **options: Any) -> Any:
    """Make a function a `ConfigMapping`: bare or with options, which are those of the class."""
    if config_fn is None:
        return lambda function: ConfigMapping(function, **options)
    return ConfigMapping(config_fn, **options)


def given_in_code(config: Mapping[str, Any]) -> ConfigMapping:
    """Return the mapping of a graph whose ops' config is *config*, so that a run gives none."""
    plain = run_configs.as_config_dict(config)

    def config_given_in_code(_none: Any) -> dict[str, Any]:
        return plain

    return ConfigMapping(config_given_in_code, {})


def check_for_job(mapping: ConfigMapping, subject: str) -> None:
    """Check that what *mapping* takes can stand for a whole run config.

    Raises:
        OpweaveInvalidDefinitionError: It has no named fields, or one called ``ops``, which steps read parts of.
    """
    outer = mapping.field.type
    schema = outer.json_schema()
    is_closed = schema.get("type") == "object" and schema.get("additionalProperties") is False
    if not is_closed or "ops" in schema.get("properties", {}):
        raise errors.OpweaveInvalidDefinitionError(
            f"{subject} has the config mapping {mapping}, whose config cannot stand for a run config: give it a config_schema "
            "with named fields, none of them called ops"
        )


def expanded(config_type: config_types.ConfigType, value: Any) -> Any:
    """Return *value*, a valid run config of *config_type* or a part of it, with every mapping done, for steps.

    Raises:
        OpweaveInvalidConfigError: What a mapping returns is wrong, or it needs a variable that is not set.
    """
    if isinstance(config_type, mapped.Mapped):
        problems = Problems()
        inner = config_type.inner_value(value, (), problems)
        if problems.found:
            raise errors.OpweaveInvalidConfigError("the mapped run config is wrong", problems.found)
        return expanded(config_type.inner.type, inner)
    if isinstance(config_type, MappedGraph) and isinstance(value, Mapping):
        default = config_type.config.default()[1]
        ops = expanded(config_type.config, value.get("config", default))
        return {"ops": _expanded_ops(config_type.config.inner.type, ops)}
    if isinstance(config_type, shapes.Shape) and "ops" in config_type.fields:
        ops = _expanded_ops(config_type.fields["ops"].type, value.get("ops") or {})
        return {**value, "ops": ops}
    return value


def _expanded_ops(config_type: config_types.ConfigType, ops: Mapping[str, Any]) -> dict[str, Any]:
    known = config_type.fields if isinstance(config_type, shapes.Shape) else {}
    return {
        name: expanded(known[name].type, entry) if name in known else entry
        for name, entry in ops.items()
    }
