"""Stored outputs are read without running what they could hold."""

from __future__ import annotations

import os
import pickle

import pytest

from opweave._cli import stored_value


class Harmful:
    """What an attacker would store."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch /tmp/opweave-was-here",)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("grüße", "grüße".encode()),
        (b"\x89PNG", b"\x89PNG"),
        ([{"a": 1.5}, None], b'[\n  {\n    "a": 1.5\n  },\n  null\n]\n'),
    ],
)
def test_plain_values_become_files(value: object, expected: bytes) -> None:
    """Text and bytes as they are, the rest as JSON."""
    plain = stored_value.read_plain(pickle.dumps(value, protocol=5))
    assert expected == stored_value.as_bytes(plain)


def test_a_value_that_would_run_something_is_refused() -> None:
    """The name it asks for is told, and nothing was called."""
    with pytest.raises(stored_value.NotPlain, match=r"posix\.system"):
        stored_value.read_plain(pickle.dumps(Harmful()))


@pytest.mark.parametrize("junk", [b"", b"\x80", b"junk", b"\x80\x05\x95" + b"\xff" * 20])
def test_junk_is_no_pickle(junk: bytes) -> None:
    """Whatever it is, it is told as such."""
    with pytest.raises(stored_value.NotPlain, match="no pickle"):
        stored_value.read_plain(junk)
