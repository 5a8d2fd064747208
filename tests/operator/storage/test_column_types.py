"""`storage/column_types.py`, beyond what the contract suites try on the databases."""

from __future__ import annotations

import json
import zlib
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects.sqlite.pysqlite import dialect as sqlite_dialect

from opweave_operator import errors
from opweave_operator.storage import column_types

SQLITE = sqlite_dialect()
ANY_TEXT = st.text(st.characters(), max_size=30)


@given(st.datetimes(timezones=st.just(UTC), min_value=datetime(1970, 1, 1)))  # noqa: DTZ001  # its form of bound
def test_times_come_back_to_the_microsecond(moment: datetime) -> None:
    kind = column_types.UtcTime()
    stored = kind.process_bind_param(moment, SQLITE)
    assert isinstance(stored, int)
    assert kind.process_result_value(stored, SQLITE) == moment


def test_times_of_any_zone_are_stored_in_utc() -> None:
    kind = column_types.UtcTime()
    moment = datetime(2026, 3, 1, 14, tzinfo=timezone(timedelta(hours=2)))
    back = kind.process_result_value(kind.process_bind_param(moment, SQLITE), SQLITE)
    assert back is not None
    assert back.isoformat() == "2026-03-01T12:00:00+00:00"


@given(ANY_TEXT)
def test_mended_text_can_be_stored_anywhere(text: str) -> None:
    """It is UTF-8 without NUL, of the same length, and mending it again changes nothing."""
    mended = column_types.mend_text(text)
    assert b"\0" not in mended.encode("utf-8")
    assert len(mended) == len(text)
    assert column_types.mend_text(mended) == mended


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | ANY_TEXT,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
        max_leaves=10,
    )
)
def test_json_is_ascii_and_comes_back(value: object) -> None:
    text = column_types.dump_json(value)
    assert text.isascii()
    assert "\0" not in text
    if "inf" not in text:
        assert json.loads(text) == value


def test_a_value_that_holds_itself_is_refused() -> None:
    circle: list[object] = []
    circle.append(circle)
    with pytest.raises(errors.StorageRefused, match="nested too deeply"):
        column_types.dump_json(circle)


def test_compressed_values_that_expand_without_end_are_not_read() -> None:
    """A database that somebody altered must not fill the memory."""
    kind = column_types.CompressedJson()
    compressor = zlib.compressobj(9)
    bomb = b"".join(compressor.compress(b" " * 1_000_000) for _ in range(270)) + compressor.flush()
    with pytest.raises(errors.StorageError, match="expands to more than"):
        kind.process_result_value(bomb, SQLITE)
