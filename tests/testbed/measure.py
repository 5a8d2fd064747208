"""Measures what the cluster itself costs: pod created -> first byte from inside its container.

``python -m testbed.measure``; prints a table in Markdown. Quote its figures with the machine they were taken on.
"""

import argparse
import http.client
import json
import socket
import ssl
import statistics
import time
from typing import Any

from testbed import cluster, commands, identities, layout

_NAMESPACE = "testbed-measure"
_BUSYBOX = "opweave-test/busybox:dev"
_PYTHON = "opweave/runtime:dev"
_SECRET = {"secretKeyRef": {"name": "token", "key": "token"}}

Object = dict[str, Any]


def shapes(port: int) -> dict[str, Object]:
    """Return what is compared: description -> spec of a pod that sends a byte to *port* of this machine."""
    shell = ["sh", "-c", f"echo x | nc {layout.HOST_ADDRESS} {port}"]
    program = f"import socket;socket.create_connection(('{layout.HOST_ADDRESS}',{port})).send(b'x')"
    python = ["python3", "-S", "-c", program]
    token = {"serviceAccountToken": {"audience": "opweave", "path": "t", "expirationSeconds": 600}}
    projected = {"projected": {"sources": [token]}}
    return {
        "busybox, no volume": _pod(_BUSYBOX, shell),
        "python3 -S, no volume": _pod(_PYTHON, python),
        "python3 -S, projected token with audience": _pod(_PYTHON, python, volume=projected),
        "python3 -S, automounted token": _pod(_PYTHON, python, automount=True),
        "python3 -S, emptyDir": _pod(_PYTHON, python, volume={"emptyDir": {}}),
        "python3 -S, secret volume": _pod(
            _PYTHON, python, volume={"secret": {"secretName": "token"}}
        ),
        "python3 -S, variable from a secret, no volume": _pod(_PYTHON, python, variable=_SECRET),
        "python3 with site, no volume": _pod(_PYTHON, ["python3", "-c", program]),
        "python3 -S, non-root, read-only root, no volume": _pod(_PYTHON, python, hardened=True),
    }


def measure(listener: socket.socket, spec: Object, name: str) -> float:
    """Return the seconds from the creation of a pod to its first byte."""
    context = ssl.create_default_context(cafile=str(identities.server_certificate()))
    connection = http.client.HTTPSConnection(layout.HOST_ADDRESS, layout.API_PORT, context=context)
    connection.connect()
    headers = {
        "Authorization": f"Bearer {identities.token('admin')}",
        "Content-Type": "application/json",
    }
    path = f"/api/v1/namespaces/{_NAMESPACE}/pods"
    body = json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec})
    started = time.monotonic()
    connection.request("POST", path, body, headers)
    answer = connection.getresponse()
    text = answer.read()
    assert answer.status == http.client.CREATED, text
    peer, _ = listener.accept()
    peer.settimeout(30)
    peer.recv(1)
    seconds = time.monotonic() - started
    peer.close()
    connection.request("DELETE", f"{path}/{name}?gracePeriodSeconds=0", headers=headers)
    connection.getresponse().read()
    connection.close()
    return seconds


def main() -> None:
    """Measure every shape in turn, several times, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m testbed.measure", description=__doc__)
    parser.add_argument("--repeat", type=int, default=15)
    arguments = parser.parse_args()
    given = cluster.provide()
    if given.provider != "native":
        raise SystemExit("measures the native cluster only")
    given.build_image("busybox")
    given.build_image("runtime")
    kubectl = [given.kubectl, "--kubeconfig", given.kubeconfig, "-n", _NAMESPACE]
    commands.run([*kubectl, "create", "namespace", _NAMESPACE])
    commands.run([*kubectl, "create", "secret", "generic", "token", "--from-literal=token=x"])
    time.sleep(2)
    try:
        with socket.create_server((layout.HOST_ADDRESS, 0)) as listener:
            listener.settimeout(30)
            specs = shapes(listener.getsockname()[1])
            seconds: dict[str, list[float]] = {name: [] for name in specs}
            # In turn rather than one after the other: what else the machine does hits all alike.
            for turn in range(arguments.repeat):
                for number, (name, spec) in enumerate(specs.items()):
                    seconds[name].append(measure(listener, spec, f"pod-{turn}-{number}"))
                    time.sleep(0.5)
    finally:
        commands.run([*kubectl, "delete", "namespace", _NAMESPACE, "--wait=false"])
    print(f"| shape | median of {arguments.repeat} | fastest | slowest |\n|---|---|---|---|")
    for name, values in seconds.items():
        median = statistics.median(values)
        print(f"| {name} | {median:.3f} s | {min(values):.3f} s | {max(values):.3f} s |")


def _pod(
    image: str,
    command: list[str],
    *,
    volume: Object | None = None,
    automount: bool = False,
    variable: Object | None = None,
    hardened: bool = False,
) -> Object:
    container: Object = {"name": "main", "image": image, "command": command}
    spec: Object = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": automount,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 0,
        "containers": [container],
    }
    if volume:
        spec["volumes"] = [{"name": "v", **volume}]
        container["volumeMounts"] = [{"name": "v", "mountPath": "/v"}]
    if variable:
        container["env"] = [{"name": "TOKEN", "valueFrom": variable}]
    if hardened:
        container["securityContext"] = {
            "runAsNonRoot": True,
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        }
    return spec


if __name__ == "__main__":
    main()
