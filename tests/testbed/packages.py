"""Debian's packages that the native provider needs."""

import os
from pathlib import Path

from testbed import commands
from testbed.errors import CommandFailed, Unavailable

# Program -> package; the program is looked for, so that other distributions may bring it under another name.
_PROGRAMS = {
    "containerd": "containerd",
    "ctr": "containerd",
    "runc": "runc",
    "etcd": "etcd-server",
    "nft": "nftables",
    "iptables": "iptables",
    "ip": "iproute2",
    "conntrack": "conntrack",
    "socat": "socat",
    "ethtool": "ethtool",
    "busybox": "busybox-static",
    "mmdebstrap": "mmdebstrap",
    "openssl": "openssl",
    "mount": "mount",
}
_FILES = {"/usr/lib/cni/bridge": "containernetworking-plugins"}


def missing() -> list[str]:
    """Return the names of the packages that have to be installed."""
    packages = {package for program, package in _PROGRAMS.items() if commands.find(program) is None}
    packages |= {package for file, package in _FILES.items() if not Path(file).exists()}
    return sorted(packages)


def ensure() -> None:
    """Install what is missing.

    Raises:
        Unavailable: Something is missing and cannot be installed here.
    """
    packages = missing()
    if not packages:
        return
    by_hand = f"install these packages: {' '.join(packages)}"
    if os.geteuid() != 0 or commands.find("apt-get") is None:
        raise Unavailable(f"{by_hand} (apt-get install, as root)")
    commands.say(f"installing {' '.join(packages)}")
    install = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    try:
        if commands.run(install, env=quiet, check=False).returncode != 0:
            # Usually there are no package lists yet, or they name versions that are gone.
            commands.run(["apt-get", "update"], env=quiet)
            commands.run(install, env=quiet)
    except CommandFailed as error:
        raise Unavailable(f"{by_hand}; apt-get could not: {error}") from error
