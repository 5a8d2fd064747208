"""One code server as a process of this machine: from its start to its port, its load and its end."""

from __future__ import annotations

import asyncio
import os
import secrets
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opweave.wire import location as wire_location
from opweave_operator import ports
from opweave_operator.adapters.local import processes
from opweave_operator.adapters.local.worker_template import WorkerTemplate

START_TIMEOUT_SECONDS = 60.0
"""Until it listens; loading is bounded by the code server itself."""
LOAD_TIMEOUT_SECONDS = 120
STOP_GRACE_SECONDS = 5.0
_POLL_SECONDS = 0.05
_OUTPUT_TAIL_BYTES = 4000


@dataclass(slots=True)
class CodeServerProcess:
    """A code server that was started; *url* is empty until it listens."""

    child: subprocess.Popen[bytes]
    port_file: Path
    output: Path
    url: str = ""

    async def wait_until_loaded(
        self, code_locations: ports.CodeLocations
    ) -> wire_location.LocationHealth:
        """Return its health once it is READY or FAILED; an end before that is a failure as well."""
        ended = asyncio.ensure_future(processes.wait_for_child(self.child))
        loaded = asyncio.ensure_future(self._poll_health(code_locations))
        try:
            await asyncio.wait({ended, loaded}, return_when=asyncio.FIRST_COMPLETED)
            return loaded.result() if loaded.done() else self._ended_early()
        finally:
            await _cancelled(ended, loaded)

    async def wait_until_ended(self) -> int:
        """Return its exit code when it has ended."""
        await processes.wait_for_child(self.child)
        return self.child.wait()

    async def stop(self) -> None:
        """End it, friendly first, with everything in its group."""
        if self.child.returncode is None:
            self.child.terminate()
            try:
                await asyncio.wait_for(processes.wait_for_child(self.child), STOP_GRACE_SECONDS)
            except TimeoutError:
                pass
            finally:
                processes.kill_group_of_child(self.child.pid)
                self.child.wait()
        self.port_file.unlink(missing_ok=True)

    def output_tail(self) -> str:
        """Return the end of what it printed."""
        try:
            with self.output.open("rb") as file:
                file.seek(max(0, self.output.stat().st_size - _OUTPUT_TAIL_BYTES))
                return file.read().decode("utf-8", errors="replace").strip()
        except OSError:
            return ""

    async def _poll_health(
        self, code_locations: ports.CodeLocations
    ) -> wire_location.LocationHealth:
        try:
            async with asyncio.timeout(START_TIMEOUT_SECONDS):
                while not self._read_port():  # noqa: ASYNC110  # another process writes it
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            return self._failure(
                "NotListening", f"did not listen within {START_TIMEOUT_SECONDS:g} s"
            )
        while True:
            try:
                health = await code_locations.health(self.url)
            except ports.LocationUnavailable:
                pass  # its end is watched beside this; anything else passes
            else:
                if health.state is not wire_location.LoadState.LOADING:
                    return health
            await asyncio.sleep(_POLL_SECONDS)

    def _read_port(self) -> bool:
        try:
            port = int(self.port_file.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return False
        self.url = f"http://127.0.0.1:{port}"
        return True

    def _ended_early(self) -> wire_location.LocationHealth:
        code = self.child.wait()
        how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
        return self._failure("ProcessExited", f"{how} before the definitions were loaded")

    def _failure(self, reason: str, what: str) -> wire_location.LocationHealth:
        output = self.output_tail()
        last_line = output.rpartition("\n")[2]
        return wire_location.LocationHealth(
            state=wire_location.LoadState.FAILED,
            failure=wire_location.LoadFailure(
                reason=reason,
                message=f"the code server {what}" + (f": {last_line[:500]}" if last_line else ""),
                output=output,
            ),
        )


def spawn(template: WorkerTemplate, directory: Path, token: str | None) -> CodeServerProcess:
    """Start a code server that keeps its files in *directory*; it ends with this process.

    Raises:
        OSError: It cannot be started.
    """
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    port_file = directory / f"port-{secrets.token_hex(8)}"
    output = directory / "output.log"
    command = [
        *(template.python, "-m", "opweave", "code-server"),
        *("--host", "127.0.0.1", "--port", "0", "--port-file", str(port_file)),
        *("--load-timeout", str(LOAD_TIMEOUT_SECONDS), "--watch-parent", str(os.getpid())),
        *template.arguments,
    ]
    environment = {**os.environ, **template.environment}
    if token:
        environment["OPWEAVE_CODE_SERVER_TOKEN"] = token
    with output.open("wb") as file:
        child = subprocess.Popen(  # noqa: S603  # the user's own interpreter on the user's own machine
            command,
            cwd=template.working_directory or None,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return CodeServerProcess(child=child, port_file=port_file, output=output)


async def _cancelled(*tasks: asyncio.Future[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
