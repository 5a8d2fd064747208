"""Assets: as their locations define them, and what is known of them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import strawberry
from strawberry.scalars import JSON

from opweave_operator.api import paging
from opweave_operator.api.request_error import RequestError
from opweave_operator.api.types.run import LocationName
from opweave_operator.api.types.scalars import Error, Info, Tag, json_of, tags_of
from opweave_operator.core import assets as core_assets
from opweave_operator.core.asset_status import CauseCategory, StaleStatus
from opweave_operator.core.assets import AssetEventKind
from opweave_operator.usecases import asset_catalog, report_asset

strawberry.enum(AssetEventKind)
strawberry.enum(StaleStatus)
strawberry.enum(CauseCategory, name="StaleCauseCategory")


@strawberry.type
class AssetEvent:
    """An entry of an asset's history; *run_id* is null for what was reported from outside of any run."""

    event_id: strawberry.ID
    kind: AssetEventKind
    timestamp: datetime
    run_id: strawberry.ID | None
    step_key: str | None
    description: str | None
    metadata: JSON
    tags: list[Tag]
    data_version: str | None
    code_version: str | None
    check_name: str | None
    passed: bool | None
    severity: str | None

    @classmethod
    def of(cls, event: core_assets.AssetEvent) -> AssetEvent:
        """Return the GraphQL form of *event*."""
        is_check = event.kind is AssetEventKind.CHECK
        return cls(
            event_id=strawberry.ID(str(event.id)),
            kind=event.kind,
            timestamp=event.at,
            run_id=strawberry.ID(event.run_id) if event.run_id else None,
            step_key=event.step_key or None,
            description=event.description,
            metadata=json_of(dict(event.metadata)),
            tags=tags_of(event.tags),
            data_version=event.data_version or None,
            code_version=event.code_version or None,
            check_name=event.check_name or None,
            passed=event.passed if is_check else None,
            severity=event.severity if is_check else None,
        )


@strawberry.type
class AssetEventPage:
    """Some entries of a history, newest first; ask again with *before* set to *end_cursor*."""

    events: list[AssetEvent]
    end_cursor: strawberry.ID | None
    has_more: bool


@strawberry.type
class StaleCause:
    """One reason why an asset is stale; *dependency* is the key of the upstream asset, if it lies there."""

    category: CauseCategory
    reason: str
    dependency: str | None


@strawberry.type
class AssetCheck:
    """A check of an asset with its last verdict."""

    name: str
    description: str | None
    is_blocking: bool
    last_evaluation: AssetEvent | None


@strawberry.type
class Asset:
    """An asset; *key* is written with slashes between its parts. Nothing of this instance writes one that *is_external*."""

    key: str
    group: str
    description: str | None
    locations: list[LocationName]
    owners: list[str]
    kinds: list[str]
    tags: list[Tag]
    metadata: JSON
    code_version: str | None
    is_external: bool
    is_observable: bool
    job_names: list[str]
    upstream_keys: list[str]
    downstream_keys: list[str]
    stale_status: StaleStatus
    stale_causes: list[StaleCause]
    data_version: str | None
    latest_materialization: AssetEvent | None
    latest_observation: AssetEvent | None
    checks: list[AssetCheck]

    @classmethod
    def of(cls, entry: asset_catalog.AssetEntry) -> Asset:
        """Return the GraphQL form of *entry*."""
        node, state = entry.node, entry.state
        return cls(
            key=node.key,
            group=node.group,
            description=node.description,
            locations=[
                LocationName(namespace=ref.namespace, name=ref.name) for ref in entry.locations
            ],
            owners=list(node.owners),
            kinds=list(node.kinds),
            tags=tags_of(node.tags),
            metadata=json_of(dict(node.metadata)),
            code_version=node.code_version,
            is_external=node.op is None,
            is_observable=node.is_observable,
            job_names=[name for name in node.jobs if not name.startswith("__")],
            upstream_keys=list(node.upstream),
            downstream_keys=list(entry.downstream),
            stale_status=entry.status.status,
            stale_causes=[
                StaleCause(
                    category=cause.category,
                    reason=cause.reason,
                    dependency=cause.dependency or None,
                )
                for cause in entry.status.causes
            ],
            data_version=state.data_version or None,
            latest_materialization=_optional(state.materialization),
            latest_observation=_optional(state.observation),
            checks=_checks(entry),
        )

    @strawberry.field
    async def history(
        self,
        info: Info,
        kinds: list[AssetEventKind] | None = None,
        first: int = 25,
        before: strawberry.ID | None = None,
    ) -> AssetEventPage:
        """Its history, newest first; at most 1000 entries at a time."""
        first = paging.checked_first(first)
        if before is not None and not (before.isascii() and before.isdigit()):
            raise RequestError("before: give the endCursor of an earlier page")
        found = await info.context.dependencies.assets.history(
            self.key,
            kinds=tuple(kinds or ()),
            before=int(before) if before is not None else None,
            limit=first + 1,
        )
        shown = found[:first]
        return AssetEventPage(
            events=[AssetEvent.of(event) for event in shown],
            end_cursor=strawberry.ID(str(shown[-1].id)) if shown else None,
            has_more=len(found) > len(shown),
        )


