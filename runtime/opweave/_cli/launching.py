"""Launch a job over the API: which job a name means, what is sent, and what the refusals come to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import click

from opweave._cli import program, queries, requester, run_config, run_ids
from opweave._cli.failures import CommandFailed, ConfigInvalid, NotFound, Unreachable
from opweave._cli.graphql import Client
from opweave._cli.run_config import RunConfigInput


def job_selector(
    client: Client, name: str, *, namespace: str | None, location: str | None
) -> dict[str, str | None]:
    """Return how the API calls the job *name*: a declared one of that name, unless *location* says whose code is meant."""
    if location is not None:
        place, _, location_name = location.rpartition("/")
        return {"namespace": place or namespace, "locationName": location_name, "jobName": name}
    declared = client.execute(queries.JOBS, {"namespace": namespace, "location": None})[
        "declaredJobs"
    ]
    kind = "jobResource" if any(job["name"] == name for job in declared) else "jobName"
    return {"namespace": namespace, kind: name}


def parse_tags(texts: Sequence[str]) -> dict[str, str]:
    """Return tags from ``key=value`` texts and JSON objects.

    Raises:
        UsageError: A text is neither.
    """
    tags: dict[str, str] = {}
    for text in texts:
        if text.lstrip().startswith("{"):
            tags.update(_json_tags(text))
            continue
        key, separator, value = text.partition("=")
        if not separator or not key:
            raise click.UsageError(f"--tags {text!r}: write key=value, or a JSON object of strings")
        tags[key] = value
    return tags


def launch(
    client: Client,
    job: Mapping[str, str | None],
    config: RunConfigInput,
    *,
    tags: Mapping[str, str],
    op_selection: Sequence[str],
    priority: int | None,
    asset_selection: Sequence[str] = (),
) -> dict[str, Any]:
    """Launch a run and return it.

    Raises:
        ConfigInvalid: The config does not fit; the text has a line for each problem.
        NotFound: There is no such job.
        Unreachable: The location does not serve.
        CommandFailed: The request is refused.
    """
    params = {
        "job": job,
        "runConfig": config.content,
        "tags": [{"key": key, "value": value} for key, value in tags.items()],
        "opSelection": list(op_selection) or None,
        "assetSelection": list(asset_selection) or None,
        "priority": priority,
        "runId": run_ids.new_run_id(),
        "launchedBy": requester.name(),
    }
    result = client.execute(queries.LAUNCH, {"params": params})["launchRun"]
    kind = result["__typename"]
    if kind == "LaunchRunSuccess":
        run: dict[str, Any] = result["run"]
        return run
    if kind == "RunConfigInvalid":
        raise config_refused(
            config, result["errors"], str(job.get("jobName") or job.get("jobResource"))
        )
    raise refusal(kind, result["message"])


def config_refused(
    config: RunConfigInput, errors: Sequence[Mapping[str, Any]], job: str
) -> ConfigInvalid:
    """Return the error for a config that does not fit *job*."""
    return run_config.refuse(
        config,
        errors,
        f"nothing was launched. `{program.name()} job scaffold-config {job}` prints a complete example.",
    )


def refusal(kind: str, message: str) -> CommandFailed:
    """Return the error for a result of the API that is not the wanted one."""
    if kind in ("JobNotFound", "RunNotFound"):
        return NotFound(message)
    if kind == "LocationUnavailable":
        return Unreachable(message)
    return CommandFailed(message)


def _json_tags(text: str) -> dict[str, str]:
    try:
        tags = json.loads(text)
    except ValueError as error:
        raise click.UsageError(f"--tags is no JSON: {error}") from error
    if not all(isinstance(value, str) for value in tags.values()):
        raise click.UsageError("--tags: values must be strings; put numbers into quotes")
    return dict(tags)
