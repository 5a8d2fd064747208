"""Step attempts as real processes: start, end, stop, slots, and a restart of the orchestrator in between."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from opweave.wire import plan as wire_plan
from opweave_operator import ports
from opweave_operator.adapters.local import processes
from opweave_operator.adapters.local.executor import LocalExecutor
from opweave_operator.core import model

RUN_ID = model.RunId("01jd0000000000000000000000")


class SystemClock:
    """The real time."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class Digests:
    """Keeps what the executor stores of tokens."""

    def __init__(self) -> None:
        self.stored: dict[ports.AttemptRef, str] = {}

    async def set(self, ref: ports.AttemptRef, digest: str) -> None:
        self.stored[ref] = digest


def interpreter(directory: Path, body: str) -> Path:
    """Return a program that takes the place of python and runs *body* instead of the step."""
    script = directory / f"body-{hashlib.sha256(body.encode()).hexdigest()[:8]}.py"
    script.write_text(body, encoding="utf-8")
    program = script.with_suffix("")
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -S {script} "$@"\n', encoding="utf-8")
    program.chmod(0o700)
    return program


def a_run(python: Path | str, run_id: model.RunId = RUN_ID, **template: object) -> model.Run:
    return model.Run(
        id=run_id,
        location=model.LocationRef(namespace="local", name="shop"),
        job="daily",
        status=model.RunStatus.STARTED,
        plan=wire_plan.RunPlan(job="daily", steps=()),
        created_at=datetime.now(UTC),
        worker_template={"python": str(python), "args": ["--file", "shop.py"], **template},
    )


STEP = model.Step(key=model.StepKey("clean"), index=0)
FIRST = model.Attempt(number=1)
KEY = (STEP.key, 1)


@pytest.fixture
def digests() -> Digests:
    return Digests()


Opener = Callable[..., Awaitable[LocalExecutor]]


@pytest.fixture
async def open_executor(tmp_path: Path, digests: Digests) -> AsyncIterator[Opener]:
    """Open executors over one home; whatever they leave running is killed at the end."""
    opened: list[LocalExecutor] = []

    async def open_one(max_processes: int | None = None) -> LocalExecutor:
        executor = LocalExecutor(
            home=tmp_path / "home",
            api_url="http://127.0.0.1:3000",
            set_token_digest=digests.set,
            clock=SystemClock(),
            max_processes=max_processes,
        )
        await executor.open()
        opened.append(executor)
        return executor

    yield open_one
    for executor in opened:
        await executor.close()
    for process in processes.with_environment("OPWEAVE_HOME", str(tmp_path / "home")):
        processes.send_signal(process, signal.SIGKILL)


async def ended(
    executor: LocalExecutor, run: model.Run, key: tuple[model.StepKey, int] = KEY
) -> model.Worker:
    """Wait until the executor announces the end of the worker."""
    changes = executor.changes()
    async with asyncio.timeout(20):
        while True:
            announced = asyncio.ensure_future(anext(changes))
            await asyncio.sleep(0)  # from here on no announcement is missed
            worker = (await executor.observe(run, [key])).workers[key]
            if worker.phase is model.WorkerPhase.ENDED:
                announced.cancel()
                return worker
            await announced


def environment_of(worker: model.Worker) -> dict[str, str]:
    assert worker.name is not None
    pid = worker.name.removeprefix("pid ")
    pairs = Path(f"/proc/{pid}/environ").read_text(encoding="utf-8").split("\0")
    return dict(pair.split("=", 1) for pair in pairs if pair)


SLEEP = "import time\ntime.sleep(60)\n"


async def start_and_end(executor: LocalExecutor, run: model.Run) -> model.Worker:
    waiting = asyncio.create_task(ended(executor, run))
    await asyncio.sleep(0)
    await executor.start(run, STEP, FIRST)
    return await waiting


