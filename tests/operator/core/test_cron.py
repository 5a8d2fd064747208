"""Cron expressions against a model that looks at every minute, in zones whose clocks change."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opweave_operator.core.cron import Cron, CronError

ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/St_Johns",
    "America/Sao_Paulo",
    "Australia/Lord_Howe",
    "Asia/Tokyo",
    "Asia/Kathmandu",
    "Africa/Cairo",
    "Pacific/Apia",
    "America/Havana",
    "Asia/Beirut",
)
CHANGES = (
    datetime(2026, 3, 8, tzinfo=UTC),
    datetime(2026, 3, 29, tzinfo=UTC),
    datetime(2026, 10, 25, tzinfo=UTC),
    datetime(2026, 11, 1, tzinfo=UTC),
    datetime(2026, 4, 5, tzinfo=UTC),
    datetime(2018, 11, 4, tzinfo=UTC),
    datetime(2011, 12, 30, tzinfo=UTC),
    datetime(2024, 2, 29, tzinfo=UTC),
)
"""Days near which some of the zones change their clocks, or the calendar is special."""
MINUTE = timedelta(minutes=1)
SPAN = timedelta(hours=60)

FIELD_BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))


@st.composite
def cron_fields(draw: st.DrawFn) -> tuple[str, tuple[frozenset[int] | None, ...]]:
    """An expression and, for each field, the numbers that it means; None for every number."""
    texts: list[str] = []
    values: list[frozenset[int] | None] = []
    for low, high in FIELD_BOUNDS:
        kind = draw(st.sampled_from(["any", "any", "step", "list", "range"]))
        if kind == "any":
            texts.append("*")
            values.append(None)
        elif kind == "step":
            step = draw(st.integers(2, max(2, high // 2)))
            texts.append(f"*/{step}")
            values.append(frozenset(range(low, high + 1, step)))
        elif kind == "list":
            chosen = draw(st.sets(st.integers(low, high), min_size=1, max_size=4))
            texts.append(",".join(map(str, sorted(chosen))))
            values.append(frozenset(chosen))
        else:
            first = draw(st.integers(low, high - 1))
            last = draw(st.integers(first + 1, high))
            texts.append(f"{first}-{last}")
            values.append(frozenset(range(first, last + 1)))
    return " ".join(texts), tuple(values)


def matches(values: tuple[frozenset[int] | None, ...], texts: list[str], local: datetime) -> bool:
    """Whether a clock that shows *local* fits; the two kinds of day are alternatives when both are other than ``*``."""
    minute, hour, day, month, weekday = values
    fits_day = day is None or local.day in day
    fits_weekday = weekday is None or local.isoweekday() % 7 in weekday
    is_either = texts[2] != "*" and texts[4] != "*"
    fits_date = (fits_day or fits_weekday) if is_either else (fits_day and fits_weekday)
    return (
        (minute is None or local.minute in minute)
        and (hour is None or local.hour in hour)
        and (month is None or local.month in month)
        and fits_date
    )


def ticks_by_minutes(
    text: str, values: tuple[frozenset[int] | None, ...], zone: str, begin: datetime
) -> list[datetime]:
    """The ticks in (begin, begin + SPAN], found by looking at each minute that exists and each that is skipped."""
    place, texts = zoneinfo.ZoneInfo(zone), text.split()
    found = []
    moment = begin
    shown = moment.astimezone(place)
    while moment < begin + SPAN:
        before = shown.replace(tzinfo=None)
        moment += MINUTE
        shown = moment.astimezone(place)
        local = shown.replace(tzinfo=None, fold=0)
        skipped = before.replace(fold=0) + MINUTE
        hits = shown.fold == 0 and matches(values, texts, local)
        while skipped < local:
            hits = hits or matches(values, texts, skipped)
            skipped += MINUTE
        if hits:
            found.append(moment)
    return found


@settings(max_examples=100, deadline=None)
@given(cron_fields(), st.sampled_from(ZONES), st.sampled_from(CHANGES), st.integers(-2000, 1500))
def test_ticks_are_those_of_a_walk_over_every_minute(
    fields: tuple[str, tuple[frozenset[int] | None, ...]], zone: str, day: datetime, offset: int
) -> None:
    """Also across skipped, repeated and half hours, and a day that an island skipped."""
    text, values = fields
    try:
        cron = Cron([text], zone)
    except CronError:
        # Such as the 31st of February: no minute fits.
        assert ticks_by_minutes(text, values, zone, day) == []
        return
    begin = day + timedelta(minutes=offset)
    expected = ticks_by_minutes(text, values, zone, begin)
    assert list(cron.between(begin, begin + SPAN)) == expected
    for probe in range(0, 60 * 60, 487):
        moment = begin + timedelta(minutes=probe, seconds=17)
        if moment > begin + SPAN:
            break
        earlier = [tick for tick in expected if tick <= moment]
        if earlier:
            assert cron.last_until(moment) == earlier[-1]


def test_a_skipped_time_fires_at_the_first_minute_that_exists() -> None:
    cron = Cron(["30 2 * * *"], "Europe/Berlin")
    begin = datetime(2026, 3, 28, 12, tzinfo=UTC)
    assert cron.next_after(begin) == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)


def test_a_repeated_time_fires_once_the_first_time() -> None:
    cron = Cron(["30 2 * * *"], "Europe/Berlin")
    found = list(
        cron.between(datetime(2026, 10, 24, 12, tzinfo=UTC), datetime(2026, 10, 25, 12, tzinfo=UTC))
    )
    assert found == [datetime(2026, 10, 25, 0, 30, tzinfo=UTC)]


def test_several_expressions_tick_once_where_they_meet() -> None:
    cron = Cron(["0 * * * *", "0,30 6 * * *"])
    begin = datetime(2026, 1, 1, 5, 30, tzinfo=UTC)
    hours = [tick.strftime("%H:%M") for tick in cron.between(begin, begin + timedelta(hours=2))]
    assert hours == ["06:00", "06:30", "07:00"]


@pytest.mark.parametrize(
    ("alias", "fields"),
    [("@hourly", "0 * * * *"), ("@daily", "0 0 * * *"), ("@weekly", "0 0 * * sun"),
     ("@monthly", "0 0 1 * *"), ("@yearly", "0 0 1 jan *")],
)  # fmt: skip
def test_aliases_and_names_mean_their_fields(alias: str, fields: str) -> None:
    begin = datetime(2026, 5, 5, tzinfo=UTC)
    assert Cron([alias], "Asia/Tokyo").next_after(begin) == Cron([fields], "Asia/Tokyo").next_after(
        begin
    )


@pytest.mark.parametrize(
    ("expression", "zone", "told"),
    [
        ("0 25 * * *", "", "hour '25'"),
        ("* * * *", "", "4 fields"),
        ("0 0 0 * * *", "", "6 fields"),
        ("@dayly", "", "@daily"),
        ("R * * * *", "", "minute 'R'"),
        ("0 0 31 2 *", "", "never"),
        ("* * * * *", "JST", "IANA"),
        ("* * * * *", "../../etc/passwd", "IANA"),
        ("*" * 5000, "", "256 characters"),
    ],
)
def test_what_is_wrong_is_named(expression: str, zone: str, told: str) -> None:
    with pytest.raises(CronError, match=told):
        Cron([expression], zone)
