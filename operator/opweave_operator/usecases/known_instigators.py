"""All schedules and sensors as they stand now: from manifests, from the code of the locations, and from what has happened.

Read by the tick engine each second and by the API for each request; what is large, the snapshots, only when it changed.
"""

from __future__ import annotations

from datetime import datetime

from opweave_operator import ports
from opweave_operator.core import instigators, model
from opweave_operator.core.instigators import (
    Declaration,
    Instigator,
    InstigatorRef,
    InstigatorState,
    Kind,
)


class KnownInstigators:
    """Reads them."""

    def __init__(self, catalog: ports.CatalogStore, store: ports.InstigatorStore) -> None:
        self._catalog = catalog
        self._store = store
        self._stamps: dict[model.LocationRef, tuple[str, datetime | None]] = {}
        self.locations: dict[model.LocationRef, ports.LocationRecord] = {}

    async def read(self) -> dict[InstigatorRef, Instigator]:
        """Return all of them, and keep the records of their locations in *locations*."""
        stamps = await self._catalog.location_stamps()
        if stamps != self._stamps or not self.locations:
            self.locations = {record.ref: record for record in await self._catalog.list_locations()}
            self._stamps = stamps
        declared: dict[InstigatorRef, Declaration] = {}
        for declaration in await self._store.declarations():
            declared.setdefault(declaration.ref, declaration)
        states = {state.ref: state for state in await self._store.states()}
        refs = dict.fromkeys([*declared, *self._in_code()])
        return {ref: self._combined(ref, declared, states) for ref in refs}

    def _combined(
        self,
        ref: InstigatorRef,
        declared: dict[InstigatorRef, Declaration],
        states: dict[InstigatorRef, InstigatorState],
    ) -> Instigator:
        place = model.LocationRef(namespace=ref.namespace, name=ref.location)
        record = self.locations.get(place)
        snapshot = record.snapshot if record is not None else None
        return instigators.combined(snapshot, ref, declared.get(ref), states.get(ref))

    def _in_code(self) -> list[InstigatorRef]:
        found: list[InstigatorRef] = []
        for record in self.locations.values():
            if record.snapshot is None:
                continue
            names = [(Kind.SCHEDULE, s.name) for s in record.snapshot.schedule_details]
            names += [(Kind.SENSOR, s.name) for s in record.snapshot.sensor_details]
            found += [
                InstigatorRef(
                    kind=kind,
                    namespace=record.ref.namespace,
                    location=record.ref.name,
                    name=name,
                )
                for kind, name in names
            ]
        return found
