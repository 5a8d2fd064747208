"""Reach the server on a cluster through ``kubectl port-forward``, for as long as one command runs.

kubectl knows every way to log in that the user's kubeconfig names; nothing of it has to be done again here.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator

from opweave._cli.failures import NotFound, Unreachable

SERVICE_PORT = "http"
"""By name: which number it has is the installation's choice."""
DEFAULT_NAMESPACE = "opweave"
DEFAULT_SERVICE = "opweave-web"
SERVICE_SELECTOR = "app.kubernetes.io/name=opweave,app.kubernetes.io/component=web"
START_TIMEOUT_SECONDS = 20.0
RESTART_SECONDS = 0.5

_FORWARDING = re.compile(r"Forwarding from 127\.0\.0\.1:(\d+)")


@contextlib.contextmanager
def forwarded(*, context: str | None, namespace: str | None) -> Iterator[str]:
    """Yield the address of a local port that leads to the web service of opweave.

    Raises:
        Unreachable: kubectl is missing, fails, or does not forward in time; the text is kubectl's.
    """
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        raise Unreachable(
            "kubectl is not on the PATH: install it, or say where the server is with --url"
        )
    command = [kubectl, *(["--context", context] if context else [])]
    found_namespace, service = _find_service(command, namespace)
    where = ["-n", found_namespace, f"service/{service}", "--address", "127.0.0.1"]
    forwarding = _Forwarding([*command, "port-forward", *where])
    try:
        yield f"http://127.0.0.1:{forwarding.port}"
    finally:
        forwarding.end()


class _Forwarding:
    """A kubectl that forwards a local port, started again when it ends because the pod behind it was replaced."""

    def __init__(self, command: list[str]) -> None:
        self._command = command
        self._has_ended = threading.Event()
        self._child = self._start("")
        try:
            self.port = _wait_for_port(self._child)
        except BaseException:
            self.end()
            raise
        threading.Thread(target=self._keep_up, daemon=True).start()

    def end(self) -> None:
        """Stop forwarding."""
        self._has_ended.set()
        child = self._child
        child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(timeout=5)
        if child.returncode is None:
            child.kill()
            child.wait()

    def _start(self, local_port: int | str) -> subprocess.Popen[str]:
        return subprocess.Popen(  # noqa: S603  # the user's kubectl, without a shell
            [*self._command, f"{local_port}:{SERVICE_PORT}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is for the command, which ends the forwarding itself
        )

    def _keep_up(self) -> None:
        while True:
            self._child.wait()
            if self._has_ended.wait(RESTART_SECONDS):
                return
            self._child = self._start(self.port)
            if self._has_ended.is_set():  # `end` may have seen the child before
                self._child.terminate()
                return
            with contextlib.suppress(Unreachable):  # tried again: its end is seen above
                _wait_for_port(self._child)


def _find_service(command: list[str], namespace: str | None) -> tuple[str, str]:
    """Return namespace and name of the web service; the chart's labels mark it whatever the release is called."""
    where = ["-n", namespace] if namespace else ["--all-namespaces"]
    found = subprocess.run(  # noqa: S603  # the user's kubectl, without a shell
        [*command, "get", "services", *where, "-l", SERVICE_SELECTOR, "-o", "json"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if found.returncode != 0:
        if "orbidden" in found.stderr:
            # Whoever may not list services of all namespaces may still use the one in the usual place.
            return namespace or DEFAULT_NAMESPACE, DEFAULT_SERVICE
        raise Unreachable(f"kubectl cannot look for opweave: {found.stderr.strip()}")
    names = [
        (item["metadata"]["namespace"], item["metadata"]["name"])
        for item in json.loads(found.stdout)["items"]
    ]
    if len(names) > 1 and (namespace or DEFAULT_NAMESPACE) not in {place for place, _ in names}:
        places = ", ".join(sorted({place for place, _ in names}))
        raise NotFound(
            f"opweave is installed in several namespaces ({places}); choose with --server-namespace"
        )
    if not names:
        raise Unreachable(
            f"no Service with the labels {SERVICE_SELECTOR} in {namespace or 'any namespace'}: "
            "install opweave, or say where it is with --server-namespace or --url"
        )
    return min(names, key=lambda pair: pair[0] != (namespace or DEFAULT_NAMESPACE))


def _wait_for_port(child: subprocess.Popen[str]) -> int:
    """Return the local port that kubectl chose; it prints it once it listens."""
    if child.stdout is None or child.stderr is None:
        raise RuntimeError("kubectl was started without pipes")
    timer = threading.Timer(START_TIMEOUT_SECONDS, child.terminate)
    timer.start()
    try:
        first = child.stdout.readline()
    finally:
        timer.cancel()
    match = _FORWARDING.search(first)
    if match is None:
        error = "" if child.poll() is None and first else child.stderr.read()
        raise Unreachable(
            f"kubectl port-forward failed: {(error or first).strip() or f'no answer in {START_TIMEOUT_SECONDS:g} s'}"
        )
    for pipe in (child.stdout, child.stderr):
        # It prints a line for each connection: unread, they would block it after 64 kB.
        threading.Thread(target=pipe.read, daemon=True).start()
    return int(match[1])
