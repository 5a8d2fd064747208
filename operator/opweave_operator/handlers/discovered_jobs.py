"""Turns the jobs found in a location's code into Job objects, when ``spec.discovery.jobs`` asks for it."""

from __future__ import annotations

import logging
from typing import Any

from opweave.wire import location as wire_location
from opweave_operator.adapters.kubernetes import errors, names
from opweave_operator.adapters.kubernetes.client import Client, JsonObject
from opweave_operator.adapters.kubernetes.resources import JOBS

LABEL_DISCOVERED = "opweave.dev/discovered"
MAX_NAME = 50

_log = logging.getLogger(__name__)


async def sync(
    client: Client, location: JsonObject, snapshot: wire_location.LocationSnapshot
) -> None:
    """Create a Job for each job of *snapshot* that has none, and delete those of ours whose job is gone.

    A Job that people wrote for the same job is left as it is, and none is made beside it; the job of all assets, whose name is
    opweave's own, gets none.
    """
    metadata = location["metadata"]
    mode = (location["spec"].get("discovery") or {}).get("jobs") or "None"
    existing = await client.list_all(JOBS, metadata["namespace"])
    targets = [job for job in existing if job["spec"].get("codeLocation") == metadata["name"]]
    ours = {job["metadata"]["name"]: job for job in targets if _is_ours(job, metadata["uid"])}
    written = {job["spec"].get("job") for job in targets if job["metadata"]["name"] not in ours}
    wanted = {
        names.dns_part(job.name, MAX_NAME): job.name
        for job in snapshot.jobs
        if mode == "Active" and job.name not in written and not job.name.startswith("__")
    }
    for name, job in wanted.items():
        await _apply(client, location, name, job)
    for name, found in ours.items():
        if name not in wanted:
            await _delete(client, found)


def _is_ours(job: JsonObject, uid: str) -> bool:
    labels = job["metadata"].get("labels") or {}
    owners = job["metadata"].get("ownerReferences") or ()
    return labels.get(LABEL_DISCOVERED) == "true" and any(o.get("uid") == uid for o in owners)


async def _apply(client: Client, location: JsonObject, name: str, job: str) -> None:
    metadata = location["metadata"]
    body: dict[str, Any] = {
        "apiVersion": JOBS.api_version,
        "kind": JOBS.kind,
        "metadata": {
            "name": name,
            "namespace": metadata["namespace"],
            "labels": {
                LABEL_DISCOVERED: "true",
                names.LABEL_CODE_LOCATION: names.label_value(metadata["name"]),
            },
            "ownerReferences": [
                {
                    "apiVersion": location["apiVersion"],
                    "kind": location["kind"],
                    "name": metadata["name"],
                    "uid": metadata["uid"],
                    "controller": True,
                    "blockOwnerDeletion": False,
                }
            ],
        },
        "spec": {"codeLocation": metadata["name"], "job": job},
    }
    try:
        found = await client.get(JOBS, metadata["namespace"], name, is_metadata_only=True)
        if not _is_ours(found, metadata["uid"]):
            _log.warning("discovered_job_name_taken", extra={"object": name, "job": job})
            return
    except errors.NotFound:
        pass
    try:
        await client.apply(JOBS, metadata["namespace"], name, body)
    except errors.Invalid as error:
        _log.warning("discovered_job_refused", extra={"job": job, "error": str(error)})


async def _delete(client: Client, job: JsonObject) -> None:
    metadata = job["metadata"]
    try:
        await client.delete(JOBS, metadata["namespace"], metadata["name"], uid=metadata["uid"])
    except (errors.NotFound, errors.Conflict):
        return
