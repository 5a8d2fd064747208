"""The native cluster's network: one bridge, and routes from which nothing leaks.

Pods have addresses on the bridge and no default route. Addresses of Services exist only in kube-proxy's rules; what those
rules do not catch ends on the bridge, which leads nowhere, and below its route lies a blackhole for the time when there is
no bridge. So no packet for a pod or a Service ever leaves the machine.
"""

import json
from pathlib import Path

from testbed import commands, layout

# A bridge takes the lowest address of its ports unless it has one of its own. Without this pods lose packets for a
# minute now and then, when another pod comes or goes.
_BRIDGE_MAC = "0a:58:c6:12:00:01"
_BACKSTOP_METRIC = "4096"
_SETTINGS = {
    "net/ipv4/ip_forward": "1",
    # Replies between two pods must pass the address translation even though the bridge could deliver them directly.
    "net/bridge/bridge-nf-call-iptables": "1",
    # Pods must not be told that a Service's address is next to them.
    "net/ipv4/conf/all/send_redirects": "0",
    f"net/ipv4/conf/{layout.BRIDGE}/send_redirects": "0",
}


def is_up() -> bool:
    """Tell whether bridge and routes are as they should be."""
    link = commands.run(["ip", "-j", "address", "show", "dev", layout.BRIDGE], check=False)
    if (
        link.returncode != 0
        or layout.HOST_ADDRESS not in link.stdout
        or _BRIDGE_MAC not in link.stdout
    ):
        return False
    routes = commands.run(["ip", "route", "show", layout.SERVICE_NETWORK]).stdout
    return (
        "blackhole" in routes
        and layout.BRIDGE in routes
        and all(
            not path.exists() or path.read_text().strip() == value
            for path, value in _setting_paths()
        )
    )


def up() -> None:
    """Create bridge and routes; repeating it is harmless."""
    for network in (layout.POD_NETWORK, layout.SERVICE_NETWORK):
        commands.run(["ip", "route", "replace", "blackhole", network, "metric", _BACKSTOP_METRIC])
    if not Path(f"/sys/class/net/{layout.BRIDGE}").exists():
        commands.run(["ip", "link", "add", layout.BRIDGE, "type", "bridge"])
    commands.run(["ip", "link", "set", layout.BRIDGE, "address", _BRIDGE_MAC, "up"])
    own = f"{layout.HOST_ADDRESS}/{layout.POD_PREFIX_LENGTH}"
    commands.run(["ip", "address", "replace", own, "dev", layout.BRIDGE])
    # Towards the bridge, where nobody has such an address: refusals are made where packets are forwarded.
    own_route = ["dev", layout.BRIDGE, "src", layout.HOST_ADDRESS]
    commands.run(["ip", "route", "replace", layout.SERVICE_NETWORK, *own_route])
    _apply_settings()
    if "-P FORWARD ACCEPT" not in commands.run(["iptables", "-S", "FORWARD"], check=False).stdout:
        for rule in _forward_rules():
            if commands.run(["iptables", "-C", *rule], check=False).returncode != 0:
                commands.run(["iptables", "-I", *rule])


def bridged_replies_are_seen() -> bool:
    """Tell whether the kernel shows bridged packets to the address translation; else all traffic must be masqueraded."""
    return Path("/proc/sys/net/bridge/bridge-nf-call-iptables").exists()


def down() -> None:
    """Remove all that ``up`` and the programs on this network have added."""
    for rule in _forward_rules():
        while commands.run(["iptables", "-D", *rule], check=False).returncode == 0:
            pass
    for family in ("ip", "ip6"):
        commands.run(["nft", "delete", "table", family, "kube-proxy"], check=False)
    if Path(f"/sys/class/net/{layout.BRIDGE}").exists():
        commands.run(["ip", "link", "delete", layout.BRIDGE])
    _restore_settings()
    for network in (layout.POD_NETWORK, layout.SERVICE_NETWORK):
        route = ["ip", "route", "delete", "blackhole", network, "metric", _BACKSTOP_METRIC]
        commands.run(route, check=False)


def _forward_rules() -> list[list[str]]:
    return [["FORWARD", flag, layout.BRIDGE, "-j", "ACCEPT"] for flag in ("-i", "-o")]


def _setting_paths() -> list[tuple[Path, str]]:
    return [(Path("/proc/sys") / name, value) for name, value in _SETTINGS.items()]


def _saved_settings() -> Path:
    return layout.state() / "kernel-settings.json"


def _apply_settings() -> None:
    if commands.find("modprobe"):
        commands.run(["modprobe", "br_netfilter"], check=False)
    present = [(path, value) for path, value in _setting_paths() if path.exists()]
    if not _saved_settings().exists():
        _saved_settings().parent.mkdir(parents=True, exist_ok=True)
        _saved_settings().write_text(
            json.dumps({str(path): path.read_text().strip() for path, _ in present})
        )
    for path, value in present:
        path.write_text(value)


def _restore_settings() -> None:
    if _saved_settings().exists():
        for path, value in json.loads(_saved_settings().read_text()).items():
            if Path(path).exists():
                Path(path).write_text(value)
        _saved_settings().unlink()
