"""Types of config values: scalars, environment sources, enumerations and containers of one type.

Every type answers the same four questions; `shapes` adds the types with named fields, `model` the pydantic ones.
"""

from __future__ import annotations

import enum
import os
from collections.abc import Mapping, Sequence
from typing import Any as AnyValue

from opweave import errors
from opweave.config import env_var
from opweave.config.problems import Path, Problems

REFERENCE_SCHEMA: dict[str, AnyValue] = {
    "type": "object",
    "properties": {"env": {"type": "string"}},
    "required": ["env"],
    "additionalProperties": False,
}
"""JSON Schema of ``{"env": NAME}``."""


class ConfigType:
    """What a config value may be. Values are JSON, hence `Any` in every signature."""

    name = "any"
    """What messages and scaffolds call it."""
    has_fields = False
    """Whether a missing value is told by its missing fields."""
    checks_default = False
    """Whether what stands in place of a missing value may be wrong."""

    def validate(self, value: AnyValue, path: Path, problems: Problems) -> AnyValue:
        """Return *value* with defaults filled in, references kept; record what is wrong with it."""
        raise NotImplementedError

    def resolve(self, value: AnyValue, path: Path, problems: Problems) -> AnyValue:
        """Return what user code receives for a valid *value*; reads the environment."""
        del path, problems
        return value

    def is_resolved(self, value: object) -> bool:
        """Return whether *value* is an object that user code made as it would receive it."""
        del value
        return False

    def json_schema(self) -> dict[str, AnyValue]:
        """Return the JSON Schema (2020-12) of valid values."""
        return {}

    def default(self) -> tuple[bool, AnyValue]:
        """Return whether a missing value is fine, and what then stands in its place."""
        return False, None


class Scalar(ConfigType):
    """One of JSON's simple types."""

    def __init__(self, python_type: type, name: str, json_name: str) -> None:
        self.python_type = python_type
        self.name = name
        self.json_name = json_name

    def accepts(self, value: object) -> bool:
        """Return whether *value* is of the type; an int is a float, a bool is neither."""
        if isinstance(value, bool):
            return self.python_type is bool
        if self.python_type is float:
            return isinstance(value, (int, float))
        return isinstance(value, self.python_type)

    def validate(self, value: AnyValue, path: Path, problems: Problems) -> AnyValue:
        """Accept values of the type only: nothing is converted but an int to a float."""
        if isinstance(value, (env_var.EnvVar, env_var.IntEnvVar)) or not self.accepts(value):
            problems.wrong_type(path, self.name, value)
            return value
        return float(value) if self.python_type is float else value

    def json_schema(self) -> dict[str, AnyValue]:
        """Return ``{"type": ...}``."""
        return {"type": self.json_name}


class AnyType(ConfigType):
    """Any JSON value."""

    def validate(self, value: AnyValue, path: Path, problems: Problems) -> AnyValue:
        """Accept everything."""
        del path, problems
        return value


class Ignored(ConfigType):
    """Accepts everything and drops it: the config of an op that is not selected."""

    def validate(self, value: AnyValue, path: Path, problems: Problems) -> AnyValue:
        """Accept and drop."""
        del value, path, problems

    def default(self) -> tuple[bool, AnyValue]:
        """Nothing is needed."""
        return True, None