async def test_tells_the_process_which_attempt_it_is(
    open_executor: Opener, digests: Digests, tmp_path: Path
) -> None:
    """The process gets the ids, the address and a token whose digest was stored."""
    executor = await open_executor()
    run = a_run(interpreter(tmp_path, SLEEP), env={"SHOP": "berlin"})
    await executor.start(run, STEP, FIRST)

    worker = (await executor.observe(run, [KEY])).workers[KEY]
    environment = environment_of(worker)

    assert tuple(environment[f"OPWEAVE_{name}"] for name in ("RUN_ID", "STEP_KEY", "ATTEMPT")) == (
        RUN_ID,
        "clean",
        "1",
    )
    assert environment["OPWEAVE_API_URL"] == "http://127.0.0.1:3000"
    assert environment["SHOP"] == "berlin"
    [digest] = digests.stored.values()
    assert digest == hashlib.sha256(environment["OPWEAVE_TOKEN"].encode()).hexdigest()


async def test_starts_a_worker_once(open_executor: Opener, tmp_path: Path) -> None:
    """Starting the same attempt again, at once or later, leaves the one process alone."""
    executor = await open_executor()
    run = a_run(interpreter(tmp_path, SLEEP))
    await asyncio.gather(executor.start(run, STEP, FIRST), executor.start(run, STEP, FIRST))
    await executor.start(run, STEP, FIRST)

    home = str(tmp_path / "home")
    assert len(list(processes.with_environment("OPWEAVE_HOME", home))) == 1


@pytest.mark.parametrize(
    ("body", "reason", "exit_code", "is_infrastructure"),
    [
        ("", "Completed", 0, False),
        ("raise SystemExit(3)", "Error", 3, False),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "Killed", -9, True),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)", "Killed", -11, False),
    ],
)
async def test_tells_how_a_process_ended(
    open_executor: Opener,
    tmp_path: Path,
    body: str,
    reason: str,
    exit_code: int,
    is_infrastructure: bool,
) -> None:
    """Reason, exit code and whose fault it was follow the way the process ended."""
    worker = await start_and_end(await open_executor(), a_run(interpreter(tmp_path, body)))

    assert (reason, exit_code, is_infrastructure) == (
        worker.reason,
        worker.exit_code,
        worker.is_infrastructure,
    )


async def test_hands_over_the_termination_message(open_executor: Opener, tmp_path: Path) -> None:
    """What the step wrote to its termination log arrives, cut to what Kubernetes would keep."""
    body = "import os\nopen(os.environ['OPWEAVE_TERMINATION_LOG'], 'w').write('x' * 5000)\n"
    worker = await start_and_end(await open_executor(), a_run(interpreter(tmp_path, body)))

    assert worker.termination_message == "x" * 4096


async def test_shows_standard_error_when_nothing_else_explains_the_end(
    open_executor: Opener, tmp_path: Path
) -> None:
    """An interpreter without opweave says so on standard error: that is the message."""
    body = "import sys\nsys.exit('No module named opweave')\n"
    worker = await start_and_end(await open_executor(), a_run(interpreter(tmp_path, body)))

    assert worker.message == "No module named opweave"


async def test_kills_what_a_step_left_in_its_group(open_executor: Opener, tmp_path: Path) -> None:
    """A background process that user code forgot ends with its step."""
    body = "import subprocess\nsubprocess.Popen(['sleep', '60'])\n"
    worker = await start_and_end(await open_executor(), a_run(interpreter(tmp_path, body)))

    left = list(processes.with_environment("OPWEAVE_WORKER_ID", str(worker.worker_id)))
    for process in left:
        await asyncio.wait_for(processes.wait_for_end(process), 10)
    assert worker.reason == "Completed"


async def test_stops_with_a_friendly_signal_first(open_executor: Opener, tmp_path: Path) -> None:
    """SIGTERM reaches the process, and its end counts as stopped."""
    executor = await open_executor()
    ready = tmp_path / "ready"
    os.mkfifo(ready)
    body = (
        "import signal, sys, time\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\n"
        f"open({str(ready)!r}, 'w').close()\ntime.sleep(60)\n"
    )
    run = a_run(interpreter(tmp_path, body))
    await executor.start(run, STEP, FIRST)
    await asyncio.to_thread(ready.read_text)
    waiting = asyncio.create_task(ended(executor, run))
    await executor.stop(run, STEP.key, 1, 30)

    worker = await waiting

    assert (worker.reason, worker.exit_code, worker.is_stopping) == ("Stopped", 7, True)


