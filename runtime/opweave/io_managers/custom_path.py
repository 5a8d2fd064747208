"""Keeps outputs as pickled files at paths that the outputs' definitions name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opweave import errors
from opweave.config import shapes
from opweave.config import types as config_types
from opweave.definitions.io_manager import IOManagerDefinition
from opweave.io_managers.filesystem import FilesystemIOManager, default_directory

if TYPE_CHECKING:
    from opweave.execution.context import InitResourceContext, InputContext, OutputContext

PATH = "path"
"""In the metadata of an output: its file, below the base directory."""


class CustomPathIOManager(FilesystemIOManager):
    """Stores each output under the path in its metadata; what runs store again, they replace."""

    def handle_output(self, context: OutputContext, obj: Any) -> None:
        """Store *obj*, whole or not at all.

        Raises:
            OpweaveInvalidDefinitionError: The output's metadata has no ``path``, or one that leads out of the directory.
        """
        self._store(context, self._path(context), obj)

    def load_input(self, context: InputContext) -> Any:
        """Return what was stored."""
        if context.upstream_output is None:
            return super().load_input(context)
        return self._load(self._path(context.upstream_output))

    def _path(self, context: OutputContext) -> Path:
        where = f"the output {context.name!r} of {context.step_key!r}"
        told = context.metadata.get(PATH)
        if not isinstance(told, str) or not told:
            raise errors.OpweaveInvalidDefinitionError(
                f'{where} has no path for custom_path_fs_io_manager: give it Out(metadata={{"path": "daily/orders"}})'
            )
        parts: Sequence[str] = Path(told).parts
        if Path(told).is_absolute() or ".." in parts:
            raise errors.OpweaveInvalidDefinitionError(
                f"{where} has the path {told!r:.200}: give one below the base directory, without '..'"
            )
        return self.base_dir.joinpath(*parts)


def _from_config(context: InitResourceContext) -> CustomPathIOManager:
    """Keep outputs as pickled files at the paths in their metadata."""
    return CustomPathIOManager(context.resource_config.get("base_dir") or default_directory())


custom_path_fs_io_manager = IOManagerDefinition(
    _from_config,
    config_schema={
        "base_dir": shapes.Field(
            config_types.StringSource,
            is_required=False,
            description="directory that the paths lie below; default: storage in the instance's directory",
        )
    },
)
"""Keeps outputs as pickled files at the paths that ``Out(metadata={"path": ...})`` names."""
