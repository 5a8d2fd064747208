"""opweave installed on the test cluster by its own chart, and how tests speak to it."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import testbed

ROOT = Path(__file__).resolve().parents[2]
T = TypeVar("T")


def until(what: str, probe: Callable[[], T | None], *, timeout_seconds: float = 120) -> T:
    """Return what *probe* returns once it is neither None nor False; it is asked again as the world changes.

    Raises:
        AssertionError: It never was; names *what* was waited for and what the last answer was.
    """
    deadline = time.monotonic() + timeout_seconds
    while True:
        answer = probe()
        if answer is not None and answer is not False:
            return answer
        assert time.monotonic() < deadline, f"waited {timeout_seconds} s for {what}"
        time.sleep(0.2)


@dataclass(kw_only=True)
class Installation:
    """A release of the chart.

    Attributes:
        namespace: The operator's.
        port: Of this machine, forwarded to the web Service.
    """

    cluster: testbed.Cluster
    namespace: str
    port: int = 0
    _forward: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """Where the web role is reached from here."""
        return f"http://127.0.0.1:{self.port}"

    def environment(self) -> dict[str, str]:
        """Return the environment in which commands of this machine reach the cluster and this installation."""
        programs = f"{self.cluster.kubectl.parent}:{self.cluster.helm.parent}"
        path = f"{Path(sys.executable).parent}:{programs}:{os.environ['PATH']}"
        return {
            **os.environ,
            "KUBECONFIG": str(self.cluster.kubeconfig),
            "PATH": path,
            "OPWEAVE_URL": self.url,
            "NO_COLOR": "1",
        }

    def run(
        self, *command: str, stdin: str | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run a command against the cluster and this installation."""
        done = subprocess.run(
            command,
            input=stdin,
            capture_output=True,
            text=True,
            env=self.environment(),
            check=False,
            timeout=180,
        )
        if check:
            assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
        return done

    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        """Run kubectl; return what it printed."""
        done = self.run(str(self.cluster.kubectl), *arguments, stdin=stdin, check=check)
        return done.stdout if check else done.stdout + done.stderr

    def get(self, *arguments: str) -> Any:
        """Return what ``kubectl get ... -o json`` shows."""
        return json.loads(self.kubectl("get", *arguments, "-o", "json"))

    def opweave(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the command line as a user does."""
        return self.run(str(Path(sys.executable).parent / "opweave"), *arguments, check=check)

    def graphql(self, query: str, **variables: Any) -> Any:
        """Return the data of a GraphQL query; waits while the web role is away."""
        body = json.dumps({"query": query, "variables": variables}).encode()

        def ask() -> Any | None:
            request = urllib.request.Request(
                f"{self.url}/graphql", data=body, headers={"Content-Type": "application/json"}
            )
            try:
                with urllib.request.urlopen(request, timeout=10) as reply:
                    return json.load(reply)
            except urllib.error.HTTPError as error:
                if error.code < 500:
                    raise AssertionError(error.read().decode()) from error
                return None
            except (OSError, ValueError):
                self.forward()
                return None

        answer = until("the web role", ask)
        assert not answer.get("errors"), answer["errors"]
        return answer["data"]

    def download(self, path: str) -> bytes:
        """Return the body of a GET on the web role."""
        with urllib.request.urlopen(f"{self.url}{path}", timeout=60) as reply:
            return bytes(reply.read())

    def forward(self) -> None:
        """Forward a port of this machine to the web Service; again when the pod behind it was replaced."""
        self.stop_forwarding()
        if not self.port:
            with socket.create_server(("127.0.0.1", 0)) as free:
                self.port = free.getsockname()[1]
        self._forward = subprocess.Popen(
            [
                str(self.cluster.kubectl),
                *("-n", self.namespace, "port-forward", "svc/opweave-web", f"{self.port}:80"),
            ],
            env=self.environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def stop_forwarding(self) -> None:
        """End the forwarding."""
        if self._forward is not None:
            self._forward.kill()
            self._forward.wait()
            self._forward = None

    def apply(self, *documents: dict[str, Any]) -> None:
        """Apply manifests given as objects."""
        items = {"apiVersion": "v1", "kind": "List", "items": list(documents)}
        self.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=json.dumps(items))

    def wait_ready(self) -> None:
        """Wait until the operator serves."""
        self.kubectl(
            *("-n", self.namespace, "rollout", "status", "deployment/opweave", "--timeout=150s")
        )
        self.forward()
        self.graphql("{ version }")


@contextlib.contextmanager
def installed(cluster: testbed.Cluster, namespace: str, *values: str) -> Iterator[Installation]:
    """Install the chart with the images of the working tree into *namespace*; uninstall it at the end."""
    installation = Installation(cluster=cluster, namespace=namespace)
    operator_image = cluster.build_image("operator")
    runtime_image = cluster.build_image("runtime")
    settings = [
        f"image.repository={operator_image.rpartition(':')[0]}",
        f"image.tag={operator_image.rpartition(':')[2]}",
        f"runtimeImage.repository={runtime_image.rpartition(':')[0]}",
        f"runtimeImage.tag={runtime_image.rpartition(':')[2]}",
        "persistence.size=1Gi",
        "persistence.keep=false",
        *values,
    ]
    arguments = [part for setting in settings for part in ("--set", setting)]
    helm = str(cluster.helm)
    chart = str(ROOT / "charts" / "opweave")
    try:
        installation.run(
            *(helm, "upgrade", "--install", "opweave", chart),
            *("-n", namespace, "--create-namespace", "--take-ownership", *arguments),
        )
        installation.wait_ready()
        yield installation
    finally:
        installation.stop_forwarding()
        installation.run(helm, "uninstall", "opweave", "-n", namespace, check=False)
        installation.kubectl("delete", "namespace", namespace, "--wait=false", check=False)
