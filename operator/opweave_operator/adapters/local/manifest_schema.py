"""Whether a document of ours has the shape that its CRD asks for, as the API server checks it.

Called by `manifests`. Types, required and unknown fields, bounds and words are checked; the rules in CEL
(``x-kubernetes-validations``) and the uniqueness of list entries by key are known to the API server only.
"""

from __future__ import annotations

import difflib
import functools
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import yaml

import opweave_operator
from opweave_operator.adapters.local.declarations import DeclarationError
from opweave_operator.adapters.local.yaml_documents import Document

_MOST_FAULTS = 10
_LONGEST_VALUE = 80
_TYPES = {
    "object": "a mapping",
    "array": "a list",
    "string": "a string",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "empty",
}
_BOUNDS = {
    "minimum": "must be at least {limit}, not {value}",
    "maximum": "must be at most {limit}, not {value}",
    "minLength": "must have at least {limit} characters",
    "maxLength": "must have at most {limit} characters",
    "minItems": "must have at least {limit} entries",
    "maxItems": "must have at most {limit} entries",
    "maxProperties": "must have at most {limit} keys",
    "pattern": "must match {limit}, unlike {value}",
    "uniqueItems": "must not name the same twice",
}


def check(document: Document, kind: str) -> None:
    """Check a document of *kind*, one of ours.

    Raises:
        DeclarationError: It does not fit; the text names file, document and field, and what was expected.
    """
    validator = _validator(kind)
    found = sorted(validator.iter_errors(document.content), key=lambda error: _path(error.path))
    faults = [fault for error in found for fault in _faults(error)]
    if faults:
        more = len(faults) - _MOST_FAULTS
        lines = [f"{document.place}: {fault}" for fault in faults[:_MOST_FAULTS]]
        raise DeclarationError("\n".join(lines + ([f"and {more} more"] if more > 0 else [])))


@functools.cache
def _validator(kind: str) -> jsonschema.Draft202012Validator:
    crd = yaml.load(
        _crd_text(f"{kind.lower()}s.yaml"),
        Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader),  # noqa: S506  # both are safe
    )
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    plain = _plain(schema)
    plain["properties"] |= {"apiVersion": {}, "kind": {}, "metadata": {"type": "object"}}
    plain["properties"]["status"] = {}
    return jsonschema.Draft202012Validator(plain)


def _crd_text(name: str) -> str:
    """Return a CRD from the installed package, else from the repository of an editable installation."""
    installed = resources.files(opweave_operator).joinpath("crds", name)
    if installed.is_file():
        return installed.read_text(encoding="utf-8")
    repository = Path(opweave_operator.__file__).parents[2]
    return (repository / "crds" / name).read_text(encoding="utf-8")


def _plain(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of a CRD in the words of JSON Schema."""
    plain = {key: value for key, value in schema.items() if not key.startswith("x-kubernetes-")}
    if "properties" in schema:
        plain["properties"] = {name: _plain(s) for name, s in schema["properties"].items()}
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            plain.setdefault("additionalProperties", False)
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            plain[key] = _plain(schema[key])
    if isinstance(schema.get("additionalProperties"), dict):
        plain["propertyNames"] = {"type": "string"}
    if schema.get("x-kubernetes-int-or-string"):
        plain["type"] = ["integer", "string"]
    # The API server drops an empty value where it has a default to put in its place.
    if "type" in plain and (schema.get("nullable") or "default" in schema):
        plain["type"] = [*_listed(plain["type"]), "null"]
        if "enum" in plain:
            plain["enum"] = [*plain["enum"], None]
    if schema.get("x-kubernetes-list-type") == "set":
        plain["uniqueItems"] = True
    return plain


def _faults(error: jsonschema.ValidationError) -> Iterable[str]:
    path, limit, value = _path(error.path), error.validator_value, error.instance
    match error.validator:
        case "additionalProperties":
            return [
                _unknown(name, path, error.schema) for name in value if _is_unknown(name, error)
            ]
        case "required":
            return [
                f"{_path([*error.path, name])} is required" for name in limit if name not in value
            ]
        case "type":
            expected = " or ".join(_TYPES[name] for name in _listed(limit) if name != "null")
            quote = (
                "; quote it" if limit == "string" and not isinstance(value, (dict, list)) else ""
            )
            return [f"{path} must be {expected}, not {_shown(value)}{quote}"]
        case "enum":
            words = ", ".join(str(word) for word in limit if word is not None)
            return [f"{path} must be one of {words}, not {_shown(value)}"]
    words = _BOUNDS.get(str(error.validator), "must fit its schema: {limit}")
    return [f"{path} {words.format(limit=_shown(limit), value=_shown(value))}"]


def _is_unknown(name: object, error: jsonschema.ValidationError) -> bool:
    return name not in _properties(error.schema)


def _unknown(name: object, path: str, schema: object) -> str:
    known = sorted(_properties(schema))
    close = difflib.get_close_matches(str(name), known, n=1)
    hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}"
    where = f"{path}." if path else ""
    return f"{where}{str(name)[:_LONGEST_VALUE]} is not a field; {hint}"


def _properties(schema: object) -> Mapping[str, Any]:
    return schema.get("properties", {}) if isinstance(schema, Mapping) else {}


def _path(parts: Iterable[str | int]) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
    return text.removeprefix(".")


def _listed(types: str | list[str]) -> list[str]:
    return [types] if isinstance(types, str) else types


def _shown(value: object) -> str:
    text = "empty" if value is None else str(value) if isinstance(value, int) else repr(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}..."
