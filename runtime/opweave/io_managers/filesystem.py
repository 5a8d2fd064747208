"""Keeps outputs as pickled files under a directory."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opweave import errors
from opweave.config import shapes
from opweave.config import types as config_types
from opweave.deferred import deferred_module
from opweave.definitions.io_manager import IOManager, IOManagerDefinition, identifier_of

if TYPE_CHECKING:
    import hashlib
    import pickle

    from opweave.execution.context import InitResourceContext, InputContext, OutputContext
else:
    hashlib = deferred_module("hashlib")
    pickle = deferred_module("pickle")

MAX_NAME_BYTES = 200
"""Longest file name that is made; file systems take 255 bytes."""
_SAFE = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.")


def safe_name(part: str) -> str:
    """Return *part* as a file name: distinct for distinct parts, and never a path, a hidden file or too long.

    Bytes other than letters, digits, ``_``, ``-`` and ``.`` are percent-encoded, and so is a leading dot.
    """
    encoded = part.encode("utf-8", "surrogatepass")
    text = "".join(chr(b) if b in _SAFE else f"%{b:02X}" for b in encoded) or "%"
    if text.startswith("."):
        text = f"%2E{text[1:]}"
    if len(text) > MAX_NAME_BYTES:
        text = f"{text[: MAX_NAME_BYTES - 66]}%-{hashlib.sha256(encoded).hexdigest()}"
    return text


class FilesystemIOManager(IOManager):
    """Stores each output as ``<base_dir>/<run id>/<step key>/<output name>``, an asset as ``<base_dir>/<its key>``, pickled.

    Loading unpickles, which runs code that the file names: the directory must be writable only by those who may run code as
    the step.

    Args:
        base_dir: Made when it does not exist. Left out: ``storage`` in the instance's directory.
    """

    def __init__(self, base_dir: str | os.PathLike[str] | None = None) -> None:
        self.base_dir = default_directory() if base_dir is None else Path(base_dir)

    def path_for(self, identifier: Sequence[str]) -> Path:
        """Return where the output with *identifier* is stored."""
        return self.base_dir.joinpath(*(safe_name(part) for part in identifier))

    def handle_output(self, context: OutputContext, obj: Any) -> None:
        """Store *obj*, whole or not at all."""
        self._store(context, self.path_for(identifier_of(context)), obj)

    def _store(self, context: OutputContext, path: Path, obj: Any) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{path.name}.{os.getpid()}%part")
        try:
            with partial.open("wb") as stream:
                pickle.dump(obj, stream, protocol=5)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
        context.add_output_metadata({"path": path, "size_bytes": path.stat().st_size})

    def load_input(self, context: InputContext) -> Any:
        """Return what was stored.

        Raises:
            OpweaveInvariantViolationError: Nothing was.
        """
        return self._load(self.path_for(identifier_of(context)))

    def _load(self, path: Path) -> Any:
        try:
            with path.open("rb") as stream:
                # The file was written by a step of the same location; see the class.
                return pickle.load(stream)
        except FileNotFoundError:
            raise errors.OpweaveInvariantViolationError(
                f"{path} does not exist: the step that writes it stored nothing there, or in another directory"
            ) from None


def _from_config(context: InitResourceContext) -> FilesystemIOManager:
    """Keep outputs as pickled files under a directory."""
    return FilesystemIOManager(context.resource_config.get("base_dir") or default_directory())


def default_directory(instance_directory: Path | None = None) -> Path:
    """Return where outputs are stored when nothing else is said: ``storage`` in the instance's directory.

    That directory is *instance_directory*, else ``$OPWEAVE_HOME``, else ``~/.opweave``.
    """
    home = instance_directory or os.environ.get("OPWEAVE_HOME") or Path.home() / ".opweave"
    return Path(home) / "storage"


fs_io_manager = IOManagerDefinition(
    _from_config,
    config_schema={
        "base_dir": shapes.Field(
            config_types.StringSource,
            is_required=False,
            description="directory for the files; default: storage in the instance's directory",
        )
    },
)
"""Keeps outputs as pickled files."""
