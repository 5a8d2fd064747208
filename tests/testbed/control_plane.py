"""The processes of the native cluster's control plane, and what they are started with."""

from pathlib import Path

from testbed import identities, layout
from testbed.processes import Process

# The controllers that an ordinary cluster's users meet; the rest would only wake up two busy cores.
_CONTROLLERS = (
    "clusterrole-aggregation-controller",
    "cronjob-controller",
    "daemonset-controller",
    "deployment-controller",
    "disruption-controller",
    "endpoints-controller",
    "endpointslice-controller",
    "ephemeral-volume-controller",
    "garbage-collector-controller",
    "job-controller",
    "namespace-controller",
    "node-lifecycle-controller",
    "persistentvolume-binder-controller",
    "persistentvolume-protection-controller",
    "persistentvolumeclaim-protection-controller",
    "pod-garbage-collector-controller",
    "replicaset-controller",
    "resourcequota-controller",
    "root-ca-certificate-publisher-controller",
    "serviceaccount-controller",
    "statefulset-controller",
    "taint-eviction-controller",
    "ttl-after-finished-controller",
)

_COREFILE = """\
. {{
    bind {address}
    errors
    ready {address}:8181
    kubernetes {domain} in-addr.arpa {{
        kubeconfig {kubeconfig}
        pods insecure
        ttl 5
    }}
    template ANY ANY . {{
        rcode NXDOMAIN
    }}
}}
"""


def etcd() -> Process:
    """Return etcd, without syncs: the data need not outlive the machine."""
    return Process(
        name="etcd",
        command=[
            "etcd",
            f"--data-dir={layout.state() / 'etcd'}",
            f"--listen-client-urls={layout.ETCD_CLIENT}",
            f"--advertise-client-urls={layout.ETCD_CLIENT}",
            f"--listen-peer-urls={layout.ETCD_PEER}",
            f"--initial-advertise-peer-urls={layout.ETCD_PEER}",
            f"--initial-cluster=default={layout.ETCD_PEER}",
            "--unsafe-no-fsync",
            "--auto-compaction-mode=periodic",
            "--auto-compaction-retention=10m",
            "--quota-backend-bytes=4294967296",
            "--log-level=warn",
        ],
    )


def apiserver(binaries: Path) -> Process:
    """Return the API server."""
    certificate, key = identities.kubelet_client()
    return Process(
        name="kube-apiserver",
        command=[
            binaries / "kube-apiserver",
            f"--etcd-servers={layout.ETCD_CLIENT}",
            f"--bind-address={layout.HOST_ADDRESS}",
            f"--advertise-address={layout.HOST_ADDRESS}",
            f"--secure-port={layout.API_PORT}",
            f"--cert-dir={identities.server_certificate().parent}",
            f"--token-auth-file={identities.token_file()}",
            "--authorization-mode=Node,RBAC",
            "--allow-privileged",
            f"--service-cluster-ip-range={layout.SERVICE_NETWORK}",
            f"--service-account-issuer=https://kubernetes.default.svc.{layout.CLUSTER_DOMAIN}",
            f"--service-account-key-file={identities.service_account_key()}",
            f"--service-account-signing-key-file={identities.service_account_key()}",
            f"--kubelet-client-certificate={certificate}",
            f"--kubelet-client-key={key}",
            "--kubelet-preferred-address-types=InternalIP",
            # The API server is no pod: it reaches webhooks by their pods' addresses.
            "--enable-aggregator-routing",
            "--profiling=false",
        ],
    )


def controller_manager(binaries: Path) -> Process:
    """Return the controller manager."""
    return Process(
        name="kube-controller-manager",
        command=[
            binaries / "kube-controller-manager",
            f"--kubeconfig={identities.kubeconfig('kube-controller-manager')}",
            f"--controllers={','.join(_CONTROLLERS)}",
            "--use-service-account-credentials",
            f"--service-account-private-key-file={identities.service_account_key()}",
            f"--root-ca-file={identities.server_certificate()}",
            "--leader-elect=false",
            # A node on two busy cores may be late with its heartbeat without being gone.
            "--node-monitor-grace-period=2m",
            "--secure-port=0",
            "--profiling=false",
        ],
    )


def scheduler(binaries: Path) -> Process:
    """Return the scheduler."""
    return Process(
        name="kube-scheduler",
        command=[
            binaries / "kube-scheduler",
            f"--kubeconfig={identities.kubeconfig('kube-scheduler')}",
            "--leader-elect=false",
            "--secure-port=0",
            "--profiling=false",
        ],
    )


def coredns(binaries: Path) -> Process:
    """Return the DNS server, which knows the cluster's names and denies all others."""
    text = _COREFILE.format(
        address=layout.HOST_ADDRESS,
        domain=layout.CLUSTER_DOMAIN,
        kubeconfig=identities.kubeconfig("coredns"),
    )
    corefile = layout.write_config(layout.state() / "Corefile", text)
    return Process(
        name="coredns",
        command=[binaries / "coredns", "-quiet", "-conf", corefile],
        config_files=(corefile,),
    )
