"""What is read of a file that never stops to grow."""

from __future__ import annotations

import io
import threading
from pathlib import Path

import pytest

from opweave.pipes import message_reader
from opweave.pipes.message_handler import PipesMessageHandler
from opweave.testing.contexts import build_op_context


class Growing(io.FileIO):
    """A file that another process makes longer with every read."""

    def read(self, size: int | None = -1) -> bytes:
        with Path(str(self.name)).open("ab") as file:
            file.write(b"x" * (size or 1))
        return super().read(size)


@pytest.mark.timeout(20)
def test_a_writer_without_end_does_not_hold_up_the_end(tmp_path: Path) -> None:
    """What was written when the program had ended is read, and no more."""
    path = tmp_path / "messages"
    path.write_bytes(b'{"method": "report_custom_message", "params": {"payload": 1}}\n')
    handler = PipesMessageHandler(build_op_context())
    is_over = threading.Event()
    is_over.set()
    with Growing(path) as file:
        message_reader._follow(file, handler, is_over)
    assert handler.custom_messages == [1]
