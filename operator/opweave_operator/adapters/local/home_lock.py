"""One orchestrator per home: two over the same records and SQLite file would start each step twice."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from opweave_operator.errors import OperatorError


class HomeTaken(OperatorError):
    """Another orchestrator uses the home; the text names its process."""


@contextlib.contextmanager
def held(home: Path) -> Iterator[None]:
    """Hold *home*, made if it does not exist, for as long as the block runs; the system lets go when the process dies.

    Raises:
        HomeTaken: Another process holds it.
    """
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (home / "dev.lock").open("a+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            holder = file.read(20).strip() or "unknown"
            raise HomeTaken(
                f"another `opweave dev` (process {holder}) uses {home}; end it, or choose another home with --home"
            ) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
