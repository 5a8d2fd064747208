"""Completion of ``kubectl opweave ...``: kubectl asks the program ``kubectl_complete-opweave`` on the PATH.

Source: https://kubernetes.io/docs/tasks/extend-kubectl/kubectl-plugins/ (the arguments are those typed so far, the last one
possibly empty; the answer is a line per value, a tab before its description, and at the end ``:`` with a directive of cobra).
"""

from __future__ import annotations

from collections.abc import Sequence

import click
from click.shell_completion import ShellComplete

NO_FILES = ":4"
"""cobra's ShellCompDirectiveNoFileComp."""
FILES = ":0"
"""cobra's ShellCompDirectiveDefault: the shell completes paths."""


def answer(command: click.Command, arguments: Sequence[str]) -> None:
    """Print the values that may stand for the last of *arguments*."""
    *before, incomplete = arguments or [""]
    found = ShellComplete(command, {}, "kubectl-opweave", "_OPWEAVE_COMPLETE").get_completions(
        before, incomplete
    )
    for item in found:
        if item.type == "plain":
            told = f"\t{item.help}" if item.help else ""
            click.echo(f"{item.value}{told}")
    click.echo(FILES if any(item.type in ("file", "dir") for item in found) else NO_FILES)
