"""A small HTTP/1.1 client over one kept connection.

Why not ``http.client``: importing it costs about 50 ms of CPU (it brings email, ssl and urllib), more than a third of what
a whole step process may use. Called by the reporter, the log upload and the artifact I/O manager, each with a connection
of its own; never by two threads at once. Redirects, proxies and compression are not for a call inside the cluster.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

MAX_HEAD_BYTES = 64 * 1024
MAX_REPLY_BYTES = 64 * 1024 * 1024
"""Of a reply that is read whole: far above the slice of a plan with 10,000 upstream outputs."""
_BLOCK_BYTES = 256 * 1024
_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_NO_BODY_STATUSES = frozenset({204, 304})


class HttpError(OSError):
    """The other side did not speak HTTP/1.1, or its reply is too large; trying again may help."""


class Address(NamedTuple):
    """Where a server listens, and the path that everything on it begins with (no slash at the end)."""

    host: str
    port: int
    prefix: str = ""
    is_tls: bool = False

    @classmethod
    def parse(cls, url: str) -> Address:
        """Return the address in *url*, as ``http://host:port/prefix``.

        Raises:
            ValueError: *url* is not an http or https URL; the text says what is wrong.
        """
        scheme, separator, rest = url.strip().partition("://")
        if not separator or scheme.lower() not in ("http", "https"):
            raise ValueError(f"{url!r} must begin with http:// or https://")
        authority, _, path = rest.partition("/")
        if not authority or any(c in authority for c in "@?# \r\n\t"):
            raise ValueError(f"{url!r} must name a host, as in http://opweave-web:80")
        is_tls = scheme.lower() == "https"
        host, port_text = _split_port(authority)
        if port_text and not (port_text.isascii() and port_text.isdigit()):
            raise ValueError(f"{url!r} has a port that is not a number: {port_text!r}")
        port = int(port_text) if port_text else (443 if is_tls else 80)
        if any(c in path for c in "?# \r\n\t"):
            raise ValueError(f"{url!r} must have no query, fragment or space")
        prefix = f"/{path.strip('/')}" if path.strip("/") else ""
        return cls(host=host, port=port, prefix=prefix, is_tls=is_tls)

    @property
    def authority(self) -> str:
        """Host and port as the ``Host`` header has them."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _split_port(authority: str) -> tuple[str, str]:
    if authority.startswith("["):
        host, _, rest = authority[1:].partition("]")
        return host, rest.removeprefix(":")
    host, _, port = authority.partition(":")
    return host, port


def quote(text: str) -> str:
    """Return *text* percent-encoded as one segment of a path; a slash is encoded too."""
    return "".join(
        chr(byte) if byte in _SAFE else f"%{byte:02X}" for byte in text.encode("utf-8", "replace")
    )


class Response:
    """A reply whose body is read whole by `read` or in pieces by `blocks`; it must be read before the next request."""

    def __init__(self, status: int, headers: Mapping[str, str], body: Iterator[bytes]) -> None:
        self.status = status
        self.headers = headers
        self._body = body

    def blocks(self) -> Iterator[bytes]:
        """Yield the body as it arrives.

        Raises:
            OSError: The connection ended before the body did.
        """
        return self._body

    def read(self, limit: int = MAX_REPLY_BYTES) -> bytes:
        """Return the whole body.

        Raises:
            HttpError: It is longer than *limit* bytes.
            OSError: The connection ended before the body did.
        """
        blocks: list[bytes] = []
        length = 0
        for block in self._body:
            length += len(block)
            if length > limit:
                raise HttpError(f"the reply is longer than {limit} bytes")
            blocks.append(block)
        return b"".join(blocks)


