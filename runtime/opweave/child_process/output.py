"""Copy one stream of the worker's output: to this process's own stream at once, and to the upload.

A thread for each stream. The end of the worker is not the end of its pipe, which a process that it left behind may hold
open for ever: after `finish`, what is in the pipe is read and no more is waited for.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
from collections.abc import Callable

BLOCK_BYTES = 64 * 1024
MAX_LEFTOVER_BYTES = 4 * 1024 * 1024
"""Above what any pipe holds, so that a process left behind that writes without end cannot hold up the end."""


class OutputCopy:
    """Copies from a pipe until its end or until told that nothing more counts."""

    def __init__(self, source: int, target: int, sink: Callable[[bytes], None]) -> None:
        """Make a copy that has not begun.

        Args:
            source: Read end of the pipe; closed at the end.
            target: Descriptor of the own stream; when it breaks, copying to it ends quietly.
            sink: Takes each block; may block, and then the worker waits too.
        """
        self._source = source
        self._target: int | None = target
        self._sink = sink
        self._wake_reader, self._wake_writer = os.pipe()
        self._thread = threading.Thread(target=self._run, name="opweave-output", daemon=True)

    def begin(self) -> None:
        """Start to copy."""
        self._thread.start()

    def finish(self, timeout_seconds: float) -> None:
        """Copy what the pipe still holds, without waiting for more, for at most *timeout_seconds*."""
        with contextlib.suppress(OSError):
            os.write(self._wake_writer, b"x")
        self._thread.join(timeout_seconds)

    def _run(self) -> None:
        poll = select.poll()
        poll.register(self._source, select.POLLIN)
        poll.register(self._wake_reader, select.POLLIN)
        is_open = True
        while is_open:
            ready = {descriptor for descriptor, _ in poll.poll()}
            if self._wake_reader in ready:
                self._copy_leftover()
                break
            is_open = self._copy_block()
        os.close(self._source)

    def _copy_leftover(self) -> None:
        os.set_blocking(self._source, False)
        copied = 0
        with contextlib.suppress(BlockingIOError):
            while copied < MAX_LEFTOVER_BYTES and self._copy_block():
                copied += BLOCK_BYTES

    def _copy_block(self) -> bool:
        data = os.read(self._source, BLOCK_BYTES)
        if data:
            self._write_own(data)
            self._sink(data)
        return bool(data)

    def _write_own(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view and self._target is not None:
                view = view[os.write(self._target, view) :]
        except OSError:
            self._target = None
