"""``opweave run``: list, show, wait for, terminate runs and read their logs."""

from __future__ import annotations

import re
import sys
import urllib.parse
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click

from opweave._cli import (
    jobs,
    launching,
    moments,
    program,
    queries,
    requester,
    run_ids,
    run_logs,
    run_notes,
    run_view,
    stored_value,
    style,
    suggestions,
    time_line,
)
from opweave._cli.failures import EXIT_CODES_HELP, CommandFailed, NotFound
from opweave._cli.graphql import Client
from opweave._cli.output import is_structured, output_option, write_rows, write_structured
from opweave._cli.server import ServerOptions, server_options

STATUSES = ("QUEUED", "STARTING", "STARTED", "CANCELING", "SUCCESS", "FAILURE", "CANCELED")
_PAGE = 100
_MOST_ADDRESSES = 10
_RELATIVE = re.compile(r"(\d{1,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@click.group("run", epilog=EXIT_CODES_HELP)
def run_group() -> None:
    """Look at runs, follow them and end them. Ids may be cut to 6 characters or more."""


def _moment(_: click.Context, parameter: click.Parameter, text: str | None) -> str | None:
    """Return an ISO 8601 moment for one, or for a time before now as ``2h``."""
    if text is None:
        return None
    match = _RELATIVE.fullmatch(text)
    if match:
        return (moments.now() - timedelta(**{_UNITS[match[2]]: int(match[1])})).isoformat()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter(
            "write 2026-01-31, 2026-01-31T06:00+09:00 or 2h", param=parameter
        ) from error
    return (moment if moment.tzinfo else moment.astimezone()).isoformat()


@run_group.command("list", epilog=EXIT_CODES_HELP)
@click.option(
    "-s", "--status", "statuses", multiple=True, type=click.Choice(STATUSES, case_sensitive=False)
)
@click.option(
    "-j",
    "--job",
    metavar="NAME",
    help="Only runs of this job, by its name in the code or its declared one.",
    shell_complete=suggestions.jobs,
)
@suggestions.location_option("Only runs of this code location.")
@click.option(
    "--tags", "tag_texts", multiple=True, metavar="KEY=VALUE", help="Only runs with this tag."
)
@click.option(
    "--since",
    callback=_moment,
    metavar="TIME",
    help="Only runs created after: ISO 8601, or 2h, 3d.",
)
@click.option(
    "--until",
    callback=_moment,
    metavar="TIME",
    help="Only runs created before: ISO 8601, or 2h, 3d.",
)
@click.option(
    "--limit",
    type=click.IntRange(1, 100_000),
    default=25,
    show_default=True,
    help="At most so many.",
)
@click.option(
    "--after",
    metavar="ID",
    help="Only runs older than this one: the next page.",
    shell_complete=suggestions.runs,
)
@output_option
@server_options
def list_runs(
    options: ServerOptions,
    statuses: Sequence[str],
    job: str | None,
    location: str | None,
    tag_texts: Sequence[str],
    since: str | None,
    until: str | None,
    limit: int,
    after: str | None,
    output: str,
) -> None:
    """List runs, newest first."""
    tags = launching.parse_tags(tag_texts)
    chosen: dict[str, Any] = {
        "statuses": [status.upper() for status in statuses] or None,
        "tags": [{"key": key, "value": value} for key, value in tags.items()] or None,
        "createdAfter": since,
        "createdBefore": until,
    }
    with options.connect() as client:
        chosen["location"] = _location_selector(client, location, options.namespace)
        if job is not None:
            declared = client.execute(
                queries.JOBS, {"namespace": options.namespace, "location": None}
            )
            is_declared = any(d["name"] == job for d in declared["declaredJobs"])
            chosen["jobResource" if is_declared else "jobName"] = job
        runs, has_more = _pages(client, chosen, limit, after)
    write_rows(runs, run_view.RUN_COLUMNS, output, nothing="no runs")
    if has_more and not is_structured(output):
        click.echo(f"more: --after {runs[-1]['runId']}", err=True)


def _pages(
    client: Client, chosen: dict[str, Any], limit: int, after: str | None
) -> tuple[list[dict[str, Any]], bool]:
    runs: list[dict[str, Any]] = []
    cursor = _full_id(client, after) if after else None
    has_more = True
    while has_more and len(runs) < limit:
        query = queries.runs(min(_PAGE, limit - len(runs)))
        page = client.execute(query, {"filter": chosen, "after": cursor})["runs"]
        runs.extend(page["runs"])
        cursor, has_more = page["endCursor"], page["hasMore"]
    return runs, has_more


def _location_selector(
    client: Client, location: str | None, namespace: str | None
) -> dict[str, str] | None:
    if location is None:
        return None
    place, _, name = location.rpartition("/")
    found = client.execute(queries.LOCATIONS, {"namespace": place or namespace})["locations"]
    matches = [entry for entry in found if entry["name"] == name]
    if len(matches) > 1:
        places = ", ".join(sorted(entry["namespace"] for entry in matches))
        raise CommandFailed(
            f"code location {name!r} is in several namespaces ({places}); choose with -n"
        )
    if not matches and not (place or namespace):
        known = ", ".join(sorted(entry["name"] for entry in found)) or "none"
        raise NotFound(f"there is no code location {name!r}; there are: {known}")
    return {
        "namespace": matches[0]["namespace"] if matches else str(place or namespace),
        "name": name,
    }


def _full_id(client: Client, text: str) -> str:
    """Return the id of the run that *text*, an id or its beginning, means."""
    return str(find(client, text, queries.RUN_HEADER)["runId"])


def find(client: Client, text: str, query: str) -> dict[str, Any]:
    """Return the run whose id is or begins with *text*.

    Raises:
        NotFound: There is none.
        CommandFailed: *text* is too short, or several runs begin so; the text is the server's.
    """
    run = client.execute(query, {"runId": text.lower()})["run"]
    if run is None:
        raise NotFound(f"there is no run {text!r}; `{program.name()} run list` shows the newest")
    found: dict[str, Any] = run
    return found


@run_group.command("show", epilog=EXIT_CODES_HELP)
@click.argument("run_id", metavar="ID", shell_complete=suggestions.runs)
@output_option
@server_options
def show(options: ServerOptions, run_id: str, output: str) -> None:
    """Show a run: its steps, why they wait, what went wrong."""
    query = queries.RUN_WITH_CONFIG if is_structured(output) else queries.RUN
    with options.connect() as client:
        run = find(client, run_id, query)
        link = client.link(f"/runs/{run['runId']}")
        notes = None if is_structured(output) else run_notes.read(client, run["runId"])
    if notes is None:
        write_structured(run, output)
        return
    run_view.show(run, notes, is_wide=output == "wide")
    drawn = time_line.lines(run)
    if drawn:
        click.echo("\n" + "\n".join(drawn))
    if link:
        click.echo(f"\n{link}")


@run_group.command("wait", epilog=EXIT_CODES_HELP)
@click.argument("run_id", metavar="ID", shell_complete=suggestions.runs)
@output_option
@server_options
def wait(options: ServerOptions, run_id: str, output: str) -> None:
    """Follow a run until it ends; Ctrl-C leaves it alone."""
    with options.connect() as client:
        jobs.follow_to_the_end(client, _full_id(client, run_id), output)


@run_group.command("reexecute", epilog=EXIT_CODES_HELP)
@click.argument("run_id", metavar="ID", shell_complete=suggestions.runs)
@click.option("--from-failure", is_flag=True, help="The steps that did not succeed; the default.")
@click.option("--all", "all_steps", is_flag=True, help="All steps.")
@click.option(
    "--steps", multiple=True, metavar="STEPS", help="Only these, as clean* or +report; repeatable."
)
@click.option("--follow", is_flag=True, help="Show progress until the run ends.")
@output_option
@server_options
def reexecute(
    options: ServerOptions,
    run_id: str,
    from_failure: bool,
    all_steps: bool,
    steps: Sequence[str],
    follow: bool,
    output: str,
) -> None:
    """Run an ended run again; steps that do not run again give their outputs."""
    if from_failure + all_steps + bool(steps) > 1:
        raise click.UsageError("give one of --from-failure, --all and --steps")
    chosen = [part.strip() for text in steps for part in text.split(",") if part.strip()]
    strategy = "ALL_STEPS" if all_steps else "SELECTED_STEPS" if steps else "FROM_FAILURE"
    with options.connect() as client:
        params = {
            "parentRunId": _full_id(client, run_id),
            "strategy": strategy,
            "stepSelection": chosen or None,
            "runId": run_ids.new_run_id(),
            "launchedBy": requester.name(),
        }
        result = client.execute(queries.REEXECUTE, {"params": params})["launchReexecution"]
        if result["__typename"] != "LaunchRunSuccess":
            raise launching.refusal(result["__typename"], result["message"])
        jobs.show_launched(client, result["run"], follow=follow, output=output)


@run_group.command("terminate", epilog=EXIT_CODES_HELP)
@click.argument(
    "run_ids", metavar="ID...", nargs=-1, required=True, shell_complete=suggestions.runs
)
@output_option
@server_options
def terminate(options: ServerOptions, run_ids: Sequence[str], output: str) -> None:
    """End runs: what is queued never starts, steps are stopped with grace."""
    ended: list[dict[str, Any]] = []
    with options.connect() as client:
        for text in run_ids:
            run_id = _full_id(client, text)
            variables = {"runId": run_id, "requestedBy": requester.name()}
            result = client.execute(queries.TERMINATE, variables)["terminateRun"]
            if result["__typename"] == "RunNotFound":
                raise NotFound(result["message"])
            ended.append(result["run"])
            if not is_structured(output):
                click.echo(f"run {run_id}  {_ended_text(result)}")
    if is_structured(output):
        write_structured(ended, output)


def _ended_text(result: dict[str, Any]) -> str:
    if result["__typename"] == "RunFinished":
        return f"had ended already: {style.status(result['run']['status'])}"
    return style.status("CANCELING") if result["isNew"] else "was asked to end before"


@run_group.command("logs", epilog=EXIT_CODES_HELP)
@click.argument("run_id", metavar="ID", shell_complete=suggestions.runs)
@click.option(
    "--step", "step_key", metavar="KEY", help="Only this step.", shell_complete=suggestions.steps
)
@click.option("-f", "--follow", is_flag=True, help="Go on until the run ends.")
@click.option(
    "--stream",
    type=click.Choice(["events", "stdout", "stderr"]),
    default="events",
    show_default=True,
    help="The log of the run, or what its steps printed.",
)
@click.option(
    "--attempt",
    type=click.IntRange(1),
    metavar="N",
    help="With --stream: only this attempt; default: all, one after the other.",
)
@click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    help="json: a line per event.",
)
@server_options
def logs(
    options: ServerOptions,
    run_id: str,
    step_key: str | None,
    follow: bool,
    stream: str,
    attempt: int | None,
    output: str,
) -> None:
    """Print the log of a run, or the standard output or error of its steps."""
    if stream == "events" and attempt is not None:
        raise click.UsageError("--attempt chooses among what steps printed: give --stream too")
    if stream != "events" and output == "json":
        raise click.UsageError("-o json shows events; leave --stream away")
    with options.connect() as client:
        full_id = _full_id(client, run_id)
        if step_key is not None:
            run_logs.check_step(client, full_id, step_key)
        if stream == "events":
            run_logs.print_events(
                client, full_id, step_key, follow=follow, as_json=output == "json"
            )
        else:
            run_logs.print_stream(client, full_id, step_key, stream, follow=follow, attempt=attempt)


