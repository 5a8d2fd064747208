"""Commands of the operator package: ``opweave dev``, ``opweave operator`` and ``opweave instance``.

They are entry points of the group ``opweave.commands``; the command line imports this module when one is called, and what
a command needs is imported when it runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import signal
from collections.abc import Callable, Coroutine, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

import click

from opweave_operator import ports, preflight, settings
from opweave_operator.errors import OperatorError
from opweave_operator.settings import LocalSettings, OperatorSettings

EXIT_USAGE = 2
DEFAULT_PORT = 3000
DATABASE_NAME = "opweave.db"
_MANIFEST_SUFFIXES = {".yaml", ".yml", ".json"}


class CommandFailed(click.ClickException):
    """The command cannot do what it was asked; the text says what, where and how to mend it."""

    exit_code = EXIT_USAGE


_CODE_OPTIONS = (
    click.option(
        "-f",
        "--file",
        "files",
        multiple=True,
        type=click.Path(exists=True, path_type=Path),
        help="Python file with definitions, or manifests (.yaml, .json, a directory); may be repeated.",
    ),
    click.option(
        "-m",
        "--module",
        "modules",
        multiple=True,
        metavar="NAME",
        help="Python module with definitions; may be repeated.",
    ),
    click.option(
        "-a",
        "--attribute",
        metavar="NAME",
        help="Name of the definitions in the file or module; default: its only Definitions.",
    ),
    click.option(
        "-w",
        "--workspace",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="A workspace.yaml.",
    ),
    click.option(
        "-d",
        "--working-directory",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="First on the import path of the definitions; default: the current directory.",
    ),
)
Command = TypeVar("Command", bound=Callable[..., Any])


def code_options(command: Command) -> Command:
    """Give *command* the options that name code locations."""
    for option in reversed(_CODE_OPTIONS):
        command = option(command)
    return command


def manifests_among(files: tuple[Path, ...]) -> tuple[Path, ...]:
    """Return those given with ``-f`` that hold custom resources, by their names."""
    return tuple(
        path for path in files if path.is_dir() or path.suffix.lower() in _MANIFEST_SUFFIXES
    )


def without_manifests(files: tuple[Path, ...]) -> tuple[Path, ...]:
    """Return those given with ``-f`` that hold Python."""
    manifests = manifests_among(files)
    return tuple(path for path in files if path not in manifests)


@click.command("dev")
@code_options
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    default=DEFAULT_PORT,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="0 takes a free one.",
)
@click.option(
    "--home",
    envvar="OPWEAVE_HOME",
    type=click.Path(file_okay=False, path_type=Path),
    help="Home of the instance: database, outputs, logs; default: $OPWEAVE_HOME, else ~/.opweave.",
)
@click.option(
    "--database-url",
    envvar="OPWEAVE_DATABASE_URL",
    help="postgresql://... instead of SQLite in the home.",
)
def dev(
    files: tuple[Path, ...],
    modules: tuple[str, ...],
    attribute: str | None,
    workspace: Path | None,
    working_directory: Path | None,
    host: str,
    port: int,
    home: Path | None,
    database_url: str | None,
) -> None:
    """Run everything on this machine: web, run engine, a code server per location, a process per step.

    Without -f, -m or -w it serves the workspace.yaml of the current directory, or the module that [tool.opweave] of its
    pyproject.toml names. Ctrl-C ends it; steps that run go on and are found again at the next start.
    """
    local = LocalSettings(
        home=_home(home),
        host=host,
        port=port,
        database_url=database_url,
        files=without_manifests(files),
        modules=modules,
        attribute=attribute,
        workspace=workspace,
        manifests=manifests_among(files),
        working_directory=working_directory,
    )
    try:
        if not (files or modules or workspace):
            _check_directory(working_directory or Path.cwd())
        with preflight.passed(local):
            _run_until_stopped(_dev(local))
    except OperatorError as error:
        raise CommandFailed(str(error)) from error
    click.echo("\nstopped; steps that were running go on, and are found again at the next start")


def _check_directory(directory: Path) -> None:
    """Raise when *directory*, which is to be served because nothing was named, declares nothing."""
    from opweave_operator.adapters.local import workspace

    workspace.discover(directory)


async def _dev(local: LocalSettings) -> None:
    kind = "PostgreSQL" if (local.database_url or "").startswith("postgres") else "SQLite"
    click.echo(f"opweave {_version()} · instance {_shown(local.home)} · {kind}")
    # After the first line: these imports take most of a second, in which people want to see that something happens.
    from opweave_operator import bootstrap

    listener = bootstrap.LocalListener(
        on_serving=lambda url: click.echo(f"{'web':<20} {url}"),
        on_location=print_location,
        on_notice=lambda notice: click.echo(f"{'note':<20} {notice}"),
    )
    await bootstrap.run_local(local, listener)


def print_location(record: ports.LocationRecord) -> None:
    """Print a line for a location that was loaded, and the user's traceback when it cannot be."""
    name = f"location {record.ref.name}"
    if record.failure is not None:
        click.echo(f"{name:<20} {click.style('failed', fg='red')}   {record.failure.message}")
        detail = record.failure.traceback or record.failure.output
        for line in detail.rstrip().splitlines():
            click.echo(f"    {line}")
    elif record.snapshot is not None:
        found = record.snapshot
        counts = (
            ("job", found.jobs),
            ("asset", found.assets),
            ("schedule", found.schedules),
            ("sensor", found.sensors),
        )
        shown = " · ".join(
            f"{len(n)} {word}{'' if len(n) == 1 else 's'}" for word, n in counts if n
        )
        click.echo(
            f"{name:<20} {click.style('loaded', fg='green')}   {shown or 'nothing'}   {found.load_seconds:.1f} s"
        )


