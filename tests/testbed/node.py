"""The processes of the native cluster's one node: containerd, kubelet, kube-proxy."""

import json
from pathlib import Path

from testbed import commands, identities, layout, network
from testbed.processes import Process

PAUSE_IMAGE = "docker.io/opweave-test/pause:dev"
KUBELET_HEALTH = "http://127.0.0.1:10248/healthz"
_CNI_PLUGINS = "/usr/lib/cni"

_CONTAINERD = """\
version = 2
root = "{root}"
state = "{state}"
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
]

[grpc]
  address = "{socket}"

[debug]
  level = "warn"

[plugins."io.containerd.internal.v1.opt"]
  path = "{state}/opt"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  # Machines without CAP_SYS_RESOURCE start no sandbox otherwise.
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "{cni_plugins}"
  conf_dir = "{cni}"

[plugins."io.containerd.grpc.v1.cri".registry]
  config_path = "{registries}"
"""

# Images come from files. A pull is refused on this machine, at once, and asks nobody outside.
_NO_REGISTRY = 'server = "http://127.0.0.1:9"\n'


def containerd() -> Process:
    """Return containerd, with a root, a state and a socket of its own."""
    base = layout.state() / "containerd"
    cni, registries = base / "cni", base / "registries"
    layout.runtime_directory().mkdir(parents=True, exist_ok=True)
    layout.write_config(registries / "_default" / "hosts.toml", _NO_REGISTRY)
    pods_network = json.dumps(_cni_network(), indent=2)
    conflist = layout.write_config(cni / "10-opweave.conflist", pods_network)
    text = _CONTAINERD.format(
        root=base / "root",
        state=layout.runtime_directory() / "containerd",
        socket=layout.containerd_socket(),
        pause=PAUSE_IMAGE,
        cni_plugins=_CNI_PLUGINS,
        cni=cni,
        registries=registries,
    )
    config = layout.write_config(base / "config.toml", text)
    return Process(
        name="containerd",
        command=["containerd", "--config", config],
        config_files=(config, conflist),
    )


def kubelet(binaries: Path) -> Process:
    """Return the kubelet."""
    base = layout.state() / "kubelet"
    layout.write_config(base / "resolv.conf", "")
    text = json.dumps(_kubelet_configuration(base), indent=2)
    config = layout.write_config(base / "config.json", text)
    return Process(
        name="kubelet",
        command=[
            binaries / "kubelet",
            f"--config={config}",
            f"--kubeconfig={identities.kubeconfig('kubelet')}",
            f"--root-dir={base / 'root'}",
            f"--cert-dir={base / 'certificates'}",
            f"--hostname-override={layout.NODE_NAME}",
            f"--node-ip={layout.HOST_ADDRESS}",
        ],
        config_files=(config,),
    )


def kube_proxy(binaries: Path) -> Process:
    """Return kube-proxy."""
    return Process(
        name="kube-proxy",
        command=[
            binaries / "kube-proxy",
            f"--kubeconfig={identities.kubeconfig('kube-proxy')}",
            "--proxy-mode=nftables",
            f"--cluster-cidr={layout.POD_NETWORK}",
            f"--hostname-override={layout.NODE_NAME}",
            "--nodeport-addresses=primary",
            "--conntrack-max-per-core=0",
            "--conntrack-tcp-timeout-established=0",
            "--conntrack-tcp-timeout-close-wait=0",
            "--metrics-bind-address=127.0.0.1:10249",
            "--healthz-bind-address=127.0.0.1:10256",
            *([] if network.bridged_replies_are_seen() else ["--masquerade-all"]),
        ],
    )


def ctr(*arguments: str | Path, check: bool = True, timeout_seconds: float = 300) -> str:
    """Run containerd's own client in the namespace of Kubernetes and return what it printed."""
    command = ["ctr", "--address", layout.containerd_socket(), "--namespace", "k8s.io", *arguments]
    return commands.run(command, check=check, timeout_seconds=timeout_seconds).stdout


def containerd_answers() -> bool:
    """Tell whether containerd answers."""
    command = ["ctr", "--address", layout.containerd_socket(), "--timeout", "3s", "version"]
    return commands.run(command, check=False, timeout_seconds=20).returncode == 0


def _cni_network() -> dict[str, object]:
    return {
        "cniVersion": "0.4.0",
        "name": "opweave",
        "plugins": [
            {
                "type": "bridge",
                "bridge": layout.BRIDGE,
                "isGateway": True,
                "ipMasq": False,
                "hairpinMode": True,
                "ipam": {
                    "type": "host-local",
                    "dataDir": str(layout.runtime_directory() / "addresses"),
                    "ranges": [[{"subnet": layout.POD_NETWORK, "rangeStart": "198.18.1.1"}]],
                    "routes": [{"dst": layout.SERVICE_NETWORK}],
                },
            },
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ],
    }


def _kubelet_configuration(base: Path) -> dict[str, object]:
    trusted_client, _ = identities.kubelet_client()
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": layout.HOST_ADDRESS,
        "port": layout.KUBELET_PORT,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(trusted_client)},
        },
        "authorization": {"mode": "Webhook"},
        "containerRuntimeEndpoint": f"unix://{layout.containerd_socket()}",
        "cgroupDriver": "cgroupfs",
        "failCgroupV1": False,
        "failSwapOn": False,
        "enforceNodeAllocatable": [],
        # The machine's disk is shared with builds: what it holds says nothing about the tests' pods.
        "evictionHard": {},
        "imageGCHighThresholdPercent": 100,
        "serializeImagePulls": False,
        "maxPods": 500,
        "clusterDNS": [layout.HOST_ADDRESS],
        "clusterDomain": layout.CLUSTER_DOMAIN,
        "resolvConf": str(base / "resolv.conf"),
        "makeIPTablesUtilChains": False,
        "podLogsDir": str(base / "pod-logs"),
        "volumePluginDir": str(base / "volume-plugins"),
        "protectKernelDefaults": False,
        "enableDebuggingHandlers": True,
    }
