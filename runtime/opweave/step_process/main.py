"""``python -m opweave step``: start the worker, then be its supervisor."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Sequence

from opweave.child_process.signals import SignalInbox
from opweave.ingest_client.endpoint import SettingsError
from opweave.loading import CodePointer, UsageError
from opweave.step_process.channel import timestamp
from opweave.step_process.memory_limit import OomCounter
from opweave.step_process.settings import StepSettings
from opweave.step_process.worker import WorkerPipes, run_worker
from opweave.wire.attempt import StartRequest

EXIT_USAGE = 2
_BLOCKED = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)


def main(arguments: Sequence[str]) -> int:
    """Run one attempt of one step as *arguments* and the environment say.

    Returns in the worker only, with its exit code; the supervisor ends its process itself.
    """
    started_at = timestamp()
    inbox = SignalInbox()
    try:
        pointer, rest = CodePointer.parse(arguments)
        if rest:
            raise UsageError(f"unknown argument {rest[0]!r}")
        settings = StepSettings.from_environment(os.environ)
    except (UsageError, SettingsError) as error:
        sys.stderr.write(f"opweave step: {error}\n")
        return EXIT_USAGE
    _open_standard_descriptors()
    return _fork(pointer, settings, inbox, started_at)


def _fork(pointer: CodePointer, settings: StepSettings, inbox: SignalInbox, started_at: str) -> int:
    """Fork before any thread exists and before anything is imported that only one side needs."""
    slices, events, lifeline, stdout, stderr = (os.pipe() for _ in range(5))
    oom = OomCounter()
    gc.freeze()  # what both sides share stays shared: no collection writes to its pages
    signal.pthread_sigmask(signal.SIG_BLOCK, _BLOCKED)
    pid = os.fork()
    if pid == 0:
        for descriptor in (slices[1], events[0], lifeline[1], stdout[0], stderr[0]):
            os.close(descriptor)
        pipes = WorkerPipes(
            slice_reader=slices[0],
            event_writer=events[1],
            lifeline=lifeline[0],
            stdout=stdout[1],
            stderr=stderr[1],
        )
        return run_worker(pointer, pipes, settings.home)
    for descriptor in (slices[0], events[1], lifeline[0], stdout[1], stderr[1]):
        os.close(descriptor)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _BLOCKED)
    ends = (slices[1], events[0], lifeline[1], stdout[0], stderr[0])
    code = _supervise(pid, settings, inbox, oom, started_at, ends)
    os._exit(code)  # a thread may wait on a pipe that a process left behind holds open


def _supervise(
    pid: int,
    settings: StepSettings,
    inbox: SignalInbox,
    oom: OomCounter,
    started_at: str,
    ends: tuple[int, int, int, int, int],
) -> int:
    from opweave.step_process.supervisor import Supervisor, SupervisorPipes  # noqa: PLC0415 - while the worker loads

    slice_writer, event_reader, lifeline, stdout, stderr = ends
    pipes = SupervisorPipes(
        slice_writer=slice_writer,
        event_reader=event_reader,
        lifeline=lifeline,
        stdout=stdout,
        stderr=stderr,
    )
    request = StartRequest(
        runtime_version=_version(), host=os.uname().nodename, process_started_at=started_at
    )
    return Supervisor(settings, pid, pipes, inbox, oom).run(request)


def _version() -> str:
    import opweave  # noqa: PLC0415 - loaded long ago

    return str(getattr(opweave, "__version__", ""))


def _open_standard_descriptors() -> None:
    """Make sure that descriptors 0 to 2 exist, so that no pipe takes the place of a closed one."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)
