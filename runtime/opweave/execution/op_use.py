"""What a context tells of the use of an op that its step runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from opweave.definitions.op import OpDefinition


class OpHandle(NamedTuple):
    """Where the op stands in its job: the names from the job's root."""

    path: tuple[str, ...]

    @property
    def name(self) -> str:
        """Name in the graph around it: the alias, if it has one."""
        return self.path[-1]

    def __str__(self) -> str:
        """Return the names joined by dots, as step keys have them."""
        return ".".join(self.path)


class OpUse(NamedTuple):
    """The op as its job uses it."""

    name: str
    definition: OpDefinition[Any, Any]
    tags: Mapping[str, Any]
