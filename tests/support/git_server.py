"""A git repository served over HTTP from this machine, by git itself."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

IDENTITY = {
    "GIT_AUTHOR_NAME": "A tester",
    "GIT_AUTHOR_EMAIL": "tester@example.org",
    "GIT_COMMITTER_NAME": "A tester",
    "GIT_COMMITTER_EMAIL": "tester@example.org",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}


@dataclass(frozen=True, kw_only=True)
class GitRepository:
    """A repository with a branch ``main``, and where others find it."""

    directory: Path
    url: str

    def commit(self, files: dict[str, str]) -> str:
        """Commit *files*; return the commit's id."""
        for name, text in files.items():
            file = self.directory / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        git(self.directory, "add", "--all")
        git(self.directory, "commit", "--quiet", "--message", "Change the code")
        return git(self.directory, "rev-parse", "HEAD")


def git(directory: Path, *command: str) -> str:
    """Run git in *directory*; return what it printed."""
    done = subprocess.run(
        ["git", "-C", str(directory), *command],
        env={**os.environ, **IDENTITY},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@contextlib.contextmanager
def served(directory: Path, host: str) -> Iterator[GitRepository]:
    """Make a repository in *directory* and serve it on *host*."""
    repository = directory / "pipelines"
    repository.mkdir()
    git(repository, "init", "--quiet", "--initial-branch=main")
    git(repository, "config", "http.uploadpack", "true")

    class Handler(_BackendHandler):
        root = directory

    server = ThreadingHTTPServer((host, 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        url = f"http://{host}:{server.server_port}/pipelines/.git"
        yield GitRepository(directory=repository, url=url)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _BackendHandler(BaseHTTPRequestHandler):
    """Speaks CGI with ``git http-backend``: the server side of git over HTTP."""

    root: Path

    def do_GET(self) -> None:
        """Answer a request for references."""
        self._serve(b"")

    def do_POST(self) -> None:
        """Answer a request for objects."""
        self._serve(self._body())

    def log_message(self, format: str, *args: object) -> None:  # the name is the base class's
        """Stay silent."""

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _serve(self, body: bytes) -> None:
        path, _, query = self.path.partition("?")
        environment = {
            **os.environ,
            **IDENTITY,
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        done = subprocess.run(
            ["git", "http-backend"], input=body, env=environment, capture_output=True, check=False
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
        self.send_response(int(headers.pop("Status", "200").split()[0]))
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
