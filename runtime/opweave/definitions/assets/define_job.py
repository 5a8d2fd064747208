"""``define_asset_job``: a job that makes a selection of a location's assets; it becomes one when the assets are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from opweave.definitions import origin as origins
from opweave.definitions import run_config as run_configs
from opweave.definitions import unsupported
from opweave.definitions.assets.asset_graph import AssetGraph
from opweave.definitions.assets.asset_job import AssetLayer, AssetPart
from opweave.definitions.assets.selection import (
    AssetSelection,
    CoercibleToAssetSelection,
    resolve_part,
)
from opweave.definitions.hook import HookDefinition
from opweave.definitions.job import JobDefinition
from opweave.definitions.retry_policy import RetryPolicy

IMPLICIT_JOB_NAME = "__ASSET_JOB"
"""The job of all assets, by which any selection of them is made."""


class UnresolvedAssetJobDefinition:
    """A job of assets before it is known which assets there are.

    Attributes:
        selection: What it makes.
    """

    __opweave_asset_job__ = True

    def __init__(
        self,
        name: str,
        selection: CoercibleToAssetSelection,
        options: Mapping[str, Any],
    ) -> None:
        self.origin = origins.caller_origin()
        self.name = origins.checked_name(name, "a job", self.origin)
        self.selection = AssetSelection.from_coercible(selection)
        self._options = options

    def resolve(self, assets: AssetGraph) -> JobDefinition:
        """Return the job that makes its selection of *assets*.

        Raises:
            OpweaveInvalidSubsetError: The selection names what does not exist, or picks nothing that can run.
        """
        part = resolve_part(self.selection, assets, str(self))
        return AssetLayer(self.name, assets, part, self._options).job()

    def __str__(self) -> str:
        """Return kind, name and place."""
        return f"job {self.name!r} ({self.origin})"

    def __repr__(self) -> str:
        return f"<{self}>"


def define_asset_job(
    name: str,
    selection: CoercibleToAssetSelection = None,
    config: run_configs.RunConfig | Mapping[str, Any] | None = None,
    description: str | None = None,
    tags: Mapping[str, Any] | None = None,
    run_tags: Mapping[str, Any] | None = None,
    metadata: Mapping[str, Any] | None = None,
    partitions_def: object = None,
    executor_def: object = None,
    hooks: AbstractSet[HookDefinition] | None = None,
    op_retry_policy: RetryPolicy | None = None,
    owners: Sequence[str] | None = None,
    automation_condition: object = None,
) -> UnresolvedAssetJobDefinition:
    """Return a job that makes *selection* of the location's assets; all of them when it is left out.

    Arguments in short:
        name: Of the job.
        selection: A text, an `AssetSelection`, or a list of keys and assets.
        config: Used when a run is given none.
        Others: As for ``@job``.

    Raises:
        OpweaveInvalidSubsetError: The text is no selection.
    """
    owner = f"job {name!r} ({origins.caller_origin()})"
    unsupported.refuse(
        owner,
        partitions_def=partitions_def,
        executor_def=executor_def,
        owners=owners,
        automation_condition=automation_condition,
    )
    options = {
        "config": config,
        "description": description,
        "tags": tags,
        "run_tags": run_tags,
        "metadata": metadata,
        "op_retry_policy": op_retry_policy,
        "hooks": hooks,
    }
    return UnresolvedAssetJobDefinition(
        name, AssetSelection.all() if selection is None else selection, options
    )


def implicit_job(assets: AssetGraph, options: Mapping[str, Any] | None = None) -> JobDefinition:
    """Return the job of all of *assets* that steps of the location write or observe."""
    part = AssetPart(frozenset(assets.executable_keys), frozenset(assets.by_check))
    return AssetLayer(IMPLICIT_JOB_NAME, assets, part, options or {}).job()
