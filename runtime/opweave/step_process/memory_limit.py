"""Whether the kernel has killed a process of this container for memory.

Linux tells only that a process died by SIGKILL; the control group's counter tells why.
Source: Linux Documentation/admin-guide/cgroup-v2.rst (memory.events) and cgroup-v1/memory.rst (memory.oom_control).
"""

from __future__ import annotations


class OomCounter:
    """The number of kills for memory in this process's control group since it was made."""

    def __init__(
        self, membership_file: str = "/proc/self/cgroup", root: str = "/sys/fs/cgroup"
    ) -> None:
        self._directories = _directories(_read(membership_file), root)
        self._before = self._count()

    def has_risen(self) -> bool:
        """Return whether a process was killed for memory since."""
        return self._count() > self._before

    def limit(self) -> str:
        """Return the memory limit for people, as ``512 MiB``; empty when there is none or it cannot be read."""
        for directory in self._directories:
            for name in ("memory.max", "memory.limit_in_bytes"):
                text = _read(f"{directory}/{name}").strip()
                if text.isdigit() and int(text) < 1 << 60:  # v1 writes a huge number for no limit
                    return f"{int(text) / (1 << 20):.0f} MiB"
        return ""

    def _count(self) -> int:
        total = 0
        for directory in self._directories:
            for name in ("memory.events", "memory.oom_control"):
                for line in _read(f"{directory}/{name}").splitlines():
                    key, _, value = line.partition(" ")
                    if key == "oom_kill" and value.strip().isdigit():
                        total += int(value)
        return total


def _directories(membership: str, root: str) -> list[str]:
    """Return where the memory controller's files may be: in a container the group is often mounted as the root."""
    found = [root, f"{root}/memory"]
    for line in membership.splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        path = path.rstrip("/")
        if not path or ".." in path.split("/"):
            continue
        if not controllers:
            found.append(f"{root}{path}")
        elif "memory" in controllers.split(","):
            found.append(f"{root}/memory{path}")
    return found


def _read(path: str) -> str:
    try:
        with open(path, encoding="ascii", errors="replace") as file:  # noqa: PTH123 - pathlib costs 6 ms to import
            return file.read(64 * 1024)
    except OSError:
        return ""
