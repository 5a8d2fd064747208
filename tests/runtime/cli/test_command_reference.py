"""The reference of the command line names every command, and no other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click

from opweave.cli import cli

TEXT = (Path(__file__).parents[3] / "docs" / "reference" / "command-line.md").read_text(
    encoding="utf-8"
)
ROWS = re.findall(r"^\| (`.+?) \| ", TEXT.partition("## Commands")[2].partition("\n## ")[0], re.M)


def commands(group: click.Group, prefix: str = "") -> Iterator[str]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None, name
        if command.hidden:
            continue
        if isinstance(command, click.Group):
            yield from commands(command, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}"


def documented() -> set[str]:
    """Return the commands of the first column, without their arguments."""
    spelled = [text for row in ROWS for text in re.findall(r"`([^`]+)`", row)]
    return {re.match(r"[a-z][a-z-]*( [a-z][a-z-]*)*(?= |$)", text)[0] for text in spelled}  # type: ignore[index]  # all match


def test_every_command_is_in_the_reference() -> None:
    """With its group, as people type it; those that only the operator's pods use are left to their own page."""
    known = {name for name in commands(cli) if not name.startswith("operator ")}
    assert known == {name for name in documented() if not name.startswith("operator ")}


def test_every_command_has_help() -> None:
    """A sentence at least."""

    def walk(group: click.Group) -> Iterator[click.Command]:
        context = click.Context(group)
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command is not None
            yield command
            if isinstance(command, click.Group):
                yield from walk(command)

    assert [] == [command.name for command in walk(cli) if not (command.help or "").strip()]
