"""Takes the native cluster away without a trace outside the cache."""

import contextlib
import os
import time
from pathlib import Path

from testbed import commands, layout, network, node, processes
from testbed.errors import TestbedError


def down() -> None:
    """Stop every process and remove mounts, network, control groups and data; repeating it is harmless."""
    commands.say("stopping the cluster")
    # The kubelet first, so that it does not start again what ends next.
    for name in ("kubelet", "volumes", "kube-controller-manager", "kube-scheduler"):
        processes.stop(name)
    _end_containers()
    processes.stop("containerd", grace_seconds=20)
    # Their data go with them: what they would still write in an orderly end is of no use.
    for name in processes.names():
        processes.stop(name, grace_seconds=1)
    for number in _shims():
        processes.end(number, grace_seconds=1)
    commands.say("all processes have ended")
    _unmount()
    network.down()
    _remove_control_groups()
    _remove_log_links()
    processes.remove_tree(layout.runtime_directory())
    processes.remove_tree(layout.state())


def _end_containers() -> None:
    """Kill every container and sandbox; with its last task a shim ends too."""
    if processes.pid("containerd") is None or not node.containerd_answers():
        return
    tasks = node.ctr("tasks", "list", "-q", check=False).split()
    for start in range(0, len(tasks), 50):
        node.ctr("tasks", "delete", "--force", *tasks[start : start + 50], check=False)


def _shims() -> list[int]:
    """Return the shims that are left: containerd gives each the address of its socket as an argument."""
    return processes.with_word(str(layout.containerd_socket()))


def _unmount() -> None:
    """Unmount all below our directories, the innermost first."""
    ours = (str(layout.state()), str(layout.runtime_directory()))
    for _ in range(20):
        mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
        found = [m for m in mounts if m.startswith(tuple(f"{top}/" for top in ours))]
        if not found:
            return
        for mount in sorted(found, key=len, reverse=True):
            commands.run(["umount", "--lazy", mount], check=False)
        time.sleep(0.1)
    raise TestbedError(f"cannot unmount {found[0]}")


def _remove_control_groups() -> None:
    """Remove the kubelet's control groups, in every hierarchy, and kill what is still in them."""
    tops = [*Path("/sys/fs/cgroup").glob("*/kubepods"), *Path("/sys/fs/cgroup").glob("kubepods")]
    for top in tops:
        for parent, _, _ in sorted(os.walk(top), key=lambda entry: len(entry[0]), reverse=True):
            with contextlib.suppress(OSError):
                for number in (Path(parent) / "cgroup.procs").read_text().split():
                    processes.end(int(number), grace_seconds=0)
            with contextlib.suppress(OSError):
                Path(parent).rmdir()


def _remove_log_links() -> None:
    """Remove the links to our pods' logs, which the kubelet puts into a directory that no option moves."""
    for link in Path("/var/log/containers").glob("*.log"):
        if link.is_symlink() and str(link.readlink()).startswith(f"{layout.state()}/"):
            link.unlink()
