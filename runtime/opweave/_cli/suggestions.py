"""What the server knows, for the shell to complete: jobs, locations, runs and steps.

A shell that waits is worse than one that does not know: whatever goes wrong or takes long, nothing is suggested. A cluster
is never asked, since the way to it takes longer than anybody waits.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable
from typing import Any

import click
from click.shell_completion import CompletionItem

from opweave._cli import queries, server, style
from opweave._cli.graphql import Client

PATIENCE_SECONDS = 0.5
_NEWEST_RUNS = 50
_RUN_ID = re.compile(r"[0-9A-Za-z]{6,26}")

Ask = Callable[[Client, click.Context], Iterable[tuple[str, str]]]
Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def _completing(ask: Ask) -> Complete:
    """Return the function that click calls to complete a value with what *ask* finds: values with their descriptions."""

    def complete(
        context: click.Context, _: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        return [
            CompletionItem(value, help=style.safe_line(told))
            for value, told in _in_time(ask, context)
            if value.startswith(incomplete) and value.isprintable() and " " not in value
        ]

    return complete


def _in_time(ask: Ask, context: click.Context) -> list[tuple[str, str]]:
    options = server.chosen(context)
    found: list[tuple[str, str]] = []
    if options.is_on_cluster():
        return found

    def work() -> None:
        try:
            client = Client(options.url or server.LOCAL_URL, timeout=PATIENCE_SECONDS)
            answer = list(ask(client, context))
        except Exception:  # noqa: BLE001  # there is nobody to tell: the user is in the middle of typing
            return
        found.extend(answer)

    # A thread, for neither looking up a name nor a reply that drips in has a time-out of its own.
    asking = threading.Thread(target=work, daemon=True)
    asking.start()
    asking.join(PATIENCE_SECONDS)
    return list(found)


def _job_names(client: Client, _: click.Context) -> Iterable[tuple[str, str]]:
    found = client.execute(queries.JOB_NAMES)
    for job in found["jobs"]:
        yield job["name"], job["description"] or ""
    for job in found["declaredJobs"]:
        yield job["name"], f"declared, of {job['jobName']}"


def _location_names(client: Client, _: click.Context) -> Iterable[tuple[str, str]]:
    for location in client.execute(queries.LOCATION_NAMES)["locations"]:
        yield location["name"], location["namespace"]


def _run_ids(client: Client, _: click.Context) -> Iterable[tuple[str, str]]:
    query = queries.runs(_NEWEST_RUNS)
    for run in client.execute(query, {"filter": {}, "after": None})["runs"]["runs"]:
        yield run["runId"], f"{run['jobName']} {run['status']}"


def _step_keys(client: Client, context: click.Context) -> Iterable[tuple[str, str]]:
    # Where an option has no value yet, click leaves the arguments before it aside.
    words = [str(context.params.get("run_id") or ""), *context.args]
    run_id = next(word for word in words if _RUN_ID.fullmatch(word))
    for step in client.execute(queries.RUN_STEP_KEYS, {"runId": run_id.lower()})["run"]["steps"]:
        yield step["stepKey"], step["status"]


jobs: Complete = _completing(_job_names)
locations: Complete = _completing(_location_names)
runs: Complete = _completing(_run_ids)
steps: Complete = _completing(_step_keys)


def location_option(help_text: str) -> Callable[[Any], Any]:  # a decorator of any command
    """Return the option ``-l``, by which people name a code location."""
    return click.option(
        "-l", "--location", metavar="NAME", help=help_text, shell_complete=locations
    )
