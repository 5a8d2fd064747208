"""``opweave version``: of this program, and of the server when asked."""

from __future__ import annotations

import platform
from importlib import metadata

import click

from opweave._cli import queries
from opweave._cli.output import is_structured, output_option, write_structured
from opweave._cli.server import ServerOptions, server_options


def installed_version() -> str:
    """Return the version of the installed distribution; of a source tree that is not installed, ``unknown``."""
    try:
        return metadata.version("opweave")
    except metadata.PackageNotFoundError:
        return "unknown"


@click.command("version")
@click.option("--server", "ask_server", is_flag=True, help="Also ask the server for its version.")
@output_option
@server_options
def version(options: ServerOptions, ask_server: bool, output: str) -> None:
    """Print the version of this program."""
    versions = {"client": installed_version(), "python": platform.python_version()}
    if ask_server:
        with options.connect() as client:
            versions["server"] = client.execute(queries.VERSION)["version"]
    if is_structured(output):
        write_structured(versions, output)
        return
    click.echo(f"opweave {versions['client']} (Python {versions['python']})")
    if ask_server:
        click.echo(f"server  {versions['server']}")
