"""Config classes: pydantic models as config types.

The only module of `config` that imports pydantic; it is imported when user code first takes `Config` from opweave.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import pydantic

from opweave.config import env_var, scaffold
from opweave.config import types as config_types
from opweave.config.problems import Path, Problems, shown

MAX_REFERENCES = 50
"""How deep references in a model's JSON Schema are followed; a model that contains itself has no end."""


SECRETS = (pydantic.SecretStr, pydantic.SecretBytes)
"""Types whose values are never written down."""


class Config(pydantic.BaseModel):
    """Base of config classes: annotate a parameter called ``config`` with a class derived from it.

    Fields are typed as in pydantic; unknown ones are refused, and nothing is converted that JSON can tell apart.
    """

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def __opweave_config_type__(cls) -> ModelType:
        """Return the class as a config type."""
        return ModelType(cls)

    def __opweave_config_value__(self) -> dict[str, Any]:
        """Return the config as it stands in YAML."""
        return dumped(self)


class PermissiveConfig(Config):
    """A config class that keeps fields which it does not declare."""

    model_config = pydantic.ConfigDict(extra="allow", frozen=True)


class Detail(NamedTuple):
    """One of pydantic's errors.

    Attributes:
        kind: Pydantic's name of it, as ``int_type``.
        location: Keys and indexes, with extra parts for members of unions.
    """

    kind: str
    text: str
    location: tuple[int | str, ...]
    found: Any


def details(error: pydantic.ValidationError) -> list[Detail]:
    """Return the errors that *error* carries."""
    found = error.errors(include_url=False, include_context=False)
    return [Detail(d["type"], d["msg"], d["loc"], d["input"]) for d in found]


class ModelType(config_types.ConfigType):
    """The config type of a pydantic model."""

    name = "mapping"
    has_fields = True

    def __init__(self, model: type[pydantic.BaseModel]) -> None:
        self.model = model
        self._schema: dict[str, Any] | None = None

    def validate(self, value: Any, path: Path, problems: Problems) -> Any:
        """Accept a mapping that the model accepts; fill its defaults."""
        value = self._mapping(value, path, problems)
        if value is None:
            return {}
        instance = self.built(value, path, problems)
        return value if instance is None else merged(dumped(instance), value)

    def resolve(self, value: Any, path: Path, problems: Problems) -> Any:
        """Return an object of the model."""
        return self.built(value, path, problems)

    def is_resolved(self, value: object) -> bool:
        """Return whether *value* is an object of the model; pydantic has checked it."""
        return isinstance(value, self.model)

    def _mapping(self, value: Any, path: Path, problems: Problems) -> dict[str, Any] | None:
        if isinstance(value, pydantic.BaseModel):
            value = dumped(value)
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            problems.wrong_type(path, "a mapping", value)
            return None
        return dict(value)

    def built(
        self, value: Mapping[str, Any], path: Path, problems: Problems
    ) -> pydantic.BaseModel | None:
        """Return the model's object for *value*, or None after recording why there is none."""
        try:
            # By way of JSON, strictly: dates and enumerations are read from texts, but "5" is no int.
            # `str` serves what YAML reads as more than JSON, its dates.
            return self.model.model_validate_json(json.dumps(value, default=str), strict=True)
        except pydantic.ValidationError as error:
            for detail in details(error):
                self.record(detail, value, path, problems)
        except Exception as error:  # noqa: BLE001  # a user's validator may raise anything
            message = f"could not be checked: {type(error).__name__}: {error}"
            problems.add(path, message[:1000], "INVALID_VALUE")
        return None

    def record(self, detail: Detail, value: Any, path: Path, problems: Problems) -> None:
        """Record one of pydantic's errors about *value* in our words."""
        keeps_last = detail.kind in ("missing", "extra_forbidden")
        below = _path_in(detail.location, value, keeps_last=keeps_last)
        schema = subschema(self.json_schema(), below)
        path = (*path, *below)
        if detail.kind == "missing":
            problems.missing(path, scaffold.type_text(schema), schema.get("description"))
        elif detail.kind == "extra_forbidden":
            problems.unknown(path, subschema(self.json_schema(), below[:-1]).get("properties", {}))
        elif detail.kind.endswith(("_type", "_parsing")):
            problems.wrong_type(path, scaffold.type_text(schema), detail.found)
        elif detail.text.startswith("Input should be "):
            expected = detail.text.removeprefix("Input should be ")
            problems.add(path, f"must be {expected}, found {shown(detail.found)}", "INVALID_VALUE")
        else:
            reason = detail.text.removeprefix("Value error, ").removeprefix("Assertion failed, ")
            problems.add(path, f"is refused: {reason}", "INVALID_VALUE")

    def json_schema(self) -> dict[str, Any]:
        """Return the model's JSON Schema without references."""
        if self._schema is None:
            try:
                schema = self.model.model_json_schema()
            except pydantic.errors.PydanticUserError:
                # A field of a type that JSON Schema cannot describe; pydantic still checks it.
                schema = {"type": "object"}
            self._schema = inlined(schema, schema.get("$defs", {}), 0)
        return self._schema

    def default(self) -> tuple[bool, Any]:
        """An empty mapping is fine when every field has a default."""
        problems = Problems()
        value = self.validate({}, (), problems)
        return (False, None) if problems.found else (True, value)


