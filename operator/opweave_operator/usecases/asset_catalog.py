"""The assets of all locations together with what is known of them: what pages and the command line ask for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from opweave.wire import location as wire_location
from opweave_operator import ports
from opweave_operator.core import asset_status, model
from opweave_operator.core.asset_status import AssetStatus
from opweave_operator.core.assets import AssetEvent, AssetState


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetEntry:
    """An asset as its location defines it.

    Attributes:
        locations: Those that know it; the one that writes it, if any does, first.
        downstream: Keys of the assets that are made of it, in any location.
    """

    node: wire_location.AssetSnapshot
    locations: tuple[model.LocationRef, ...]
    checks: tuple[wire_location.AssetCheckSnapshot, ...]
    downstream: tuple[str, ...]
    state: AssetState
    status: AssetStatus
    verdicts: Mapping[str, AssetEvent]


class AssetCatalog:
    """Joins what locations define with what is stored of assets."""

    def __init__(self, catalog: ports.CatalogStore, assets: ports.AssetStore) -> None:
        self._catalog = catalog
        self._assets = assets

    async def entries(self) -> dict[str, AssetEntry]:
        """Return all assets by key; those of the definitions upstream before downstream, then those only told of by events."""
        return join(
            await self._catalog.list_locations(),
            await self._assets.states(),
            await self._assets.verdicts(),
        )


def join(
    records: Iterable[ports.LocationRecord],
    states: Mapping[str, AssetState],
    verdicts: Sequence[AssetEvent],
) -> dict[str, AssetEntry]:
    """Return the assets of *records* with what is known of them."""
    nodes, places, checks = _merged(records)
    for key in sorted(states.keys() - nodes.keys()):
        nodes[key] = wire_location.AssetSnapshot(key=key)
    downstream: dict[str, list[str]] = {}
    for node in nodes.values():
        for key in node.upstream:
            downstream.setdefault(key, []).append(node.key)
    judged = asset_status.statuses(_in_order(nodes), states)
    by_check: dict[str, dict[str, AssetEvent]] = {}
    for verdict in verdicts:
        by_check.setdefault(verdict.key, {})[verdict.check_name] = verdict
    return {
        key: AssetEntry(
            node=node,
            locations=tuple(places.get(key, ())),
            checks=tuple(checks.get(key, ())),
            downstream=tuple(downstream.get(key, ())),
            state=states.get(key) or AssetState(key=key),
            status=judged[key],
            verdicts=by_check.get(key, {}),
        )
        for key, node in nodes.items()
    }


def _merged(
    records: Iterable[ports.LocationRecord],
) -> tuple[
    dict[str, wire_location.AssetSnapshot],
    dict[str, list[model.LocationRef]],
    dict[str, list[wire_location.AssetCheckSnapshot]],
]:
    """Return each asset as the location that makes it defines it, the locations that know it, and its checks."""
    nodes: dict[str, wire_location.AssetSnapshot] = {}
    places: dict[str, list[model.LocationRef]] = {}
    checks: dict[str, list[wire_location.AssetCheckSnapshot]] = {}
    for record in records:
        if record.snapshot is None:
            continue
        for node in record.snapshot.asset_nodes:
            known = nodes.get(node.key)
            refs = places.setdefault(node.key, [])
            if known is None or (known.op is None and node.op is not None):
                nodes[node.key] = node
                refs.insert(0, record.ref)
            else:
                refs.append(record.ref)
        for check in record.snapshot.asset_checks:
            checks.setdefault(check.asset_key, []).append(check)
    return nodes, places, checks


def _in_order(
    nodes: Mapping[str, wire_location.AssetSnapshot],
) -> list[wire_location.AssetSnapshot]:
    """Return *nodes* upstream first, also where an asset's upstream belongs to another location; a cycle is cut."""
    ordered: dict[str, wire_location.AssetSnapshot] = {}
    entered: set[str] = set()
    for start in nodes:
        waiting = [start]
        while waiting:
            key = waiting[-1]
            if key in entered:
                waiting.pop()
                if key not in ordered:
                    ordered[key] = nodes[key]
                continue
            entered.add(key)
            waiting += [up for up in nodes[key].upstream if up in nodes and up not in entered]
    return list(ordered.values())
