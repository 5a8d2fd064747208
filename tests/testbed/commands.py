"""Runs other programs, and tells the person at the terminal what happens."""

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from testbed.errors import CommandFailed, TestbedError

_STARTED = time.monotonic()
# Debian keeps etcd, runc and nft outside the PATH of ordinary users.
_SYSTEM_DIRECTORIES = (
    "/usr/local/sbin",
    "/usr/sbin",
    "/sbin",
    "/usr/local/bin",
    "/usr/bin",
    "/bin",
)


def say(message: str) -> None:
    """Print one line of progress on standard error, with the seconds since the start."""
    print(f"testbed {time.monotonic() - _STARTED:6.1f}s  {message}", file=sys.stderr, flush=True)


def search_path() -> str:
    """Return the PATH under which every child process runs."""
    given = os.environ.get("PATH", "").split(os.pathsep)
    return os.pathsep.join([*given, *(d for d in _SYSTEM_DIRECTORIES if d not in given)])


def find(program: str) -> str | None:
    """Return the path of *program*, or None."""
    return shutil.which(program, path=search_path())


def run(
    command: Sequence[str | Path],
    *,
    check: bool = True,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    input_text: str | None = None,
    timeout_seconds: float = 900,
) -> subprocess.CompletedProcess[str]:
    """Run *command* to its end and return what it printed, standard error included.

    Args:
        command: Program and arguments.
        check: Raise when the status is not 0.
        cwd: Working directory.
        env: Added to this process's environment.
        input_text: Fed to standard input; without it standard input is empty.
        timeout_seconds: After which the command is killed.

    Raises:
        CommandFailed: The status is not 0 and *check* is set.
        TestbedError: The program does not exist or took too long.
    """
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words,
            cwd=cwd,
            env={**os.environ, "PATH": search_path(), **(env or {})},
            input=input_text or "",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=timeout_seconds,
            check=False,
        )
    except FileNotFoundError as error:
        raise TestbedError(f"{words[0]} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise TestbedError(f"{shlex.join(words)} took longer than {timeout_seconds:g} s") from error
    if check and done.returncode != 0:
        raise CommandFailed(words, done.returncode, done.stdout)
    return done


def wait_until(
    condition: Callable[[], bool],
    what: str,
    *,
    timeout_seconds: float,
    interval_seconds: float = 0.1,
) -> None:
    """Wait until *condition* holds.

    Raises:
        TestbedError: It did not within *timeout_seconds*; the message says that *what* did not come about.
    """
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TestbedError(f"{what}: not within {timeout_seconds:g} s")
        time.sleep(interval_seconds)
