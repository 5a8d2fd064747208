"""The executor port on a laptop: one process per step attempt, in a session of its own.

Steps outlive the orchestrator. Its end, friendly or not, leaves them running; they retry their reports, and the next
`LocalExecutor.open` adopts them by their records. What is started is ``python -m opweave step``, with a random token of
which only the digest is stored.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import secrets
import signal
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path

from opweave_operator import ports
from opweave_operator.adapters.local import (
    processes,
    worker_outcome,
    worker_record,
    worker_template,
)
from opweave_operator.adapters.local.worker_record import WorkerDirectory, WorkerRecord
from opweave_operator.adapters.local.worker_template import WorkerTemplate
from opweave_operator.core import model

ARTIFACTS_VARIABLE = "OPWEAVE_ARTIFACTS"
WORKER_ID_VARIABLE = "OPWEAVE_WORKER_ID"
"""In the environment of each step process: by it a process is found whose pid was not recorded in time."""

DigestSink = Callable[[ports.AttemptRef, str], Awaitable[None]]
"""Stores the SHA-256 of an attempt's token (hexadecimal) before its process can use it."""


@dataclass(slots=True)
class _Tracked:
    """A worker that this executor watches; *child* is None for an adopted process."""

    record: WorkerRecord
    directory: WorkerDirectory
    child: subprocess.Popen[bytes] | None = None
    launch: asyncio.Task[None] | None = None
    watcher: asyncio.Task[None] | None = None
    killer: asyncio.Task[None] | None = None