@run_group.command("output", epilog=EXIT_CODES_HELP)
@click.argument("run_id", metavar="ID", shell_complete=suggestions.runs)
@click.argument("step_key", metavar="STEP", shell_complete=suggestions.steps)
@click.option("--name", default="result", show_default=True, help="Of the output.")
@click.option("--mapping-key", help="Of one member of a dynamic output.")
@click.option(
    "--to",
    "target",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="File to write; default: standard output.",
)
@click.option("--raw", is_flag=True, help="The stored bytes, a pickle, as they are.")
@server_options
def output(
    options: ServerOptions,
    run_id: str,
    step_key: str,
    name: str,
    mapping_key: str | None,
    target: Path | None,
    raw: bool,
) -> None:
    """Fetch what a step stored at the instance's artifact endpoint: text and bytes as a file, the rest as JSON."""
    with options.connect() as client:
        full_id = _full_id(client, run_id)
        data = b"".join(client.stream(_output_path(full_id, step_key, name, mapping_key)))
        if not data:
            raise _no_output(client, full_id, step_key, name)
    if not raw:
        try:
            data = stored_value.as_bytes(stored_value.read_plain(data))
        except stored_value.NotPlain as error:
            raise CommandFailed(
                f"output {name!r} of {step_key} is not plain text, bytes or numbers: it needs {error}; "
                "load it by the code that made it, from the bytes that --raw gives"
            ) from error
    if target is None:
        sys.stdout.buffer.write(data)
    else:
        target.write_bytes(data)
        click.echo(f"{target}  ({len(data)} bytes)")


