"""Read what a program reports, from the file that it appends to."""

from __future__ import annotations

import os
import tempfile
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from opweave.pipes.message_handler import PipesMessageHandler
from opweave_pipes.writing import PipesDefaultMessageWriter

MAX_MESSAGE_BYTES = 16 * 1024 * 1024
"""Longest message that is read; what is above is dropped as it comes, and told."""

POLL_SECONDS = 0.1
"""A message is in the log of the run this long after it was written, at most."""

BLOCK_BYTES = 64 * 1024


class PipesMessageReader(ABC):
    """Hands what the program's message writer writes to a handler."""

    @abstractmethod
    def read_messages(self, handler: PipesMessageHandler) -> AbstractContextManager[dict[str, Any]]:
        """Return what tells the writer where to write; all is read when the context ends."""

    @abstractmethod
    def no_messages_debug_text(self) -> str:
        """Return what a person should look at when the program reports nothing."""


class PipesFileMessageReader(PipesMessageReader):
    """Reads the file *path*, which is made at the start and, with *cleanup_file*, removed at the end."""

    def __init__(self, path: str, cleanup_file: bool = True) -> None:
        self._path = Path(path)
        self._cleanup_file = cleanup_file

    @contextmanager
    def read_messages(self, handler: PipesMessageHandler) -> Iterator[dict[str, Any]]:
        """Give the path."""
        self._path.write_bytes(b"")
        is_over = threading.Event()
        with self._path.open("rb", buffering=0) as file:
            thread = threading.Thread(
                target=_follow, args=(file, handler, is_over), name="opweave-pipes", daemon=True
            )
            thread.start()
            try:
                yield {PipesDefaultMessageWriter.FILE_PATH_KEY: str(self._path)}
            finally:
                is_over.set()
                thread.join()
                if self._cleanup_file:
                    self._path.unlink(missing_ok=True)

    def no_messages_debug_text(self) -> str:
        """Return where messages were looked for."""
        return f"messages were looked for in the file {self._path}"


class PipesTempFileMessageReader(PipesMessageReader):
    """Reads a temporary file."""

    @contextmanager
    def read_messages(self, handler: PipesMessageHandler) -> Iterator[dict[str, Any]]:
        """Give the path."""
        with tempfile.TemporaryDirectory(prefix="opweave-pipes-") as directory:
            reader = PipesFileMessageReader(str(Path(directory, "messages")))
            with reader.read_messages(handler) as params:
                yield params

    def no_messages_debug_text(self) -> str:
        """Return where messages were looked for."""
        return "messages were looked for in a temporary file"


class _Lines:
    """Puts blocks together to lines, none of them longer than `MAX_MESSAGE_BYTES`."""

    def __init__(self, handler: PipesMessageHandler) -> None:
        self._handler = handler
        self._line = bytearray()
        self._is_too_long = False

    def take(self, block: bytes) -> None:
        """Handle the lines that end in *block*."""
        *ended, rest = block.split(b"\n")
        for part in ended:
            self._add(part)
            self.end()
        self._add(rest)

    def end(self) -> None:
        """Handle the line so far."""
        if self._is_too_long:
            self._handler.refuse(f"is longer than {MAX_MESSAGE_BYTES // 1024 // 1024} MiB")
        elif self._line:
            self._handler.handle_line(bytes(self._line))
        self._line.clear()
        self._is_too_long = False

    def _add(self, part: bytes) -> None:
        if len(self._line) + len(part) > MAX_MESSAGE_BYTES:
            self._is_too_long = True
            self._line.clear()
        elif not self._is_too_long:
            self._line += part


def _follow(file: BinaryIO, handler: PipesMessageHandler, is_over: threading.Event) -> None:
    lines = _Lines(handler)
    while True:
        # Asked before the reading: what was written until then is read below.
        was_over = is_over.is_set()
        # A process that was left behind may write without end.
        left = os.fstat(file.fileno()).st_size - file.tell()
        while left > 0 and (block := file.read(min(BLOCK_BYTES, left))):
            lines.take(block)
            left -= len(block)
        if was_over:
            break
        is_over.wait(POLL_SECONDS)
    lines.end()
