"""Makes `code_servers` importable and ends the servers of each test."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from code_servers import CodeServerProcess


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., CodeServerProcess]]:
    servers: list[CodeServerProcess] = []

    def start(code: str, *options: str, **environment: str) -> CodeServerProcess:
        directory = tmp_path / str(len(servers))
        directory.mkdir()
        servers.append(CodeServerProcess(directory, code, *options, **environment))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()
