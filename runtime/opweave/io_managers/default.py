"""The I/O manager of outputs that name none."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from opweave.deferred import deferred_module
from opweave.definitions.io_manager import IOManager
from opweave.io_managers.filesystem import FilesystemIOManager, default_directory

if TYPE_CHECKING:
    from opweave.io_managers import artifact
else:
    artifact = deferred_module("opweave.io_managers.artifact")

API_URL_VARIABLE = "OPWEAVE_API_URL"
ARTIFACTS_VARIABLE = "OPWEAVE_ARTIFACTS"


def default_io_manager(instance_directory: Path | None = None) -> IOManager:
    """Return the I/O manager under the key ``io_manager`` where the user defines none.

    In a step process that reports to an API (``$OPWEAVE_API_URL``) outputs stream to its artifact endpoint, unless
    ``$OPWEAVE_ARTIFACTS`` is ``files``; otherwise they are files in the instance's directory.
    """
    if os.environ.get(API_URL_VARIABLE) and os.environ.get(ARTIFACTS_VARIABLE) != "files":
        return artifact.ArtifactIOManager()
    return FilesystemIOManager(default_directory(instance_directory))
