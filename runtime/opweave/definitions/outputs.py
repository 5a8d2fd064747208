"""Outputs of ops and graphs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opweave.definitions import types as value_types
from opweave.definitions.inputs import NO_VALUE

DEFAULT_OUTPUT = "result"
"""Name of the output of a node that has only one."""


class Out:
    """Describes an output of an op beyond what the return annotation tells.

    Args:
        opweave_type: What values are checked against: an annotation or an `OpweaveType`.
        is_required: False: the body may leave it out, and then what depends on it is skipped.
        io_manager_key: Key of the resource that stores it.
        metadata: For that I/O manager.
    """

    is_dynamic = False

    def __init__(
        self,
        opweave_type: Any = NO_VALUE,
        description: str | None = None,
        is_required: bool = True,
        io_manager_key: str = "io_manager",
        metadata: Mapping[str, Any] | None = None,
        code_version: str | None = None,
    ) -> None:
        self.opweave_type = opweave_type
        self.description = description
        self.is_required = is_required
        self.io_manager_key = io_manager_key
        self.metadata = dict(metadata or {})
        self.code_version = code_version


class DynamicOut(Out):
    """Describes an output of which the body gives any number of members, each a `DynamicOutput` with its mapping key.

    In a graph's body, ``.map(fn)`` calls *fn* with what stands for one member, ``.collect()`` stands for a list of all.
    """

    is_dynamic = True


class GraphOut:
    """Describes an output of a graph."""

    def __init__(self, description: str | None = None) -> None:
        self.description = description


class OutputDefinition:
    """An output of a node, with everything inferred."""

    __slots__ = (
        "description", "io_manager_key", "is_dynamic", "is_required", "metadata", "name", "type",
    )  # fmt: skip

    def __init__(
        self,
        name: str = DEFAULT_OUTPUT,
        type_: value_types.OpweaveType = value_types.AnyType,
        description: str | None = None,
        is_required: bool = True,
        io_manager_key: str = "io_manager",
        metadata: Mapping[str, Any] | None = None,
        is_dynamic: bool = False,
    ) -> None:
        self.name = name
        self.type = type_
        self.description = description
        self.is_required = is_required
        self.io_manager_key = io_manager_key
        self.metadata = dict(metadata or {})
        self.is_dynamic = is_dynamic

    @property
    def is_nothing(self) -> bool:
        """Whether it carries no value and is not stored."""
        return self.type is value_types.NothingType
