"""Write messages to where the step reads them, one JSON object a line."""

from __future__ import annotations

import json
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, ClassVar, TextIO

from opweave_pipes.errors import OpweavePipesError


class PipesMessageWriterChannel(ABC):
    """Takes messages."""

    @abstractmethod
    def write_message(self, message: Mapping[str, Any]) -> None:
        """Write one message; callable from any thread."""


class PipesMessageWriter(ABC):
    """Opens a channel to the step."""

    @abstractmethod
    def open(self, params: Mapping[str, Any]) -> AbstractContextManager[PipesMessageWriterChannel]:
        """Return the channel, for as long as the program reports."""

    def get_opened_payload(self) -> dict[str, Any]:
        """Return what the step is told first."""
        return {"extras": self.get_opened_extras()}

    def get_opened_extras(self) -> dict[str, Any]:
        """Return what a writer of one's own adds to it."""
        return {}


class PipesFileMessageWriterChannel(PipesMessageWriterChannel):
    """Appends to a file."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._lock = threading.Lock()

    def write_message(self, message: Mapping[str, Any]) -> None:
        """Append one line."""
        line = json.dumps(message) + "\n"
        with self._lock, self._path.open("a", encoding="utf-8") as file:
            file.write(line)


class PipesStreamMessageWriterChannel(PipesMessageWriterChannel):
    """Writes to a stream."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def write_message(self, message: Mapping[str, Any]) -> None:
        """Write one line, at once."""
        line = json.dumps(message) + "\n"
        with self._lock:
            self._stream.write(line)
            self._stream.flush()


class PipesDefaultMessageWriter(PipesMessageWriter):
    """Writes to a file (``path``), or to ``stdout`` or ``stderr`` (``stdio``)."""

    FILE_PATH_KEY: ClassVar[str] = "path"
    STDIO_KEY: ClassVar[str] = "stdio"

    @contextmanager
    def open(self, params: Mapping[str, Any]) -> Iterator[PipesMessageWriterChannel]:
        """Give the channel that *params* name."""
        if isinstance(params.get(self.FILE_PATH_KEY), str):
            yield PipesFileMessageWriterChannel(params[self.FILE_PATH_KEY])
        elif params.get(self.STDIO_KEY) in ("stdout", "stderr"):
            yield PipesStreamMessageWriterChannel(getattr(sys, params[self.STDIO_KEY]))
        else:
            raise OpweavePipesError(
                f"messages go neither to a file nor to a standard stream, but have {', '.join(params) or 'nothing'}: give "
                "open_opweave_pipes the message_writer= that fits the step's message reader"
            )
