"""``opweave schedule`` and ``opweave sensor``: what there is, whether it ticks, what its ticks came to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from opweave._cli import moments, queries
from opweave._cli.failures import EXIT_CODES_HELP, CommandFailed, NotFound
from opweave._cli.output import Column, output_option, write_rows
from opweave._cli.server import ServerOptions, server_options


@click.group("schedule", epilog=EXIT_CODES_HELP)
def schedule_group() -> None:
    """Look at schedules, start and stop them."""


@click.group("sensor", epilog=EXIT_CODES_HELP)
def sensor_group() -> None:
    """Look at sensors, start and stop them."""


def _target(found: Mapping[str, Any]) -> str:
    return str(found["jobResource"] or ", ".join(found["jobNames"]))


def _last(found: Mapping[str, Any]) -> str:
    ticks = found["ticks"]["ticks"]
    return f"{ticks[0]['status']} {moments.age(ticks[0]['timestamp'])} ago" if ticks else ""


def _next(found: Mapping[str, Any]) -> str:
    return str(found["nextTicks"][0]) if found["nextTicks"] and found["isRunning"] else ""


_COMMON = (
    Column("NAME", lambda found: found["name"]),
    Column("LOCATION", lambda found: found["locationName"] or ""),
    Column("STATE", lambda found: "RUNNING" if found["isRunning"] else "STOPPED"),
)
_COLUMNS = {
    "SCHEDULE": (
        *_COMMON,
        Column("CRON", lambda found: "; ".join(found["crons"])),
        Column("ZONE", lambda found: found["timeZone"] or ""),
        Column("NEXT", _next),
    ),
    "SENSOR": (*_COMMON, Column("EVERY", lambda found: f"{found['intervalSeconds']} s")),
}
_LAST = (
    Column("LAST TICK", _last),
    Column("JOB", _target),
    Column("NOTE", lambda found: found["problem"][:100]),
    Column("NAMESPACE", lambda found: found["namespace"], is_wide=True),
    Column("DECLARED AS", lambda found: found["declaredAs"] or "", is_wide=True),
)
_TICK_COLUMNS = (
    Column("TICK", lambda tick: tick["timestamp"]),
    Column("STATUS", lambda tick: tick["status"], is_status=True),
    Column("RUNS", lambda tick: str(tick["runCount"])),
    Column("WHY", lambda tick: (tick["error"] or tick["skipReason"])[:100]),
    Column("RUN IDS", lambda tick: ", ".join(tick["runIds"][:5]), is_wide=True),
)


def _list(kind: str, options: ServerOptions, output: str) -> None:
    variables = {"kind": kind, "namespace": options.namespace}
    with options.connect() as client:
        found = client.execute(queries.INSTIGATORS, variables)["instigators"]
    write_rows(found, (*_COLUMNS[kind], *_LAST), output, nothing=f"no {kind.lower()}s")


def _one(client: Any, query: str, kind: str, options: ServerOptions, name: str) -> dict[str, Any]:
    """Return the schedule or sensor that people call *name* or LOCATION/NAME; Any: a client, or a double of one."""
    location, _, short = name.rpartition("/")
    variables = {"kind": kind, "namespace": options.namespace, "name": short}
    found = client.execute(query, variables)["instigators"]
    found = [f for f in found if location in ("", f["locationName"])]
    if not found:
        raise NotFound(
            f"there is no {kind.lower()} {name!r}; `opweave {kind.lower()} list` shows which there are"
        )
    if len(found) > 1:
        places = ", ".join(f"{f['namespace']}/{f['locationName'] or ''}" for f in found)
        raise CommandFailed(f"{name!r} exists several times ({places}): write LOCATION/NAME")
    chosen: dict[str, Any] = found[0]
    return chosen


def _selector(kind: str, found: Mapping[str, Any]) -> dict[str, Any]:
    return {"kind": kind, **{key: found[key] for key in ("namespace", "locationName", "name")}}


def _set_running(kind: str, options: ServerOptions, name: str, *, is_running: bool) -> None:
    with options.connect() as client:
        found = _one(client, queries.INSTIGATORS, kind, options, name)
        variables = {"instigator": _selector(kind, found), "isRunning": is_running}
        result = client.execute(queries.SET_RUNNING, variables)["setInstigatorRunning"]
    if "message" in result:
        raise CommandFailed(result["message"])
    click.echo(f"{kind.lower()} {name} is {'running' if result['isRunning'] else 'stopped'}")


def _ticks(kind: str, options: ServerOptions, name: str, output: str) -> None:
    with options.connect() as client:
        found = _one(client, queries.TICKS, kind, options, name)
    write_rows(found["ticks"]["ticks"], _TICK_COLUMNS, output, nothing="no ticks yet")


def _register(group: click.Group, kind: str) -> None:
    """Give *group* the commands that both kinds have."""
    noun = kind.lower()

    @group.command("list", epilog=EXIT_CODES_HELP, help=f"List {noun}s.")
    @output_option
    @server_options
    def list_all(options: ServerOptions, output: str) -> None:
        _list(kind, options, output)

    @group.command("start", epilog=EXIT_CODES_HELP, help=f"Start a {noun} that is defined in code.")
    @click.argument("name")
    @server_options
    def start(options: ServerOptions, name: str) -> None:
        _set_running(kind, options, name, is_running=True)

    @group.command("stop", epilog=EXIT_CODES_HELP, help=f"Stop a {noun} that is defined in code.")
    @click.argument("name")
    @server_options
    def stop(options: ServerOptions, name: str) -> None:
        _set_running(kind, options, name, is_running=False)

    @group.command("ticks", epilog=EXIT_CODES_HELP, help=f"Show the newest ticks of a {noun}.")
    @click.argument("name")
    @output_option
    @server_options
    def ticks(options: ServerOptions, name: str, output: str) -> None:
        _ticks(kind, options, name, output)


_register(schedule_group, "SCHEDULE")
_register(sensor_group, "SENSOR")


@schedule_group.command("preview", epilog=EXIT_CODES_HELP)
@click.argument("name")
@server_options
def preview(options: ServerOptions, name: str) -> None:
    """Show when a schedule ticks next."""
    with options.connect() as client:
        found = _one(client, queries.INSTIGATORS, "SCHEDULE", options, name)
    if found["problem"]:
        raise CommandFailed(found["problem"])
    for moment in found["nextTicks"]:
        click.echo(moment)


@sensor_group.command("cursor", epilog=EXIT_CODES_HELP)
@click.argument("name")
@click.option("--set", "value", help="The cursor from which it goes on.")
@click.option("--delete", "is_deleted", is_flag=True, help="Let it begin anew.")
@server_options
def cursor(options: ServerOptions, name: str, value: str | None, is_deleted: bool) -> None:
    """Show the cursor of a sensor, or set it."""
    if value is not None and is_deleted:
        raise CommandFailed("--set and --delete exclude each other")
    with options.connect() as client:
        found = _one(client, queries.INSTIGATORS, "SENSOR", options, name)
        if value is not None or is_deleted:
            variables = {"instigator": _selector("SENSOR", found), "cursor": value}
            found = client.execute(queries.SET_CURSOR, variables)["setSensorCursor"]
    if "message" in found:
        raise CommandFailed(found["message"])
    if found["cursor"] is not None:
        click.echo(found["cursor"])
