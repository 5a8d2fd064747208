"""Background processes that outlive the command that started them.

Each has a pid file that also holds the process's start time, so that a number which the kernel has given to another
process is never mistaken for ours, and nothing is ever stopped by its name.
"""

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from testbed import commands, layout
from testbed.errors import TestbedError

_LOG_LIMIT_BYTES = 20_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A program to keep running.

    Attributes:
        name: Of its pid file and its log.
        command: Program and arguments.
        env: Added to the environment.
        config_files: It has to be started again when one of these, its command or its environment has changed.
    """

    name: str
    command: Sequence[str | Path]
    env: Mapping[str, str] = field(default_factory=dict)
    config_files: tuple[Path, ...] = ()

    @property
    def log(self) -> Path:
        return layout.logs() / f"{self.name}.log"

    @property
    def digest(self) -> str:
        """What it is started with, in a few characters."""
        parts = [*map(str, self.command), *(f"{k}={v}" for k, v in sorted(self.env.items()))]
        parts += [file.read_text() for file in self.config_files]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def start(process: Process) -> bool:
    """Start *process* unless it runs already with the same settings; return whether it was started."""
    if is_current(process):
        return False
    stop(process.name)
    process.log.parent.mkdir(parents=True, exist_ok=True)
    if process.log.exists() and process.log.stat().st_size > _LOG_LIMIT_BYTES:
        process.log.replace(process.log.with_suffix(".log.1"))
    with process.log.open("ab") as log:
        child = subprocess.Popen(
            [str(word) for word in process.command],
            env={**os.environ, "PATH": commands.search_path(), **process.env},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            start_new_session=True,
        )
    child.returncode = 0  # nobody waits for it: it outlives this process, and that is no leak
    file = _pid_file(process.name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{child.pid} {_start_time(child.pid)} {process.digest}\n")
    return True


def pid(name: str) -> int | None:
    """Return the pid of the running process *name*, or None."""
    number, started, _ = _read_pid_file(name)
    return number if number and started is not None and _start_time(number) == started else None


def is_current(process: Process) -> bool:
    """Tell whether *process* runs, with the settings it has now."""
    return pid(process.name) is not None and _read_pid_file(process.name)[2] == process.digest


def names() -> list[str]:
    """Return the names of all processes that have a pid file."""
    return sorted(file.stem for file in _pid_directory().glob("*.pid"))


def stop(name: str, *, grace_seconds: float = 10) -> None:
    """Stop process *name* and wait for its end; kill it after *grace_seconds*."""
    number = pid(name)
    if number is not None:
        end(number, grace_seconds=grace_seconds)
    _pid_file(name).unlink(missing_ok=True)


def end(number: int, *, grace_seconds: float) -> None:
    """Terminate the process *number* and wait; kill it after *grace_seconds*."""
    started = _start_time(number)
    for number_of_signal, patience in ((signal.SIGTERM, grace_seconds), (signal.SIGKILL, 10)):
        try:
            os.kill(number, number_of_signal)
        except ProcessLookupError:
            return
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            _reap(number)
            if started is None or _start_time(number) != started:
                return
            time.sleep(0.02)
    raise TestbedError(f"process {number} does not end")


def check_alive(process: Process) -> None:
    """Raise when *process* has ended.

    Raises:
        TestbedError: It has; the message ends with the last lines of its log.
    """
    if pid(process.name) is None:
        raise TestbedError(
            f"{process.name} has ended; the end of {process.log}:\n{tail(process.log, 15)}"
        )


def tail(file: Path, lines: int) -> str:
    """Return the last *lines* lines of *file*; empty when there is none."""
    if not file.exists():
        return ""
    with file.open("rb") as stream:
        stream.seek(max(0, file.stat().st_size - 400 * lines))
        return "\n".join(stream.read().decode(errors="replace").splitlines()[-lines:])


def with_word(word: str) -> list[int]:
    """Return the pids of the processes that have *word*, a path of ours, as an argument of their own."""
    found = []
    for directory in Path("/proc").iterdir():
        if directory.name.isdigit():
            try:
                arguments = (directory / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if word.encode() in arguments:
                found.append(int(directory.name))
    return found


def remove_tree(directory: Path) -> None:
    """Remove *directory* if it exists."""
    if directory.exists():
        shutil.rmtree(directory)


def _pid_directory() -> Path:
    return layout.state() / "pids"


def _pid_file(name: str) -> Path:
    return _pid_directory() / f"{name}.pid"


def _read_pid_file(name: str) -> tuple[int, int | None, str]:
    """Return pid, start time and digest of settings; 0, None and "" when there is no such file."""
    try:
        number, started, digest = _pid_file(name).read_text().split()
    except (FileNotFoundError, ValueError):
        return 0, None, ""
    return int(number), None if started == "None" else int(started), digest


def _start_time(number: int) -> int | None:
    """Return when process *number* started, in clock ticks since boot; None for no process or a zombie."""
    try:
        # The second field is the program's name in parentheses, which may itself hold spaces and parentheses.
        rest = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if rest[0] == "Z" else int(rest[19])


def _reap(number: int) -> None:
    """Collect the status of *number* if it is a child of this process."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(number, os.WNOHANG)
