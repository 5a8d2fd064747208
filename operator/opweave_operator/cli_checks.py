"""What ``opweave doctor`` looks at in the database of this machine; an entry point of the group ``opweave.checks``."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

from opweave_operator import cli
from opweave_operator.errors import OperatorError


def database() -> Iterator[tuple[bool, str]]:
    """Yield whether the tables of the instance of this machine are those of this version; nothing when there is none."""
    home = Path(os.environ.get("OPWEAVE_HOME") or "~/.opweave").expanduser().absolute()
    url = os.environ.get("OPWEAVE_DATABASE_URL")
    if url is None and not (home / cli.DATABASE_NAME).exists():
        return
    from opweave_operator import bootstrap  # noqa: PLC0415  # most of a second, which only an instance costs

    try:
        pending = asyncio.run(bootstrap.pending_migrations(url or cli.database_in(home)))
    except (OperatorError, OSError) as error:
        yield False, f"database: {error}"
        return
    kind = bootstrap.database_kind(url or "sqlite:")
    if pending:
        count = f"{len(pending)} migration{'' if len(pending) == 1 else 's'}"
        yield (
            False,
            f"{kind}: {count} pending ({', '.join(pending)}); run `opweave instance migrate`, "
            "or start the instance, which migrates first",
        )
    else:
        yield True, f"{kind}: tables are up to date ({home})"
