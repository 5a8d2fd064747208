"""The instance: its settings and how it fares."""

from __future__ import annotations

import strawberry
from strawberry.scalars import JSON

from opweave_operator import ports
from opweave_operator.api.types.scalars import Info, json_of
from opweave_operator.core import model


@strawberry.type
class RunCount:
    """How many runs have a status."""

    status: model.RunStatus
    count: int


@strawberry.type
class Instance:
    """The instance that this API serves."""

    version: str
    database_kind: str

    @strawberry.field
    async def settings(self, info: Info) -> JSON:
        """Its settings as they stand in ``Instance.spec``; empty means all defaults."""
        return json_of(dict(await info.context.dependencies.catalog.get_instance()))

    @strawberry.field
    async def run_counts(self, info: Info) -> list[RunCount]:
        """How many runs have each status."""
        counts = await _counts(info)
        return [RunCount(status=status, count=counts.get(status, 0)) for status in model.RunStatus]

    @strawberry.field
    async def queue_length(self, info: Info) -> int:
        """How many runs wait to be started."""
        return (await _counts(info)).get(model.RunStatus.QUEUED, 0)


async def _counts(info: Info) -> dict[model.RunStatus, int]:
    return await info.context.dependencies.runs.count_by_status(ports.RunFilter())
