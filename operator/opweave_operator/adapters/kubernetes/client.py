"""A thin client of the API server: one HTTP session, plain JSON, bounded retries.

Called by everything else of this package and by the handlers. It never interprets objects. Names of what we create derive
from ids, so sending a request again is always safe: the second answer is a `errors.Conflict` at worst.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp

from opweave_operator.adapters.kubernetes import backoff, errors, names
from opweave_operator.adapters.kubernetes.connection import Connection
from opweave_operator.adapters.kubernetes.resources import Resource

REQUEST_TIMEOUT_SECONDS = 15.0
"""One try of one request; an API server that answers later is in trouble, and another try may meet a healthy one."""
MAX_TRIES = 6
"""With `backoff`, about 3 s of patience: callers are level-based and come again."""
MAX_CONCURRENT_REQUESTS = 32
"""Requests under way at once: more only queue in the API server's own fairness queues."""
MAX_REPLY_BYTES = 64 * 1024 * 1024
MAX_WATCH_LINE_BYTES = 8 * 1024 * 1024
PAGE_SIZE = 500

MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_MERGE_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
METADATA_ONLY = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"

JsonObject = dict[str, Any]
"""An object as the API server writes it; its shape is known only to who reads it."""


class Client:
    """Requests to one API server; use it as an async context manager."""

    def __init__(self, connection: Connection, *, user_agent: str = names.FIELD_MANAGER) -> None:
        self.connection = connection
        self._user_agent = user_agent
        self._session: aiohttp.ClientSession | None = None
        self._limit = asyncio.Semaphore(MAX_CONCURRENT_REQUESTS)

    async def __aenter__(self) -> Client:
        self._open()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    async def close(self) -> None:
        """End the session and its connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            connector = aiohttp.TCPConnector(ssl=self.connection.ssl_context(), limit=0)
            self._session = aiohttp.ClientSession(
                connector=connector, headers={"User-Agent": self._user_agent}, auto_decompress=True
            )
        return self._session

    async def get(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        *,
        is_metadata_only: bool = False,
    ) -> JsonObject:
        """Return an object.

        Raises:
            ApiError: As the other methods; `errors.NotFound` when it does not exist.
        """
        accept = METADATA_ONLY if is_metadata_only else None
        return await self._request("GET", resource.path(namespace, name), accept=accept)

    async def list_pages(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
    ) -> AsyncIterator[JsonObject]:
        """Yield the pages of a list, each with ``items`` and ``metadata.resourceVersion``; no namespace means all.

        Raises:
            Gone: The list took so long that its snapshot expired: begin again.
        """
        params = _selectors(label_selector, field_selector) | {"limit": str(PAGE_SIZE)}
        while True:
            page = await self._request("GET", resource.path(namespace), params=params)
            yield page
            token = page.get("metadata", {}).get("continue")
            if not token:
                return
            params = {**params, "continue": token}

    async def list_all(
        self, resource: Resource, namespace: str | None = None, *, label_selector: str = ""
    ) -> list[JsonObject]:
        """Return all objects of a list that is known to be short."""
        pages = self.list_pages(resource, namespace, label_selector=label_selector)
        return [item async for page in pages for item in page.get("items") or ()]

    async def create(
        self, resource: Resource, namespace: str | None, body: Mapping[str, Any]
    ) -> JsonObject:
        """Create an object; `errors.Conflict` when its name is taken."""
        return await self._request("POST", resource.path(namespace), body=body)

    async def apply(
        self, resource: Resource, namespace: str | None, name: str, body: Mapping[str, Any]
    ) -> JsonObject:
        """Apply *body* on the server under our field manager, taking over fields that it names."""
        return await self._request(
            "PATCH",
            resource.path(namespace, name),
            params={"fieldManager": names.FIELD_MANAGER, "force": "true"},
            body=body,
            content_type=APPLY_PATCH,
        )

    async def patch(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        body: Mapping[str, Any],
        *,
        subresource: str | None = None,
        content_type: str = MERGE_PATCH,
    ) -> JsonObject:
        """Change an object or one of its subresources by a merge patch."""
        return await self._request(
            "PATCH",
            resource.path(namespace, name, subresource),
            params={"fieldManager": names.FIELD_MANAGER},
            body=body,
            content_type=content_type,
        )

    async def delete(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        *,
        grace_seconds: int | None = None,
        uid: str | None = None,
    ) -> None:
        """Delete an object, its dependents in the background; *uid* must be its uid if given (else `errors.Conflict`)."""
        options: JsonObject = {"propagationPolicy": "Background"}
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        if uid is not None:
            options["preconditions"] = {"uid": uid}
        await self._request("DELETE", resource.path(namespace, name), body=options)

    async def watch(
        self,
        resource: Resource,
        namespace: str | None,
        *,
        resource_version: str,
        label_selector: str = "",
        field_selector: str = "",
        stall_seconds: float,
        server_seconds: int,
    ) -> AsyncIterator[JsonObject]:
        """Yield the events of a watch until the server ends it, after *server_seconds* at most.

        Raises:
            Gone: *resource_version* is too old.
            Unreachable: The connection failed, or nothing came for *stall_seconds* (bookmarks come each minute).
        """
        params = _selectors(label_selector, field_selector) | {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(server_seconds),
        }
        path = resource.path(namespace)
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=REQUEST_TIMEOUT_SECONDS, sock_read=stall_seconds
        )
        try:
            async with self._send(
                "GET", path, params, None, await self._headers(), timeout
            ) as reply:
                if reply.status >= 400:
                    text = await reply.content.read(errors.MAX_MESSAGE_CHARACTERS * 4)
                    raise errors.from_status(
                        reply.status, errors.parse_status(text), f"watch {path}"
                    )
                async for line in _lines(reply.content):
                    yield _watch_event(line, path)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise errors.Unreachable(
                f"watch {path}: {str(error) or type(error).__name__}"
            ) from error

    async def _request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
        accept: str | None = None,
    ) -> JsonObject:
        """Send a request until it is answered for good or the tries are used up."""
        data = None if body is None else json.dumps(body, separators=(",", ":")).encode()
        for failures in range(1, MAX_TRIES + 1):
            headers = await self._headers(content_type if data is not None else None, accept)
            retry_after: str | None = None
            try:
                async with self._limit:
                    status, retry_after, text = await self._once(
                        method, path, params, data, headers
                    )
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                problem: errors.ApiError = errors.Unreachable(
                    f"{method} {path}: {str(error) or type(error).__name__}"
                )
                problem.__cause__ = error
            else:
                if status < 400:
                    return _parse_object(text, f"{method} {path}")
                problem = errors.from_status(status, errors.parse_status(text), f"{method} {path}")
            if failures == MAX_TRIES or not await self._may_retry(problem, failures):
                raise problem
            await asyncio.sleep(backoff.delay_seconds(failures, retry_after))
        raise AssertionError("the last try returns or raises")

    async def _may_retry(self, problem: errors.ApiError, failures: int) -> bool:
        """Whether another try can help; expired credentials are read again, once."""
        if isinstance(problem, errors.Unauthorized) and failures == 1:
            await self.connection.reload()
            return True
        return isinstance(problem, errors.Unreachable)

    async def _once(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        data: bytes | None,
        headers: Mapping[str, str],
    ) -> tuple[int, str | None, bytes]:
        timeout = aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_SECONDS)
        async with self._send(method, path, params, data, headers, timeout) as reply:
            text = await reply.content.read(MAX_REPLY_BYTES)
            if not reply.content.at_eof():
                text += await _rest(reply.content, MAX_REPLY_BYTES - len(text), path)
            return reply.status, reply.headers.get("Retry-After"), text

    def _send(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        data: bytes | None,
        headers: Mapping[str, str],
        timeout: aiohttp.ClientTimeout,
    ) -> Any:  # aiohttp's request context manager, whose type is private
        return self._open().request(
            method,
            self.connection.server + path,
            params=params,
            data=data,
            headers=headers,
            timeout=timeout,
            proxy=self.connection.proxy,
            server_hostname=self.connection.server_hostname,
            allow_redirects=False,
        )

    async def _headers(
        self, content_type: str | None = None, accept: str | None = None
    ) -> dict[str, str]:
        headers = {"Accept": accept or "application/json"}
        if content_type is not None:
            headers["Content-Type"] = content_type
        authorization = await self.connection.authorization()
        if authorization is not None:
            headers["Authorization"] = authorization
        return headers


def _selectors(label_selector: str, field_selector: str) -> dict[str, str]:
    given = {"labelSelector": label_selector, "fieldSelector": field_selector}
    return {key: value for key, value in given.items() if value}


def _parse_object(text: bytes, request: str) -> JsonObject:
    try:
        value = json.loads(text) if text else {}
    except ValueError as error:
        raise errors.Unreachable(f"{request}: the reply is no JSON ({text[:80]!r})") from error
    if not isinstance(value, dict):
        raise errors.Unreachable(f"{request}: the reply is no object ({text[:80]!r})")
    return value


async def _rest(content: aiohttp.StreamReader, limit_bytes: int, path: str) -> bytes:
    """Read on to the end: one read returns what has come so far."""
    parts: list[bytes] = []
    async for chunk in content.iter_any():
        limit_bytes -= len(chunk)
        if limit_bytes < 0:
            raise errors.Invalid(f"{path}: the reply is longer than {MAX_REPLY_BYTES} bytes")
        parts.append(chunk)
    return b"".join(parts)


async def _lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Yield the lines of a stream; aiohttp's own line reader refuses objects above its buffer."""
    buffer = bytearray()
    async for chunk in content.iter_any():
        buffer += chunk
        if b"\n" in chunk:
            *whole, rest = bytes(buffer).split(b"\n")
            buffer = bytearray(rest)
            for line in whole:
                if line.strip():
                    yield line
        if len(buffer) > MAX_WATCH_LINE_BYTES:
            raise errors.Unreachable(
                f"one event of a watch is longer than {MAX_WATCH_LINE_BYTES} bytes"
            )


def _watch_event(line: bytes, path: str) -> JsonObject:
    event = _parse_object(line, f"watch {path}")
    body = event.get("object")
    if event.get("type") == "ERROR" and isinstance(body, dict):
        raise errors.from_status(int(body.get("code") or 500), body, f"watch {path}")
    return event
