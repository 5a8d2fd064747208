"""The end of what a process printed."""

from __future__ import annotations

import os

from hypothesis import given
from hypothesis import strategies as st

from opweave.code_server.output_tail import TAIL_BYTES, OutputTail


@given(st.lists(st.integers(min_value=0, max_value=3 * TAIL_BYTES), max_size=8))
def test_the_tail_is_the_end_of_all_that_was_written(sizes: list[int]) -> None:
    """Whatever the pieces."""
    tail = OutputTail()
    written = b""
    for index, size in enumerate(sizes):
        piece = bytes(65 + (index + at) % 26 for at in range(size))
        tail.write(piece)
        written += piece
    assert tail.text() == written[-TAIL_BYTES:].decode()


def test_a_fork_sees_what_is_written_after_it() -> None:
    """The guardian writes, the server reads."""
    tail = OutputTail()
    reader, writer = os.pipe()
    answer, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.read(reader, 1)
        os.write(tell, tail.text().encode())
        os._exit(0)
    tail.write(b"later")
    os.write(writer, b"x")
    os.waitpid(pid, 0)
    assert os.read(answer, 100) == b"later"
    for descriptor in (reader, writer, answer, tell):
        os.close(descriptor)
