"""CodeLocation: a code server of the newest version, known to the catalog once it serves.

A version that cannot load never replaces one that serves: the Deployment keeps the old pods until new ones are ready, and
the catalog keeps the old record until the new version answers.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from opweave.wire import location as wire_location
from opweave_operator import ports
from opweave_operator.adapters.kubernetes import (
    errors,
    location_source,
    moments,
    pod_shape,
    server_state,
    worker_template,
)
from opweave_operator.adapters.kubernetes.client import JsonObject
from opweave_operator.adapters.kubernetes.conditions import Verdict
from opweave_operator.adapters.kubernetes.manifests import code_location as manifests
from opweave_operator.adapters.kubernetes.resources import (
    CODE_LOCATIONS,
    CONFIG_MAPS,
    DEPLOYMENTS,
    PODS,
    SERVICES,
    Resource,
)
from opweave_operator.core import model
from opweave_operator.handlers import discovered_jobs, old_code
from opweave_operator.handlers.collaborators import Collaborators
from opweave_operator.handlers.status import StatusWriter

PROGRESS_SECONDS = 0.5
"""Between two looks while a version is on its way: loading takes about that long."""
CONFIG_MAP_SECONDS = 5.0
"""Between two looks at a ConfigMap: it is read by name, so that no right to list ConfigMaps is needed for it."""
STEADY_SECONDS = 30.0
APPLY_AGAIN_SECONDS = 300.0
"""Children that somebody changed by hand are put right after this at the latest."""
MAX_ERROR = 4096
MAX_TRACEBACK = 16_384


class Blocked(Exception):
    """The version cannot even be tried; *reason* and text are for the condition."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a location's spec calls for."""

    template: worker_template.WorkerTemplate
    deployment: JsonObject
    children: tuple[tuple[Resource, JsonObject], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Where the location stands: what to show, and when to look again."""

    verdict: Verdict
    failure: wire_location.LoadFailure | None = None
    seconds: float = STEADY_SECONDS


class CodeLocationReconciler:
    """Reconciles CodeLocations.

    Args:
        parts: What handlers work with.
        status: Writes statuses.
        on_loaded: Called with namespace and name when a version has begun to serve.
    """

    def __init__(
        self, parts: Collaborators, status: StatusWriter, on_loaded: Callable[[str, str], None]
    ) -> None:
        self._parts = parts
        self._status = status
        self._on_loaded = on_loaded
        self._applied: dict[tuple[str, str], tuple[str, float]] = {}

    async def reconcile(self, namespace: str, name: str) -> float:
        """Bring one CodeLocation forward; return after how many seconds to look again, 0 when it is gone."""
        ref = model.LocationRef(namespace=namespace, name=name)
        body = await self._read(namespace, name)
        if body is None:
            self._applied.pop((namespace, name), None)
            await self._parts.catalog.delete_location(ref)
            self._on_loaded(namespace, name)
            return 0
        record = await self._parts.catalog.get_location(ref) or ports.LocationRecord(ref=ref)
        try:
            wanted = await self._wanted(body)
            await self._apply(body, wanted)
            finding, record = await self._look(body, wanted, record)
        except Blocked as blocked:
            finding = self._blocked(record, blocked)
        record = await self._note_failure(record, finding)
        await self._discover(body, record, finding)
        fields = _fields(body, record, finding, self._parts.clock.now())
        await self._status.write(CODE_LOCATIONS, body, finding.verdict, fields)
        return finding.seconds

    async def _read(self, namespace: str, name: str) -> JsonObject | None:
        try:
            body = await self._parts.client.get(CODE_LOCATIONS, namespace, name)
        except errors.NotFound:
            return None
        return None if body["metadata"].get("deletionTimestamp") else body

    async def _wanted(self, body: JsonObject) -> Wanted:
        pod_defaults = (await self._parts.catalog.get_instance()).get("podDefaults") or {}
        children: list[tuple[Resource, JsonObject]] = []
        try:
            digest = ""
            config_map = await self._config_map(body)
            if config_map is not None:
                location_source.check_config_map(body, config_map)
                digest = manifests.code_digest(config_map)
                children.append((CONFIG_MAPS, manifests.code_copy(body, config_map)))
            template = location_source.worker_template(
                body,
                stock_image=self._parts.settings.stock_image,
                code_digest=digest,
                pod_defaults=pod_defaults,
            )
            server = location_source.server_shape(body)
            deployment = manifests.deployment(body, template, server)
        except (location_source.SourceError, pod_shape.ShapeError) as error:
            raise Blocked("InvalidSpec", str(error)) from error
        children += [(SERVICES, manifests.service(body)), (DEPLOYMENTS, deployment)]
        return Wanted(template=template, deployment=deployment, children=tuple(children))

    async def _config_map(self, body: JsonObject) -> JsonObject | None:
        name = location_source.config_map_name(body)
        if name is None:
            return None
        namespace = body["metadata"]["namespace"]
        try:
            return await self._parts.client.get(CONFIG_MAPS, namespace, name)
        except errors.NotFound:
            raise Blocked(
                "ConfigMapMissing",
                f"ConfigMap {name!r} does not exist in namespace {namespace}; create it or correct"
                " spec.source.configMap.name",
            ) from None

    async def _apply(self, body: JsonObject, wanted: Wanted) -> None:
        """Apply the children, unless exactly these have just been applied."""
        key = (body["metadata"]["namespace"], body["metadata"]["name"])
        manifest = json.dumps([child for _, child in wanted.children], sort_keys=True)
        digest = hashlib.sha256(manifest.encode()).hexdigest()
        done, at = self._applied.get(key, ("", 0.0))
        if done == digest and time.monotonic() - at < APPLY_AGAIN_SECONDS:
            return
        for resource, child in wanted.children:
            await self._refuse_foreign(resource, child, body["metadata"]["uid"])
            try:
                await self._parts.client.apply(
                    resource, child["metadata"]["namespace"], child["metadata"]["name"], child
                )
            except (errors.Invalid, errors.Forbidden) as error:
                raise Blocked("ChildRefused", f"{resource.kind}: {error.message}") from error
        self._applied[key] = (digest, time.monotonic())

    async def _refuse_foreign(self, resource: Resource, child: JsonObject, uid: str) -> None:
        """Leave alone what belongs to somebody else and only happens to have the name of a child."""
        metadata = child["metadata"]
        try:
            found = await self._parts.client.get(
                resource, metadata["namespace"], metadata["name"], is_metadata_only=True
            )
        except errors.NotFound:
            return
        owners = found["metadata"].get("ownerReferences") or ()
        if not any(owner.get("uid") == uid for owner in owners):
            raise Blocked(
                "NameTaken",
                f"{resource.kind} {metadata['name']!r} exists and is not this CodeLocation's;"
                " rename the CodeLocation or delete that object",
            )

    async def _look(
        self, body: JsonObject, wanted: Wanted, record: ports.LocationRecord
    ) -> tuple[Finding, ports.LocationRecord]:
        metadata = body["metadata"]
        labels = manifests.selector(metadata["name"])
        pods = await self._parts.client.list_all(
            PODS,
            metadata["namespace"],
            label_selector=",".join(f"{key}={value}" for key, value in labels.items()),
        )
        state = server_state.read(pods, manifests.version_of(wanted.deployment))
        if state.serving is not None:
            try:
                record = await self._serve(body, wanted, record, state.serving)
            except ports.LocationUnavailable as unavailable:
                message = f"a new server is ready and is being switched to: {unavailable}"
                return _progressing(record, state, message), record
            return _loaded(body, record), record
        return await self._not_serving(state, record), record

    async def _serve(
        self,
        body: JsonObject,
        wanted: Wanted,
        record: ports.LocationRecord,
        pod: server_state.ServerPod,
    ) -> ports.LocationRecord:
        """Put the version that *pod* serves into the catalog, if it is not there yet."""
        template = _pinned(wanted.template, pod)
        stored = worker_template.to_json(template)
        url = await self._url(body)
        if (
            record.snapshot is not None
            and record.worker_template == stored
            and record.url == url
            and record.failure is None
        ):
            return record
        snapshot = await self._parts.code_locations.snapshot(pod.url)
        through_service = await self._parts.code_locations.health(url)
        if through_service.definitions_hash != snapshot.definitions_hash:
            raise ports.LocationUnavailable("its Service still leads to the previous version")
        now = self._parts.clock.now()
        fresh = ports.LocationRecord(
            ref=record.ref,
            url=url,
            image=template.image,
            worker_template=stored,
            snapshot=snapshot,
            loaded_at=now,
            updated_at=now,
        )
        await self._parts.catalog.put_location(fresh)
        self._on_loaded(record.ref.namespace, record.ref.name)
        before = str(record.worker_template.get("configMap") or "")
        await old_code.collect(self._parts, body, {template.config_map, before})
        return fresh

    async def _discover(
        self, body: JsonObject, record: ports.LocationRecord, finding: Finding
    ) -> None:
        """Bring discovered objects up to date after the spec or the definitions have changed."""
        shown, snapshot = body.get("status") or {}, record.snapshot
        if finding.verdict.reason != "Loaded" or snapshot is None:
            return
        if (
            shown.get("servingGeneration") != body["metadata"].get("generation")
            or shown.get("definitionsHash") != snapshot.definitions_hash
        ):
            await discovered_jobs.sync(self._parts.client, body, snapshot)

    async def _url(self, body: JsonObject) -> str:
        """Return where the Service answers: by name in the cluster, by its address for a process outside."""
        namespace, name = body["metadata"]["namespace"], body["metadata"]["name"]
        service = manifests.object_name(name)
        if self._parts.client.connection.is_in_cluster:
            return f"http://{service}.{namespace}.svc:{manifests.PORT}"
        found = await self._parts.client.get(SERVICES, namespace, service)
        address = str(found["spec"]["clusterIP"])
        host = f"[{address}]" if ":" in address else address
        return f"http://{host}:{manifests.PORT}"

    async def _not_serving(
        self, state: server_state.ServerState, record: ports.LocationRecord
    ) -> Finding:
        trouble = state.newest_trouble
        if trouble is not None and not trouble.is_running:
            failure = wire_location.LoadFailure(reason=trouble.reason, message=trouble.message)
            return _failed(record, state, failure, trouble.reason)
        for pod in state.new:
            if not (pod.is_running and pod.url):
                continue
            try:
                health = await self._parts.code_locations.health(pod.url)
            except ports.LocationUnavailable:
                continue
            if health.failure is not None:
                return _failed(record, state, health.failure, "LoadFailed")
            return _progressing(record, state, _loading(health.loading_seconds))
        return _progressing(record, state, "the code server is starting")

    def _blocked(self, record: ports.LocationRecord, blocked: Blocked) -> Finding:
        failure = wire_location.LoadFailure(reason=blocked.reason, message=str(blocked))
        serves = " " + _keeps_serving(record) if record.snapshot is not None else ""
        return Finding(
            verdict=Verdict(
                is_ready=False,
                reason=blocked.reason,
                message=f"{blocked}{serves}",
                is_stalled=True,
            ),
            failure=failure,
            seconds=CONFIG_MAP_SECONDS,
        )

    async def _note_failure(
        self, record: ports.LocationRecord, finding: Finding
    ) -> ports.LocationRecord:
        """Store why the newest version cannot be loaded, or that nothing stands in its way any more."""
        is_known = finding.failure == record.failure
        if is_known or (finding.failure is None and not finding.verdict.is_ready):
            return record
        updated = replace(record, failure=finding.failure, updated_at=self._parts.clock.now())
        await self._parts.catalog.put_location(updated)
        self._on_loaded(record.ref.namespace, record.ref.name)
        return updated


def _pinned(
    template: worker_template.WorkerTemplate, pod: server_state.ServerPod
) -> worker_template.WorkerTemplate:
    """Return *template* with the image and commit that *pod* runs, so that steps run the same."""
    git = template.git
    if git is not None and pod.commit:
        git = replace(git, ref=pod.commit)
    image = server_state.pinned_image(template.image, pod.image_digest)
    return replace(template, image=image, git=git)


def _loaded(body: JsonObject, record: ports.LocationRecord) -> Finding:
    snapshot = record.snapshot
    counts = _counts(snapshot)
    shown = ", ".join(
        f"{number} {name.removesuffix('s') if number == 1 else name}"
        for name, number in counts.items()
    )
    is_config_map = location_source.config_map_name(body) is not None
    return Finding(
        verdict=Verdict(is_ready=True, reason="Loaded", message=f"serves {shown}"),
        seconds=CONFIG_MAP_SECONDS if is_config_map else STEADY_SECONDS,
    )


def _progressing(
    record: ports.LocationRecord, state: server_state.ServerState, message: str
) -> Finding:
    serves = bool(state.old) and record.snapshot is not None
    return Finding(
        verdict=Verdict(
            is_ready=serves,
            reason="Progressing",
            message=f"{message}. {_keeps_serving(record)}" if serves else message,
            is_reconciling=True,
        ),
        seconds=PROGRESS_SECONDS,
    )


def _loading(seconds: float) -> str:
    """Return the message about a version that loads; it changes seldom, because each change is a write."""
    tens = int(seconds // 10) * 10
    return f"the code has been loading for more than {tens} s" if tens else "the code is loading"


def _failed(
    record: ports.LocationRecord,
    state: server_state.ServerState,
    failure: wire_location.LoadFailure,
    reason: str,
) -> Finding:
    serves = bool(state.old) and record.snapshot is not None
    message = f"{failure.message}\n{_keeps_serving(record)}" if serves else failure.message
    waits = reason == "Unschedulable"
    return Finding(
        verdict=Verdict(
            is_ready=False,
            reason=reason,
            message=message,
            is_reconciling=waits,
            is_stalled=not waits,
        ),
        failure=failure,
        seconds=CONFIG_MAP_SECONDS / 2,
    )


def _keeps_serving(record: ports.LocationRecord) -> str:
    digest = record.snapshot.definitions_hash[:12] if record.snapshot else ""
    return f"The previous version ({record.image or 'unknown image'}, definitions {digest}) keeps serving."


def _counts(snapshot: wire_location.LocationSnapshot | None) -> dict[str, int]:
    return {
        "jobs": len(snapshot.jobs) if snapshot else 0,
        "assets": len(snapshot.assets) if snapshot else 0,
        "schedules": len(snapshot.schedules) if snapshot else 0,
        "sensors": len(snapshot.sensors) if snapshot else 0,
    }


def _fields(
    body: Mapping[str, Any], record: ports.LocationRecord, finding: Finding, now: datetime
) -> dict[str, Any]:
    """Return the status besides conditions."""
    fields: dict[str, Any] = {"loadError": _load_error(body, finding, now)}
    snapshot = record.snapshot
    if snapshot is None:
        return fields
    if finding.verdict.reason == "Loaded":
        fields["servingGeneration"] = int(body["metadata"].get("generation") or 0)
        fields["image"] = str(body["spec"]["source"].get("image") or record.image)
    digest = record.image.partition("@")[2]
    return {
        **fields,
        **_counts(snapshot),
        "version": _version(body, record, snapshot)[:128],
        "definitionsHash": snapshot.definitions_hash[:128],
        "imageDigest": digest[:256] or None,
        "url": record.url,
        "lastLoadedAt": moments.render(record.loaded_at) if record.loaded_at else None,
    }


def _version(
    body: Mapping[str, Any],
    record: ports.LocationRecord,
    snapshot: wire_location.LocationSnapshot,
) -> str:
    template = record.worker_template
    git = template.get("git")
    if git:
        return str(git["ref"])[:7] if len(str(git["ref"])) >= 40 else str(git["ref"])
    _, colon, tag = str(body["spec"]["source"].get("image") or "").partition("@")[0].rpartition(":")
    if colon and "/" not in tag and not template.get("configMap"):
        return tag
    return snapshot.definitions_hash[:7]


def _load_error(body: Mapping[str, Any], finding: Finding, now: datetime) -> dict[str, Any] | None:
    """Return ``status.loadError``; its time is that of the first time this error was seen."""
    failure = finding.failure
    if failure is None:
        return None
    before = (body.get("status") or {}).get("loadError") or {}
    message = failure.message[:MAX_ERROR]
    error: dict[str, Any] = {
        "at": moments.render(now),
        "message": message,
        "traceback": failure.traceback[-MAX_TRACEBACK:] or None,
    }
    if before.get("message") == message and before.get("at"):
        error["at"] = before["at"]
    return error
