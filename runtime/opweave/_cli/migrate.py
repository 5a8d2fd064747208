"""``opweave migrate``: rewrite a Dagster project for opweave, and say what needs a person."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from opweave._cli import style
from opweave._cli.failures import CommandFailed

if TYPE_CHECKING:
    from opweave._cli.migration.tree import FileChange

_HELP = """Rewrite a Dagster project for opweave: imports, names, tags, files, environment names.

Shows the difference; --write applies it. What has no counterpart is told with file and line, and only what opweave's public
API has counts as moved. The project's code is read, never run; doing it again changes nothing.

\b
Rewritten: Python, pyproject.toml, setup.py, requirements, Dockerfiles, shell and compose files;
           dagster.yaml becomes opweave.yaml, the spec of an Instance.
Left out:  links, hidden directories, environments, build and dist, files above 4 MiB.
"""


@click.command("migrate", help=_HELP)
@click.argument("path", type=click.Path(exists=True, path_type=Path), default=Path())
@click.option("--write", is_flag=True, help="Apply the changes.")
@click.option(
    "--diff/--no-diff", "has_diff", default=True, help="Show the difference; default: yes."
)
def migrate(path: Path, write: bool, has_diff: bool) -> None:
    """See `_HELP`."""
    from opweave._cli.migration import tree

    root = path if path.is_dir() else path.parent
    found = list(tree.migrated_files(path))
    changed = [file for file in found if file.is_changed]
    if has_diff:
        for file in changed:
            for line in _difference(file, root):
                click.echo(line)
    if write:
        _write_all(changed)
    _summarize(found, changed, root, is_written=write)


def _write_all(changed: Sequence[FileChange]) -> None:
    for index, file in enumerate(changed):
        try:
            file.write()
        except (OSError, UnicodeEncodeError) as error:
            raise CommandFailed(
                f"{file.path} cannot be written: {error}; {index} of {len(changed)} files were written. "
                "Mend it and call again: what is written stays as it is"
            ) from error


def _difference(file: FileChange, root: Path) -> Iterator[str]:
    """Yield the lines of a unified diff as `patch` understands them."""
    old, new = (style.safe_line(_shown(path, root)) for path in (file.path, file.target))
    lines = difflib.unified_diff(
        file.before.splitlines(),
        file.migrated.text.splitlines(),
        f"a/{old}",
        f"b/{new}",
        lineterm="",
    )
    for line in lines:
        yield style.difference(style.safe(line))


def _summarize(
    found: Sequence[FileChange], changed: Sequence[FileChange], root: Path, *, is_written: bool
) -> None:
    renamed: Counter[str] = Counter()
    for file in changed:
        renamed += file.migrated.renamed
    kinds = ", ".join(f"{count} {kind}" for kind, count in renamed.most_common() if count)
    if changed:
        does = "written" if is_written else "would change; --write applies it"
        click.echo(f"{_count(len(changed), 'file')} {does}: {kinds}")
    else:
        click.echo("nothing to change")
    places = [(file, line, what) for file in found for line, what in file.migrated.findings]
    if places:
        needs = "needs" if len(places) == 1 else "need"
        click.echo(f"{_count(len(places), 'place')} {needs} a person:")
    for file, line, what in places:
        click.echo(style.safe(f"  {_shown(file.path, root)}:{line}  {what}"))


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _shown(path: Path, root: Path) -> str:
    return str(path.relative_to(root))
