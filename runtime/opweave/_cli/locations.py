"""``opweave location``: what is loaded, and why something is not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from opweave._cli import moments, queries, style, suggestions
from opweave._cli.failures import EXIT_CODES_HELP, NotFound
from opweave._cli.output import Column, is_structured, output_option, write_rows, write_structured
from opweave._cli.server import ServerOptions, server_options


@click.group("location", epilog=EXIT_CODES_HELP)
def location_group() -> None:
    """Look at code locations."""


def _failure(location: Mapping[str, Any]) -> str:
    failure = location["loadFailure"]
    return f"{failure['reason']}: {failure['message']}" if failure else ""


def _is_ready(location: Mapping[str, Any]) -> bool:
    """Return what kubectl shows as Ready: False while the newest version cannot be loaded, even if an older one serves."""
    return bool(location["isServing"]) and not location["loadFailure"]


def _note(location: Mapping[str, Any]) -> str:
    """Return why it does not serve, or what is wrong beside that it does; empty when all is well."""
    if location["loadFailure"]:
        return f"{'previous version serves; ' if location['isServing'] else ''}{_failure(location)}"
    return "" if location["isServing"] else "still loading"


_COLUMNS = (
    Column("NAME", lambda location: location["name"]),
    Column("NAMESPACE", lambda location: location["namespace"]),
    Column("READY", lambda location: str(_is_ready(location))),
    Column("JOBS", lambda location: str(len(location["jobs"]))),
    Column("ASSETS", lambda location: str(len(location["assets"]))),
    Column("VERSION", lambda location: location["definitionsHash"][:7]),
    Column("LOADED", lambda location: moments.age(location["loadedTime"])),
    Column("NOTE", lambda location: _note(location)[:100]),
    Column("IMAGE", lambda location: location["image"], is_wide=True),
    Column("RUNTIME", lambda location: location["runtimeVersion"], is_wide=True),
)


@location_group.command("list", epilog=EXIT_CODES_HELP)
@output_option
@server_options
def list_locations(options: ServerOptions, output: str) -> None:
    """List code locations."""
    with options.connect() as client:
        found = client.execute(queries.LOCATIONS, {"namespace": options.namespace})["locations"]
    write_rows(found, _COLUMNS, output, nothing="no code locations")


@location_group.command("show", epilog=EXIT_CODES_HELP)
@click.argument("name", shell_complete=suggestions.locations)
@output_option
@server_options
def show(options: ServerOptions, name: str, output: str) -> None:
    """Show a code location, with the traceback when it cannot be loaded."""
    namespace, _, short = name.rpartition("/")
    with options.connect() as client:
        variables = {"namespace": namespace or options.namespace}
        found = client.execute(queries.LOCATIONS, variables)["locations"]
    matches = [location for location in found if location["name"] == short]
    if not matches:
        known = ", ".join(sorted(location["name"] for location in found)) or "none"
        raise NotFound(f"there is no code location {name!r}; there are: {known}")
    if is_structured(output):
        write_structured(matches[0] if len(matches) == 1 else matches, output)
        return
    for location in matches:
        _print(location)


def _print(location: Mapping[str, Any]) -> None:
    click.echo(
        f"location  {style.bold(style.safe_line(location['name']))}  ({location['namespace']})"
    )
    if location["loadFailure"]:
        note = "  the previous version serves" if location["isServing"] else ""
    else:
        note = "" if location["isServing"] else "  still loading"
    click.echo(f"ready     {_is_ready(location)}{note}")
    if location["definitionsHash"]:
        click.echo(
            f"version   {location['definitionsHash'][:12]}  loaded {moments.age(location['loadedTime'])} ago"
        )
    if location["image"]:
        click.echo(f"image     {style.safe_line(location['image'])}")
    for kind in ("assets", "schedules", "sensors"):
        if location[kind]:
            click.echo(f"{kind:<10}{style.safe_line(', '.join(location[kind]))}")
    for job in location["jobs"]:
        description = style.safe_line(job["description"] or "")
        click.echo(f"job       {style.safe_line(job['name'])}  {description}".rstrip())
    failure = location["loadFailure"]
    if failure:
        click.echo(style.status(f"\n{style.safe_line(_failure(location))}", "FAILURE"))
        for part in (failure["traceback"], failure["output"]):
            if part:
                click.echo("\n" + style.safe(part).rstrip())
        if location["isServing"]:
            click.echo("\nThe previous version keeps serving.")
