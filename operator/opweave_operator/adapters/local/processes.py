"""Processes of this machine, known by more than their number, so that a recycled pid is never taken for one of ours.

Called by the executor and the supervisor of code servers. Linux tells when a process began and wakes us at its end;
other systems are asked through ``ps`` and polled.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

POLL_SECONDS = 0.1
"""How often a process is looked at where the system cannot wake us at its end."""

_PROC = Path("/proc")
_STATE_FIELD = 0
_GROUP_FIELD = 2
_START_FIELD = 19
"""Places in /proc/PID/stat after the command name: proc(5) fields 3, 5 and 22."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessIdentity:
    """One process for good: its number and when it began, which no later process of that number shares."""

    pid: int
    began: str


def identify(pid: int) -> ProcessIdentity | None:
    """Return the identity of the living process *pid*; None when there is none, a zombie counting as none."""
    if (_PROC / "self" / "stat").exists():
        fields = _stat_fields(pid)
        if fields is None or fields[_STATE_FIELD] in "ZX":
            return None
        return ProcessIdentity(pid=pid, began=f"{_boot_id()}:{fields[_START_FIELD]}")
    began = _began_by_ps(pid)
    return ProcessIdentity(pid=pid, began=began) if began else None


def is_alive(identity: ProcessIdentity) -> bool:
    """Return whether exactly this process still runs."""
    return identify(identity.pid) == identity


def send_signal(identity: ProcessIdentity, signal_number: signal.Signals) -> None:
    """Signal the process, if it still runs."""
    if is_alive(identity):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(identity.pid, signal_number)


def kill_group(leader: ProcessIdentity) -> None:
    """Kill the process and all others of the group that it leads, if it still runs."""
    if is_alive(leader):
        kill_group_of_child(leader.pid)


def kill_group_of_child(pid: int) -> None:
    """Kill the group that *pid* leads: a child of ours that nobody has waited for, so that its number is taken."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def with_environment(name: str, value: str) -> Iterator[ProcessIdentity]:
    """Yield our living processes that were started with ``name=value`` in their environment, the oldest first.

    Where the system does not show environments nothing is found.
    """
    wanted = f"{name}={value}".encode()
    found: list[tuple[int, ProcessIdentity]] = []
    for directory in _PROC.glob("[0-9]*"):
        try:
            environment = (directory / "environ").read_bytes()
        except OSError:
            continue
        identity = identify(int(directory.name)) if wanted in environment.split(b"\0") else None
        if identity is not None:
            found.append((int(identity.began.rpartition(":")[2]), identity))
    yield from (identity for _, identity in sorted(found, key=lambda pair: (pair[0], pair[1].pid)))


def leads_its_group(identity: ProcessIdentity) -> bool:
    """Return whether the process leads its own group; False where the system does not tell."""
    fields = _stat_fields(identity.pid)
    return fields is not None and fields[_GROUP_FIELD] == str(identity.pid)


async def wait_for_end(identity: ProcessIdentity) -> None:
    """Return when the process has ended, whether it is a child of ours or not; it is not reaped."""
    try:
        descriptor = os.pidfd_open(identity.pid)
    except (AttributeError, OSError):
        await _poll_until(lambda: not is_alive(identity))
        return
    try:
        # Only now is the number pinned: had it been recycled before, the descriptor would belong to a stranger.
        if is_alive(identity):
            await _readable(descriptor)
    finally:
        os.close(descriptor)


async def wait_for_child(child: subprocess.Popen[bytes]) -> None:
    """Return when our own *child* has ended; it stays a zombie, its number taken, until somebody waits for it."""
    try:
        descriptor = os.pidfd_open(child.pid)
    except (AttributeError, OSError):
        await _poll_until(lambda: _is_zombie(child.pid))
        return
    try:
        await _readable(descriptor)
    finally:
        os.close(descriptor)


async def _poll_until(condition: Callable[[], bool]) -> None:
    """Look now and then: what is left when there is no such system call, or no descriptor left."""
    while not condition():  # noqa: ASYNC110  # nothing in this process knows when it comes true
        await asyncio.sleep(POLL_SECONDS)


def _is_zombie(child_pid: int) -> bool:
    return os.waitid(os.P_PID, child_pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None


async def _readable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()

    def notify() -> None:
        loop.remove_reader(descriptor)
        if not ready.done():
            ready.set_result(None)

    loop.add_reader(descriptor, notify)
    try:
        await ready
    finally:
        loop.remove_reader(descriptor)


def _stat_fields(pid: int) -> list[str] | None:
    try:
        text = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The command's name stands in parentheses and may hold any character, parentheses included.
    return text.rpartition(")")[2].split()


def _boot_id() -> str:
    try:
        return (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _began_by_ps(pid: int) -> str:
    found = subprocess.run(  # noqa: S603  # a fixed program with a number as its argument
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)],  # noqa: S607  # POSIX puts it on the PATH
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "LC_ALL": "C"},
    )
    state, _, began = found.stdout.strip().partition(" ")
    return "" if state.startswith("Z") else began.strip()
