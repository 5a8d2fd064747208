"""Code servers as real processes: load, failure, change of the text, death, and a record in a real catalog for each."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from opweave_operator import ports, storage
from opweave_operator.adapters.http_code_locations import HttpCodeLocations
from opweave_operator.adapters.local import declarations, workspace
from opweave_operator.adapters.local.code_servers import CodeServers
from opweave_operator.clock import SystemClock
from opweave_operator.core import model
from opweave_operator.storage import engine
from opweave_operator.usecases.launch_request import TargetUnavailable
from opweave_operator.usecases.launch_target import TargetFinder

GOOD = """
from opweave import Definitions, job, op

@op
def hello():
    return 1

@job
def {job}():
    hello()

defs = Definitions(jobs=[{job}])
"""
REF = model.LocationRef(namespace="local", name="shop")
LIMIT_SECONDS = 60


class Recorder:
    """Hands over each record that the code servers store."""

    def __init__(self) -> None:
        self._records: asyncio.Queue[ports.LocationRecord] = asyncio.Queue()

    def put(self, record: ports.LocationRecord) -> None:
        self._records.put_nowait(record)

    async def next(self) -> ports.LocationRecord:
        async with asyncio.timeout(LIMIT_SECONDS):
            return await self._records.get()


@pytest.fixture
async def catalog(tmp_path: Path) -> AsyncIterator[ports.CatalogStore]:
    database = engine.open_database(f"sqlite:///{tmp_path / 'opweave.db'}")
    await engine.migrate(database)
    stores = storage.open_stores(database, tmp_path)
    yield stores.catalog
    await stores.close()


@contextlib.asynccontextmanager
async def serving(tmp_path: Path, catalog: ports.CatalogStore) -> AsyncIterator[Recorder]:
    """Serve ``shop.py`` of *tmp_path*."""
    recorder = Recorder()
    token = "secret"
    async with HttpCodeLocations(token=token) as code_locations:
        servers = CodeServers(
            home=tmp_path / "home",
            locations=[workspace.from_file(tmp_path / "shop.py", working_directory=tmp_path)],
            catalog=catalog,
            code_locations=code_locations,
            clock=SystemClock(),
            token=token,
            on_change=recorder.put,
            first_delay_seconds=0.05,
        )
        task = asyncio.create_task(servers.run())
        try:
            yield recorder
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def write(tmp_path: Path, text: str) -> None:
    (tmp_path / "shop.py").write_text(text, encoding="utf-8")


def job_names(record: ports.LocationRecord) -> list[str]:
    return [job.name for job in record.snapshot.jobs] if record.snapshot else []


async def test_stores_what_was_loaded(tmp_path: Path, catalog: ports.CatalogStore) -> None:
    """A loaded location has an address, a snapshot and the template of its steps in the catalog."""
    write(tmp_path, GOOD.format(job="first"))
    async with serving(tmp_path, catalog) as recorder:
        record = await recorder.next()
        stored = await catalog.get_location(REF)
    assert stored is not None
    assert (job_names(stored), stored.failure) == (["first"], None)
    assert stored.url.startswith("http://127.0.0.1:")
    assert record.worker_template["args"][:2] == ["--file", str(tmp_path / "shop.py")]


async def test_shows_why_a_location_cannot_be_loaded(
    tmp_path: Path, catalog: ports.CatalogStore
) -> None:
    """The failure names the error and its line; mending the file is enough to load it."""
    write(tmp_path, "import no_such_module\n")
    async with serving(tmp_path, catalog) as recorder:
        failed = await recorder.next()
        write(tmp_path, GOOD.format(job="mended"))
        record = await recorder.next()
        while record.failure is not None:
            record = await recorder.next()
    assert failed.failure is not None
    assert "no_such_module" in failed.failure.message
    assert failed.url == ""
    assert job_names(record) == ["mended"]


async def test_nothing_serves_while_the_newest_text_is_broken(
    tmp_path: Path, catalog: ports.CatalogStore
) -> None:
    """Steps read the text as it is: a launch is refused with the error and its place until it is mended."""
    write(tmp_path, GOOD.format(job="good"))
    async with serving(tmp_path, catalog) as recorder:
        good = await recorder.next()
        write(tmp_path, "raise RuntimeError('half written')\n")
        broken = await recorder.next()
        asked = [
            await TargetFinder(catalog).find(namespace=None, location=location, job="good")
            for location in ("shop", None)
        ]
        write(tmp_path, GOOD.format(job="mended"))
        mended = await recorder.next()

    assert (good.failure, broken.url, job_names(mended)) == (None, "", ["mended"])
    for answer in asked:
        assert isinstance(answer, TargetUnavailable)
        assert "half written" in answer.message
        assert "shop.py" in answer.message
        assert "mend it and launch again" in answer.message


async def test_a_location_that_loads_is_known(tmp_path: Path, catalog: ports.CatalogStore) -> None:
    """A location whose text hangs is listed and named as loading; what an earlier process had stored does not count."""
    stale = ports.LocationRecord(ref=REF, url="http://127.0.0.1:9")
    await catalog.put_location(stale)
    pipe = tmp_path / "reached"
    os.mkfifo(pipe)
    write(
        tmp_path, f"open({str(pipe)!r}, 'w').close()\nimport threading\nthreading.Event().wait()\n"
    )
    async with serving(tmp_path, catalog):
        async with asyncio.timeout(LIMIT_SECONDS):
            await asyncio.to_thread(pipe.read_bytes)
        record = await catalog.get_location(REF)
        answer = await TargetFinder(catalog).find(namespace=None, job="hello")

    assert record is not None
    assert (record.url, record.snapshot, record.failure) == ("", None, None)
    assert isinstance(answer, TargetUnavailable)
    assert "local/shop is still loading" in answer.message


async def test_starts_a_code_server_again_that_died(
    tmp_path: Path, catalog: ports.CatalogStore
) -> None:
    """A killed code server is told and replaced."""
    write(tmp_path, GOOD.format(job="first"))
    async with serving(tmp_path, catalog) as recorder:
        first = await recorder.next()
        for pid in code_server_pids(tmp_path):
            os.kill(pid, signal.SIGKILL)
        ended = await recorder.next()
        again = await recorder.next()
    assert ended.failure is not None
    assert (ended.failure.reason, ended.url) == ("ProcessExited", "")
    assert again.failure is None
    assert again.url != first.url


async def test_an_end_while_loading_is_a_failure(
    tmp_path: Path, catalog: ports.CatalogStore
) -> None:
    """Text that ends the process takes nothing with it; what it printed is shown."""
    write(tmp_path, "import os\nprint('last words', flush=True)\nos._exit(9)\n")
    async with serving(tmp_path, catalog) as recorder:
        record = await recorder.next()
    assert record.failure is not None
    assert "exit code 9" in record.failure.message
    assert "last words" in record.failure.output


async def test_nothing_is_left_behind(tmp_path: Path, catalog: ports.CatalogStore) -> None:
    """When serving ends, so do all code servers."""
    write(tmp_path, GOOD.format(job="first"))
    async with serving(tmp_path, catalog) as recorder:
        await recorder.next()
        assert code_server_pids(tmp_path)
    assert code_server_pids(tmp_path) == []


def code_server_pids(tmp_path: Path) -> list[int]:
    found = []
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            command = (directory / "cmdline").read_bytes()
        except OSError:
            continue
        if b"code-server" in command and str(tmp_path).encode() in command:
            found.append(int(directory.name))
    return found


async def test_forgets_locations_and_jobs_that_are_declared_no_more(
    catalog: ports.CatalogStore,
) -> None:
    """What another start had declared on this machine goes; what belongs to a cluster stays."""
    elsewhere = model.LocationRef(namespace="prod", name="shop")
    for ref in (REF, elsewhere):
        await catalog.put_location(ports.LocationRecord(ref=ref))
    await catalog.put_job(ports.JobRecord(namespace="local", name="old", location="shop", job="x"))
    job = ports.JobRecord(namespace="local", name="new", location="shop", job="x")

    await declarations.store(
        declarations.Declarations(jobs=(job,), instance={"paused": []}), catalog
    )

    assert [elsewhere] == [record.ref for record in await catalog.list_locations()]
    assert [record.name for record in await catalog.list_jobs()] == ["new"]
    assert await catalog.get_instance() == {"paused": []}
