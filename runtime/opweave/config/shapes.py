"""Config types with named fields: `Shape`, `Permissive`, `Selector`, and the `Field` that describes each of their members."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from typing import Any

from opweave import errors
from opweave.config import env_var
from opweave.config import types as config_types
from opweave.config.problems import Path, Problems


class _NoDefault:
    """Marks a field without default, since None is a value."""

    def __repr__(self) -> str:
        return "NO_DEFAULT"


NO_DEFAULT: Any = _NoDefault()
"""`Any`: it stands where a default of any type may stand."""


class Field:
    """One member of a config: its type, default and meaning.

    Args:
        config: The type, as in ``config_schema``.
        default_value: Used when the field is left out; giving one makes the field optional.
        is_required: Defaults to whether there is neither a default nor a type that fills itself.
        description: One line that errors, scaffolds and pages show.
        is_secret: The value is never shown.

    Raises:
        OpweaveInvalidConfigDefinitionError: The default is not of the type, or a required field has one.
    """

    def __init__(
        self,
        config: object,
        default_value: Any = NO_DEFAULT,
        is_required: bool | None = None,
        description: str | None = None,
        is_secret: bool = False,
    ) -> None:
        self.type = config_types.as_type(config)
        self.description = description
        self.is_secret = is_secret
        self.default_value = env_var.as_references(default_value)
        if is_required and self.has_default:
            raise errors.OpweaveInvalidConfigDefinitionError(
                f"a field with the default {default_value!r:.80} cannot be required: drop is_required=True or the default"
            )
        if is_required is None:
            is_required = not self.has_default and not self.type.default()[0]
        self.is_required = is_required
        if self.has_default:
            self._check_default()

    @property
    def has_default(self) -> bool:
        """Whether a default was given."""
        return self.default_value is not NO_DEFAULT

    def _check_default(self) -> None:
        problems = Problems()
        self.default_value = self.type.validate(self.default_value, (), problems)
        if problems.found:
            first = problems.found[0]
            where = ".".join(first.path)
            raise errors.OpweaveInvalidConfigDefinitionError(
                f"the default of a config field is not of its type: {where or 'it'} {first.message}"
            )

    def missing(self, path: Path, problems: Problems) -> Any:
        """Return what stands in place of a value that is left out, or `NO_DEFAULT` when nothing does."""
        if self.has_default:
            return self.default_value
        if not self.is_required:
            has_default, value = self.type.default()
            if has_default and self.type.checks_default:
                # A mapping fills itself, so that each of its levels is checked once.
                given = {} if isinstance(self.type, Shape) else value
                return self.type.validate(given, path, problems)
            return value if has_default else NO_DEFAULT
        if self.type.has_fields:
            # Say which of its fields are missing, not only that it is.
            return self.type.validate({}, path, problems)
        problems.missing(path, self.type.name, self.description)
        return NO_DEFAULT

    def json_schema(self) -> dict[str, Any]:
        """Return the type's schema with description and default."""
        schema = self.type.json_schema()
        if self.description:
            schema = {**schema, "description": self.description}
        if self.has_default:
            schema = {**schema, "default": self.default_value}
        if self.is_secret:
            schema = {**schema, "writeOnly": True}
        return schema


def as_field(schema: object) -> Field:
    """Return *schema* as a field."""
    return schema if isinstance(schema, Field) else Field(schema)


def _fields(fields: Mapping[str, object], owner: str) -> dict[str, Field]:
    result = {}
    for name, schema in fields.items():
        if not isinstance(name, str):
            raise errors.OpweaveInvalidConfigDefinitionError(
                f"field names of {owner} must be texts, found {name!r:.80}"
            )
        try:
            result[name] = as_field(schema)
        except errors.OpweaveInvalidConfigDefinitionError as error:
            raise errors.OpweaveInvalidConfigDefinitionError(f"field {name}: {error}") from None
    return result