class Source(ConfigType):
    """A scalar, or ``{"env": NAME}``, which is read in the step's process."""

    def __init__(self, scalar: Scalar) -> None:
        self.scalar = scalar
        self.name = f"{scalar.name} or {{env: NAME}}"

    def validate(self, value: AnyValue, path: Path, problems: Problems) -> AnyValue:
        """Accept the scalar or a reference, which stays one."""
        value = env_var.as_references(value)
        if env_var.is_reference(value):
            return value
        if not self.scalar.accepts(value):
            problems.wrong_type(path, self.name, value)
        return value

    def resolve(self, value: AnyValue, path: Path, problems: Problems) -> AnyValue:
        """Read the variable that *value* refers to."""
        if not env_var.is_reference(value):
            return value
        text = read_variable(value["env"], path, problems)
        if text is None or self.scalar.python_type is str:
            return text
        try:
            return _boolean(text) if self.scalar.python_type is bool else int(text)
        except ValueError:
            # The value may be a secret: it is not shown.
            message = f"refers to the environment variable {value['env']}, whose value is not {self.scalar.name}"
            problems.add(path, message, "INVALID_VALUE")
            return None

    def json_schema(self) -> dict[str, AnyValue]:
        """Return the scalar's schema or a reference's."""
        return {"anyOf": [self.scalar.json_schema(), REFERENCE_SCHEMA]}


def read_variable(name: str, path: Path, problems: Problems) -> str | None:
    """Return the value of the environment variable *name*, or record that it is not set."""
    text = os.environ.get(name)
    if text is None:
        message = (
            f"refers to the environment variable {name}, which is not set in the step's process; "
            "set it in the location's `steps.env` or `steps.envFrom`"
        )
        problems.add(path, message, "INVALID_VALUE")
    return text


def _boolean(text: str) -> bool:
    values = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if text.strip().lower() not in values:
        raise ValueError(text)
    return values[text.strip().lower()]


class Noneable(ConfigType):
    """A value of the inner type, or null; null when it is left out."""

    def __init__(self, inner_type: object) -> None:
        self.inner = as_type(inner_type)
        self.name = f"{self.inner.name} or null"

    def validate(self, value: AnyValue, path: Path, problems: Problems) -> AnyValue:
        """Accept null and what the inner type accepts."""
        return None if value is None else self.inner.validate(value, path, problems)

    def resolve(self, value: AnyValue, path: Path, problems: Problems) -> AnyValue:
        """Resolve what is not null."""
        return None if value is None else self.inner.resolve(value, path, problems)

    def json_schema(self) -> dict[str, AnyValue]:
        """Return the inner schema or null."""
        return {"anyOf": [self.inner.json_schema(), {"type": "null"}]}

    def default(self) -> tuple[bool, AnyValue]:
        """Null is fine."""
        return True, None


class Array(ConfigType):
    """A list of values of one type."""

    def __init__(self, inner_type: object) -> None:
        self.inner = as_type(inner_type)
        self.name = f"list of {self.inner.name}"

    def validate(self, value: AnyValue, path: Path, problems: Problems) -> AnyValue:
        """Accept a list whose members the inner type accepts."""
        if not isinstance(value, (list, tuple)):
            problems.wrong_type(path, f"a {self.name}", value)
            return value
        return [self.inner.validate(v, (*path, str(i)), problems) for i, v in enumerate(value)]

    def resolve(self, value: AnyValue, path: Path, problems: Problems) -> AnyValue:
        """Resolve each member."""
        return [self.inner.resolve(v, (*path, str(i)), problems) for i, v in enumerate(value)]

    def json_schema(self) -> dict[str, AnyValue]:
        """Return an array's schema."""
        return {"type": "array", "items": self.inner.json_schema()}


class Map(ConfigType):
    """A mapping from keys of a scalar type to values of one type."""

    def __init__(
        self, key_type: object, inner_type: object, key_label_name: str | None = None
    ) -> None:
        self.key = as_type(key_type)
        self.inner = as_type(inner_type)
        self.key_label_name = key_label_name
        self.name = f"mapping of {key_label_name or self.key.name} to {self.inner.name}"

    def validate(self, value: AnyValue, path: Path, problems: Problems) -> AnyValue:
        """Accept a mapping whose keys and values the types accept."""
        if not isinstance(value, Mapping):
            problems.wrong_type(path, f"a {self.name}", value)
            return value
        result = {}
        for key, item in value.items():
            self.key.validate(key, (*path, str(key)), problems)
            result[key] = self.inner.validate(item, (*path, str(key)), problems)
        return result

    def resolve(self, value: AnyValue, path: Path, problems: Problems) -> AnyValue:
        """Resolve each value."""
        return {k: self.inner.resolve(v, (*path, str(k)), problems) for k, v in value.items()}

    def json_schema(self) -> dict[str, AnyValue]:
        """Return an object's schema with any keys."""
        return {"type": "object", "additionalProperties": self.inner.json_schema()}


