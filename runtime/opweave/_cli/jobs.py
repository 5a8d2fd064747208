"""``opweave job``: list, print, scaffold the config of, launch and execute jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from opweave._cli import (
    code,
    execution,
    launching,
    program,
    progress,
    queries,
    run_config,
    style,
    suggestions,
)
from opweave._cli.failures import EXIT_CODES_HELP, EXIT_INTERRUPTED, NotFound
from opweave._cli.graphql import Client
from opweave._cli.output import Column, is_structured, output_option, write_rows, write_structured
from opweave._cli.server import ServerOptions, server_options


@click.group("job", epilog=EXIT_CODES_HELP)
def job_group() -> None:
    """Launch jobs and look at what there is to launch."""


def _location(job: Mapping[str, Any]) -> str:
    place = job["location"]
    return (
        place["name"] if place["namespace"] == "local" else f"{place['namespace']}/{place['name']}"
    )


_COLUMNS = (
    Column("JOB", lambda job: job["name"]),
    Column("LOCATION", _location),
    Column("DECLARED AS", lambda job: ",".join(job["declaredAs"])),
    Column("STEPS", lambda job: str(len(job["stepKeys"]))),
    Column("CONFIG", lambda job: "required" if job["requiresConfig"] else "optional"),
    Column("DESCRIPTION", lambda job: (job["description"] or "").strip().partition("\n")[0][:60]),
    Column("TAGS", lambda job: ",".join(f"{k}={v}" for k, v in job["tags"].items()), is_wide=True),
)


@job_group.command("list", epilog=EXIT_CODES_HELP)
@output_option
@suggestions.location_option("Only the jobs of this code location.")
@code.code_options
@server_options
def list_jobs(options: ServerOptions, location: str | None, output: str, **given: Any) -> None:
    """List the jobs that can be launched; with -f or -m those of that code, without a server."""
    named = code.Code(**given)
    if named.is_given:
        found: dict[str, Any] = {"jobs": code.listed(named.load()), "declaredJobs": []}
    else:
        with options.connect() as client:
            variables = {"namespace": options.namespace, "location": location}
            found = client.execute(queries.JOBS, variables)
    rows = [_row(job, found["declaredJobs"]) for job in found["jobs"]]
    write_rows(rows, _COLUMNS, output, nothing="no jobs: no code location has loaded one")


def _row(job: Mapping[str, Any], declared: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    key = (job["location"]["namespace"], job["location"]["name"], job["name"])
    return {
        **{k: job[k] for k in ("name", "location", "description", "requiresConfig")},
        "stepKeys": [step["stepKey"] for step in job["steps"]],
        "tags": {tag["key"]: tag["value"] for tag in job["tags"]},
        "declaredAs": [
            d["name"] for d in declared if (d["namespace"], d["locationName"], d["jobName"]) == key
        ],
    }


@job_group.command("print", epilog=EXIT_CODES_HELP)
@click.argument("name", shell_complete=suggestions.jobs)
@output_option
@suggestions.location_option("Code location of the job.")
@code.code_options
@server_options
def print_job(
    options: ServerOptions, name: str, location: str | None, output: str, **given: Any
) -> None:
    """Print the steps of a job and what each waits for; with -f or -m of that code, without a server."""
    named = code.Code(**given)
    if named.is_given:
        found: dict[str, Any] = {"jobs": code.listed(named.load()), "declaredJobs": []}
    else:
        with options.connect() as client:
            variables = {"namespace": options.namespace, "location": location}
            found = client.execute(queries.JOB, variables)
    names = {name, *(d["jobName"] for d in found["declaredJobs"] if d["name"] == name)}
    jobs = [job for job in found["jobs"] if job["name"] in names]
    if not jobs:
        known = ", ".join(sorted(job["name"] for job in found["jobs"])) or "none"
        raise NotFound(f"there is no job {name!r}; there are: {known}")
    if is_structured(output):
        write_structured(jobs[0] if len(jobs) == 1 else jobs, output)
        return
    for job in jobs:
        place = f"  location {_location(job)}" if not named.is_given else ""
        click.echo(f"{style.bold(style.safe_line(job['name']))}{place}")
        if job["description"]:
            click.echo(f"  {style.safe_line(job['description'])}")
        width = max(len(step["stepKey"]) for step in job["steps"]) if job["steps"] else 0
        for step in job["steps"]:
            upstream = ", ".join(step["upstreamKeys"])
            after = f"  after {upstream}" if upstream else ""
            click.echo(style.safe(f"  {step['stepKey']:<{width}}{after}".rstrip()))


@job_group.command("scaffold-config", epilog=EXIT_CODES_HELP)
@click.argument("name", shell_complete=suggestions.jobs)
@suggestions.location_option("Code location of the job.")
@code.code_options
@server_options
def scaffold_config(options: ServerOptions, name: str, location: str | None, **given: Any) -> None:
    """Print a complete example of a job's run config, with types and defaults; with -f or -m without a server."""
    named = code.Code(**given)
    if named.is_given:
        from opweave.config.scaffold import scaffold_job

        text = scaffold_job(code.job_of(named.load(), name), include_defaults=True)
        click.echo(style.safe(text).rstrip("\n"))
        return
    with options.connect() as client:
        job = launching.job_selector(client, name, namespace=options.namespace, location=location)
        result = client.execute(queries.SCAFFOLD, {"job": job})["scaffoldRunConfig"]
    if result["__typename"] != "RunConfigScaffold":
        raise launching.refusal(result["__typename"], result["message"])
    click.echo(style.safe(result["yaml"]).rstrip("\n"))


