"""What a location tells of its assets, without their code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opweave.definitions import metadata as metadata_values
from opweave.wire.location import AssetCheckSnapshot, AssetSnapshot

if TYPE_CHECKING:
    from opweave.definitions.assets.asset_graph import AssetGraph
    from opweave.definitions.definitions import Definitions


def snapshot_assets(definitions: Definitions) -> tuple[AssetSnapshot, ...]:
    """Return what is told of each asset of *definitions*, upstream before downstream."""
    graph = definitions.get_asset_graph()
    jobs = _jobs_by_key(definitions)
    return tuple(
        AssetSnapshot(
            key=key.to_user_string(),
            group=spec.group,
            description=spec.description,
            upstream=tuple(other.to_user_string() for other in graph.upstream[key]),
            owners=tuple(spec.owners),
            kinds=tuple(sorted(spec.kinds)),
            tags=spec.tags,
            metadata=metadata_values.encode_metadata(spec.metadata),
            code_version=spec.code_version,
            op=node.name if (node := graph.by_key[key].node_def) is not None else None,
            is_observable=graph.by_key[key].is_observable,
            jobs=tuple(jobs.get(key.to_user_string(), ())),
        )
        for key in graph.sorted_keys
        for spec in (graph.specs[key],)
    )


def snapshot_checks(graph: AssetGraph) -> tuple[AssetCheckSnapshot, ...]:
    """Return what is told of each check."""
    return tuple(
        AssetCheckSnapshot(
            asset_key=key.asset_key.to_user_string(),
            name=key.name,
            description=check.description,
            is_blocking=check.blocking,
            op=definition.node_def.name if definition.node_def is not None else None,
            metadata=metadata_values.encode_metadata(check.metadata),
        )
        for key, definition in graph.by_check.items()
        for check in (definition.check_specs_by_key[key],)
    )


def _jobs_by_key(definitions: Definitions) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for job in definitions.jobs:
        if job.asset_layer is not None:
            for key in job.asset_layer.part.keys:
                found.setdefault(key.to_user_string(), []).append(job.name)
    return found