def _no_output(client: Client, run_id: str, step_key: str, name: str) -> NotFound:
    """Return the error for an output that is not there: no such step, one that has not succeeded, or stored elsewhere."""
    step = run_logs.check_step(client, run_id, step_key)
    status = step["status"]
    if status != "SUCCESS":
        why = {
            "FAILURE": f"it failed; `{program.name()} run show {run_id}` says why",
            "SKIPPED": "it was skipped",
            "CANCELED": "it was cancelled",
        }.get(status, f"it has not ended: {status}")
        return NotFound(f"step {step_key!r} of run {run_id} has stored no output: {why}")
    known = f"step {step_key!r} of run {run_id} succeeded, but stored no output {name!r} at the artifact endpoint"
    addresses = run_logs.output_addresses(client, run_id, step_key, name)
    if not addresses:
        return NotFound(f"{known}; no event of the step says that it was stored elsewhere")
    shown = ", ".join(map(style.safe_line, addresses[:_MOST_ADDRESSES]))
    more = f" and {len(addresses) - _MOST_ADDRESSES} more" if addresses[_MOST_ADDRESSES:] else ""
    return NotFound(f"{known}: fetch it from where its I/O manager stored it: {shown}{more}")


def _output_path(run_id: str, step_key: str, name: str, mapping_key: str | None) -> str:
    parts = "/".join(urllib.parse.quote(part, safe="") for part in (step_key, name))
    query = f"?{urllib.parse.urlencode({'mapping_key': mapping_key})}" if mapping_key else ""
    return f"/api/v1/runs/{run_id}/outputs/{parts}{query}"
