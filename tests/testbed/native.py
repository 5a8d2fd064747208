"""The native provider: Kubernetes as processes of this machine.

``up`` is level-based: it starts what does not run, so it is also the repair. Called by ``cluster`` and the command line,
under their lock.
"""

import contextlib
import os
import socket
import struct
import sys
import tempfile
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from testbed import (
    archive,
    binaries,
    commands,
    control_plane,
    identities,
    images,
    layout,
    network,
    node,
    packages,
    processes,
    teardown,
    volumes,
)
from testbed.api import Api, ApiError
from testbed.errors import TestbedError, Unavailable

_HEARTBEAT_LIMIT_SECONDS = 90
_LEASE = f"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{layout.NODE_NAME}"


def check_possible() -> None:
    """Check that this machine can run the native cluster.

    Raises:
        Unavailable: It cannot; the reason says what is missing.
    """
    if not sys.platform.startswith("linux"):
        raise Unavailable("the native cluster runs on Linux only")
    if os.geteuid() != 0:
        raise Unavailable("the native cluster needs root")
    if (
        not (binaries.KUBERNETES.is_built() and binaries.COREDNS.is_built())
        and not binaries.go_is_there()
    ):
        raise Unavailable("the native cluster is built by Go 1.25 or newer, which is not installed")


def up() -> None:
    """Bring the cluster up, or repair it.

    Raises:
        Unavailable: This machine cannot run it.
        TestbedError: A part does not come up.
    """
    if is_healthy():
        return
    check_possible()
    packages.ensure()
    kubernetes = binaries.build(binaries.KUBERNETES)
    coredns = binaries.build(binaries.COREDNS)
    identities.ensure()
    network.up()
    pause = images.build_pause()

    with ThreadPoolExecutor(1) as pool:
        # The node's runtime and the API server take their seconds side by side.
        runtime = pool.submit(_start_containerd, pause)
        _start_api(kubernetes)
        for process in (
            control_plane.controller_manager(kubernetes),
            control_plane.scheduler(kubernetes),
            control_plane.coredns(coredns),
            node.kube_proxy(kubernetes),
            _volume_provisioner(),
        ):
            processes.start(process)
        runtime.result()
    if processes.pid("kubelet") is not None and not (_kubelet_is_healthy() and _node_is_ready()):
        processes.stop("kubelet")
    processes.start(node.kubelet(kubernetes))
    api().create("/apis/storage.k8s.io/v1/storageclasses", volumes.STORAGE_CLASS)
    _wait_until_usable()


def api() -> Api:
    """Return a client of the cluster, as administrator."""
    return Api(identities.server_certificate(), identities.token("admin"))


def is_healthy() -> bool:
    """Tell whether every part runs with its present settings and answers."""
    return not problems()


def problems() -> list[str]:
    """Return what is wrong with the cluster, one line each; empty when it is healthy."""
    if not identities.token_file().exists() or not identities.server_certificate().exists():
        return ["it was never started"]
    if not binaries.KUBERNETES.is_built() or not binaries.COREDNS.is_built():
        return ["the binaries of its version are not built"]
    found = [
        f"{process.name} runs with other settings"
        if processes.pid(process.name)
        else f"{process.name} does not run"
        for process in _all_processes()
        if not processes.is_current(process)
    ]
    if not network.is_up():
        found.append("the network is not set up")
    checks = {
        "the API server is not ready": api().is_ready,
        "containerd does not answer": node.containerd_answers,
        "DNS does not answer": _dns_answers,
        "the kubelet is not healthy": _kubelet_is_healthy,
        "the node is not ready": _node_is_ready,
        "the default service account is missing": _default_service_account_exists,
    }
    with ThreadPoolExecutor(len(checks)) as pool:
        answers = {problem: pool.submit(check) for problem, check in checks.items()}
        found += [problem for problem, answer in answers.items() if not answer.result()]
    return found


def load_file(file: Path) -> None:
    """Load the image in *file*, as ``docker save`` writes it."""
    node.ctr("images", "import", file)


def load(image: archive.Image) -> None:
    """Load *image* unless it is loaded; only the layers which containerd lacks are handed over."""
    current = f"docker.io/{image.content_name}"
    newest = f"docker.io/{image.name}"
    repository = current.rpartition(":")[0]
    loaded = {
        name: digest
        for name, _, digest, *_ in map(str.split, node.ctr("images", "list").splitlines()[1:])
        if name.rpartition(":")[0] == repository
    }
    if current in loaded and loaded.get(newest) == loaded[current]:
        return
    present = {line.removeprefix("sha256:") for line in node.ctr("content", "ls", "-q").split()}
    with tempfile.TemporaryDirectory(dir=layout.cache()) as scratch:
        file = Path(scratch) / "image.tar"
        archive.save_new(image, file, names=[newest, current], present=present)
        node.ctr("images", "import", file)
    for name in loaded:
        if name not in (current, newest):
            node.ctr("images", "remove", name, check=False)


