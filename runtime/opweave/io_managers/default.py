"""The I/O manager of outputs that name none."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opweave.deferred import deferred_module
from opweave.definitions.io_manager import IOManager
from opweave.io_managers.filesystem import FilesystemIOManager, default_directory

if TYPE_CHECKING:
    import json

    from opweave.io_managers import artifact
else:
    json = deferred_module("json")
    artifact = deferred_module("opweave.io_managers.artifact")

API_URL_VARIABLE = "OPWEAVE_API_URL"
ARTIFACTS_VARIABLE = "OPWEAVE_ARTIFACTS"


def default_io_manager(instance_directory: Path | None = None) -> IOManager:
    """Return the I/O manager under the key ``io_manager`` where the user defines none.

    In a step process that reports to an API (``$OPWEAVE_API_URL``) outputs stream to its artifact endpoint, unless
    ``$OPWEAVE_ARTIFACTS`` is ``files``, or says in JSON which bucket or directory they go to; otherwise they are files in the
    instance's directory.
    """
    told = os.environ.get(ARTIFACTS_VARIABLE, "")
    if told.startswith("{"):
        return _elsewhere(json.loads(told))
    if os.environ.get(API_URL_VARIABLE) and told != "files":
        return artifact.ArtifactIOManager()
    return FilesystemIOManager(default_directory(instance_directory))


def _elsewhere(artifacts: Mapping[str, Any]) -> IOManager:
    """Return the I/O manager of ``{"s3": {...}}`` or ``{"directory": ...}``."""
    if "directory" in artifacts:
        return FilesystemIOManager(artifacts["directory"])
    bucket = artifacts["s3"]
    manager: IOManager = import_module("opweave_aws.s3").PickledObjectS3IOManager(
        bucket["bucket"],
        import_module("opweave_aws.s3.client").client_of_artifacts(bucket),
        bucket.get("prefix"),
    )
    return manager
