"""Base of I/O managers that keep each output as one file, on any file system that fsspec knows.

A local directory needs nothing else; another (``s3://...``, ``memory://...``) needs ``universal-pathlib``, which comes
with ``opweave[fsspec]``, and the driver of that file system.
"""

from __future__ import annotations

import inspect
import os
from abc import abstractmethod
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from opweave import errors
from opweave.definitions.io_manager import IOManager, identifier_of
from opweave.io_managers.filesystem import default_directory, safe_name

if TYPE_CHECKING:
    from opweave.execution.context import InputContext, OutputContext


class UPathIOManager(IOManager):
    """Stores each output under a path of its own; subclasses say how a value becomes a file.

    Paths are `Any` below: a `pathlib.Path`, or a ``upath.UPath`` of another file system.

    Args:
        base_path: Directory that holds all; a text with ``://`` names one of another file system. Left out: ``storage`` in
            the instance's directory.

    Attributes:
        extension: Ending of the files, such as ``.parquet``; None for none.
    """

    extension: ClassVar[str | None] = None

    def __init__(self, base_path: Any = None) -> None:
        if self.extension is not None and not self.extension.startswith("."):
            raise errors.OpweaveInvalidDefinitionError(
                f"{type(self).__name__}.extension is {self.extension!r:.80}: begin it with a dot"
            )
        self._base_path = _as_path(base_path)

    @abstractmethod
    def dump_to_path(self, context: OutputContext, obj: Any, path: Any) -> None:
        """Write *obj* to *path*; its directory exists."""

    @abstractmethod
    def load_from_path(self, context: InputContext, path: Any) -> Any:
        """Return what stands at *path*; may be ``async``."""

    @property
    def base_path(self) -> Any:
        """The directory that holds all."""
        return self._base_path

    def get_metadata(self, context: OutputContext, obj: Any) -> Mapping[str, Any]:
        """Return what to tell of a stored value beyond its path."""
        del context, obj
        return {}

    def get_op_output_relative_path(self, context: OutputContext | InputContext) -> Any:
        """Return where an output, or an asset by its key, lies below the base path; without extension."""
        return Path(*(safe_name(part) for part in identifier_of(context)))

    def get_path(self, context: OutputContext | InputContext) -> Any:
        """Return where the output of *context* lies."""
        relative = str(self.get_op_output_relative_path(context))
        return self.base_path / f"{relative}{self.extension or ''}"

    def path_exists(self, path: Any) -> bool:
        """Return whether something stands at *path*."""
        return bool(path.exists())

    def make_directory(self, path: Any) -> None:
        """Make the directory *path* if there is none."""
        path.mkdir(parents=True, exist_ok=True)

    def unlink(self, path: Any) -> None:
        """Remove what stands at *path*."""
        path.unlink()

    def has_output(self, context: OutputContext) -> bool:
        """Return whether the output of *context* is stored."""
        return self.path_exists(self.get_path(context))

    def handle_output(self, context: OutputContext, obj: Any) -> None:
        """Store *obj*."""
        path = self.get_path(context)
        self.make_directory(path.parent)
        self.dump_to_path(context, obj, path)
        context.add_output_metadata({"path": str(path), **self.get_metadata(context, obj)})

    def load_input(self, context: InputContext) -> Any:
        """Return what was stored.

        Raises:
            OpweaveInvariantViolationError: Nothing was.
        """
        path = self.get_path(context)
        try:
            value = self.load_from_path(context, path)
            return _awaited(value) if inspect.isawaitable(value) else value
        except FileNotFoundError:
            raise errors.OpweaveInvariantViolationError(
                f"{path} does not exist: the step that writes it stored nothing there, or under another base path or extension"
            ) from None


def _awaited(value: Any) -> Any:
    asyncio = import_module("asyncio")

    async def result() -> Any:
        return await value

    return asyncio.run(result())


def _as_path(base: Any) -> Any:
    if base is None:
        return default_directory()
    if not isinstance(base, (str, os.PathLike)):
        return base
    if not isinstance(base, str) or "://" not in base:
        return base if not isinstance(base, str) else Path(base)
    try:
        upath = import_module("upath")
    except ImportError as error:
        raise errors.OpweaveInvariantViolationError(
            f"{base:.200} needs the package universal-pathlib: install opweave[fsspec] in the image of the steps"
        ) from error
    return upath.UPath(base)
