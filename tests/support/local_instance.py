"""A whole instance on this machine, started by the command line as people do, and commands against it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path

START_SECONDS = 60


@dataclass
class Instance:
    """A running ``opweave dev``."""

    url: str
    home: Path
    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)
    reader: threading.Thread = field(default_factory=threading.Thread)

    def run(
        self, *arguments: str, timeout: float = 60, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command against it."""
        return opweave(*arguments, timeout=timeout, OPWEAVE_URL=self.url, **environment)


def command_environment(**environment: str) -> dict[str, str]:
    root = Path(__file__).parents[2]
    inherited = {
        k: v for k, v in os.environ.items() if not k.startswith("OPWEAVE_") and k != "KUBECONFIG"
    }
    path = os.pathsep.join(
        [str(root / "runtime"), str(root / "operator"), os.environ.get("PYTHONPATH", "")]
    )
    # Each command is a process: without compiled files it would spend seconds on compiling its packages again.
    inherited.pop("PYTHONDONTWRITEBYTECODE", None)
    cache = str(Path(tempfile.gettempdir()) / f"opweave-tests-bytecode-{os.getuid()}")
    return {**inherited, "PYTHONPATH": path, "PYTHONPYCACHEPREFIX": cache, **environment}


def opweave(
    *arguments: str, timeout: float = 60, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "opweave", *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        env=command_environment(**environment),
        stdin=subprocess.DEVNULL,
    )


def start_instance(home: Path, *arguments: str, port: int = 0) -> Instance:
    """Start ``opweave dev`` and wait until it serves and has loaded or failed to load a location."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "opweave",
            "dev",
            "--home",
            str(home),
            "--port",
            str(port),
            *arguments,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=command_environment(PYTHONUNBUFFERED="1"),
        stdin=subprocess.DEVNULL,
    )
    lines: list[str] = []
    url = ""
    timer = threading.Timer(START_SECONDS, process.kill)
    timer.start()
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line.rstrip())
        match = re.match(r"web +(http\S+)", line)
        url = match[1] if match else url
        if url and any(line.startswith("location ") for line in lines):
            break
    timer.cancel()
    if process.poll() is not None or not url:
        process.kill()
        raise AssertionError("opweave dev did not come up:\n" + "\n".join(lines))
    instance = Instance(url, home, process, lines)
    instance.reader = threading.Thread(target=_collect, args=(instance,), daemon=True)
    instance.reader.start()
    return instance


def _collect(instance: Instance) -> None:
    assert instance.process.stdout is not None
    for line in instance.process.stdout:
        instance.lines.append(line.rstrip())


def stop_instance(instance: Instance) -> int:
    """End it as Ctrl-C does; return its exit code."""
    instance.process.send_signal(signal.SIGINT)
    try:
        instance.process.wait(30)
    except subprocess.TimeoutExpired:
        return kill_instance(instance)
    return _closed(instance)


def kill_instance(instance: Instance) -> int:
    """End it without a chance to clean up; return its exit code."""
    instance.process.kill()
    instance.process.wait()
    return _closed(instance)


def _closed(instance: Instance) -> int:
    instance.reader.join(30)
    if instance.process.stdout is not None:
        instance.process.stdout.close()
    return instance.process.returncode
