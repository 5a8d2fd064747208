"""How a command ends when it does not succeed; scripts rely on the exit codes."""

from __future__ import annotations

import click

EXIT_OK = 0
EXIT_RUN_FAILED = 1
EXIT_USAGE = 2
EXIT_NOT_FOUND = 3
EXIT_INVALID_CONFIG = 4
EXIT_UNREACHABLE = 5
EXIT_INTERRUPTED = 130

EXIT_CODES_HELP = """\b
Exit codes:
  0    done; with --follow, wait or execute: the run succeeded
  1    the run failed or was cancelled
  2    the command line is wrong, or the server refused the request
  3    there is no such run, job, step or location
  4    the run config does not fit the job; nothing was launched
  5    the server does not answer, or the code location does not serve
  130  interrupted by Ctrl-C (a run that was followed goes on)
"""


class CommandFailed(click.ClickException):
    """The command cannot do what it was asked; the text says what, where and how to mend it."""

    exit_code = EXIT_USAGE


class NotFound(CommandFailed):
    """What was named does not exist."""

    exit_code = EXIT_NOT_FOUND


class ConfigInvalid(CommandFailed):
    """The run config is wrong; the text has a line for each problem."""

    exit_code = EXIT_INVALID_CONFIG

    def show(self, file: object = None) -> None:
        """Print the lines as they are: each begins with file, line and column, as editors understand."""
        click.echo(self.message, err=True)


class Unreachable(CommandFailed):
    """The server does not answer."""

    exit_code = EXIT_UNREACHABLE