@pytest.mark.parametrize("grace_seconds", [0, 1])
async def test_kills_what_does_not_listen(
    open_executor: Opener, tmp_path: Path, grace_seconds: int
) -> None:
    """A process that ignores SIGTERM is killed after its grace, at once without any."""
    executor = await open_executor()
    ready = tmp_path / "ready"
    os.mkfifo(ready)
    body = (
        "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"open({str(ready)!r}, 'w').close()\ntime.sleep(60)\n"
    )
    run = a_run(interpreter(tmp_path, body))
    await executor.start(run, STEP, FIRST)
    await asyncio.to_thread(ready.read_text)
    waiting = asyncio.create_task(ended(executor, run))
    await executor.stop(run, STEP.key, 1, grace_seconds)
    await executor.stop(run, STEP.key, 1, grace_seconds)

    worker = await waiting

    assert (worker.reason, worker.exit_code, worker.is_infrastructure) == ("Stopped", -9, False)


async def test_a_step_beyond_the_slots_waits_for_one(open_executor: Opener, tmp_path: Path) -> None:
    """Beyond the limit a step waits, says so, and starts by itself when a slot is free."""
    executor = await open_executor(max_processes=1)
    run = a_run(interpreter(tmp_path, SLEEP))
    other = a_run(interpreter(tmp_path, ""), model.RunId("01jd0000000000000000000001"))
    await executor.start(run, STEP, FIRST)
    await executor.start(other, STEP, FIRST)
    waiting = (await executor.observe(other, [KEY])).workers[KEY]
    assert (model.WorkerPhase.PENDING, "NoFreeSlot", None) == (
        waiting.phase,
        waiting.reason,
        waiting.worker_id,
    )
    changes = executor.changes()
    announced = asyncio.create_task(_next_of(changes, other.id))
    await asyncio.sleep(0)

    await executor.stop(run, STEP.key, 1, 0)
    await announced

    begun = (await executor.observe(other, [KEY])).workers[KEY]
    assert begun.worker_id is not None


async def test_a_step_that_waits_for_a_slot_can_be_stopped(
    open_executor: Opener, tmp_path: Path
) -> None:
    """It never gets a process, and its place in the queue is gone."""
    executor = await open_executor(max_processes=1)
    run = a_run(interpreter(tmp_path, SLEEP))
    other = a_run(interpreter(tmp_path, ""), model.RunId("01jd0000000000000000000001"))
    await executor.start(run, STEP, FIRST)
    await executor.start(other, STEP, FIRST)

    await executor.stop(other, STEP.key, 1, 30)

    worker = (await executor.observe(other, [KEY])).workers[KEY]
    assert model.WorkerPhase.ABSENT is worker.phase


async def _next_of(changes: AsyncIterator[model.RunId], run_id: model.RunId) -> None:
    async with asyncio.timeout(20):
        async for changed in changes:
            if changed == run_id:
                return


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ({"python": "/no/such/python"}, "cannot run /no/such/python"),
        ({"workingDirectory": "/no/such/directory"}, "/no/such/directory"),
        ({"python": None}, "worker_template.python is missing"),
        ({"args": "--file"}, "worker_template.args"),
        ({"env": {"A": 1}}, "worker_template.env"),
    ],
)
async def test_refuses_for_good_what_can_never_start(
    open_executor: Opener, tmp_path: Path, template: dict[str, object], text: str
) -> None:
    """A template that cannot work is refused once and for all, and leaves nothing behind."""
    executor = await open_executor()
    run = a_run(interpreter(tmp_path, ""))
    run = replace(run, worker_template={**run.worker_template, **template})
    with pytest.raises(ports.StartRefused, match=text) as refused:
        await executor.start(run, STEP, FIRST)

    assert refused.value.is_permanent
    worker = (await executor.observe(run, [KEY])).workers[KEY]
    assert worker.phase is model.WorkerPhase.ABSENT


