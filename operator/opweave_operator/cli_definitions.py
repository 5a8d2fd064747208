"""``opweave definitions``: check that everything loads, without serving it.

Each location is loaded as `opweave dev` loads it: by its own interpreter, in a code server of its own.
"""

from __future__ import annotations

import asyncio
import secrets
import tempfile
from pathlib import Path

import click

from opweave_operator import cli, ports
from opweave_operator.errors import OperatorError
from opweave_operator.settings import LocalSettings

EXIT_NOT_LOADED = 1
_AT_ONCE = 4
"""Code servers that load side by side."""


@click.group("definitions")
def definitions() -> None:
    """Check that code locations can be loaded."""


@definitions.command("validate")
@cli.code_options
def validate(
    files: tuple[Path, ...],
    modules: tuple[str, ...],
    attribute: str | None,
    workspace: Path | None,
    working_directory: Path | None,
) -> None:
    """Load every code location and tell all that is wrong; exits with 1 when one cannot be loaded.

    Without -f, -m or -w it checks what `opweave dev` would serve here: the workspace.yaml, or the module that [tool.opweave]
    of pyproject.toml names.
    """
    with tempfile.TemporaryDirectory(prefix="opweave-validate-") as home:
        local = LocalSettings(
            home=Path(home),
            files=cli.without_manifests(files),
            manifests=cli.manifests_among(files),
            modules=modules,
            attribute=attribute,
            workspace=workspace,
            working_directory=working_directory,
        )
        try:
            failed, count = asyncio.run(_validate(local))
        except OperatorError as error:
            raise cli.CommandFailed(str(error)) from error
    if failed:
        click.echo(f"{failed} of {count} code locations cannot be loaded", err=True)
        click.get_current_context().exit(EXIT_NOT_LOADED)
    click.echo(f"{count} code location{'' if count == 1 else 's'} loaded")


async def _validate(local: LocalSettings) -> tuple[int, int]:
    """Print how each location loads; return how many do not, of how many."""
    from opweave_operator import bootstrap  # noqa: PLC0415  # most of a second, which --help need not take
    from opweave_operator.adapters.http_code_locations import (  # noqa: PLC0415  # the same
        HttpCodeLocations,
    )
    from opweave_operator.adapters.local import trial_load  # noqa: PLC0415  # the same

    found = bootstrap.declared(local)
    for notice in found.notices:
        click.echo(f"{'note':<20} {notice}")
    token = secrets.token_urlsafe(32)
    gate = asyncio.Semaphore(_AT_ONCE)

    async with HttpCodeLocations(token=token) as code_locations:

        async def load(index: int) -> ports.LocationRecord:
            async with gate:
                location = found.locations[index]
                record = await trial_load.load(location, local.home, code_locations, token)
                cli.print_location(record)
                return record

        records = await asyncio.gather(*map(load, range(len(found.locations))))
    return sum(record.failure is not None for record in records), len(records)
