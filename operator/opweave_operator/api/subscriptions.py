"""What can be followed, over a WebSocket (``graphql-transport-ws``)."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import strawberry

from opweave_operator.api import follow, paging
from opweave_operator.api.types.event import RunEvent
from opweave_operator.api.types.scalars import Info


@strawberry.type
class Subscription:
    """What can be followed."""

    @strawberry.subscription
    async def run_events(
        self, info: Info, run_id: strawberry.ID, after: int = -1
    ) -> AsyncGenerator[RunEvent, None]:
        """Every event of a run numbered above *after*, stored ones first, until the run has ended.

        Nothing is lost: whoever lost the connection asks again with the last number seen.
        """
        after = paging.checked_after(after)
        parsed = follow.checked_run_id(run_id)
        async for batch in follow.events(info.context.dependencies, parsed, after):
            for event in batch:
                yield RunEvent.of(event)
