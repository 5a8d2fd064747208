"""What the resolvers of one GraphQL request share."""

from __future__ import annotations

from dataclasses import dataclass

from opweave_operator.api.dependencies import ApiDependencies
from opweave_operator.api.loaders import Loaders
from opweave_operator.usecases.launch_run import RunLauncher
from opweave_operator.usecases.terminate_run import RunTerminator


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiContext:
    """Collaborators for the whole life of the process, and loaders for one request."""

    dependencies: ApiDependencies
    launcher: RunLauncher
    terminator: RunTerminator
    loaders: Loaders