class Shape(config_types.ConfigType):
    """A mapping with exactly the given fields."""

    name = "mapping"
    has_fields = True
    accepts_more = False

    def __init__(self, fields: Mapping[str, object], description: str | None = None) -> None:
        self.fields = _fields(fields, "a Shape")
        self.checks_default = any(f.type.checks_default for f in self.fields.values())
        self.description = description

    def validate(self, value: Any, path: Path, problems: Problems) -> Any:
        """Accept a mapping; report unknown and missing fields; fill defaults. Null is an empty mapping (YAML)."""
        if value is None:
            value = {}
        if not isinstance(value, Mapping):
            problems.wrong_type(path, "a mapping", value)
            return value
        result = {}
        for name, field in self.fields.items():
            if name in value:
                result[name] = field.type.validate(value[name], (*path, name), problems)
            else:
                filled = field.missing((*path, name), problems)
                if filled is not NO_DEFAULT and not isinstance(field.type, config_types.Ignored):
                    result[name] = filled
        for name in value:
            if name not in self.fields:
                self._extra(name, value[name], path, problems, result)
        return {k: v for k, v in result.items() if not self._is_ignored(k)}

    def _is_ignored(self, name: str) -> bool:
        return name in self.fields and isinstance(self.fields[name].type, config_types.Ignored)

    def _extra(
        self, name: Any, value: Any, path: Path, problems: Problems, result: dict[str, Any]
    ) -> None:
        if self.accepts_more:
            result[name] = value
        else:
            problems.unknown((*path, str(name)), self.fields)

    def resolve(self, value: Any, path: Path, problems: Problems) -> Any:
        """Resolve each known field."""
        return {
            name: self.fields[name].type.resolve(item, (*path, name), problems)
            if name in self.fields
            else item
            for name, item in value.items()
        }

    def json_schema(self) -> dict[str, Any]:
        """Return an object's schema."""
        schema: dict[str, Any] = {"type": "object"}
        if self.description:
            schema["description"] = self.description
        schema["properties"] = {n: f.json_schema() for n, f in self.fields.items()}
        required = [n for n, f in self.fields.items() if f.is_required]
        if required:
            schema["required"] = required
        schema["additionalProperties"] = self.accepts_more
        return schema

    def default(self) -> tuple[bool, Any]:
        """An empty mapping is fine when no field is required; its defaults are filled in."""
        if any(field.is_required for field in self.fields.values()):
            return False, None
        return True, self.validate({}, (), Problems())


class Permissive(Shape):
    """A mapping with the given fields and any others."""

    accepts_more = True

    def __init__(
        self, fields: Mapping[str, object] | None = None, description: str | None = None
    ) -> None:
        super().__init__(fields or {}, description)


class Selector(Shape):
    """A mapping with exactly one of the given fields."""

    name = "mapping with one field"
    has_fields = False

    def validate(self, value: Any, path: Path, problems: Problems) -> Any:
        """Accept a mapping with one known field."""
        if not isinstance(value, Mapping):
            problems.wrong_type(path, f"a mapping with one of {', '.join(self.fields)}", value)
            return value
        for name in value:
            if name not in self.fields:
                problems.unknown((*path, str(name)), self.fields)
        if len(value) != 1:
            message = (
                f"must have exactly one of {', '.join(self.fields)}, found {len(value)} fields"
            )
            problems.add(path, message, "INVALID_VALUE")
            return value
        return {
            name: self.fields[name].type.validate(item, (*path, name), problems)
            for name, item in value.items()
            if name in self.fields
        }

    def json_schema(self) -> dict[str, Any]:
        """Return one object's schema per field."""
        return {
            "oneOf": [
                {
                    "type": "object",
                    "properties": {name: field.json_schema()},
                    "required": [name],
                    "additionalProperties": False,
                }
                for name, field in self.fields.items()
            ]
        }

    def default(self) -> tuple[bool, Any]:
        """Somebody has to choose."""
        return False, None


def _convert(schema: object) -> config_types.ConfigType | None:
    if isinstance(schema, Field):
        return schema.type
    if isinstance(schema, Mapping):
        return Shape(schema)
    from_class = getattr(schema, "__opweave_config_type__", None)
    if isinstance(schema, type) and from_class is not None:
        return typing.cast("config_types.ConfigType", from_class())
    if schema is dict:
        return Permissive()
    if schema is list:
        return config_types.Array(config_types.Any)
    return _convert_generic(schema)


def _convert_generic(schema: object) -> config_types.ConfigType | None:
    origin, arguments = typing.get_origin(schema), typing.get_args(schema)
    if origin is list:
        return config_types.Array(arguments[0])
    if origin is dict:
        return config_types.Map(arguments[0], arguments[1])
    if origin in (typing.Union, types.UnionType) and len(arguments) == 2:
        others = [a for a in arguments if a is not type(None)]
        if len(others) == 1:
            return config_types.Noneable(others[0])
    return None


config_types.register_converter(_convert)
