"""How Python values become columns, alike on SQLite and PostgreSQL.

Values come from user code and from the platform, so each type says what happens to text that a database cannot hold:
names are refused, words for people are mended and cut.
"""

from __future__ import annotations

import json
import math
import zlib
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, LargeBinary, String, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

from opweave_operator import errors

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_NUL_SHOWN = "\N{SYMBOL FOR NULL}"
_CUT_MARK = "…"
_MAX_EXPANDED_BYTES = 256 * 1024 * 1024

_INTEGER_LIMIT = 2**31

MAX_WORDS = 64 * 1024
"""Longest text for people in one column, in characters; a traceback is at most 64 kB."""


def mend_text(text: str) -> str:
    """Return *text* without what PostgreSQL refuses: NUL is shown by its symbol, lone surrogates by a question mark."""
    if "\0" in text:
        text = text.replace("\0", _NUL_SHOWN)
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode("utf-8")
    return text


class UtcTime(TypeDecorator[datetime]):
    """An aware datetime: ``timestamptz`` on PostgreSQL, microseconds since 1970 on SQLite, which knows no zones."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the column type of *dialect*."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(DateTime(timezone=True))
        return dialect.type_descriptor(BigInteger())

    # Any: the value is whatever the driver of the dialect takes and gives.
    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Return *value* as the driver takes it."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise errors.StorageRefused(f"time {value.isoformat()} has no zone; pass it in UTC")
        if dialect.name == "postgresql":
            return value
        return (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Return the driver's *value* in UTC."""
        if value is None:
            return None
        if isinstance(value, int):
            return _EPOCH + timedelta(microseconds=value)
        moment: datetime = value.astimezone(UTC)
        return moment


class Name(TypeDecorator[str]):
    """A name or key: refused when it is longer than *length* characters or not plain text, never altered."""

    impl = String
    cache_ok = True

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self.length = length

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Check *value*."""
        if value is None:
            return None
        if len(value) > self.length:
            raise errors.StorageRefused(
                f"{value[:40]!r}... has {len(value)} characters; at most {self.length} can be stored here,"
                " use a shorter name"
            )
        if mend_text(value) != value:
            raise errors.StorageRefused(
                f"{value[:80]!r} holds a NUL or half a surrogate pair; use plain text for names"
            )
        return value


class Setting(TypeDecorator[int]):
    """A whole number that people chose: refused when PostgreSQL's ``integer`` cannot hold it."""

    impl = Integer
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> int | None:
        """Check *value*."""
        if value is not None and not -_INTEGER_LIMIT <= value < _INTEGER_LIMIT:
            raise errors.StorageRefused(
                f"{value} does not fit; use a number from {-_INTEGER_LIMIT} to {_INTEGER_LIMIT - 1}"
            )
        return value


class Words(TypeDecorator[str]):
    """Text for people: mended where the database cannot hold it and cut at `MAX_WORDS`.

    It is never refused: a pod's or a traceback's text must not keep the outcome itself from being recorded.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Return *value* as it can be stored."""
        if value is None:
            return None
        if len(value) > MAX_WORDS:
            value = value[: MAX_WORDS - len(_CUT_MARK)] + _CUT_MARK
        return mend_text(value)


class Json(TypeDecorator[Any]):
    """Any JSON value as text: the same on both databases, with the order of keys kept.

    Not JSONB, which refuses NUL and half surrogate pairs and reorders keys; ASCII escapes make all of them harmless.
    Infinite numbers and NaN, which JSON lacks, are stored as their names.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Return *value* as JSON text."""
        return None if value is None else dump_json(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """Parse what is stored."""
        return None if value is None else json.loads(value)


class CompressedJson(TypeDecorator[Any]):
    """A large JSON value, such as a plan, compressed."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> bytes | None:
        """Return *value* as compressed JSON."""
        return None if value is None else zlib.compress(dump_json(value).encode("ascii"), 1)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> Any:
        """Parse what is stored."""
        if value is None:
            return None
        expander = zlib.decompressobj()
        text = expander.decompress(bytes(value), _MAX_EXPANDED_BYTES)
        if expander.unconsumed_tail:
            raise errors.StorageError(
                f"a stored value expands to more than {_MAX_EXPANDED_BYTES} bytes; the database was altered by hand"
            )
        return json.loads(text)


def dump_json(value: Any) -> str:
    """Return *value* as ASCII JSON text.

    Raises:
        StorageRefused: It is nested too deeply or holds what JSON has no form for.
    """
    try:
        try:
            return _DUMPS(value)
        except (
            ValueError
        ):  # NaN or infinity somewhere inside; also a cycle, which the next line reports
            return _DUMPS(_finite(value))
    except RecursionError:
        raise errors.StorageRefused(
            "a value is nested too deeply to be stored; flatten it"
        ) from None
    except TypeError as error:
        raise errors.StorageRefused(f"a value cannot be stored as JSON: {error}") from error


_DUMPS = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    if isinstance(value, dict):
        return {key: _finite(member) for key, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(member) for member in value]
    return value