class LocalExecutor:
    """Run step attempts as processes of this machine.

    Use as an asynchronous context manager: entering adopts what an earlier orchestrator left running, leaving stops
    watching and leaves the processes alone.

    Args:
        home: Home directory of the instance; records live in ``workers`` below it.
        api_url: Where steps report.
        set_token_digest: Awaited before each process starts.
        clock: For the moments of workers.
        max_processes: How many run at once; None means twice the number of processors, since steps mostly wait.
    """

    def __init__(
        self,
        *,
        home: Path,
        api_url: str,
        set_token_digest: DigestSink,
        clock: ports.Clock,
        max_processes: int | None = None,
    ) -> None:
        self._home = home
        self._root = home / "workers"
        self._api_url = api_url
        self._set_token_digest = set_token_digest
        self._clock = clock
        self._max_processes = max_processes or 2 * (os.cpu_count() or 1)
        self._workers: dict[ports.AttemptRef, _Tracked] = {}
        self._waiting: dict[ports.AttemptRef, WorkerTemplate] = {}
        self._fillers: set[asyncio.Task[None]] = set()
        self._listeners: set[asyncio.Queue[model.RunId]] = set()

    async def __aenter__(self) -> LocalExecutor:
        """Adopt the workers that are on record."""
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop watching."""
        await self.close()

    async def open(self) -> None:
        """Adopt the workers that are on record; call it once, before anything else."""
        self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
        for record in await asyncio.to_thread(
            lambda: list(worker_record.stored_records(self._root))
        ):
            await self._adopt(record)

    async def close(self) -> None:
        """Stop watching; processes keep running and are adopted by the next executor of the same home."""
        self._waiting.clear()
        launches = [w.launch for w in self._workers.values() if w.launch is not None]
        await asyncio.gather(*launches, return_exceptions=True)
        tasks = [t for w in self._workers.values() for t in (w.watcher, w.killer) if t is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for tracked in self._workers.values():
            if tracked.child is not None and tracked.child.poll() is None:
                # Nobody will wait for it here; without a code its object would warn when it is collected.
                tracked.child.returncode = 0
        self._workers.clear()

    async def start(self, run: model.Run, step: model.Step, attempt: model.Attempt) -> None:
        """Start the process of *attempt*, or let it wait for a free slot; a worker that exists already is left as it is.

        Raises:
            StartRefused: The process cannot be started.
        """
        ref = ports.AttemptRef(run_id=run.id, step_key=step.key, number=attempt.number)
        if ref in self._workers or ref in self._waiting:
            return
        template = _template_of(run)
        if self._free_slots() > 0:
            await self._begin(self._take_slot(ref), template)
        else:
            self._waiting[ref] = template

    def _take_slot(self, ref: ports.AttemptRef) -> _Tracked:
        record = WorkerRecord(
            ref=ref, worker_id=secrets.token_hex(16), created_at=self._clock.now()
        )
        tracked = _Tracked(record, WorkerDirectory(self._root, ref))
        self._workers[ref] = tracked  # at once: a second call must not start a second process
        return tracked

    async def _begin(self, tracked: _Tracked, template: WorkerTemplate) -> None:
        tracked.launch = asyncio.create_task(self._launch(tracked, template))
        # Shielded: a process that was started must be recorded even when this call is cancelled meanwhile.
        await asyncio.shield(tracked.launch)

    async def stop(
        self, run: model.Run, step_key: model.StepKey, attempt: int, grace_seconds: int
    ) -> None:
        """Ask the process to end, and kill it and its group after *grace_seconds*."""
        ref = ports.AttemptRef(run_id=run.id, step_key=step_key, number=attempt)
        if self._waiting.pop(ref, None) is not None:
            return
        tracked = self._workers.get(ref)
        if tracked is None or tracked.record.ended_at or tracked.record.process is None:
            return
        self._update(tracked, replace(tracked.record, is_stopping=True))
        if grace_seconds <= 0:
            processes.kill_group(tracked.record.process)
            return
        # Only the leader is told: it passes the signal on in an order that lets user code clean up.
        processes.send_signal(tracked.record.process, signal.SIGTERM)
        if tracked.killer is None:
            tracked.killer = asyncio.create_task(_kill_later(tracked.record.process, grace_seconds))

    async def release(self, run: model.Run, step_key: model.StepKey, attempt: int) -> None:
        """Forget the worker; while its process still uploads logs, as soon as that has ended."""
        ref = ports.AttemptRef(run_id=run.id, step_key=step_key, number=attempt)
        tracked = self._workers.get(ref)
        if tracked is None:
            return
        if tracked.record.ended_at is None:
            self._update(tracked, replace(tracked.record, is_released=True))
        else:
            self._forget(tracked)

    async def release_unknown(self, run_id: model.RunId) -> None:
        """Do nothing: nobody waits for a process to be let go."""

    async def observe(
        self, run: model.Run, expected: Collection[tuple[model.StepKey, int]]
    ) -> model.Observation:
        """Return the run's workers; those that are expected and have no process are ABSENT."""
        seen = {
            (ref.step_key, ref.number): worker_outcome.describe(tracked.record, tracked.directory)
            for ref, tracked in self._workers.items()
            if ref.run_id == run.id
        }
        seen |= {
            (ref.step_key, ref.number): self._without_slot(ref)
            for ref in self._waiting
            if ref.run_id == run.id
        }
        for step_key, number in expected:
            seen.setdefault((step_key, number), _absent(step_key, number))
        return model.Observation(workers=seen)

    async def publish(self, state: model.RunState, policy: model.EnginePolicy) -> None:
        """Do nothing: without a cluster the web and the command line show the run from the database."""

    async def changes(self) -> AsyncIterator[model.RunId]:
        """Yield the id of a run when one of its processes has ended, or has got the slot that it waited for."""
        queue: asyncio.Queue[model.RunId] = asyncio.Queue()
        self._listeners.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._listeners.discard(queue)

    def _free_slots(self) -> int:
        running = sum(1 for tracked in self._workers.values() if tracked.record.ended_at is None)
        return self._max_processes - running

    def _without_slot(self, ref: ports.AttemptRef) -> model.Worker:
        return model.Worker(
            step_key=ref.step_key,
            attempt=ref.number,
            phase=model.WorkerPhase.PENDING,
            reason="NoFreeSlot",
            message=f"{self._max_processes} step processes run, the most at once on this machine; "
            "the next starts as soon as one of them ends",
            is_held=False,
        )

    def _fill_slots(self) -> None:
        """Start what waits, oldest first, as far as there are slots."""
        for ref in list(self._waiting)[: max(self._free_slots(), 0)]:
            template = self._waiting.pop(ref)
            filler = asyncio.create_task(self._begin_waiting(self._take_slot(ref), template))
            self._fillers.add(filler)
            filler.add_done_callback(self._fillers.discard)

    async def _begin_waiting(self, tracked: _Tracked, template: WorkerTemplate) -> None:
        try:
            # Refused, it is absent: the engine asks for it once more, and is told why it cannot be.
            with contextlib.suppress(ports.StartRefused):
                await self._begin(tracked, template)
        finally:
            self._announce({tracked.record.ref.run_id})

    async def _launch(self, tracked: _Tracked, template: WorkerTemplate) -> None:
        token = secrets.token_urlsafe(32)
        digest = hashlib.sha256(token.encode()).hexdigest()
        command = [template.python, "-m", "opweave", "step", *template.arguments]
        environment = self._environment(tracked, template, token)
        working_directory = template.working_directory or str(self._home)
        try:
            await self._set_token_digest(tracked.record.ref, digest)
            await asyncio.to_thread(tracked.directory.write, tracked.record)
            await asyncio.to_thread(self._spawn, tracked, command, environment, working_directory)
        except BaseException:
            self._forget(tracked)
            raise
        tracked.watcher = asyncio.create_task(self._watch(tracked))

    def _spawn(
        self, tracked: _Tracked, command: list[str], environment: dict[str, str], directory: str
    ) -> None:
        with tracked.directory.stdout.open("ab") as out, tracked.directory.stderr.open("ab") as err:
            try:
                child = subprocess.Popen(  # noqa: S603  # the user's own interpreter on the user's own machine
                    command,
                    cwd=directory,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=err,
                    start_new_session=True,
                )
            except OSError as error:
                raise _refusal(error, command[0], directory) from error
        tracked.child = child
        # A child that has ended already is a zombie until we wait for it, and still ours to be watched.
        process = processes.identify(child.pid) or processes.ProcessIdentity(
            pid=child.pid, began=""
        )
        self._update(tracked, replace(tracked.record, process=process))

    def _environment(
        self, tracked: _Tracked, template: WorkerTemplate, token: str
    ) -> dict[str, str]:
        inherited = {k: v for k, v in os.environ.items() if k != "OPWEAVE_TOKEN_FILE"}
        ref = tracked.record.ref
        return (
            inherited
            | dict(template.environment)
            | _artifacts(template)
            | {
                "OPWEAVE_RUN_ID": ref.run_id,
                "OPWEAVE_STEP_KEY": ref.step_key,
                "OPWEAVE_ATTEMPT": str(ref.number),
                "OPWEAVE_API_URL": self._api_url,
                "OPWEAVE_TOKEN": token,
                "OPWEAVE_HOME": str(self._home),
                "OPWEAVE_TERMINATION_LOG": str(tracked.directory.termination_log),
                WORKER_ID_VARIABLE: tracked.record.worker_id,
            }
        )

    async def _watch(self, tracked: _Tracked) -> None:
        process = tracked.record.process
        if process is None:
            raise RuntimeError(f"{tracked.record.ref} is watched before it has a process")
        if tracked.child is None:
            await processes.wait_for_end(process)
            exit_code = None
            left = processes.with_environment(WORKER_ID_VARIABLE, tracked.record.worker_id)
            for stray in left:
                processes.send_signal(stray, signal.SIGKILL)
        else:
            await processes.wait_for_child(tracked.child)
            # Before it is reaped its number cannot be anybody else's: what it left in its group goes with it.
            processes.kill_group_of_child(process.pid)
            exit_code = tracked.child.wait()
        self._ended(tracked, exit_code)

    def _ended(self, tracked: _Tracked, exit_code: int | None) -> None:
        if tracked.killer is not None:
            tracked.killer.cancel()
        self._update(
            tracked, replace(tracked.record, ended_at=self._clock.now(), exit_code=exit_code)
        )
        if tracked.record.is_released:
            self._forget(tracked)
        self._fill_slots()
        self._announce({tracked.record.ref.run_id})

    async def _adopt(self, record: WorkerRecord) -> None:
        tracked = _Tracked(record, WorkerDirectory(self._root, record.ref))
        if record.process is None and record.ended_at is None:
            found = await asyncio.to_thread(_find_leader, record.worker_id)
            if found is None:
                tracked.directory.remove()  # the orchestrator died before it could start the process
                return
            self._update(tracked, replace(record, process=found))
        if record.is_released and record.ended_at is not None:
            tracked.directory.remove()
            return
        self._workers[record.ref] = tracked
        if record.ended_at is None:
            tracked.watcher = asyncio.create_task(self._watch(tracked))

    def _update(self, tracked: _Tracked, record: WorkerRecord) -> None:
        tracked.record = record
        tracked.directory.write(record)

    def _forget(self, tracked: _Tracked) -> None:
        self._workers.pop(tracked.record.ref, None)
        tracked.directory.remove()

    def _announce(self, run_ids: Collection[model.RunId]) -> None:
        for queue in self._listeners:
            for run_id in run_ids:
                queue.put_nowait(run_id)


