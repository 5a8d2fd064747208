"""The small HTTP client against servers that speak well and badly."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from opweave.ingest_client.http1 import Address, Connection, HttpError, quote

Serve = Callable[..., Connection]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a server that answers each request on each connection with the next of the given bytes, then hangs up."""
    opened: list[socket.socket | Connection] = []

    def start(*connections: list[bytes]) -> Connection:
        listener = socket.create_server(("127.0.0.1", 0))
        opened.append(listener)
        threading.Thread(target=_answer, args=(listener, connections), daemon=True).start()
        connection = Connection(Address("127.0.0.1", listener.getsockname()[1]), read_seconds=5)
        opened.append(connection)
        return connection

    yield start
    for end in opened:
        end.close()


def _answer(listener: socket.socket, connections: tuple[list[bytes], ...]) -> None:
    for replies in connections:
        connection, _ = listener.accept()
        with connection:
            for reply in replies:
                data = b""
                while b"\r\n\r\n" not in data:
                    data += connection.recv(65536)
                connection.sendall(reply)


def get(connection: Connection) -> tuple[int, bytes]:
    response = connection.request("GET", "/", headers={})
    return response.status, response.read()


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def test_a_connection_is_used_again(serve: Serve) -> None:
    """Two requests, one connection."""
    connection = serve([OK, OK])
    assert [get(connection), get(connection)] == [(200, b"ok"), (200, b"ok")]


def test_a_kept_connection_that_was_closed_is_opened_again(serve: Serve) -> None:
    """The server's idle time-out costs nothing but a connection."""
    connection = serve([OK], [OK])
    assert [get(connection), get(connection)] == [(200, b"ok"), (200, b"ok")]


@pytest.mark.parametrize(
    ("reply", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", b"abcde"),
        (b"HTTP/1.1 200 OK\r\n\r\nto the end", b"to the end"),
        (b"HTTP/1.0 200 Fine\r\ncontent-length: 1\r\n\r\nx", b"x"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, b"ok"),
        (b"HTTP/1.1 204 None\r\n\r\n", b""),
    ],
)  # fmt: skip
def test_every_framing_of_a_body_is_read(serve: Serve, reply: bytes, body: bytes) -> None:
    """Lengths, chunks, the end of the connection, none at all."""
    assert get(serve([reply]))[1] == body


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000,
    ],
)
def test_a_reply_that_is_none_is_an_error_that_may_pass(serve: Serve, reply: bytes) -> None:
    """All of them are OSError, which callers answer with another try."""
    with pytest.raises(OSError, match=r"."):
        get(serve([reply]))


def test_a_body_above_the_limit_is_refused(serve: Serve) -> None:
    """A reply that is read whole is bounded."""
    response = serve([OK]).request("GET", "/", headers={})
    with pytest.raises(HttpError, match="longer than 1 bytes"):
        response.read(1)


def test_an_unread_body_does_not_disturb_the_next_request(serve: Serve) -> None:
    """The connection is given up rather than read at the wrong place."""
    connection = serve([OK], [OK])
    connection.request("GET", "/", headers={})
    assert get(connection) == (200, b"ok")


def test_an_early_refusal_of_a_long_body_is_heard(serve: Serve) -> None:
    """The server answers and hangs up while the body is still being sent."""
    reply = b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    connection = serve([reply])
    blocks = (bytes(1 << 20) for _ in range(64))
    try:
        status = connection.request("PUT", "/", headers={}, body=blocks, length=64 << 20).status
    except ConnectionError:
        status = 413  # the kernel may drop the reply with the connection; then a repeat tells
    assert status == 413


def test_a_header_cannot_be_smuggled_in() -> None:
    """A line break in a value is refused before anything is sent."""
    with pytest.raises(HttpError, match="line break"):
        Connection(Address("127.0.0.1", 1)).request("GET", "/", headers={"A": "b\r\nC: d"})


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://web", Address("web", 80)),
        ("https://web/x/", Address("web", 443, "/x", True)),
        ("http://[::1]:8080/a/b", Address("::1", 8080, "/a/b")),
    ],
)
def test_urls_are_taken_apart(url: str, expected: Address) -> None:
    """Ports by scheme, prefixes without a slash at the end, IPv6 in brackets."""
    assert Address.parse(url) == expected


@pytest.mark.parametrize(
    "url", ["", "web:80", "ftp://web", "http://", "http://a:b", "http://u@h", "http://h/?q"]
)
def test_what_is_no_url_of_ours_is_refused(url: str) -> None:
    """The text shows it."""
    with pytest.raises(ValueError, match=r"must|port"):
        Address.parse(url)


def test_a_segment_of_a_path_is_quoted_whole() -> None:
    """Slashes, spaces and other scripts cannot change the path."""
    assert quote("a/b [1] 雪.~") == "a%2Fb%20%5B1%5D%20%E9%9B%AA.~"
