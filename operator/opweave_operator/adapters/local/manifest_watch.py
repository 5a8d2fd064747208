"""Manifests that change while the instance runs: settings and declared jobs take effect at once, as on a cluster."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from opweave_operator import ports
from opweave_operator.adapters.local import declarations
from opweave_operator.adapters.local.declarations import DeclarationError, Declarations

LOOK_SECONDS = 1.0
"""How often the files are looked at."""

_Fingerprint = tuple[tuple[str, int, int], ...]


class ManifestWatch:
    """Brings the catalog up to date whenever one of the manifests changes.

    Code locations are those of the start: another one, or another text of a ConfigMap, needs a new start, and that is told.

    Args:
        paths: Files and directories with manifests.
        declare: Returns what everything declares now.
        started: What was declared at the start.
        on_notice: Called with a sentence about what a change has done.
        on_taken: Called when the catalog holds what a change declares.
        look_seconds: Between two looks.
    """

    def __init__(
        self,
        *,
        paths: Sequence[Path],
        declare: Callable[[], Declarations],
        started: Declarations,
        catalog: ports.CatalogStore,
        instigators: ports.InstigatorStore,
        on_notice: Callable[[str], None],
        on_taken: Callable[[], None] = lambda: None,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._paths = paths
        self._declare = declare
        self._current = started
        self._locations = started.locations
        self._catalog = catalog
        self._instigators = instigators
        self._on_notice = on_notice
        self._on_taken = on_taken
        self._look_seconds = look_seconds
        self._seen = _fingerprint(paths)

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            await asyncio.sleep(self._look_seconds)
            seen = await asyncio.to_thread(_fingerprint, self._paths)
            if seen != self._seen:
                self._seen = seen
                await self._take()

    async def _take(self) -> None:
        try:
            fresh = await asyncio.to_thread(self._declare)
        except (DeclarationError, OSError) as error:
            self._on_notice(f"the manifests cannot be read; what they said before holds:\n{error}")
            return
        has_other_locations = fresh.locations != self._current.locations
        if fresh == self._current:
            return
        instance = fresh.instance
        if instance is None and self._current.instance is not None:
            instance = {}
        await declarations.store(
            replace(fresh, locations=self._locations, instance=instance), self._catalog
        )
        await declarations.store_instigators(fresh, self._instigators)
        self._current = fresh
        self._on_taken()
        self._on_notice(
            "the manifests have changed: declared jobs, schedules, sensors and settings were taken over"
        )
        if has_other_locations:
            self._on_notice(
                "the manifests have changed their code locations; start `opweave dev` again"
            )


def _fingerprint(paths: Sequence[Path]) -> _Fingerprint:
    """Return what changes when one of the files is written, added or removed."""
    found: list[tuple[str, int, int]] = []
    for path in paths:
        try:
            for file in sorted(path.iterdir()) if path.is_dir() else [path]:
                status = file.stat()
                found.append((str(file), status.st_mtime_ns, status.st_size))
        except OSError:
            found.append((str(path), 0, 0))
    return tuple(found)
