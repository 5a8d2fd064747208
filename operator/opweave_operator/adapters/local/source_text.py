"""Whether the text of a code location has changed on disk, so that it is loaded again without being asked."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

MAX_FILES = 2000
"""A tree with more is not looked at beyond them: looking must stay cheap, as it is done every second."""


def fingerprint(watched: Path | None) -> tuple[tuple[str, int, int], ...]:
    """Return what changes when a Python file of *watched* is written, added or removed.

    A file stands for its directory. Below it only packages are entered: a script in somebody's home directory must not
    make us walk all of it.
    """
    if watched is None:
        return ()
    root = watched if watched.is_dir() else watched.parent
    found: list[tuple[str, int, int]] = []
    for path in islice(_python_files(root), MAX_FILES):
        try:
            status = path.stat()
        except OSError:
            continue
        found.append((str(path), status.st_mtime_ns, status.st_size))
    return tuple(found)


def _python_files(directory: Path) -> Iterator[Path]:
    try:
        entries = sorted(directory.iterdir())
    except OSError:
        return
    for entry in entries:
        if entry.suffix == ".py":
            yield entry
        elif not entry.is_symlink() and (entry / "__init__.py").is_file():
            yield from _python_files(entry)
