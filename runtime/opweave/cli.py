"""The command line ``opweave``, also as ``kubectl opweave``.

Every subcommand lives in `opweave._cli` and is imported when it is called.
"""

from __future__ import annotations

import importlib
import os
import sys

import click

from opweave._cli import extensions, program, server
from opweave._cli.failures import EXIT_CODES_HELP, EXIT_INTERRUPTED

_COMMANDS = {
    "job": ("opweave._cli.jobs", "job_group", "Launch jobs and look at what there is to launch."),
    "asset": ("opweave._cli.assets", "asset_group", "Look at assets, make them and report them."),
    "run": ("opweave._cli.runs", "run_group", "Look at runs, follow them and end them."),
    "location": ("opweave._cli.locations", "location_group", "Look at code locations."),
    "doctor": (
        "opweave._cli.doctor",
        "doctor",
        "Look for what is wrong with the server, the cluster and this machine.",
    ),
    "schedule": (
        "opweave._cli.instigators",
        "schedule_group",
        "Look at schedules, start and stop them.",
    ),
    "sensor": (
        "opweave._cli.instigators",
        "sensor_group",
        "Look at sensors, start and stop them.",
    ),
    "migrate": ("opweave._cli.migrate", "migrate", "Rewrite a Dagster project for opweave."),
    "project": ("opweave._cli.project", "project_group", "Start a project."),
    "code-server": (
        "opweave._cli.code_server",
        "code_server_group",
        "Serve a code location for an `opweave dev` of this machine.",
    ),
    "version": ("opweave._cli.version", "version", "Print the version of this program."),
    "completion": (
        "opweave._cli.completion",
        "completion",
        "Print the completion script of a shell.",
    ),
}
"""Name: module, attribute and help, so that listing them imports nothing."""


class _Lazy(click.Group):
    """A group whose commands are imported when they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted({*_COMMANDS, *extensions.names()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command *cmd_name*; None when there is none."""
        if cmd_name in _COMMANDS:
            module, attribute, _ = _COMMANDS[cmd_name]
            command: click.Command = getattr(importlib.import_module(module), attribute)
            return command
        return extensions.load(cmd_name) if cmd_name in extensions.names() else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        rows = [
            (name, _COMMANDS[name][2] if name in _COMMANDS else extensions.short_help(name))
            for name in self.list_commands(ctx)
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


@click.command(
    cls=_Lazy, epilog=EXIT_CODES_HELP, context_settings={"help_option_names": ["-h", "--help"]}
)
@server.choices
def cli(**_: str | None) -> None:
    """Orchestrate data on Kubernetes and on this machine.

    The server is chosen by --url, before or after the subcommand, or OPWEAVE_URL; `kubectl opweave` finds it on the
    cluster; else it is the one that `opweave dev` runs on this machine.
    """


def complete_for_kubectl() -> None:
    """Print what could stand for the last argument: kubectl calls the program ``kubectl_complete-opweave`` for it."""
    from opweave._cli import kubectl_completion

    kubectl_completion.answer(cli, sys.argv[1:])


def main() -> None:
    """Run the command line and exit with its code."""
    try:
        code = cli.main(
            prog_name=program.name(), complete_var="_OPWEAVE_COMPLETE", standalone_mode=False
        )
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (KeyboardInterrupt, click.Abort):
        code = EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader has gone, as with `| head`: nothing more can be said, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    sys.exit(code if isinstance(code, int) else 0)
