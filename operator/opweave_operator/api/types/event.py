"""Events of a run's log."""

from __future__ import annotations

from datetime import datetime

import strawberry
from strawberry.scalars import JSON

from opweave.wire import attempt as wire_attempt
from opweave_operator.api.types.scalars import json_of
from opweave_operator.core import model

strawberry.enum(wire_attempt.EventType)


@strawberry.type
class RunEvent:
    """An entry of a run's log; *number* has no gaps within the run."""

    number: int
    run_id: strawberry.ID
    event_type: wire_attempt.EventType
    timestamp: datetime
    message: str
    step_key: str | None
    attempt: int | None
    payload: JSON

    @classmethod
    def of(cls, event: model.StoredEvent) -> RunEvent:
        """Return the GraphQL form of *event*."""
        return cls(
            number=event.number,
            run_id=strawberry.ID(event.run_id),
            event_type=event.type,
            timestamp=event.at,
            message=event.message,
            step_key=event.step_key,
            attempt=event.attempt,
            payload=json_of(dict(event.payload)),
        )


@strawberry.type
class EventPage:
    """Some events in order; ask again with *after* set to *next_after*."""

    events: list[RunEvent]
    next_after: int
    has_more: bool

    @classmethod
    def of(cls, found: list[model.StoredEvent], *, after: int, first: int) -> EventPage:
        """Return the first *first* of *found*, which holds one more if there are more."""
        shown = found[:first]
        return cls(
            events=[RunEvent.of(event) for event in shown],
            next_after=shown[-1].number if shown else after,
            has_more=len(found) > len(shown),
        )
