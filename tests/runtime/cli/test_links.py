"""Addresses that the command line prints lead somewhere when it has ended."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from opweave._cli.graphql import Client


@contextmanager
def instance_with(settings: dict[str, Any]) -> Iterator[str]:
    """Serve the settings of an instance, whatever is asked for; yield the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # the name that the standard library calls
            body = json.dumps({"data": {"instance": {"settings": settings}}}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("settings", "link"),
    [
        ({}, ""),
        ({"web": {}}, ""),
        (
            {"web": {"url": "https://opweave.example.com/x/"}},
            "https://opweave.example.com/x/runs/1",
        ),
    ],
)
def test_a_forwarded_port_is_never_a_link(settings: dict[str, Any], link: str) -> None:
    """It ends with the command: the address of the Instance's settings stands in its place, or none."""
    with instance_with(settings) as url:
        client = Client(url, is_temporary=True)
        assert link == client.link("/runs/1")
        client.close()


def test_an_address_that_stays_is_the_link() -> None:
    """The server need not be asked."""
    assert "http://127.0.0.1:3000/runs/1" == Client("http://127.0.0.1:3000/").link("/runs/1")
