"""A private PostgreSQL server for tests and benchmarks, from Debian's packages.

Tests import the fixtures that they need into their ``conftest.py``; programs use `PostgresServer` as a context manager.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import psycopg
import pytest
from psycopg import sql

NOT_INSTALLED = "PostgreSQL's server programs are not installed"
_START_SECONDS = 60.0
_POLL_SECONDS = 0.02
_FAST_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
"""For tests only: nothing survives a power cut, which no test makes."""


def find_programs() -> Path | None:
    """Return the directory of the newest server's programs, or None."""
    versions = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"),
        key=lambda initdb: float(initdb.parent.parent.name),
    )
    if versions:
        return versions[-1].parent
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found else None


class PostgresServer:
    """A server in a temporary directory, on a free port of the loopback and a unix socket.

    Args:
        programs: As `find_programs` returns it.
        is_durable: Flush every commit to the disk, as in production; benchmarks want this.
        host: A further address to listen on, for pods of a test cluster; empty means none. A password is asked for there.
    """

    def __init__(self, programs: Path, *, is_durable: bool = False, host: str = "") -> None:
        self._programs = programs
        self._is_durable = is_durable
        self._host = host
        self._password = secrets.token_urlsafe(16) if host else ""
        self._directory = Path(tempfile.mkdtemp(prefix="opweave-postgres-"))
        self._user = "postgres" if os.geteuid() == 0 else None  # the server refuses to run as root
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = 0
        self.port = _free_port()

    def __enter__(self) -> PostgresServer:
        """Make the data directory and start."""
        if self._user is not None:
            account = pwd.getpwnam(self._user)
            os.chown(self._directory, account.pw_uid, account.pw_gid)
        self._run("initdb", "--no-sync", "--auth=trust", "--encoding=UTF8", "--username=opweave")
        if self._host:
            with (self._directory / "data" / "pg_hba.conf").open("a") as access:
                access.write("host all all all scram-sha-256\n")
        self.start()
        if self._host:
            self._set_password()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop and remove everything."""
        self.stop()
        shutil.rmtree(self._directory, ignore_errors=True)

    def url(self, database: str = "postgres") -> str:
        """Return the URL of *database*, at the further address if there is one."""
        if self._host:
            return f"postgresql://opweave:{self._password}@{self._host}:{self.port}/{database}"
        return self._local_url(database)

    def _local_url(self, database: str = "postgres") -> str:
        return f"postgresql://opweave@127.0.0.1:{self.port}/{database}"

    def _set_password(self) -> None:
        with psycopg.connect(self._local_url(), autocommit=True) as connection:
            statement = sql.SQL("ALTER USER opweave PASSWORD {}").format(self._password)
            connection.execute(statement)

    def create_database(self, template: str = "template1") -> str:
        """Make a database like *template*, to which nobody may be connected; return its name."""
        self._databases += 1
        name = f"test_{self._databases}"
        with psycopg.connect(self._local_url(), autocommit=True) as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                    sql.Identifier(name), sql.Identifier(template)
                )
            )
        return name

    def start(self) -> None:
        """Start the server and wait until it answers."""
        settings = {
            "listen_addresses": f"127.0.0.1,{self._host}".strip(","),
            "port": str(self.port),
            "unix_socket_directories": str(self._directory),
            "max_connections": "100",
        }
        if not self._is_durable:
            settings |= _FAST_SETTINGS
        options = [f"--{name}={value}" for name, value in settings.items()]
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self._directory / "data", *options],
                stdout=log,
                stderr=log,
                user=self._user,
                group=self._user,
                extra_groups=[] if self._user else None,
                cwd=self._directory,
            )
        self._wait_until_ready()

    def stop(self) -> None:
        """Cut all connections and end the server."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)  # "fast shutdown"
            self._process.wait(_START_SECONDS)
            self._process = None

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                psycopg.connect(self._local_url(), connect_timeout=5).close()
                return
            except psycopg.OperationalError as error:
                ended = self._process is None or self._process.poll() is not None
                if ended or time.monotonic() > deadline:
                    log = (self._directory / "log").read_text(errors="replace")
                    raise RuntimeError(f"PostgreSQL did not start: {log[-2000:]}") from error
            time.sleep(_POLL_SECONDS)

    def _run(self, program: str, *arguments: str) -> None:
        finished = subprocess.run(
            [self._programs / program, "-D", self._directory / "data", *arguments],
            capture_output=True,
            text=True,
            user=self._user,
            group=self._user,
            extra_groups=[] if self._user else None,
            cwd=self._directory,
            check=False,
        )
        if finished.returncode != 0:
            raise RuntimeError(f"{program} failed: {finished.stderr[-2000:]}")


@pytest.fixture(scope="session")
def postgres_programs() -> Path:
    """The server's programs; skips where they are missing."""
    programs = find_programs()
    if programs is None:
        pytest.skip(NOT_INSTALLED)
    return programs


@pytest.fixture(scope="session")
def postgres_server(postgres_programs: Path) -> Iterator[PostgresServer]:
    """One server for the whole session; tests make databases in it and must not stop it."""
    with PostgresServer(postgres_programs) as server:
        yield server


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
