"""What a laptop is told to serve: code locations and, from manifests, declared jobs and the instance's settings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from opweave_operator import errors, ports
from opweave_operator.adapters.local.worker_template import WorkerTemplate
from opweave_operator.core import instigators

NAMESPACE = "local"
"""The namespace of everything that is declared without a cluster."""

_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?")


class DeclarationError(errors.OperatorError):
    """A file or flag that says what to serve is wrong; the text names the file, the place in it and the cure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalLocation:
    """A code location that this machine serves.

    Attributes:
        template: How its code server and its steps are started.
        watched: Directory or file whose Python text the definitions come from: a change loads them again.
        origin: Where it was declared, for messages.
        server_url: Of a code server of this machine that somebody else starts; it says then how steps are started, and
            *template* is not used.
    """

    name: str
    template: WorkerTemplate
    watched: Path | None = None
    origin: str = ""
    server_url: str = ""

    def __post_init__(self) -> None:
        """Refuse names that could not be one on a cluster, in a path or in a table."""
        if not _NAME.fullmatch(self.name):
            raise DeclarationError(
                f"{self.origin}: {self.name[:80]!r} is no name of a code location: letters, digits, '_', '-' and '.', "
                "at most 253; set location_name"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Declarations:
    """All that files and flags declare.

    Attributes:
        instance: ``Instance.spec``; None when no Instance was declared.
        notices: What was read but has no effect here, a sentence each.
    """

    locations: tuple[LocalLocation, ...] = ()
    jobs: tuple[ports.JobRecord, ...] = ()
    instigators: tuple[instigators.Declaration, ...] = ()
    instance: Mapping[str, Any] | None = None
    notices: tuple[str, ...] = field(default=())


def merge(parts: Iterable[Declarations]) -> Declarations:
    """Return all *parts* as one.

    Raises:
        DeclarationError: Two of them declare the same name.
    """
    locations: dict[str, LocalLocation] = {}
    jobs: dict[str, ports.JobRecord] = {}
    found: dict[tuple[str, str], instigators.Declaration] = {}
    instance: Mapping[str, Any] | None = None
    notices: list[str] = []
    for part in parts:
        for location in part.locations:
            earlier = locations.setdefault(location.name, location)
            if earlier is not location:
                raise DeclarationError(
                    f"{location.origin}: code location {location.name!r} is declared already in {earlier.origin}; "
                    "give one of them another name"
                )
        for job in part.jobs:
            if jobs.setdefault(job.name, job) is not job:
                raise DeclarationError(
                    f"Job {job.name!r} is declared twice; give one of them another name"
                )
        for declared in part.instigators:
            if found.setdefault((declared.kind, declared.name), declared) is not declared:
                raise DeclarationError(
                    f"{declared.kind.capitalize()} {declared.name!r} is declared twice; give one of them another name"
                )
        if part.instance is not None and instance is not None:
            raise DeclarationError(
                "two Instances are declared; one orchestrator serves one: remove the other"
            )
        instance = part.instance if part.instance is not None else instance
        notices.extend(part.notices)
    return Declarations(
        locations=tuple(locations.values()),
        jobs=tuple(jobs.values()),
        instigators=tuple(found.values()),
        instance=instance,
        notices=tuple(notices),
    )


async def store(declarations: Declarations, catalog: ports.CatalogStore) -> None:
    """Make the catalog hold the declared jobs and settings, and forget local ones that are declared no more."""
    wanted_locations = {location.name for location in declarations.locations}
    for record in await catalog.list_locations():
        if record.ref.namespace == NAMESPACE and record.ref.name not in wanted_locations:
            await catalog.delete_location(record.ref)
    wanted_jobs = {job.name for job in declarations.jobs}
    for job in await catalog.list_jobs():
        if job.namespace == NAMESPACE and job.name not in wanted_jobs:
            await catalog.delete_job(job.namespace, job.name)
    for job in declarations.jobs:
        await catalog.put_job(job)
    if declarations.instance is not None:
        await catalog.put_instance(declarations.instance)


async def store_instigators(declarations: Declarations, store: ports.InstigatorStore) -> None:
    """Make the store hold the declared schedules and sensors, and forget local ones that are declared no more."""
    wanted = {(declared.kind, declared.name) for declared in declarations.instigators}
    for known in await store.declarations():
        if known.namespace == NAMESPACE and (known.kind, known.name) not in wanted:
            await store.delete_declaration(known.kind, known.namespace, known.name)
    for declared in declarations.instigators:
        await store.put_declaration(declared)
