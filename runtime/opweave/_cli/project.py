"""``opweave project scaffold``: a new project that runs at once.

The files stand in ``project_template``; ``@name@``, ``@package@`` and ``@version@`` in paths and texts are replaced.
"""

from __future__ import annotations

import keyword
import re
import sys
from collections.abc import Iterator
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

import click

from opweave._cli import version
from opweave._cli.failures import CommandFailed

MAX_NAME = 40
"""Names of runs and pods hold that of the location too."""
_NAME = re.compile(r"[a-z][a-z0-9]*([_-][a-z0-9]+)*")
_TAKEN = {"opweave", "opweave_operator", "tests", "manifests"}
_DOT_FILES = {"gitignore.txt": ".gitignore", "dockerignore.txt": ".dockerignore"}


@click.group("project")
def project_group() -> None:
    """Start a project."""


@project_group.command("scaffold")
@click.option(
    "--name", required=True, help="Lower case, as shop or daily-sales; also its directory."
)
@click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where to make it; default: a new directory of that name here.",
)
def scaffold(name: str, directory: Path | None) -> None:
    """Make a package with a job, its tests, manifests, a Dockerfile and settings of the chart."""
    package = _package_of(name)
    target = directory or Path(name)
    files = dict(_files(name, package))
    try:
        _refuse_to_overwrite(target)
        for path, text in files.items():
            file = target / path
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("x", encoding="utf-8") as opened:
                opened.write(text)
    except OSError as error:
        raise CommandFailed(f"{target} cannot be written: {error}") from error
    for path in sorted(files):
        click.echo(f"  {target / path}")
    click.echo(f"\n{len(files)} files. Next: cd {target} && pip install -e '.[dev]' && opweave dev")


def _package_of(name: str) -> str:
    """Return the name of the package.

    Raises:
        UsageError: *name* cannot be one of a package, a distribution and a code location at once.
    """
    if len(name) > MAX_NAME or not _NAME.fullmatch(name):
        raise click.UsageError(
            f"--name {name[:80]!r}: give lower case letters, digits, and '-' or '_' between them, a letter first, at most "
            f"{MAX_NAME} characters, as shop or daily-sales"
        )
    package = name.replace("-", "_")
    if keyword.iskeyword(package) or keyword.issoftkeyword(package):
        raise click.UsageError(f"--name {name}: {package!r} is a word of Python; choose another")
    if package in sys.stdlib_module_names or package in _TAKEN:
        raise click.UsageError(
            f"--name {name}: there is a module {package!r} already, which the package would hide; choose another"
        )
    return package


def _refuse_to_overwrite(target: Path) -> None:
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise CommandFailed(
            f"{target} exists already and is not empty: nothing was written; choose another --name or --directory"
        )


def _files(name: str, package: str) -> Iterator[tuple[str, str]]:
    """Yield path and text of each file of the project."""
    words = {
        "@name@": name.replace("_", "-"),
        "@package@": package,
        "@version@": version.installed_version(),
    }
    root = resources.files("opweave._cli").joinpath("project_template")
    for path, file in _walk(root, ""):
        text = file.read_text(encoding="utf-8")
        for word, value in words.items():
            path, text = path.replace(word, value), text.replace(word, value)
        yield _DOT_FILES.get(path, path.removesuffix(".txt")), text


def _walk(directory: Traversable, prefix: str) -> Iterator[tuple[str, Traversable]]:
    for entry in directory.iterdir():
        if entry.is_dir():
            yield from _walk(entry, f"{prefix}{entry.name}/")
        elif not entry.name.endswith((".pyc", ".swp")):
            yield f"{prefix}{entry.name}", entry