class Connection:
    """One connection that is opened when needed, kept between requests, and opened again when it was lost."""

    def __init__(
        self, address: Address, *, connect_seconds: float = 5.0, read_seconds: float = 30.0
    ) -> None:
        self._address = address
        self._connect_seconds = connect_seconds
        self._read_seconds = read_seconds
        self._stream: _Stream | None = None
        self._has_unread_reply = False

    def request(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str],
        body: bytes | Iterable[bytes] = b"",
        length: int | None = None,
    ) -> Response:
        """Send one request and return the reply with its body unread.

        A kept connection that the server has meanwhile closed is replaced once, without a pause, when *body* is bytes:
        every request of ours may be repeated.

        Args:
            method: In capitals.
            path: Begins with a slash and is percent-encoded; the address's prefix is put before it.
            headers: Besides ``Host`` and ``Content-Length``.
            body: Bytes, or blocks of *length* bytes together.
            length: Of *body* in bytes when it is not bytes.

        Raises:
            OSError: No connection, a time-out, a reset, or `HttpError`.
        """
        is_replayable = isinstance(body, bytes)
        size = len(body) if isinstance(body, bytes) else length
        head = self._head(method, path, headers, size)
        if self._has_unread_reply:
            self.close()
        reused = self._stream is not None
        try:
            return self._exchange(head, body)
        except OSError:
            self.close()
            if not (reused and is_replayable):
                raise
        try:
            return self._exchange(head, body)
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None
        self._has_unread_reply = False

    def _head(self, method: str, path: str, headers: Mapping[str, str], size: int | None) -> bytes:
        lines = [
            f"{method} {self._address.prefix}{path} HTTP/1.1",
            f"Host: {self._address.authority}",
        ]
        if size or method in ("POST", "PUT"):
            lines.append(f"Content-Length: {size or 0}")
        lines.extend(f"{name}: {value}" for name, value in headers.items())
        if any("\r" in line or "\n" in line for line in lines):
            raise HttpError("a header of the request holds a line break")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")

    def _exchange(self, head: bytes, body: bytes | Iterable[bytes]) -> Response:
        if self._stream is None:
            self._stream = _Stream(self._open())
        stream = self._stream
        stream.send(head, body)
        status, headers = stream.read_head()
        while 100 <= status < 200:
            status, headers = stream.read_head()
        self._has_unread_reply = True
        return Response(status, headers, self._body(stream, status, headers))

    def _open(self) -> socket.socket:
        address = self._address
        raw = socket.create_connection((address.host, address.port), self._connect_seconds)
        raw.settimeout(self._read_seconds)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not address.is_tls:
            return raw
        import ssl  # noqa: PLC0415 - 8 ms that only an https address is worth

        try:
            return ssl.create_default_context().wrap_socket(raw, server_hostname=address.host)
        except BaseException:
            raw.close()
            raise

    def _body(self, stream: _Stream, status: int, headers: Mapping[str, str]) -> Iterator[bytes]:
        try:
            if status in _NO_BODY_STATUSES:
                pass
            elif "chunked" in headers.get("transfer-encoding", "").lower():
                yield from stream.read_chunked()
            elif "content-length" in headers:
                yield from stream.read_exactly(_number(headers["content-length"], 10))
            else:
                yield from stream.read_to_end()
                headers = {"connection": "close"}
        except OSError:
            self.close()
            raise
        self._has_unread_reply = False
        if headers.get("connection", "").lower() == "close":
            self.close()


class _Stream:
    """A socket with a read buffer, and the framing of HTTP/1.1 on it."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._buffer = bytearray()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.close()

    def send(self, head: bytes, body: bytes | Iterable[bytes]) -> None:
        """Send a request; a server that answers early and hangs up is no error, its answer is read next."""
        try:
            if isinstance(body, bytes) and len(body) <= _BLOCK_BYTES:
                self._socket.sendall(head + body)  # one packet where it fits
                return
            self._socket.sendall(head)
            if isinstance(body, bytes):
                self._socket.sendall(body)
                return
            for block in body:
                self._socket.sendall(block)
        except (BrokenPipeError, ConnectionResetError):
            if not self._has_reply():
                raise

    def read_head(self) -> tuple[int, dict[str, str]]:
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if len(self._buffer) > MAX_HEAD_BYTES:
                raise HttpError(f"the head of the reply is longer than {MAX_HEAD_BYTES} bytes")
            self._fill("before its reply")
        lines = self._take(end + 4).decode("latin-1").split("\r\n")
        words = lines[0].split(" ", 2)
        if len(words) < 2 or not words[0].startswith("HTTP/1."):
            raise HttpError(f"the reply does not begin like HTTP/1.1: {lines[0][:80]!r}")
        headers: dict[str, str] = {}
        for line in lines[1:]:
            name, separator, value = line.partition(":")
            if separator:
                headers[name.strip().lower()] = value.strip()
        return _number(words[1], 10), headers

    def read_exactly(self, length: int) -> Iterator[bytes]:
        while length > 0:
            if not self._buffer:
                self._fill(f"with {length} bytes of its reply missing")
            block = self._take(min(length, len(self._buffer)))
            length -= len(block)
            yield block

    def read_chunked(self) -> Iterator[bytes]:
        while size := _number(self._read_line().partition(";")[0], 16):
            yield from self.read_exactly(size)
            self._read_line()
        while self._read_line():
            pass

    def read_to_end(self) -> Iterator[bytes]:
        while True:
            if self._buffer:
                yield self._take(len(self._buffer))
            block = self._socket.recv(_BLOCK_BYTES)
            if not block:
                return
            self._buffer += block

    def _read_line(self) -> str:
        while (end := self._buffer.find(b"\r\n")) < 0:
            if len(self._buffer) > MAX_HEAD_BYTES:
                raise HttpError(f"a line of the reply is longer than {MAX_HEAD_BYTES} bytes")
            self._fill("in the middle of its reply")
        return self._take(end + 2)[:-2].decode("latin-1").strip()

    def _fill(self, when: str) -> None:
        block = self._socket.recv(_BLOCK_BYTES)
        if not block:
            raise ConnectionResetError(f"the server closed the connection {when}")
        self._buffer += block

    def _take(self, length: int) -> bytes:
        taken = bytes(self._buffer[:length])
        del self._buffer[:length]
        return taken

    def _has_reply(self) -> bool:
        try:
            self._fill("before its reply")
        except OSError:
            return False
        return True


def _number(text: str, base: int) -> int:
    try:
        value = int(text.strip(), base)
    except ValueError:
        value = -1
    if value < 0:
        raise HttpError(f"the reply holds {text[:40]!r} where a number belongs")
    return value
