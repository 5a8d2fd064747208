"""``opweave code-server``: serve one code location, for a ``code_server`` entry of a workspace.yaml."""

from __future__ import annotations

import click

_START_HELP = """Load the definitions of a file, module or package and answer until SIGTERM or Ctrl-C.

\b
opweave code-server start (-f PATH | -m NAME | -p NAME) [-a ATTRIBUTE] [-d DIRECTORY]
                          [--host ADDRESS] [--port NUMBER] [--port-file PATH] [--load-timeout SECONDS]
"""


@click.group("code-server")
def code_server_group() -> None:
    """Serve a code location for an `opweave dev` of this machine."""


@code_server_group.command(
    "start",
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    add_help_option=False,
    help=_START_HELP,
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def start(arguments: tuple[str, ...]) -> None:
    """Hand the options over to the code server, which reads them itself: it starts without this package."""
    from opweave.code_server import main

    context = click.get_current_context()
    if {"-h", "--help"} & set(arguments):
        click.echo(context.get_help())
        return
    context.exit(main.main(arguments))
