"""Read a stored output without running anything that it could hold.

Outputs are pickles of the step that made them. A pickle can name any function to be called while it is read; here names
are refused, so that text, bytes, numbers and collections of them can be read on any machine, and nothing else.
"""

from __future__ import annotations

import io
import json
import pickle
from typing import Any


class NotPlain(ValueError):
    """The value is made of more than text, bytes, numbers and collections; the text names what it asks for."""


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:  # the signature of the standard library
        raise NotPlain(f"{module}.{name}")


def read_plain(data: bytes) -> Any:
    """Return the value that *data*, a pickle of unknown origin, holds.

    Raises:
        NotPlain: It holds something that is more than data, or is no pickle.
    """
    try:
        return _PlainUnpickler(io.BytesIO(data)).load()
    except NotPlain:
        raise
    except Exception as error:  # damaged pickles raise nearly anything
        raise NotPlain(f"no pickle ({type(error).__name__})") from error


def as_bytes(value: Any) -> bytes:
    """Return *value* as a file holds it: bytes as they are, text in UTF-8, the rest as JSON where that can say it."""
    if isinstance(value, bytes | bytearray):
        return bytes(value)
    if isinstance(value, str):
        return value.encode()
    return (json.dumps(value, indent=2, ensure_ascii=False, default=repr) + "\n").encode()
