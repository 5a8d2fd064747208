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
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import testbed
from opweave_operator.usecases import instance_settings

ROOT = Path(__file__).resolve().parents[2]
T = TypeVar("T")


def until(
    what: str,
    probe: Callable[[], T | None],
    *,
    timeout_seconds: float = 120,
    every_seconds: float = 0.2,
    describe: Callable[[], object] = lambda: "",
) -> T:
    """Return what *probe* returns once it is neither None nor False; it is asked again as the world changes.

    Raises:
        AssertionError: It never was; names *what* was waited for and what *describe* says of the world.
    """
    deadline = time.monotonic() + timeout_seconds
    while True:
        answer = probe()
        if answer is not None and answer is not False:
            return answer
        assert time.monotonic() < deadline, f"waited {timeout_seconds} s for {what}; {describe()}"
        time.sleep(every_seconds)


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
    _forward: subprocess.Popen[str] | None = field(default=None, repr=False)

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

    def find(self, *arguments: str) -> Any | None:
        """Return what ``kubectl get ... -o json`` shows, or None when there is no such object."""
        found = self.kubectl("get", *arguments, "-o", "json", "--ignore-not-found")
        return json.loads(found) if found.strip() else None

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
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._forward.stdout is not None
        self._forward.stdout.readline()  # it listens now, or has ended: there is no pod to forward to

    def stop_forwarding(self) -> None:
        """End the forwarding."""
        if self._forward is not None:
            self._forward.kill()
            self._forward.communicate()
            self._forward = None

    def apply(self, *documents: dict[str, Any]) -> None:
        """Apply manifests given as objects."""
        items = {"apiVersion": "v1", "kind": "List", "items": list(documents)}
        self.kubectl(
            "apply", "--server-side", "--force-conflicts", "-f", "-", stdin=json.dumps(items)
        )

    def configure(self, **settings: Any) -> None:
        """Replace the settings of the Instance, and wait until they are in effect."""
        body = {
            "apiVersion": "opweave.dev/v1alpha1",
            "kind": "Instance",
            "metadata": {"name": "default", "namespace": self.namespace},
            "spec": settings,
        }
        self.kubectl("replace", "-f", "-", stdin=json.dumps(body))

        def in_effect() -> bool:
            shown = self.graphql("{ instance { settings } }")["instance"]["settings"]
            return all(shown.get(key) == value for key, value in settings.items())

        until(f"the settings {settings}", in_effect, timeout_seconds=30)
        engine_knows_at = time.monotonic() + instance_settings.MAX_AGE_SECONDS
        until("the engine to read them", lambda: time.monotonic() >= engine_knows_at)

    def operator_pod(self) -> dict[str, Any]:
        """Return the operator's pod."""
        selector = "app.kubernetes.io/component=operator"
        (pod,) = self.get("pods", "-n", self.namespace, "-l", selector)["items"]
        found: dict[str, Any] = pod
        return found

    def wait_ready(self) -> None:
        """Wait until the operator serves."""
        self.kubectl(
            *("-n", self.namespace, "rollout", "status", "deployment/opweave", "--timeout=150s")
        )
        self.forward()
        self.graphql("{ version }")


def require_alone(installation: Installation) -> None:
    """Fail when another installation serves every namespace: two operators would fight for the same objects."""
    selector = "app.kubernetes.io/name=opweave,app.kubernetes.io/component=operator"
    for pod in installation.get("pods", "-A", "-l", selector)["items"]:
        variables = {v["name"]: v.get("value") for v in pod["spec"]["containers"][0]["env"]}
        place = pod["metadata"]["namespace"]
        assert variables.get("OPWEAVE_WATCH_NAMESPACES"), (
            f"the opweave in namespace {place} serves every namespace of this cluster; give it"
            f" watchNamespaces, or remove it: helm uninstall opweave -n {place}"
        )


def create_namespace(installation: Installation, name: str) -> None:
    """Make a namespace that allows restricted pods only, in place of one that an earlier session left."""
    remove_namespace(installation, name)
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    metadata = {"name": name, "labels": labels}
    installation.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})


def remove_namespace(installation: Installation, name: str) -> None:
    """Delete a namespace that an earlier session left; pods that its operator held as well."""
    if installation.find("namespace", name) is None:
        return
    installation.kubectl("delete", "namespace", name, "--wait=false", check=False)
    for pod in installation.get("pods", "-n", name)["items"]:
        if pod["metadata"].get("finalizers"):
            pod_name = pod["metadata"]["name"]
            patch = '{"metadata": {"finalizers": null}}'
            installation.kubectl(
                *("-n", name, "patch", "pod", pod_name, "--type=merge", "-p", patch), check=False
            )
    installation.kubectl("wait", f"namespace/{name}", "--for=delete", "--timeout=120s")


@contextlib.contextmanager
def installed(
    cluster: testbed.Cluster,
    namespace: str,
    *values: str,
    serving: Sequence[str],
    secrets: Sequence[dict[str, Any]] = (),
) -> Iterator[Installation]:
    """Install the chart with the images of the working tree; uninstall it at the end.

    Args:
        cluster: Where.
        namespace: Of the operator; made anew.
        values: Further settings for helm, as ``key=value``.
        serving: The namespaces that it serves, made anew: others of the cluster may be somebody else's.
        secrets: Objects that the operator's namespace must hold before.
    """
    installation = Installation(cluster=cluster, namespace=namespace)
    helm = str(cluster.helm)
    arguments = [
        part
        for setting in (*_settings(installation, serving), *values)
        for part in ("--set", setting)
    ]
    installation.run(helm, "uninstall", "opweave", "-n", namespace, check=False)
    require_alone(installation)
    for name in (namespace, *serving):
        create_namespace(installation, name)
    if secrets:
        installation.apply(*secrets)
    try:
        installation.run(
            *(helm, "install", "opweave", str(ROOT / "charts" / "opweave"), "-n", namespace),
            # Of the kinds, which an earlier release has left.
            "--take-ownership",
            # The Instance is made when all else is ready: a busy API server may take seconds to serve new kinds.
            *("--wait", "--timeout", "5m"),
            *arguments,
        )
        installation.wait_ready()
        yield installation
        # While the operator still lives: it lets go of the pods that it holds.
        installation.kubectl("delete", "namespace", *serving, "--timeout=120s")
    finally:
        installation.stop_forwarding()
        installation.run(helm, "uninstall", "opweave", "-n", namespace, check=False)
        installation.kubectl(
            "delete", "namespace", namespace, *serving, "--wait=false", check=False
        )


def _settings(installation: Installation, serving: Sequence[str]) -> list[str]:
    images = {
        "image": installation.cluster.build_image("operator"),
        "runtimeImage": installation.cluster.build_image("runtime"),
    }
    settings = [f"watchNamespaces={{{','.join(serving)}}}", "persistence.size=1Gi"]
    settings += ["persistence.keep=false", "instance.create=true"]
    for key, image in images.items():
        repository, _, tag = image.rpartition(":")
        settings += [f"{key}.repository={repository}", f"{key}.tag={tag}"]
    return settings
