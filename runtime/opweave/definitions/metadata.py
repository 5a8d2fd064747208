"""Metadata that bodies attach to outputs and assets: values with a kind, so that pages can show them well."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

from opweave import errors
from opweave.config.problems import shown

MAX_TABLE_ROWS = 1_000
"""Rows of a table that are kept; metadata describes data and does not hold it."""


# Inside the class these names are its methods.
_Int = int
_Float = float
_Bool = bool


class MetadataValue:
    """A value with its kind; make one by the class methods.

    Attributes:
        kind: ``text``, ``int``, ``float``, ``bool``, ``md``, ``json``, ``path``, ``url``, ``table`` or ``null``.
        value: JSON.
    """

    __slots__ = ("kind", "value")

    def __init__(self, kind: str, value: Any) -> None:
        self.kind = kind
        self.value = value

    @classmethod
    def text(cls, text: str) -> MetadataValue:
        """Return a line or a paragraph of text."""
        return cls("text", str(text))

    @classmethod
    def int(cls, value: _Int) -> MetadataValue:
        """Return an integer."""
        return cls("int", value)

    @classmethod
    def float(cls, value: _Float) -> MetadataValue:
        """Return a number."""
        return cls("float", value)

    @classmethod
    def bool(cls, value: _Bool) -> MetadataValue:
        """Return a truth value."""
        return cls("bool", value)

    @classmethod
    def md(cls, data: str) -> MetadataValue:
        """Return Markdown text."""
        return cls("md", str(data))

    @classmethod
    def json(cls, data: Mapping[str, Any] | Sequence[Any]) -> MetadataValue:
        """Return any JSON."""
        return cls("json", _plain(data))

    @classmethod
    def path(cls, path: str | os.PathLike[str]) -> MetadataValue:
        """Return the path of a file."""
        return cls("path", os.fspath(path))

    @classmethod
    def url(cls, url: str) -> MetadataValue:
        """Return an address that pages link to."""
        return cls("url", str(url))

    @classmethod
    def table(cls, records: Sequence[Mapping[str, Any]]) -> MetadataValue:
        """Return rows of a small table; after `MAX_TABLE_ROWS` rows the rest is left out."""
        return cls("table", [_plain(dict(row)) for row in list(records)[:MAX_TABLE_ROWS]])

    @classmethod
    def null(cls) -> MetadataValue:
        """Return no value."""
        return cls("null", None)

    def __eq__(self, other: object) -> _Bool:
        return isinstance(other, MetadataValue) and (self.kind, self.value) == (
            other.kind,
            other.value,
        )

    def __hash__(self) -> _Int:
        return hash((self.kind, repr(self.value)))

    def __repr__(self) -> str:
        return f"MetadataValue.{self.kind}({self.value!r:.80})"


def normalize_metadata(metadata: Mapping[str, Any] | None) -> dict[str, MetadataValue]:
    """Return *metadata* with each value as a `MetadataValue`.

    Raises:
        OpweaveInvariantViolationError: A value has no kind that can be told from its type.
    """
    return {str(label): _normalize(str(label), value) for label, value in (metadata or {}).items()}


def encode_metadata(metadata: Mapping[str, MetadataValue]) -> dict[str, Any]:
    """Return *metadata* as JSON: ``{label: {"type": kind, "value": value}}``; what JSON has no number for is a text."""
    return {label: {"type": v.kind, "value": _plain(v.value)} for label, v in metadata.items()}


def _normalize(label: str, value: Any) -> MetadataValue:
    if isinstance(value, MetadataValue):
        return value
    for python_type, make in _BY_TYPE:
        if isinstance(value, python_type):
            made: MetadataValue = make(value)
            return made
    if value is None:
        return MetadataValue.null()
    if hasattr(value, "__fspath__"):
        return MetadataValue.path(value)
    raise errors.OpweaveInvariantViolationError(
        f"the metadata {label!r} is {shown(value)}: give a text, a number, a dict, a list, a path, or a MetadataValue"
    )


def _plain(value: Any) -> Any:
    """Return *value* as JSON, what JSON does not know as its text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if value is None or isinstance(value, (bool, int, str)):
        return value
    return str(value)


_BY_TYPE: tuple[tuple[Any, Any], ...] = (
    (str, MetadataValue.text),
    (bool, MetadataValue.bool),
    (int, MetadataValue.int),
    (float, MetadataValue.float),
    ((Mapping, list, tuple), MetadataValue.json),
)
