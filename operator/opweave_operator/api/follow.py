"""Follow the log of a run from a number on until the run has ended, losing nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator

from opweave_operator.api import changes
from opweave_operator.api.dependencies import ApiDependencies
from opweave_operator.api.request_error import RequestError
from opweave_operator.core import ids, model, run_state

_BATCH = 500


def checked_run_id(text: str) -> model.RunId:
    """Return *text* as a run id.

    Raises:
        RequestError: It is none.
    """
    try:
        return ids.parse_run_id(text)
    except ValueError as error:
        raise RequestError(f"runId: {error}") from error


async def events(
    dependencies: ApiDependencies, run_id: model.RunId, after: int
) -> AsyncIterator[list[model.StoredEvent]]:
    """Yield batches of events numbered above *after*, and end when the run has ended and all were yielded.

    Raises:
        RequestError: There is no such run.
    """
    async with changes.watch(dependencies.wakeups, run_id) as watch:
        while True:
            # The state is read before the events: what ended the run is then among the events read.
            is_over = await is_finished(dependencies, run_id)
            while batch := await dependencies.events.events(run_id, after=after, limit=_BATCH):
                after = batch[-1].number
                yield batch
            if is_over:
                return
            await watch.wait()


async def is_finished(dependencies: ApiDependencies, run_id: model.RunId) -> bool:
    """Return whether the run has ended.

    Raises:
        RequestError: There is no such run.
    """
    state = await dependencies.runs.load(run_id)
    if state is None:
        raise RequestError(f"there is no run {run_id}")
    return state.run.status in run_state.FINISHED
