"""What can be done."""

from __future__ import annotations

import strawberry

from opweave_operator.api.types import launch as launch_types
from opweave_operator.api.types.launch import (
    LaunchParams,
    LaunchRunResult,
    LaunchRunSuccess,
    TerminateRunResult,
)
from opweave_operator.api.types.run import Run
from opweave_operator.api.types.scalars import Info
from opweave_operator.core import ids
from opweave_operator.usecases.launch_request import Launched

_LONGEST_REQUESTER = 256


@strawberry.type
class Mutation:
    """What can be done."""

    @strawberry.mutation
    async def launch_run(self, info: Info, params: LaunchParams) -> LaunchRunResult:
        """Launch a run: it is queued, and starts when the instance's limits allow."""
        result = await info.context.launcher.launch(params.request())
        info.context.dependencies.metrics.count_launch(type(result).__name__)
        if isinstance(result, Launched):
            return LaunchRunSuccess(run=Run.of(result.run), is_new=result.is_new)
        return launch_types.launch_error_of(result)

    @strawberry.mutation
    async def terminate_run(
        self, info: Info, run_id: strawberry.ID, requested_by: str = "graphql"
    ) -> TerminateRunResult:
        """Ask a run to end; asking twice is harmless. The run's log tells *requested_by*."""
        try:
            parsed = ids.parse_run_id(run_id)
        except ValueError:
            return launch_types.not_found(run_id)
        return launch_types.termination_of(
            await info.context.terminator.terminate(parsed, requested_by[:_LONGEST_REQUESTER])
        )