def down() -> None:
    """Stop every process, and remove what they and ``up`` left on this machine; built things stay in the cache."""
    teardown.down()


def _all_processes() -> list[processes.Process]:
    kubernetes, coredns = binaries.KUBERNETES.location, binaries.COREDNS.location
    return [
        control_plane.etcd(),
        control_plane.apiserver(kubernetes),
        control_plane.controller_manager(kubernetes),
        control_plane.scheduler(kubernetes),
        control_plane.coredns(coredns),
        node.containerd(),
        node.kubelet(kubernetes),
        node.kube_proxy(kubernetes),
        _volume_provisioner(),
    ]


def _volume_provisioner() -> processes.Process:
    # Not the environment's Python if that is a virtual one: a colleague may remove it while the cluster runs.
    python = Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}"
    sources = Path(__file__).resolve().parent
    return processes.Process(
        name="volumes",
        command=[python if python.exists() else Path(sys.executable), "-m", "testbed.provisioner"],
        env={"PYTHONPATH": str(sources.parent), "OPWEAVE_CACHE": str(layout.cache())},
        config_files=(sources / "volumes.py", sources / "provisioner.py", sources / "api.py"),
    )


def _start_api(kubernetes: Path) -> None:
    processes.start(control_plane.etcd())
    server = control_plane.apiserver(kubernetes)
    if not processes.start(server) and not api().is_ready():
        commands.wait_until(api().is_ready, "the API server is ready", timeout_seconds=10)
    identities.write_kubeconfigs()
    deadline = time.monotonic() + 90
    while not (identities.server_certificate().exists() and api().is_ready()):
        processes.check_alive(server)
        processes.check_alive(control_plane.etcd())
        if time.monotonic() > deadline:
            processes.stop(server.name)
            raise TestbedError(f"the API server does not become ready; see {server.log}")
        time.sleep(0.1)


def _start_containerd(pause: archive.Image) -> None:
    process = node.containerd()
    if processes.pid(process.name) is not None and not node.containerd_answers():
        processes.stop(process.name, grace_seconds=20)
    processes.start(process)
    deadline = time.monotonic() + 60
    while not node.containerd_answers():
        processes.check_alive(process)
        if time.monotonic() > deadline:
            raise TestbedError(f"containerd does not answer; see {process.log}")
        time.sleep(0.1)
    load(pause)


def _wait_until_usable() -> None:
    deadline = time.monotonic() + 90
    while found := problems():
        for process in _all_processes():
            processes.check_alive(process)
        if time.monotonic() > deadline:
            raise TestbedError(
                f"the cluster does not come up: {'; '.join(found)}; logs are in {layout.logs()}"
            )
        time.sleep(0.2)


def _node_is_ready() -> bool:
    """Tell whether the node was ready when it was last heard of, not long ago."""
    try:
        status = api().request("GET", f"/api/v1/nodes/{layout.NODE_NAME}")["status"]
    except ApiError:
        return False
    ready = [
        c for c in status.get("conditions", []) if c["type"] == "Ready" and c["status"] == "True"
    ]
    heard_at = [condition["lastHeartbeatTime"] for condition in ready]
    with contextlib.suppress(ApiError, KeyError):
        # A new kubelet reports its status at once, and renews its lease only seconds later.
        heard_at.append(api().request("GET", _LEASE)["spec"]["renewTime"])
    if not ready:
        return False
    age = datetime.now(UTC) - max(datetime.fromisoformat(time_text) for time_text in heard_at)
    return age.total_seconds() < _HEARTBEAT_LIMIT_SECONDS


def _kubelet_is_healthy() -> bool:
    """Ask the kubelet itself: the node stays ready in the API for a while after it has ended."""
    try:
        with urllib.request.urlopen(node.KUBELET_HEALTH, timeout=5) as answer:
            return answer.read() == b"ok"
    except OSError:
        return False


def _default_service_account_exists() -> bool:
    try:
        api().request("GET", "/api/v1/namespaces/default/serviceaccounts/default")
        api().request("GET", "/api/v1/namespaces/default/configmaps/kube-root-ca.crt")
    except ApiError:
        return False
    return True


def _dns_answers() -> bool:
    """Ask the DNS server for the API server's Service."""
    name = f"kubernetes.default.svc.{layout.CLUSTER_DOMAIN}"
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    query = struct.pack(">6H", 1, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">2H", 1, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(0.5)
        try:
            client.sendto(query, (layout.HOST_ADDRESS, 53))
            answer = client.recv(512)
        except OSError:
            return False
    status, answers = answer[3] & 0x0F, struct.unpack(">H", answer[6:8])[0]
    return status == 0 and answers > 0
