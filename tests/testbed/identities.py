"""Keys, tokens and kubeconfigs of the native cluster; made once per cluster, readable by root only."""

import secrets
from pathlib import Path

from testbed import commands, layout

_USERS = {
    "admin": ("admin", "system:masters"),
    "coredns": ("system:coredns", "system:masters"),
    "kube-controller-manager": ("system:kube-controller-manager", ""),
    "kube-scheduler": ("system:kube-scheduler", ""),
    "kube-proxy": ("system:kube-proxy", ""),
    "kubelet": (f"system:node:{layout.NODE_NAME}", "system:nodes"),
}

_KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: opweave-test
clusters:
- name: opweave-test
  cluster:
    server: https://{address}:{port}
    certificate-authority: {certificate}
users:
- name: {user}
  user:
    token: {token}
contexts:
- name: opweave-test
  context:
    cluster: opweave-test
    user: {user}
"""


def directory() -> Path:
    """Return the directory of keys and tokens."""
    return layout.state() / "identities"


def server_certificate() -> Path:
    """Return the certificate which the API server makes for itself at its first start."""
    return directory() / "apiserver" / "apiserver.crt"


def token_file() -> Path:
    """Return the file of static tokens, as the API server reads it."""
    return directory() / "tokens.csv"


def service_account_key() -> Path:
    """Return the key that signs service-account tokens."""
    return directory() / "service-accounts.key"


def kubelet_client() -> tuple[Path, Path]:
    """Return certificate and key with which the API server calls the kubelet; the kubelet trusts this one certificate."""
    return directory() / "kubelet-client.crt", directory() / "kubelet-client.key"


def ensure() -> None:
    """Make what does not exist yet."""
    directory().mkdir(parents=True, exist_ok=True)
    directory().chmod(0o700)
    if not token_file().exists():
        lines = []
        for user, group in _USERS.values():
            line = [secrets.token_hex(24), user, user]
            lines.append(",".join([*line, f'"{group}"'] if group else line))
        token_file().write_text("\n".join(lines) + "\n")
    if not service_account_key().exists():
        _openssl("genrsa", "-out", service_account_key(), "2048")
    certificate, key = kubelet_client()
    if not certificate.exists():
        subject = "/O=system:masters/CN=kube-apiserver-kubelet-client"
        new_key = ("-newkey", "rsa:2048", "-nodes", "-keyout", key)
        _openssl("req", "-x509", "-days", "3650", "-subj", subject, *new_key, "-out", certificate)


def token(name: str) -> str:
    """Return the token of the component *name*."""
    user = _USERS[name][0]
    for line in token_file().read_text().splitlines():
        secret, its_user, *_ = line.split(",")
        if its_user == user:
            return secret
    raise LookupError(f"{token_file()} has no user {user}")


def kubeconfig(name: str) -> Path:
    """Return the path of the kubeconfig of the component *name*."""
    return layout.kubeconfig().with_name(f"{name}.yaml")


def write_kubeconfigs() -> None:
    """Write a kubeconfig for each component."""
    for name in _USERS:
        text = _KUBECONFIG.format(
            address=layout.HOST_ADDRESS,
            port=layout.API_PORT,
            certificate=server_certificate(),
            user=name,
            token=token(name),
        )
        layout.write_config(kubeconfig(name), text)


def _openssl(*arguments: str | Path) -> None:
    commands.run(["openssl", *arguments])
