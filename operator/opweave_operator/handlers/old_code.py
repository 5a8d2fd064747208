"""Removes copies of ConfigMaps with code that neither a location nor an unfinished run uses any more."""

from __future__ import annotations

import logging

from opweave_operator import ports
from opweave_operator.adapters.kubernetes import errors, names
from opweave_operator.adapters.kubernetes.client import JsonObject
from opweave_operator.adapters.kubernetes.resources import CONFIG_MAPS
from opweave_operator.core import model, run_state
from opweave_operator.handlers.collaborators import Collaborators

MAX_RUNS = 200
"""Unfinished runs of one location that are looked at; when there are more, nothing is removed this time."""

_log = logging.getLogger(__name__)


async def collect(parts: Collaborators, location: JsonObject, kept: set[str]) -> None:
    """Delete the copies of *location* that nobody uses.

    Args:
        parts: What handlers work with.
        location: The CodeLocation.
        kept: Copies in use: of the version that serves, and of the one before it, because a run may be launched with it in
            this very moment.
    """
    metadata = location["metadata"]
    if location["spec"]["source"].get("configMap") is None:
        return
    used = await _used_by_runs(parts, metadata["namespace"], metadata["name"])
    if used is None:
        return
    selector = (
        f"{names.LABEL_CODE_LOCATION}={names.label_value(metadata['name'])},"
        f"{names.LABEL_COMPONENT}={names.COMPONENT_CODE}"
    )
    try:
        copies = await parts.client.list_all(
            CONFIG_MAPS, metadata["namespace"], label_selector=selector
        )
        for copy in copies:
            name = str(copy["metadata"]["name"])
            owners = copy["metadata"].get("ownerReferences") or ()
            is_ours = any(owner.get("uid") == metadata["uid"] for owner in owners)
            if is_ours and name not in kept and name not in used:
                await parts.client.delete(CONFIG_MAPS, metadata["namespace"], name)
    except errors.ApiError as error:
        _log.warning("old_code_not_removed", extra={"error": str(error)})


async def _used_by_runs(parts: Collaborators, namespace: str, name: str) -> set[str] | None:
    unfinished = tuple(s for s in model.RunStatus if s not in run_state.FINISHED)
    where = ports.RunFilter(
        statuses=unfinished, location=model.LocationRef(namespace=namespace, name=name)
    )
    runs = await parts.runs.list_runs(where, limit=MAX_RUNS)
    if len(runs) >= MAX_RUNS:
        return None
    # A list leaves the templates out.
    states = [await parts.runs.load(run.id) for run in runs]
    return {str(state.run.worker_template.get("configMap") or "") for state in states if state}
