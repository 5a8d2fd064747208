"""The log of a run for programs that speak plain HTTP: pages of events that wait for news.

``GET /api/v1/runs/{run_id}/events?after=N&wait=S`` answers at once when there are events above *N* or the run has ended, else as
soon as there are, at the latest after *S* seconds (30 at most). Asking again with ``next_after`` loses nothing.
"""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from opweave_operator.api import changes, public_errors
from opweave_operator.api.dependencies import ApiDependencies
from opweave_operator.core import ids, model, run_state

_PAGE = 500
_LONGEST_WAIT_SECONDS = 30


class EventFeedRoutes:
    """The route for the log of a run."""

    def __init__(self, dependencies: ApiDependencies) -> None:
        self._runs = dependencies.runs
        self._events = dependencies.events
        self._wakeups = dependencies.wakeups

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [Route("/api/v1/runs/{run_id}/events", self._page, methods=["GET"])]

    async def _page(self, request: Request) -> Response:
        after = _number(request, "after", -1)
        wait = _number(request, "wait", 0)
        if after is None or wait is None:
            return public_errors.invalid("after: a number from -1; wait: seconds from 0 to 30")
        try:
            run_id = ids.parse_run_id(request.path_params["run_id"])
        except ValueError as error:
            return public_errors.not_found(str(error))
        page = await self._wait(run_id, after, min(wait, _LONGEST_WAIT_SECONDS))
        return page or public_errors.not_found(f"there is no run {run_id}")

    async def _wait(self, run_id: model.RunId, after: int, wait: int) -> Response | None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait
        async with changes.watch(self._wakeups, run_id) as watch:
            while True:
                # The state is read before the events: what ended the run is then among the events read.
                state = await self._runs.load(run_id)
                if state is None:
                    return None
                found = await self._events.events(run_id, after=after, limit=_PAGE)
                left = deadline - loop.time()
                if found or left <= 0 or state.run.status in run_state.FINISHED:
                    return _reply(state.run, found, after)
                await watch.wait(min(left, changes.LOOK_AGAIN_SECONDS))


def _reply(run: model.Run, found: list[model.StoredEvent], after: int) -> Response:
    is_whole = len(found) < _PAGE
    return JSONResponse(
        {
            "run_id": run.id,
            "status": run.status,
            "is_finished": run.status in run_state.FINISHED and is_whole,
            "next_after": found[-1].number if found else after,
            "events": [_event(event) for event in found],
        }
    )


def _event(event: model.StoredEvent) -> dict[str, object]:
    return {
        "number": event.number,
        "type": event.type,
        "at": event.at.isoformat(),
        "message": event.message,
        "step_key": event.step_key,
        "attempt": event.attempt,
        "payload": dict(event.payload),
    }


def _number(request: Request, name: str, default: int) -> int | None:
    text = request.query_params.get(name, str(default))
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 9):
        return None
    value = int(text)
    return value if value >= default else None
