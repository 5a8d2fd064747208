"""An up-to-date copy of the objects that a selector names: list, watch, and begin again when the watch breaks.

Kept small by a *decode* function that takes from each object what is needed. Callers may rely on the copy only to avoid
requests: whoever must be sure that something does not exist asks the API server itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from opweave_operator.adapters.kubernetes import backoff, errors
from opweave_operator.adapters.kubernetes.client import Client
from opweave_operator.adapters.kubernetes.resources import Resource

T = TypeVar("T")

STALL_SECONDS = 75.0
"""The API server sends a bookmark each minute; a watch silent for longer is dead."""
WATCH_SECONDS = 290
"""The server ends a watch after this; a new one goes on where it ended."""
RESYNC_SECONDS = 600.0
"""Everything is listed again this often, in case a change was lost in a way that nobody has thought of."""
MAX_OBJECTS = 200_000
"""Objects above this are left out of the copy; who needs one asks the API server."""
MAX_TOMBSTONES = 4096

_log = logging.getLogger(__name__)

Key = tuple[str, str]
"""Namespace and name."""


@dataclass(frozen=True, slots=True)
class Entry(Generic[T]):
    """A decoded object with what tells its versions apart."""

    uid: str
    version: int
    value: T


@dataclass(slots=True)
class _Position:
    """How far a watch has come; an empty version means that everything must be listed first."""

    version: str = ""
    listed_at: float = 0.0
    has_moved: bool = False


class Informer(Generic[T]):
    """A copy of the objects of one kind.

    Args:
        client: Of the cluster.
        resource: The kind.
        decode: Takes what is needed from an object; None leaves it out. An object on which it raises is left out.
        on_change: Called with the old and the new value after a change; it must be quick and not raise.
        label_selector: Which objects; likewise *field_selector*.
        namespaces: Where; None means all.
    """

    def __init__(
        self,
        client: Client,
        resource: Resource,
        *,
        decode: Callable[[Mapping[str, Any]], T | None],
        on_change: Callable[[T | None, T | None], None],
        label_selector: str = "",
        field_selector: str = "",
        namespaces: Iterable[str] | None = None,
        stall_seconds: float = STALL_SECONDS,
        resync_seconds: float = RESYNC_SECONDS,
    ) -> None:
        self._client = client
        self._resource = resource
        self._decode = decode
        self._on_change = on_change
        self._label_selector = label_selector
        self._field_selector = field_selector
        self._scopes: tuple[str | None, ...] = (
            (None,) if namespaces is None else tuple(dict.fromkeys(namespaces))
        )
        self._stall_seconds = stall_seconds
        self._resync_seconds = resync_seconds
        self._entries: dict[Key, Entry[T]] = {}
        self._tombstones: OrderedDict[str, None] = OrderedDict()
        self._unsynced = set(self._scopes)
        self._synced = asyncio.Event()
        self.progress_at = 0.0
        """Loop time at which the watch last showed life; health checks look at its age."""

    async def run(self) -> None:
        """Keep the copy up to date until cancelled."""
        async with asyncio.TaskGroup() as group:
            for scope in self._scopes:
                group.create_task(self._follow(scope))

    async def wait_synced(self) -> None:
        """Wait until everything has been listed once."""
        await self._synced.wait()

    def get(self, namespace: str, name: str) -> T | None:
        """Return the copy of an object, or None when the copy has none."""
        entry = self._entries.get((namespace, name))
        return None if entry is None else entry.value

    def values(self) -> list[T]:
        """Return all copies."""
        return [entry.value for entry in self._entries.values()]

    def put(self, item: Mapping[str, Any]) -> T | None:
        """Take over an object that the API server has just answered with; return what is known of it now."""
        self._store(item)
        metadata = item.get("metadata") or {}
        return self.get(str(metadata.get("namespace") or ""), str(metadata.get("name") or ""))

    async def _follow(self, scope: str | None) -> None:
        failures = 0
        position = _Position()
        while True:
            try:
                if not position.version:
                    position = await self._list(scope)
                await self._watch(scope, position)
                failures = 0
            except errors.Unreachable as error:
                failures = 1 if position.has_moved else failures + 1
                _log.info("watch_reconnects", extra=self._fields(scope, error))
            except errors.ApiError as error:
                failures += 1
                position.version = ""
                level = logging.INFO if isinstance(error, errors.Gone) else logging.WARNING
                _log.log(level, "watch_begins_again", extra=self._fields(scope, error))
            except Exception:  # noqa: BLE001  # a fault of ours with one object must not end the watch of all
                failures += 1
                position.version = ""
                _log.exception("watch_failed", extra=self._fields(scope))
            await asyncio.sleep(backoff.delay_seconds(failures) if failures else 0)

    def _fields(self, scope: str | None, error: Exception | None = None) -> dict[str, str]:
        return {
            "plural": self._resource.plural,
            "namespace": scope or "",
            "error": str(error) if error else "",
        }

    async def _list(self, scope: str | None) -> _Position:
        """List everything, and remove from the copy what is no longer there."""
        seen: set[Key] = set()
        version = "0"
        pages = self._client.list_pages(
            self._resource,
            scope,
            label_selector=self._label_selector,
            field_selector=self._field_selector,
        )
        async for page in pages:
            version = str(page.get("metadata", {}).get("resourceVersion") or version)
            for item in page.get("items") or ():
                seen.add(_key(item))
                self._store(item)
            self._beat()
        listed = _number(version)
        for key, entry in list(self._entries.items()):
            if (scope is None or key[0] == scope) and key not in seen and entry.version <= listed:
                self._remove(key, entry.uid)
        self._unsynced.discard(scope)
        if not self._unsynced:
            self._synced.set()
        return _Position(version=version, listed_at=asyncio.get_running_loop().time())

    async def _watch(self, scope: str | None, position: _Position) -> None:
        """Follow changes from *position* and move it along; without a version it asks for a new list."""
        loop = asyncio.get_running_loop()
        position.has_moved = False
        events = self._client.watch(
            self._resource,
            scope,
            resource_version=position.version,
            label_selector=self._label_selector,
            field_selector=self._field_selector,
            stall_seconds=self._stall_seconds,
            server_seconds=WATCH_SECONDS,
        )
        async for event in events:
            position.version = self._take(event) or position.version
            position.has_moved = True
            self._beat()
            if loop.time() - position.listed_at > self._resync_seconds:
                break
        if loop.time() - position.listed_at > self._resync_seconds:
            position.version = ""

    def _take(self, event: Mapping[str, Any]) -> str:
        item = event.get("object") or {}
        metadata = item.get("metadata") or {}
        if event.get("type") == "DELETED":
            self._remove(_key(item), str(metadata.get("uid") or ""))
        elif event.get("type") in ("ADDED", "MODIFIED"):
            self._store(item)
        return str(metadata.get("resourceVersion") or "")

    def _store(self, item: Mapping[str, Any]) -> None:
        metadata = item.get("metadata") or {}
        key, uid = _key(item), str(metadata.get("uid") or "")
        version = _number(metadata.get("resourceVersion"))
        old = self._entries.get(key)
        if uid in self._tombstones or (old and old.uid == uid and old.version >= version):
            return
        try:
            value = self._decode(item)
        except Exception:  # noqa: BLE001  # anybody may write labels and annotations: one poison object stops none
            _log.exception("object_not_understood", extra={"namespace": key[0], "object": key[1]})
            value = None
        if value is None or (old is None and len(self._entries) >= MAX_OBJECTS):
            if old is not None:
                self._remove(key, old.uid)
            return
        self._entries[key] = Entry(uid, version, value)
        self._on_change(None if old is None else old.value, value)

    def _remove(self, key: Key, uid: str) -> None:
        self._tombstones[uid] = None
        while len(self._tombstones) > MAX_TOMBSTONES:
            self._tombstones.popitem(last=False)
        old = self._entries.get(key)
        if old is not None and old.uid == uid:
            del self._entries[key]
            self._on_change(old.value, None)

    def forget(self, namespace: str, name: str, uid: str) -> None:
        """Drop an object which the API server has just said not to exist."""
        self._remove((namespace, name), uid)

    def _beat(self) -> None:
        self.progress_at = asyncio.get_running_loop().time()


def _key(item: Mapping[str, Any]) -> Key:
    metadata = item.get("metadata") or {}
    return str(metadata.get("namespace") or ""), str(metadata.get("name") or "")


def _number(version: object) -> int:
    """Return a resource version as a number; Kubernetes promises since 1.35 that they compare so."""
    text = str(version or "")
    return int(text) if text.isdecimal() and len(text) < 20 else 0
