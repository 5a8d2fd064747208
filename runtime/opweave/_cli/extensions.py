"""Commands that other packages add through the entry points of the group ``opweave.commands``.

They are imported when they are called: listing them must not cost the import of a database driver.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from importlib import metadata

import click

from opweave._cli.failures import CommandFailed

GROUP = "opweave.commands"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    target: str
    help: str


_KNOWN = {
    "dev": _Known(
        target="opweave_operator.cli:dev",
        help="Run everything on this machine: web, engine, code servers.",
    ),
    "operator": _Known(
        target="opweave_operator.cli:operator", help="Run the operator's processes on a cluster."
    ),
    "definitions": _Known(
        target="opweave_operator.cli_definitions:definitions",
        help="Check that code locations can be loaded.",
    ),
    "instance": _Known(
        target="opweave_operator.cli:instance", help="Look after an instance's database."
    ),
}
"""Ours, which come with ``opweave[operator]``: known here for their help, and in a source tree that is not installed."""


def names() -> list[str]:
    """Return the names of all commands that other packages add."""
    return sorted({*_KNOWN, *(point.name for point in metadata.entry_points(group=GROUP))})


def short_help(name: str) -> str:
    """Return one line about the command, without importing it."""
    return _KNOWN[name].help if name in _KNOWN else "Added by another package."


def load(name: str) -> click.Command:
    """Return the command *name*.

    Raises:
        CommandFailed: What it needs is not installed, or it is broken.
    """
    points = [point for point in metadata.entry_points(group=GROUP) if point.name == name]
    target = points[0].value if points else _KNOWN[name].target
    module, _, attribute = target.partition(":")
    try:
        command = getattr(importlib.import_module(module), attribute)
    except ImportError as error:
        if name in _KNOWN:
            raise CommandFailed(
                f"`opweave {name}` needs more than the light runtime ({error}): pip install 'opweave[operator]'"
            ) from error
        raise CommandFailed(f"`opweave {name}` cannot be loaded from {target}: {error}") from error
    if not isinstance(command, click.Command):
        raise CommandFailed(f"`opweave {name}`: {target} is not a click command")
    return command
