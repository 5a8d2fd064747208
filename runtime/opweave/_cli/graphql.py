"""A small GraphQL client over the standard library: the command line starts faster than any HTTP package imports."""

from __future__ import annotations

import http.client
import json
import ssl
import urllib.parse
from collections.abc import Iterator, Mapping
from typing import Any

import click

from opweave._cli.failures import CommandFailed, Unreachable

TIMEOUT_SECONDS = 60.0
MAX_REPLY_BYTES = 64 * 1024 * 1024
_CHUNK_BYTES = 65_536


class Client:
    """Speaks to one opweave server over one connection, made again when the server has closed it.

    Args:
        url: Address of the web role, with its path prefix if it has one.
        timeout: Seconds without a sign of the server after which it counts as gone.
        is_temporary: Whether the address ends with this command, as that of a forwarded port does.
    """

    def __init__(
        self, url: str, *, timeout: float = TIMEOUT_SECONDS, is_temporary: bool = False
    ) -> None:
        parts = urllib.parse.urlsplit(url if "//" in url else f"http://{url}")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise CommandFailed(f"{url!r} is no address of a server: write http://host:port")
        self.url = urllib.parse.urlunsplit(
            (parts.scheme, parts.netloc, parts.path.rstrip("/"), "", "")
        )
        self._is_tls = parts.scheme == "https"
        self._host = parts.hostname
        self._port = _port(parts)
        self._timeout = timeout
        self._prefix = parts.path.rstrip("/")
        self._connection: http.client.HTTPConnection | None = None
        self._is_temporary = is_temporary

    def link(self, path: str) -> str:
        """Return an address for people that still leads somewhere when the command has ended; empty when none is known.

        Behind a forwarded port it is the one that ``spec.web.url`` of the Instance gives.
        """
        if not self._is_temporary:
            return self.url + path
        settings = self.execute("{ instance { settings } }")["instance"]["settings"]
        url = ((settings or {}).get("web") or {}).get("url") or ""
        return f"{url.rstrip('/')}{path}" if url else ""

    def execute(self, query: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the data that *query* asks for.

        Raises:
            Unreachable: The server does not answer.
            CommandFailed: It refuses the query; the text is the server's.
        """
        body = json.dumps({"query": query, "variables": variables or {}}).encode()
        headers = {"Content-Type": "application/json", "X-Opweave-Client": "cli"}
        status, data = self._exchange("POST", "/graphql", body, headers)
        reply = self._parse(status, data)
        if reply.get("errors"):
            raise self._refusal(status, reply["errors"])
        found = reply.get("data")
        if not isinstance(found, dict):
            raise CommandFailed(
                f"{self.url}/graphql answered {status} without data; is it an opweave server?"
            )
        return found

    def probe(self, path: str, method: str = "GET") -> tuple[int, str]:
        """Return status and text of a bare request.

        Raises:
            Unreachable: The server does not answer.
        """
        headers = {"Content-Type": "application/json"}
        body = b"{}" if method == "POST" else b""
        status, data = self._exchange(method, path, body, headers)
        return status, data.decode("utf-8", errors="replace").strip()

    def stream(self, path: str) -> Iterator[bytes]:
        """Yield the body of ``GET path`` as it comes; 404 yields nothing."""
        connection = self._new_connection()
        try:
            connection.request("GET", self._prefix + path)
            response = connection.getresponse()
            if response.status == http.client.NOT_FOUND:
                return
            if response.status != http.client.OK:
                raise CommandFailed(
                    f"GET {self.url}{path} answered {response.status} {response.reason}"
                )
            while chunk := response.read1(_CHUNK_BYTES):
                yield chunk
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from error
        finally:
            connection.close()

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _exchange(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, bytes]:
        is_fresh = self._connection is None
        connection = self._connection = self._connection or self._new_connection()
        try:
            connection.request(method, self._prefix + path, body=body, headers=dict(headers))
            response = connection.getresponse()
            data = response.read(MAX_REPLY_BYTES + 1)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            # A kept connection may have been closed before the request reached anybody; a fresh one tells the truth.
            if is_fresh or not isinstance(
                error, (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)
            ):
                raise self._unreachable(error) from error
            return self._exchange(method, path, body, headers)
        if len(data) > MAX_REPLY_BYTES:
            self.close()
            raise CommandFailed(
                f"{self.url} answered more than {MAX_REPLY_BYTES // 1024 // 1024} MiB"
            )
        return response.status, data

    def _parse(self, status: int, data: bytes) -> dict[str, Any]:
        try:
            reply = json.loads(data)
        except (ValueError, RecursionError):
            reply = None
        if isinstance(reply, dict) and ("data" in reply or "errors" in reply):
            return reply
        if status in (502, 503, 504):
            raise Unreachable(f"{self.url} answered {status}: the server is not ready; try again")
        text = data[:200].decode("utf-8", errors="replace").strip()
        raise CommandFailed(
            f"{self.url}/graphql answered {status} and no GraphQL: {text or 'nothing'}; is it an opweave server?"
        )

    def _refusal(self, status: int, errors: object) -> CommandFailed:
        listed = [e for e in errors if isinstance(e, dict)] if isinstance(errors, list) else []
        text = "; ".join(dict.fromkeys(str(e.get("message", e)) for e in listed))
        # An error with a path comes from the answer to the user's question, one without from how we asked it.
        if text and all(e.get("path") for e in listed):
            return CommandFailed(text)
        return CommandFailed(f"{self.url} refused the request: {text or status}")

    def _new_connection(self) -> http.client.HTTPConnection:
        if self._is_tls:
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(
                self._host, self._port, timeout=self._timeout, context=context
            )
        return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)

    def _unreachable(self, error: Exception) -> Unreachable:
        return Unreachable(
            f"no opweave server answers at {self.url} ({str(error) or type(error).__name__}); start one with `opweave dev`, "
            "or say where it is with --url or OPWEAVE_URL"
        )


def _port(parts: urllib.parse.SplitResult) -> int | None:
    try:
        return parts.port
    except ValueError as error:
        raise click.UsageError(f"{parts.netloc!r}: {error}") from error