@job_group.command("launch", epilog=EXIT_CODES_HELP)
@click.argument("name", shell_complete=suggestions.jobs)
@run_config.config_option
@run_config.config_json_option
@click.option(
    "--tags",
    "tag_texts",
    multiple=True,
    metavar="KEY=VALUE",
    help="Tag of the run; may be repeated.",
)
@click.option(
    "--op-selection", multiple=True, metavar="OPS", help="Only these ops, with commas or repeated."
)
@click.option("--priority", type=int, help="Place in the queue; higher starts first.")
@suggestions.location_option("Code location of the job.")
@click.option("--follow", is_flag=True, help="Show progress until the run ends.")
@output_option
@server_options
def launch(
    options: ServerOptions,
    name: str,
    config_files: Sequence[Path],
    config_texts: Sequence[str],
    tag_texts: Sequence[str],
    op_selection: Sequence[str],
    priority: int | None,
    location: str | None,
    follow: bool,
    output: str,
) -> None:
    """Launch a run of a job, in code or declared; Ctrl-C while following leaves the run alone."""
    config = run_config.read(config_files, config_texts)
    tags = launching.parse_tags(tag_texts)
    selection = [part.strip() for text in op_selection for part in text.split(",") if part.strip()]
    with options.connect() as client:
        job = launching.job_selector(client, name, namespace=options.namespace, location=location)
        run = launching.launch(
            client, job, config, tags=tags, op_selection=selection, priority=priority
        )
        show_launched(client, run, follow=follow, output=output)


def show_launched(client: Client, run: Mapping[str, Any], *, follow: bool, output: str) -> None:
    """Print the launched *run*, or *follow* it to its end."""
    if not follow:
        _print_launched(run, client.link(f"/runs/{run['runId']}"), output)
        return
    click.echo(
        f"run {run['runId']}  {style.safe_line(run['jobName'])}  location {_location(run)}",
        err=is_structured(output),
    )
    follow_to_the_end(client, run["runId"], output)


def follow_to_the_end(client: Client, run_id: str, output: str) -> None:
    """Follow a run and exit with its code; Ctrl-C stops following and says that the run goes on."""
    context = click.get_current_context()
    try:
        if is_structured(output):
            context.exit(progress.wait_structured(client, run_id, output))
        context.exit(progress.follow(client, run_id))
    except KeyboardInterrupt:
        program_name = program.name()
        click.echo(
            f"\nstopped following; the run goes on. See it again: {program_name} run show {run_id}; "
            f"end it: {program_name} run terminate {run_id}",
            err=True,
        )
        context.exit(EXIT_INTERRUPTED)


def _print_launched(run: Mapping[str, Any], link: str, output: str) -> None:
    """Print a run that was launched, and how to go on."""
    if is_structured(output):
        write_structured(run, output)
        return
    click.echo(f"run {run['runId']}  {style.safe_line(run['jobName'])}  location {_location(run)}")
    follow_it = f"follow it: {program.name()} run wait {run['runId']}"
    click.echo("   ".join(filter(None, (style.status(run["status"]), link, follow_it))))


job_group.add_command(execution.execute)