def dumped(instance: pydantic.BaseModel) -> dict[str, Any]:
    """Return *instance* as JSON values: references kept, secrets left out."""
    result = {}
    values = instance.model_dump(mode="json", by_alias=True, warnings=False)
    for name, field in type(instance).model_fields.items():
        key, value = field.alias or name, getattr(instance, name)
        if isinstance(value, (env_var.EnvVar, env_var.IntEnvVar)):
            values[key] = env_var.as_references(value)
        if key in values and not isinstance(value, SECRETS):
            result[key] = values.pop(key)
        values.pop(key, None)
    return {**result, **values}


def merged(complete: Any, given: Any) -> Any:
    """Return *given* with what only *complete*, made from it, holds: the defaults at every level."""
    if isinstance(complete, Mapping) and isinstance(given, Mapping):
        result = {key: merged(complete.get(key), item) for key, item in given.items()}
        return {**{k: v for k, v in complete.items() if k not in given}, **result}
    return given


def inlined(schema: Any, definitions: Mapping[str, Any], depth: int) -> Any:
    """Return *schema* with every reference replaced by what it refers to."""
    if isinstance(schema, list):
        return [inlined(item, definitions, depth) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    reference = schema.get("$ref")
    rest = {k: v for k, v in schema.items() if k not in ("$ref", "$defs")}
    if isinstance(reference, str) and depth < MAX_REFERENCES:
        target = definitions.get(reference.rpartition("/")[2], {})
        rest = {**target, **rest}
        depth += MAX_REFERENCES // 5
        return inlined(rest, definitions, depth)
    return {key: inlined(item, definitions, depth) for key, item in rest.items()}


def subschema(schema: Mapping[str, Any], path: Path) -> Mapping[str, Any]:
    """Return the part of *schema* that describes what stands at *path*; empty when that cannot be told."""
    for key in path:
        for choice in (schema, *schema.get("anyOf", ()), *schema.get("allOf", ())):
            found = choice.get("properties", {}).get(key, choice.get("items"))
            if found is None and isinstance(choice.get("additionalProperties"), Mapping):
                found = choice["additionalProperties"]
            if isinstance(found, Mapping):
                schema = found
                break
        else:
            return {}
    return schema


def _path_in(location: tuple[int | str, ...], value: Any, *, keeps_last: bool) -> Path:
    """Return *location* without the parts that pydantic adds for members of unions."""
    path: list[str] = []
    for index, key in enumerate(location):
        is_last = index == len(location) - 1
        if _has(value, key):
            value = value[key]
        elif not (is_last and keeps_last):
            continue
        path.append(str(key))
    return tuple(path)


def _has(value: Any, key: int | str) -> bool:
    if isinstance(value, Mapping):
        return key in value
    return isinstance(value, (list, tuple)) and isinstance(key, int) and key < len(value)
