"""The end of what a process printed, kept where both the process and its guardian see it."""

from __future__ import annotations

import mmap
import struct
import threading

TAIL_BYTES = 4096
_LENGTH = struct.Struct("<Q")


class OutputTail:
    """The last bytes of standard output and error together, in memory shared with forks.

    The guardian's threads write; the process that prints reads, without a lock: a tail that is torn in the middle of being
    written is still a tail.
    """

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _LENGTH.size + TAIL_BYTES)
        self._lock = threading.Lock()

    def write(self, data: bytes) -> None:
        """Put *data* at the end."""
        with self._lock:
            (length,) = _LENGTH.unpack_from(self._memory)
            kept = data[-TAIL_BYTES:]
            length += len(data) - len(kept)
            for start in (0, TAIL_BYTES - length % TAIL_BYTES):
                part = kept[start:] if start else kept[: TAIL_BYTES - length % TAIL_BYTES]
                at = _LENGTH.size + (length + start) % TAIL_BYTES
                self._memory[at : at + len(part)] = part
            _LENGTH.pack_into(self._memory, 0, length + len(kept))

    def text(self) -> str:
        """Return the tail; what is not UTF-8 is shown as replacement characters."""
        (length,) = _LENGTH.unpack_from(self._memory)
        ring = bytes(self._memory[_LENGTH.size :])
        if length <= TAIL_BYTES:
            return ring[:length].decode("utf-8", "replace")
        cut = length % TAIL_BYTES
        return (ring[cut:] + ring[:cut]).decode("utf-8", "replace")
