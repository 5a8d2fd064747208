"""When a cron expression ticks in a time zone. Called by `ticks` and by whoever shows the next ticks; pure.

Two rules for changes of the clock: a local time that is skipped fires at the first minute that exists after it, one that
occurs twice fires once, the first time. So the map from local times to moments never goes backwards, and ticks are found by
walking over local times, which croniter does, and mapping each.
"""

from __future__ import annotations

import functools
import zoneinfo
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import croniter

LONGEST_EXPRESSION = 256
MOST_EXPRESSIONS = 100

_FIELDS = ("minute", "hour", "day of month", "month", "day of week")
_ALIASES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_MINUTE = timedelta(minutes=1)
_YEARS_SEARCHED = 40
"""The 29th of February on a given day of the week comes at least once in 40 years, even across a century without it."""


class CronError(ValueError):
    """An expression or a time zone is wrong; the text names the field."""


class Cron:
    """One or several cron expressions in one time zone.

    Args:
        expressions: Five fields each (minute to weekday; 0 and 7 are Sunday), or ``@daily`` and its like.
        timezone: IANA name; empty means UTC.

    Raises:
        CronError: One of them is not valid, or names no moment at all.

    Source: crontab(5) for the fields.
    """

    def __init__(self, expressions: Sequence[str], timezone: str = "") -> None:
        if not expressions:
            raise CronError("at least one cron expression is needed, such as '0 6 * * *'")
        if len(expressions) > MOST_EXPRESSIONS:
            raise CronError(f"{len(expressions)} expressions are more than {MOST_EXPRESSIONS}")
        self.expressions = tuple(expressions)
        self.timezone = timezone or "UTC"
        self._zone = _zone(self.timezone)
        self._parsed = tuple(dict.fromkeys(_normal(text) for text in expressions))

    def __str__(self) -> str:
        """Return the expressions as one text, for people."""
        return "; ".join(self.expressions)

    def next_after(self, moment: datetime) -> datetime:
        """Return the first tick strictly later than *moment*, which is aware, in UTC."""
        return min(self._next_of(text, moment) for text in self._parsed)

    def last_until(self, moment: datetime) -> datetime:
        """Return the last tick that is not later than *moment*, which is aware, in UTC."""
        return max(self._last_of(text, moment) for text in self._parsed)

    def between(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """Yield the ticks later than *after* and not later than *until*, in order."""
        tick = self.next_after(after)
        while tick <= until:
            yield tick
            tick = self.next_after(tick)

    def _next_of(self, text: str, moment: datetime) -> datetime:
        local = moment.astimezone(self._zone).replace(tzinfo=None, fold=0)
        walk = _walk(text, local)
        while True:
            tick = self._moment_of(walk.get_next(datetime))
            if tick > moment:
                return tick

    def _last_of(self, text: str, moment: datetime) -> datetime:
        # In the second pass of a repeated hour the whole first pass is over, also what its clock shows as later.
        first_pass = moment.astimezone(self._zone).replace(fold=0).utcoffset()
        assert first_pass is not None
        latest = (moment.astimezone(UTC) + first_pass).replace(tzinfo=None)
        walk = _walk(text, latest + timedelta(microseconds=1))
        while True:
            tick = self._moment_of(walk.get_prev(datetime))
            if tick <= moment:
                return tick

    def _moment_of(self, local: datetime) -> datetime:
        """Return the moment at which a clock shows *local* first, or skips it."""
        moment = local.replace(tzinfo=self._zone).astimezone(UTC)
        if moment.astimezone(self._zone).replace(tzinfo=None, fold=0) == local:
            return moment
        # Skipped: find the change, which lies between the two readings of a time that does not exist.
        before = local.replace(tzinfo=self._zone, fold=1).astimezone(UTC)
        offset = before.astimezone(self._zone).utcoffset()
        while moment - before > _MINUTE:
            middle = before + (moment - before) // 2
            middle -= timedelta(seconds=middle.second, microseconds=middle.microsecond)
            if middle <= before:
                break
            if middle.astimezone(self._zone).utcoffset() == offset:
                before = middle
            else:
                moment = middle
        return moment


@functools.lru_cache(maxsize=4096)
def parse(expressions: tuple[str, ...], timezone: str = "") -> Cron:
    """Return the `Cron`, made once for the same question.

    Raises:
        CronError: It is not valid.
    """
    return Cron(expressions, timezone)


def _walk(text: str, start: datetime) -> croniter.croniter:
    return croniter.croniter(text, start, max_years_between_matches=_YEARS_SEARCHED)


def _zone(name: str) -> zoneinfo.ZoneInfo:
    try:
        return zoneinfo.ZoneInfo(name)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        raise CronError(
            f"time zone {name[:64]!r} is not known: give an IANA name such as Asia/Tokyo or UTC"
        ) from None


def _normal(text: str) -> str:
    """Return *text* as five checked fields."""
    shown = repr(text[:LONGEST_EXPRESSION])
    if len(text) > LONGEST_EXPRESSION:
        raise CronError(f"cron {shown}... has more than {LONGEST_EXPRESSION} characters")
    stripped = text.strip()
    if stripped.startswith("@"):
        try:
            return _ALIASES[stripped.lower()]
        except KeyError:
            known = ", ".join(_ALIASES)
            raise CronError(f"cron {shown}: there is no such alias; there are {known}") from None
    fields = stripped.split()
    if len(fields) != len(_FIELDS):
        raise CronError(
            f"cron {shown} has {len(fields)} fields: give five (minute hour day month weekday), such as '0 6 * * *'"
        )
    for index, field in enumerate(fields):
        _check_field(shown, index, field)
    normal = " ".join(fields)
    try:
        _walk(normal, datetime(2000, 1, 1)).get_next(datetime)  # noqa: DTZ001  # local time without a zone
    except (croniter.CroniterError, ValueError, OverflowError):
        raise CronError(f"cron {shown} names no date that exists, so it would never tick") from None
    return normal


def _check_field(shown: str, index: int, field: str) -> None:
    alone = ["*"] * len(_FIELDS)
    alone[index] = field
    is_plain = all(c.isascii() and (c.isalnum() or c in "*/,-#") for c in field)
    try:
        # Random and hashed fields ("R", "H") are refused: each process would see other times.
        if is_plain and field.upper() not in ("R", "H") and "(" not in field:
            croniter.croniter.expand(" ".join(alone))
            return
    except (croniter.CroniterError, ValueError, KeyError, IndexError):
        pass
    raise CronError(
        f"cron {shown}: its {_FIELDS[index]} {field!r} is not valid; numbers, names, lists, ranges and */step are"
    )