def _optional(event: core_assets.AssetEvent | None) -> AssetEvent | None:
    return None if event is None else AssetEvent.of(event)


def _checks(entry: asset_catalog.AssetEntry) -> list[AssetCheck]:
    defined = {check.name: check for check in entry.checks}
    names = [*defined, *(name for name in entry.verdicts if name not in defined)]
    return [
        AssetCheck(
            name=name,
            description=defined[name].description if name in defined else None,
            is_blocking=name in defined and defined[name].is_blocking,
            last_evaluation=_optional(entry.verdicts.get(name)),
        )
        for name in names
    ]


@strawberry.type
class AssetPage:
    """Some assets, upstream before downstream within a location; ask again with *after* set to *end_cursor*."""

    assets: list[Asset]
    end_cursor: str | None
    has_more: bool


@strawberry.input
class AssetsFilter:
    """Which assets: each given field narrows; *text* stands anywhere in the key."""

    keys: list[str] | None = None
    text: str | None = None
    group: str | None = None
    kind: str | None = None
    owner: str | None = None
    location_name: str | None = None
    stale_status: StaleStatus | None = None

    def fits(self, entry: asset_catalog.AssetEntry) -> bool:
        """Return whether *entry* is one of them."""
        node = entry.node
        return (
            (self.keys is None or node.key in self.keys)
            and (self.text is None or self.text.lower() in node.key.lower())
            and self.group in (None, node.group)
            and (self.kind is None or self.kind in node.kinds)
            and (self.owner is None or self.owner in node.owners)
            and (
                self.location_name is None
                or any(ref.name == self.location_name for ref in entry.locations)
            )
            and self.stale_status in (None, entry.status.status)
        )


@strawberry.input
class AssetReportInput:
    """What is told of an asset from outside of any run.

    *metadata* is an object of plain values by label. *check_name*, *passed* and *severity* belong to the verdict of a check.
    """

    key: str
    kind: AssetEventKind
    description: str | None = None
    metadata: JSON | None = None
    data_version: str | None = None
    check_name: str | None = None
    passed: bool = False
    severity: str = "ERROR"
    reported_by: str = "graphql"

    def report(self) -> report_asset.AssetReport:
        """Return the domain's form.

        Raises:
            RequestError: The metadata are no object.
        """
        metadata: object = self.metadata
        if metadata is not None and not isinstance(metadata, dict):
            raise RequestError(f"metadata: give an object, not {type(metadata).__name__}")
        return report_asset.AssetReport(
            key=self.key,
            kind=self.kind,
            description=self.description,
            metadata=metadata or {},
            data_version=self.data_version or "",
            check_name=self.check_name or "",
            passed=self.passed,
            severity=self.severity,
            reported_by=self.reported_by[:256],
        )


@strawberry.type
class InvalidReport(Error):
    """The report itself is wrong."""


@strawberry.type
class AssetReported:
    """What was recorded."""

    event: AssetEvent


@strawberry.type
class AssetWiped:
    """The history of the asset is gone; *was_known* is false when there was none."""

    key: str
    was_known: bool


ReportAssetResult = Annotated[AssetReported | InvalidReport, strawberry.union("ReportAssetResult")]