@click.group("operator")
def operator() -> None:
    """Run the operator's processes on a cluster; settings come from OPWEAVE_* variables."""


@operator.command("run")
def run() -> None:
    """Run the roles that OPWEAVE_ROLES names: controller, web or both."""
    from opweave_operator import bootstrap

    _run_until_stopped(bootstrap.run_controller(_operator_settings()))


@operator.command("migrate")
def migrate_operator() -> None:
    """Migrate the database that OPWEAVE_DATABASE_URL names; the controller does so too when it starts."""
    found = _operator_settings()
    _run(_migrate(found.database_url, found.data_directory))


@click.group("instance")
def instance() -> None:
    """Look after an instance's database."""


_home_option = click.option(
    "--home",
    envvar="OPWEAVE_HOME",
    type=click.Path(file_okay=False, path_type=Path),
    help="Home of the instance; default: $OPWEAVE_HOME, else ~/.opweave.",
)
_database_option = click.option(
    "--database-url",
    envvar="OPWEAVE_DATABASE_URL",
    help="The database, when it is not SQLite in the home.",
)


@instance.command("migrate")
@_home_option
@_database_option
def migrate_instance(home: Path | None, database_url: str | None) -> None:
    """Bring the tables of the database up to this version; doing it again changes nothing."""
    _run(_migrate(database_url or database_in(_home(home)), _home(home)))


@instance.command("show")
@_home_option
@_database_option
def show(home: Path | None, database_url: str | None) -> None:
    """Show what an instance holds: locations, declared jobs, runs by status, settings."""
    _run(_show(database_url, _home(home)))


async def _migrate(database_url: str, directory: Path) -> None:
    from opweave_operator import bootstrap

    async with bootstrap.open_storage(database_url, directory):
        click.echo(
            f"the {bootstrap.database_kind(database_url)} database has the tables of opweave {_version()}"
        )


async def _show(database_url: str | None, home: Path) -> None:
    from opweave_operator import bootstrap

    if database_url is None and not (home / DATABASE_NAME).exists():
        raise CommandFailed(f"{home} holds no instance; `opweave dev --home {home}` makes one")
    url = database_url or database_in(home)
    async with bootstrap.open_storage(url, home) as stores:
        locations = await stores.catalog.list_locations()
        jobs = await stores.catalog.list_jobs()
        counts = await stores.runs.count_by_status(ports.RunFilter())
        spec = await stores.catalog.get_instance()
    runs = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
    click.echo(f"database   {bootstrap.database_kind(url)}")
    click.echo(f"home       {_shown(home)}")
    click.echo(f"locations  {', '.join(str(record.ref) for record in locations) or 'none'}")
    click.echo(
        f"jobs       {', '.join(f'{job.namespace}/{job.name}' for job in jobs) or 'none declared'}"
    )
    click.echo(f"runs       {runs or 'none'}")
    click.echo(f"settings   {json.dumps(spec) if spec else 'defaults'}")


def _operator_settings() -> OperatorSettings:
    try:
        return settings.from_environment()
    except settings.SettingsError as error:
        raise CommandFailed(str(error)) from error


def _run_until_stopped(work: Coroutine[Any, Any, None]) -> None:
    """Run *work* until it fails or SIGINT or SIGTERM ends it, which is a good end."""

    async def stoppable() -> None:
        task = asyncio.ensure_future(work)
        loop = asyncio.get_running_loop()
        for signal_number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(signal_number, task.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await task

    _run(stoppable())


def _run(work: Coroutine[Any, Any, None]) -> None:
    """Run *work*; errors that people can mend are told without a traceback."""
    try:
        asyncio.run(work)
    except* (OperatorError, OSError) as group:
        messages = dict.fromkeys(_message(error) for error in _leaves(group))
        raise CommandFailed("\n".join(messages)) from group


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


def _message(error: BaseException) -> str:
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return preflight.address_taken(str(error.strerror))
    return str(error)


def _home(home: Path | None) -> Path:
    return (home or Path("~/.opweave")).expanduser().absolute()


def database_in(home: Path) -> str:
    """Return the URL of the database that an instance has in its home unless told otherwise."""
    return f"sqlite:///{home / DATABASE_NAME}"


def _shown(path: Path) -> str:
    return f"~/{path.relative_to(Path.home())}" if path.is_relative_to(Path.home()) else str(path)


def _version() -> str:
    try:
        return metadata.version("opweave")
    except metadata.PackageNotFoundError:
        return "unknown"
