"""``opweave asset``: list, show, make, report and forget assets, and what is made of what."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from opweave._cli import (
    launching,
    moments,
    queries,
    requester,
    run_config,
    style,
    suggestions,
)
from opweave._cli.failures import EXIT_CODES_HELP, CommandFailed, NotFound
from opweave._cli.graphql import Client
from opweave._cli.jobs import show_launched
from opweave._cli.output import Column, is_structured, output_option, write_rows, write_structured
from opweave._cli.server import ServerOptions, server_options
from opweave.errors import did_you_mean

ASSET_JOB = "__ASSET_JOB"
MAX_LINEAGE_LEVELS = 20


@click.group("asset", epilog=EXIT_CODES_HELP)
def asset_group() -> None:
    """Look at assets, make them and report them."""


def _places(asset: Mapping[str, Any]) -> str:
    return ",".join(place["name"] for place in asset["locations"][:1]) or "-"


def _last(asset: Mapping[str, Any]) -> str:
    event = asset["latestMaterialization"] or asset["latestObservation"]
    return moments.age(event["timestamp"]) if event else "never"


def _status(asset: Mapping[str, Any]) -> str:
    return "EXTERNAL" if asset["isExternal"] else str(asset["staleStatus"])


def _checks(asset: Mapping[str, Any]) -> str:
    """Return how many checks passed of how many there are."""
    if not asset["checks"]:
        return ""
    passed = [c for c in asset["checks"] if (c["lastEvaluation"] or {}).get("passed")]
    return f"{len(passed)}/{len(asset['checks'])}"


_COLUMNS = (
    Column("ASSET", lambda asset: asset["key"]),
    Column("GROUP", lambda asset: asset["group"]),
    Column("LOCATION", _places),
    Column("STATUS", _status),
    Column("LAST", _last),
    Column("CHECKS", _checks),
    Column("KINDS", lambda asset: ",".join(asset["kinds"])),
    Column("OWNERS", lambda asset: ",".join(asset["owners"]), is_wide=True),
    Column("JOBS", lambda asset: ",".join(asset["jobNames"]), is_wide=True),
)


@asset_group.command("list", epilog=EXIT_CODES_HELP)
@click.option("--group", help="Only the assets of this group.")
@click.option("--kind", help="Only the assets of this kind.")
@click.option("--stale", is_flag=True, help="Only those that are stale.")
@suggestions.location_option("Only the assets of this code location.")
@output_option
@server_options
def list_assets(
    options: ServerOptions,
    group: str | None,
    kind: str | None,
    stale: bool,
    location: str | None,
    output: str,
) -> None:
    """List assets."""
    where = {
        "group": group,
        "kind": kind,
        "locationName": location,
        "staleStatus": "STALE" if stale else None,
    }
    with options.connect() as client:
        found = list(_pages(client, queries.ASSETS, {"filter": where}))
    write_rows(found, _COLUMNS, output, nothing="no assets")


def _pages(client: Client, query: str, variables: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    after = None
    while True:
        page = client.execute(query, {**variables, "after": after})["assets"]
        yield from page["assets"]
        if not page["hasMore"]:
            return
        after = page["endCursor"]


@asset_group.command("show", epilog=EXIT_CODES_HELP)
@click.argument("key")
@output_option
@server_options
def show(options: ServerOptions, key: str, output: str) -> None:
    """Show an asset: what it is made of, what was written last, and how it stands."""
    with options.connect() as client:
        asset = client.execute(queries.ASSET, {"key": key})["asset"]
        if asset is None:
            raise _not_found(client, key)
    if is_structured(output):
        write_structured(asset, output)
        return
    click.echo("\n".join(style.safe(line) for line in _described(asset)))


def _not_found(client: Client, key: str) -> NotFound:
    known = [asset["key"] for asset in _pages(client, queries.ASSET_LINEAGE, {})]
    return NotFound(f"there is no asset {key!r}{did_you_mean(key, known)}")


def _described(asset: Mapping[str, Any]) -> Iterator[str]:
    yield f"{style.bold(asset['key'])}  {_status(asset)}  location {_places(asset)}"
    if asset["description"]:
        yield f"  {asset['description'].strip().partition(chr(10))[0]}"
    for title, values in (
        ("made of", asset["upstreamKeys"]),
        ("feeds", asset["downstreamKeys"]),
        ("owners", asset["owners"]),
        ("jobs", asset["jobNames"]),
    ):
        if values:
            yield f"  {title:<8} {', '.join(values)}"
    for cause in asset["staleCauses"]:
        yield f"  stale    {cause['reason']}"
    event = asset["latestMaterialization"] or asset["latestObservation"]
    if event:
        where = f"run {event['runId']}" if event["runId"] else "reported from outside"
        yield f"  last     {moments.age(event['timestamp'])} ago, {where}"
        for label, item in event["metadata"].items():
            yield f"           {label}: {_shown(item)}"
    for check in asset["checks"]:
        verdict = check["lastEvaluation"]
        told = "never" if not verdict else ("passed" if verdict["passed"] else "failed")
        severity = f" ({verdict['severity']})" if verdict and not verdict["passed"] else ""
        yield f"  check    {check['name']}: {told}{severity}"


def _shown(item: Any) -> str:
    value = item.get("value") if isinstance(item, dict) else item
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    line = " ".join(text.split())
    return line if len(line) <= 80 else f"{line[:77]}..."


@asset_group.command("materialize", epilog=EXIT_CODES_HELP)
@click.argument("selection", nargs=-1)
@click.option(
    "--stale", is_flag=True, help="Only those of the selection that are stale or missing."
)
@run_config.config_option
@run_config.config_json_option
@click.option(
    "--tags",
    "tag_texts",
    multiple=True,
    metavar="KEY=VALUE",
    help="Tag of the run; may be repeated.",
)
@click.option("--priority", type=int, help="Place in the queue; higher starts first.")
@suggestions.location_option("Code location of the assets.")
@click.option("--follow", is_flag=True, help="Show progress until the run ends.")
@output_option
@server_options
def materialize(
    options: ServerOptions,
    selection: Sequence[str],
    stale: bool,
    config_files: Sequence[Path],
    config_texts: Sequence[str],
    tag_texts: Sequence[str],
    priority: int | None,
    location: str | None,
    follow: bool,
    output: str,
) -> None:
    """Make assets: keys or selections as `+report`, `group:lake and kind:duckdb`; all of the location without any."""
    config = run_config.read(config_files, config_texts)
    tags = launching.parse_tags(tag_texts)
    with options.connect() as client:
        place = _place(client, options.namespace, location, selection)
        chosen = _only_stale(client, place, selection) if stale else list(selection) or ["*"]
        if not chosen:
            click.echo("nothing is stale: no run was launched", err=True)
            return
        run = launching.launch(
            client,
            {**place, "jobName": ASSET_JOB},
            config,
            tags=tags,
            op_selection=(),
            priority=priority,
            asset_selection=chosen,
        )
        show_launched(client, run, follow=follow, output=output)


def _place(
    client: Client, namespace: str | None, location: str | None, selection: Sequence[str]
) -> dict[str, str | None]:
    """Return the location whose assets are meant: the named one, else the one that makes the first known key."""
    if location is not None:
        within, _, name = location.rpartition("/")
        return {"namespace": within or namespace, "locationName": name}
    keys = [text.strip("+*") for text in selection]
    for asset in _pages(client, queries.ASSETS, {"filter": {"keys": keys}} if keys else {}):
        if asset["locations"] and not asset["isExternal"]:
            place = asset["locations"][0]
            return {"namespace": place["namespace"], "locationName": place["name"]}
    return {"namespace": namespace, "locationName": None}


def _only_stale(
    client: Client, place: Mapping[str, str | None], selection: Sequence[str]
) -> list[str]:
    """Return the keys that are stale or missing among the assets of *place*; *selection* may name keys only."""
    found = _pages(client, queries.ASSETS, {"filter": {"locationName": place["locationName"]}})
    wanted = set(selection)
    return [
        asset["key"]
        for asset in found
        if not asset["isExternal"]
        and not asset["isObservable"]
        and asset["staleStatus"] != "FRESH"
        and (not wanted or asset["key"] in wanted)
    ]


@asset_group.command("lineage", epilog=EXIT_CODES_HELP)
@click.argument("key")
@click.option("--down", is_flag=True, help="What is made of it, instead of what it is made of.")
@click.option("--depth", type=click.IntRange(1, MAX_LINEAGE_LEVELS), default=MAX_LINEAGE_LEVELS)
@output_option
@server_options
def lineage(options: ServerOptions, key: str, down: bool, depth: int, output: str) -> None:
    """Show what an asset is made of, across locations."""
    with options.connect() as client:
        known = {asset["key"]: asset for asset in _pages(client, queries.ASSET_LINEAGE, {})}
        if key not in known:
            raise NotFound(f"there is no asset {key!r}{did_you_mean(key, known)}")
    field = "downstreamKeys" if down else "upstreamKeys"
    lines = list(_tree(known, key, field, depth))
    if is_structured(output):
        reached = {found: known[found][field] for _, found, _ in lines if found in known}
        write_structured(reached, output)
        return
    for level, found, is_again in lines:
        again = "  (above)" if is_again else ""
        status = _status(known[found]) if found in known else "UNKNOWN"
        click.echo(style.safe(f"{'  ' * level}{found}  {status}{again}"))


def _tree(
    known: Mapping[str, Mapping[str, Any]], key: str, field: str, depth: int
) -> Iterator[tuple[int, str, bool]]:
    """Yield level, key and whether it was shown already, depth first; what was shown is not opened again."""
    shown: set[str] = set()
    waiting = [(0, key)]
    while waiting:
        level, current = waiting.pop()
        is_again = current in shown
        yield level, current, is_again
        shown.add(current)
        if not is_again and level < depth and current in known:
            waiting += [(level + 1, other) for other in reversed(known[current][field])]


@asset_group.command("report", epilog=EXIT_CODES_HELP)
@click.argument("key")
@click.option("--observation", is_flag=True, help="It was seen, not written.")
@click.option("--check", "check_name", help="Report the verdict of this check.")
@click.option("--passed/--failed", default=True, help="The verdict.")
@click.option("--severity", type=click.Choice(["WARN", "ERROR"]), default="ERROR")
@click.option("--metadata", "metadata_text", metavar="JSON", help="An object of values by label.")
@click.option("--data-version", help="A text that changes when the data does.")
@click.option("--description", help="In words.")
@output_option
@server_options
def report(
    options: ServerOptions,
    key: str,
    observation: bool,
    check_name: str | None,
    passed: bool,
    severity: str,
    metadata_text: str | None,
    data_version: str | None,
    description: str | None,
    output: str,
) -> None:
    """Report that something outside of any run wrote, saw or checked an asset."""
    if observation and check_name:
        raise click.UsageError("--observation and --check: give one of them")
    kind = "CHECK" if check_name else ("OBSERVATION" if observation else "MATERIALIZATION")
    told = {
        "key": key,
        "kind": kind,
        "description": description,
        "metadata": _metadata(metadata_text),
        "dataVersion": data_version,
        "checkName": check_name,
        "passed": passed,
        "severity": severity,
        "reportedBy": requester.name(),
    }
    with options.connect() as client:
        result = client.execute(queries.REPORT_ASSET, {"report": told})["reportAsset"]
    if result["__typename"] != "AssetReported":
        raise CommandFailed(result["message"])
    if is_structured(output):
        write_structured(result["event"], output)
    else:
        click.echo(f"reported {kind.lower()} of {style.safe_line(key)}")


def _metadata(text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    try:
        value = json.loads(text)
    except ValueError as error:
        raise click.UsageError(f"--metadata is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise click.UsageError("--metadata: give a JSON object, as '{\"rows\": 3}'")
    return value


@asset_group.command("wipe", epilog=EXIT_CODES_HELP)
@click.argument("key")
@click.option("--yes", is_flag=True, help="Do not ask.")
@server_options
def wipe(options: ServerOptions, key: str, yes: bool) -> None:
    """Forget the whole history of an asset; what I/O managers stored stays."""
    if not yes:
        click.confirm(f"forget the history of {style.safe_line(key)}?", abort=True)
    with options.connect() as client:
        result = client.execute(queries.WIPE_ASSET, {"key": key})["wipeAsset"]
    told = "wiped" if result["wasKnown"] else "nothing was known of"
    click.echo(f"{told} {style.safe_line(key)}")
