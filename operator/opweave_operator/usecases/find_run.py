"""Find a run by its id as people type it: whole, or its beginning.

Called by the API. Ids begin with their time, so a beginning stands for a span of time, and only runs of that span are read.
"""

from __future__ import annotations

from datetime import timedelta

from opweave_operator import ports
from opweave_operator.core import ids, model

SHORTEST_PREFIX = 6
"""Six characters stand for 17 minutes; fewer would mean reading years of runs."""

_TIME_CHARACTERS = 10
_SLACK = timedelta(seconds=1)
_MOST_READ = 1000


class AmbiguousRunId(ValueError):
    """The text does not name one run; it says whether it is too short or begins several ids."""


async def find_run(runs: ports.RunStore, text: str) -> model.Run | None:
    """Return the run whose id is *text*, or the only one whose id begins with it; None when there is none.

    Raises:
        AmbiguousRunId: *text* is shorter than `SHORTEST_PREFIX`, or several ids begin with it.
    """
    text = text.lower()
    try:
        state = await runs.load(ids.parse_run_id(text))
        return state.run if state else None
    except ValueError:
        pass
    if not ids.is_prefix(text):
        return None
    if len(text) < SHORTEST_PREFIX:
        raise AmbiguousRunId(
            f"{text!r} is too short for the beginning of a run id: give {SHORTEST_PREFIX} characters or more"
        )
    try:
        where = ports.RunFilter(
            created_after=ids.created_at(text) - _SLACK,
            created_before=ids.created_at(text.ljust(_TIME_CHARACTERS, "z")) + _SLACK,
        )
    except (ValueError, OverflowError):
        return None  # it stands for a year that no run was made in
    found = [
        run for run in await runs.list_runs(where, limit=_MOST_READ) if run.id.startswith(text)
    ]
    if len(found) > 1:
        raise AmbiguousRunId(
            f"several runs begin with {text!r}, among them {found[0].id} and {found[-1].id}; give more characters"
        )
    return found[0] if found else None
