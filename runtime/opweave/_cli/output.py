"""What ``-o`` chooses: a table, a wide table, JSON or YAML."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from opweave._cli import style

Command = TypeVar("Command", bound=Callable[..., Any])
_GAP = "   "


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table; *is_wide* ones appear with ``-o wide`` only."""

    title: str
    value: Callable[[Any], str]
    is_wide: bool = False
    is_status: bool = False


def output_option(command: Command) -> Command:
    """Give *command* the option ``-o``; it gets it as ``output``."""
    return click.option(
        "-o",
        "--output",
        type=click.Choice(["table", "wide", "json", "yaml"]),
        default="table",
        help="Form of the output.",
    )(command)


def is_structured(output: str) -> bool:
    """Return whether the output is for programs."""
    return output in ("json", "yaml")


def write_structured(data: Any, output: str) -> None:
    """Print *data*, plain JSON values, as JSON or YAML."""
    if output == "yaml":
        import yaml

        text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=120)
        click.echo(text, nl=False)
    else:
        click.echo(json.dumps(data, indent=2, ensure_ascii=False))


def write_rows(
    rows: Sequence[Any], columns: Sequence[Column], output: str, *, nothing: str
) -> None:
    """Print *rows* in the chosen form; *nothing* is said instead of an empty table."""
    if is_structured(output):
        write_structured(list(rows), output)
    elif not rows:
        click.echo(nothing, err=True)
    else:
        shown = [c for c in columns if not c.is_wide or output == "wide"]
        click.echo("\n".join(table_lines(rows, shown)))


def table_lines(rows: Sequence[Any], columns: Sequence[Column]) -> list[str]:
    """Return a table with titles, each column as wide as its widest value."""
    cells = [[style.safe_line(column.value(row)) for column in columns] for row in rows]
    widths = [max(len(c.title), *(len(line[i]) for line in cells)) for i, c in enumerate(columns)]
    lines = [_line([column.title for column in columns], widths, [False] * len(columns))]
    lines.extend(_line(line, widths, [column.is_status for column in columns]) for line in cells)
    return lines


def _line(cells: Sequence[str], widths: Sequence[int], statuses: Sequence[bool]) -> str:
    padded = [
        (style.status(cell) if is_status else cell) + " " * (width - len(cell))
        for cell, width, is_status in zip(cells, widths, statuses, strict=True)
    ]
    return _GAP.join(padded).rstrip()
