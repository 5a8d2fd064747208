"""Turn the bytes of a log into text, piece by piece."""

from __future__ import annotations

_LONGEST_CHARACTER_BYTES = 4


def decode(data: bytes) -> tuple[str, int]:
    """Return *data* as text and how many bytes of it were used.

    A character that is cut off at the end is left for the next piece; what cannot become one is shown as U+FFFD.
    """
    used = len(data) - _cut_off_bytes(data)
    if used == 0:
        used = len(data)
    return data[:used].decode("utf-8", errors="replace"), used


def _cut_off_bytes(data: bytes) -> int:
    """Return how many bytes at the end begin a character that is not complete."""
    for length in range(1, min(_LONGEST_CHARACTER_BYTES, len(data) + 1)):
        byte = data[-length]
        if byte & 0b1100_0000 == 0b1000_0000:
            continue
        return length if byte >= 0b1100_0000 and _size(byte) > length else 0
    return 0


def _size(first_byte: int) -> int:
    if first_byte >= 0b1111_0000:
        return 4
    return 3 if first_byte >= 0b1110_0000 else 2