async def test_adopts_what_runs_after_a_restart(open_executor: Opener, tmp_path: Path) -> None:
    """Another executor over the same home sees the process, and tells its end by the termination message."""
    executor = await open_executor()
    go = tmp_path / "go"
    os.mkfifo(go)
    body = (
        f"import os\nopen({str(go)!r}).read()\n"
        "open(os.environ['OPWEAVE_TERMINATION_LOG'], 'w').write('left behind')\n"
    )
    run = a_run(interpreter(tmp_path, body))
    await executor.start(run, STEP, FIRST)
    before = (await executor.observe(run, [KEY])).workers[KEY]
    await executor.close()

    second = await open_executor()
    adopted = (await second.observe(run, [KEY])).workers[KEY]
    waiting = asyncio.create_task(ended(second, run))
    await asyncio.to_thread(go.write_text, "")
    after = await waiting

    assert before == adopted
    assert (
        after.reason,
        after.exit_code,
        after.termination_message,
    ) == ("WorkerGone", None, "left behind")


async def test_finds_a_process_whose_pid_was_never_recorded(
    open_executor: Opener, tmp_path: Path
) -> None:
    """Death between starting the process and recording it loses nothing: its environment tells."""
    executor = await open_executor()
    run = a_run(interpreter(tmp_path, SLEEP))
    await executor.start(run, STEP, FIRST)
    before = (await executor.observe(run, [KEY])).workers[KEY]
    tracked = next(iter(executor._workers.values()))
    tracked.directory.write(replace(tracked.record, process=None))
    await executor.close()

    second = await open_executor()

    assert before == (await second.observe(run, [KEY])).workers[KEY]


async def test_a_recycled_pid_is_not_taken_for_the_worker(
    open_executor: Opener, tmp_path: Path
) -> None:
    """A record whose pid belongs to a younger process counts as ended, and that process is left alone."""
    executor = await open_executor()
    run = a_run(interpreter(tmp_path, SLEEP))
    await executor.start(run, STEP, FIRST)
    tracked = next(iter(executor._workers.values()))
    stranger = processes.ProcessIdentity(pid=os.getpid(), began="another boot:1")
    tracked.directory.write(replace(tracked.record, process=stranger))
    await executor.close()

    second = await open_executor()
    await second.stop(run, STEP.key, 1, 0)  # would end this very process
    worker = await ended(second, run)

    assert (worker.reason, worker.is_infrastructure) == ("Stopped", False)


async def test_releases_a_running_worker_when_it_has_ended(
    open_executor: Opener, tmp_path: Path
) -> None:
    """The outcome is known before the process has uploaded its last log: it goes when it ends."""
    executor = await open_executor()
    run = a_run(interpreter(tmp_path, SLEEP))
    await executor.start(run, STEP, FIRST)
    await executor.release(run, STEP.key, 1)
    running = (await executor.observe(run, [KEY])).workers[KEY]
    announced = asyncio.create_task(_next_of(executor.changes(), run.id))
    await asyncio.sleep(0)
    await executor.stop(run, STEP.key, 1, 0)
    await announced
    gone = (await executor.observe(run, [KEY])).workers[KEY]

    assert (running.phase, gone.phase) == (model.WorkerPhase.RUNNING, model.WorkerPhase.ABSENT)
    assert list((tmp_path / "home" / "workers").rglob("record.json")) == []


async def test_step_keys_cannot_leave_the_home(open_executor: Opener, tmp_path: Path) -> None:
    """A step key is no path, however it is spelled and however long it is."""
    executor = await open_executor(max_processes=5)
    run = a_run(interpreter(tmp_path, ""))
    for number, key in enumerate(["../../evil", "..", "/etc/x", "ä" * 300, "a[b/c]"], start=1):
        step = model.Step(key=model.StepKey(key), index=number)
        await executor.start(run, step, model.Attempt(number=number))

    records = list((tmp_path / "home").rglob("record.json"))
    assert len(records) == 5
    assert all(path.parents[2] == tmp_path / "home" / "workers" for path in records)
