"""Bytes of a log become text piece by piece."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from opweave_operator.api import log_text


@given(st.text(), st.integers(min_value=4, max_value=9))
def test_pieces_of_any_size_make_the_same_text(text: str, size: int) -> None:
    """Whoever asks from where the last piece ended reads every character once."""
    data = text.encode()
    shown, offset = "", 0
    while offset < len(data):
        piece, used = log_text.decode(data[offset : offset + size])
        assert used > 0
        shown, offset = shown + piece, offset + used

    assert text == shown


@given(st.binary(max_size=50))
def test_any_bytes_are_used_up(data: bytes) -> None:
    """What is no UTF-8 is shown as U+FFFD and never stops a reader."""
    offset = 0
    while offset < len(data):
        _, used = log_text.decode(data[offset : offset + 8])
        assert used > 0
        offset += used

    assert offset == len(data)
