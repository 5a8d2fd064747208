"""Example run configs as YAML text, each field with its type, default and meaning beside it.

Written from JSON Schema, so that every config type, pydantic's included, is covered by describing itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opweave.definitions.job import JobDefinition

Schema = Mapping[str, Any]
MAX_DEPTH = 20
"""Deepest nesting that is written out; a model may contain itself."""

_NAMES = {
    "integer": "int",
    "number": "float",
    "string": "str",
    "boolean": "bool",
    "array": "list",
    "object": "mapping",
    "null": "null",
}
_EXAMPLES: dict[str, Any] = {
    "integer": 0,
    "number": 0.0,
    "string": "",
    "boolean": False,
    "array": [],
    "null": None,
}


def scaffold_job(job: JobDefinition, *, include_defaults: bool = True) -> str:
    """Return an example run config of *job* as YAML.

    What is required stands as a line to fill in, what has a default with its value. An empty example says so.

    Args:
        job: With the resources of its location.
        include_defaults: False leaves out what has a default.
    """
    schema = job.run_config_type().json_schema()
    lines = list(_mapping(schema, 0, include_defaults))
    title = f"# run config of {job.name}"
    if not lines:
        nothing = "needs no config" if include_defaults else "needs no config beyond its defaults"
        return f"{title}: it {nothing}\n{{}}\n"
    return "\n".join([title, *lines]) + "\n"


def _mapping(schema: Schema, depth: int, include_defaults: bool) -> Iterator[str]:
    required = set(schema.get("required", ()))
    if depth >= MAX_DEPTH:
        return
    for name, field in schema.get("properties", {}).items():
        if name in required or include_defaults:
            yield from _field(str(name), field, name in required, depth, include_defaults)


def _field(
    name: str, schema: Schema, is_required: bool, depth: int, include_defaults: bool
) -> Iterator[str]:
    indent = "  " * depth
    if "oneOf" in schema:
        yield from _choice(name, schema, is_required, depth, include_defaults)
        return
    if schema.get("properties") and "default" not in schema:
        inner = list(_mapping(schema, depth + 1, include_defaults))
        if inner:
            described = schema.get("description")
            yield f"{indent}{_text(name)}:{_comment(described)}"
            yield from inner
        return
    if _has_nothing(schema):
        return
    value = schema["default"] if "default" in schema else _example(schema)
    told = _told(schema, is_required)
    yield f"{indent}{_text(name)}: {_text(value)}{_comment(told)}"


def _has_nothing(schema: Schema) -> bool:
    """Return whether *schema* is of a mapping without fields, of which there is nothing to write."""
    is_mapping = schema.get("type") == "object" and "default" not in schema
    return is_mapping and not schema.get("properties") and not schema.get("additionalProperties")


def _choice(
    name: str, schema: Schema, is_required: bool, depth: int, include_defaults: bool
) -> Iterator[str]:
    """Yield a selector with its first choice, the others named beside it."""
    choices = {key: part for one in schema["oneOf"] for key, part in one["properties"].items()}
    indent = "  " * depth
    needed = "required" if is_required else "optional"
    about = f": {schema['description']}" if schema.get("description") else ""
    told = f"{needed}, one of {', '.join(choices)}{about}"
    yield f"{indent}{_text(name)}:{_comment(told)}"
    first = next(iter(choices))
    yield from _field(first, choices[first], True, depth + 1, include_defaults)


def _told(schema: Schema, is_required: bool) -> str:
    if is_required:
        state = "required"
    elif "default" in schema:
        state = f"default {_text(schema['default'])}"
    else:
        state = "optional"
    about = f": {schema['description']}" if schema.get("description") else ""
    return f"{type_text(schema)}, {state}{about}"


def type_text(schema: Schema) -> str:
    """Return what people call the type that *schema* describes."""
    if "enum" in schema:
        return f"one of {', '.join(str(value) for value in schema['enum'])}"
    if "const" in schema:
        return f"{schema['const']}"
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(type_text(choice) for choice in schema["anyOf"]))
    if schema.get("required") == ["env"] and set(schema.get("properties", ())) == {"env"}:
        return "{env: NAME}"
    name = schema.get("type")
    if name == "array" and schema.get("items"):
        return f"list of {type_text(schema['items'])}"
    if name == "object" and isinstance(schema.get("additionalProperties"), Mapping):
        return f"mapping to {type_text(schema['additionalProperties'])}"
    return str(schema.get("format") or _NAMES.get(str(name), "any"))


def _example(schema: Schema) -> Any:
    """Return a value of the type, for people to replace."""
    if "enum" in schema:
        return schema["enum"][0]
    if "const" in schema:
        return schema["const"]
    choices = schema.get("anyOf", ())
    if choices:
        return None if {"type": "null"} in choices else _example(choices[0])
    if schema.get("type") == "object":
        return {}
    return _EXAMPLES.get(str(schema.get("type")))


def _text(value: Any) -> str:
    """Return *value* as YAML on one line: JSON is YAML, and plain words need no quotes."""
    if isinstance(value, str) and value.isidentifier() and value.lower() not in _YAML_WORDS:
        return value
    return json.dumps(value, default=str)


_YAML_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


def _comment(text: object) -> str:
    """Return *text* as a comment that stays on its line, whatever it holds."""
    words = " ".join(str(text or "").split())
    return f"  # {words}" if words else ""
