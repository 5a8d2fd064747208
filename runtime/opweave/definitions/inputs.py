"""Inputs of ops and graphs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opweave.definitions import types as value_types

NO_VALUE: Any = type("NoValue", (), {"__repr__": lambda _self: "NO_VALUE"})()
"""Marks an input without default, since None is a value; `Any`, because a default may be of any type."""


class In:
    """Describes an input of an op beyond what its annotation tells.

    Args:
        opweave_type: What values are checked against: an annotation or an `OpweaveType`; `Nothing` for order only.
        default_value: Passed when nothing feeds the input.
        metadata: For the I/O manager that loads it.
        input_manager_key: Key of the resource that loads it, in place of the upstream output's I/O manager.
    """

    def __init__(
        self,
        opweave_type: Any = NO_VALUE,
        description: str | None = None,
        default_value: Any = NO_VALUE,
        metadata: Mapping[str, Any] | None = None,
        input_manager_key: str | None = None,
    ) -> None:
        self.opweave_type = opweave_type
        self.description = description
        self.default_value = default_value
        self.metadata = dict(metadata or {})
        self.input_manager_key = input_manager_key


class GraphIn:
    """Describes an input of a graph."""

    def __init__(self, description: str | None = None) -> None:
        self.description = description


class InputDefinition:
    """An input of a node, with everything inferred."""

    __slots__ = ("default_value", "description", "input_manager_key", "metadata", "name", "type")

    def __init__(
        self,
        name: str,
        type_: value_types.OpweaveType = value_types.AnyType,
        description: str | None = None,
        default_value: Any = NO_VALUE,
        metadata: Mapping[str, Any] | None = None,
        input_manager_key: str | None = None,
    ) -> None:
        self.name = name
        self.type = type_
        self.description = description
        self.default_value = default_value
        self.metadata = dict(metadata or {})
        self.input_manager_key = input_manager_key

    @property
    def has_default(self) -> bool:
        """Whether the input may stay unconnected."""
        return self.default_value is not NO_VALUE

    @property
    def is_nothing(self) -> bool:
        """Whether it is for order only."""
        return self.type is value_types.NothingType
