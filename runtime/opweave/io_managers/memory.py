"""Keeps outputs in memory: for runs in one process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opweave import errors
from opweave.definitions.io_manager import IOManager, IOManagerDefinition, identifier_of

if TYPE_CHECKING:
    from opweave.execution.context import InputContext, OutputContext


class InMemoryIOManager(IOManager):
    """Keeps the objects themselves; a consumer that changes one changes it for all."""

    def __init__(self) -> None:
        self.values: dict[tuple[str, ...], Any] = {}

    def handle_output(self, context: OutputContext, obj: Any) -> None:
        """Keep *obj*."""
        self.values[tuple(identifier_of(context))] = obj

    def load_input(self, context: InputContext) -> Any:
        """Return what was kept.

        Raises:
            OpweaveInvariantViolationError: Nothing was, in this process.
        """
        key = tuple(identifier_of(context))
        if key not in self.values:
            raise errors.OpweaveInvariantViolationError(
                f"mem_io_manager keeps nothing for {'.'.join(key)}: it lives in one process; use an I/O manager that "
                "stores outside of it when steps run in processes of their own"
            )
        return self.values[key]


mem_io_manager = IOManagerDefinition(InMemoryIOManager, description="Keeps outputs in memory.")
"""For runs in one process."""