def _absent(step_key: model.StepKey, attempt: int) -> model.Worker:
    return model.Worker(
        step_key=step_key, attempt=attempt, phase=model.WorkerPhase.ABSENT, is_held=False
    )


def _template_of(run: model.Run) -> WorkerTemplate:
    try:
        return worker_template.parse(run.worker_template)
    except worker_template.WorkerTemplateError as error:
        raise ports.StartRefused("Invalid", str(error), is_permanent=True) from error


def _refusal(error: OSError, python: str, directory: str) -> ports.StartRefused:
    if isinstance(error, (FileNotFoundError, NotADirectoryError, PermissionError)):
        return ports.StartRefused(
            "Invalid",
            f"cannot run {python} in {directory}: {error.strerror or error}; "
            "mend executable_path or working_directory of the code location and launch again",
            is_permanent=True,
        )
    return ports.StartRefused(
        "ProcessRefused", f"cannot start {python}: {error}", is_permanent=False
    )


def _find_leader(worker_id: str) -> processes.ProcessIdentity | None:
    found = processes.with_environment(WORKER_ID_VARIABLE, worker_id)
    return next((process for process in found if processes.leads_its_group(process)), None)


async def _kill_later(process: processes.ProcessIdentity, seconds: float) -> None:
    await asyncio.sleep(seconds)
    processes.kill_group(process)


def _artifacts(template: WorkerTemplate) -> dict[str, str]:
    """Return the variable by which a step finds the bucket of its values; a claim means nothing on a laptop."""
    if "s3" not in template.artifacts:
        return {}
    return {ARTIFACTS_VARIABLE: json.dumps({"s3": template.artifacts["s3"]}, sort_keys=True)}