class EnumValue:
    """One choice of an `Enum`: what stands in the config, and what user code receives."""

    def __init__(
        self, config_value: str, python_value: AnyValue = None, description: str | None = None
    ) -> None:
        self.config_value = config_value
        self.python_value = config_value if python_value is None else python_value
        self.description = description


class Enum(ConfigType):
    """One of several texts."""

    def __init__(self, name: str, enum_values: Sequence[EnumValue]) -> None:
        self.enum_values = tuple(enum_values)
        choices = ", ".join(v.config_value for v in self.enum_values)
        self.name = f"one of {choices}"
        self.title = name

    @classmethod
    def from_python_enum(cls, python_enum: type[enum.Enum]) -> Enum:
        """Return the choices of a Python enumeration, by their names."""
        return cls(python_enum.__name__, [EnumValue(m.name, m) for m in python_enum])

    def validate(self, value: AnyValue, path: Path, problems: Problems) -> AnyValue:
        """Accept a choice, by its text or as the Python value."""
        for choice in self.enum_values:
            if value == choice.config_value or value is choice.python_value:
                return choice.config_value
        names = [v.config_value for v in self.enum_values]
        hint = errors.did_you_mean(value, names) if isinstance(value, str) else ""
        problems.add(path, f"must be {self.name}, found {value!r:.80}{hint}", "INVALID_VALUE")
        return value

    def resolve(self, value: AnyValue, path: Path, problems: Problems) -> AnyValue:
        """Return the Python value of the choice."""
        return next(v.python_value for v in self.enum_values if v.config_value == value)

    def json_schema(self) -> dict[str, AnyValue]:
        """Return the list of choices."""
        return {"enum": [v.config_value for v in self.enum_values], "title": self.title}


Any = AnyType()
Bool = Scalar(bool, "bool", "boolean")
Float = Scalar(float, "float", "number")
Int = Scalar(int, "int", "integer")
String = Scalar(str, "str", "string")
BoolSource = Source(Bool)
IntSource = Source(Int)
StringSource = Source(String)

_BY_PYTHON_TYPE: dict[object, ConfigType] = {
    bool: Bool,
    float: Float,
    int: Int,
    str: String,
    AnyValue: Any,
}
_CONVERTERS: list[AnyValue] = []


def register_converter(converter: AnyValue) -> None:
    """Let `as_type` also ask *converter*, which returns a `ConfigType` or None.

    Called once by `shapes`, whose mappings hold types and are types, so that neither module needs the other's classes.
    """
    _CONVERTERS.append(converter)


def as_type(schema: object) -> ConfigType:
    """Return the type that *schema* means: a type, a Python scalar type, a mapping of fields, ``[inner]``, ``list[int]``...

    Raises:
        OpweaveInvalidConfigDefinitionError: It means none.
    """
    if isinstance(schema, ConfigType):
        return schema
    for known, config_type in _BY_PYTHON_TYPE.items():
        if schema is known:
            return config_type
    if isinstance(schema, list):
        if len(schema) != 1:
            raise errors.OpweaveInvalidConfigDefinitionError(
                f"a list in a config schema must hold exactly one type, as in [int]; found {schema!r:.80}"
            )
        return Array(schema[0])
    for converter in _CONVERTERS:
        converted: ConfigType | None = converter(schema)
        if converted is not None:
            return converted
    raise errors.OpweaveInvalidConfigDefinitionError(
        f"{schema!r:.200} is no config schema: use int, float, str, bool, a dict of fields, [inner type], Field, Shape, "
        "Permissive, Selector, Array, Map, Noneable, Enum, or a class derived from opweave.Config"
    )
