"""What functions of schedules and sensors are given."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from opweave import errors
from opweave.config.problems import shown
from opweave.execution.context import Resources
from opweave.wire.ticks import MAX_LOG_CHARACTERS, MAX_LOG_LINES, TickLogLine


class _LineCollector(logging.Handler):
    """Keeps what is logged, a bounded number of bounded lines."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[TickLogLine] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record; one that cannot be formatted is reported as logging does."""
        try:
            text = record.getMessage()
            if record.exc_info:
                text += "\n" + logging.Formatter().formatException(record.exc_info)
        except Exception:  # noqa: BLE001  # arguments that do not fit the format must not fail the tick
            self.handleError(record)
            text = f"{record.msg!r} (its arguments do not fit)"
        if len(self.lines) < MAX_LOG_LINES:
            moment = datetime.fromtimestamp(record.created, UTC).isoformat()
            self.lines.append(
                TickLogLine(at=moment, level=record.levelname, message=text[:MAX_LOG_CHARACTERS])
            )


class TickContext:
    """What both kinds of contexts have."""

    def __init__(self, name: str, resources: Mapping[str, Any] | None) -> None:
        self._name = name
        self._resources = Resources(resources or {}, name)
        self._collector = _LineCollector()
        self._log: logging.Logger | None = None

    @property
    def resources(self) -> Any:
        """The resources that the function requires, as attributes."""
        return self._resources

    @property
    def log(self) -> logging.Logger:
        """A logger whose lines are kept with the tick."""
        if self._log is None:
            self._log = logging.Logger(f"opweave.{self._name}", level=logging.DEBUG)  # noqa: LOG001 - no hierarchy
            self._log.addHandler(self._collector)
        return self._log

    @property
    def log_lines(self) -> tuple[TickLogLine, ...]:
        """What was logged so far."""
        return tuple(self._collector.lines)


class ScheduleEvaluationContext(TickContext):
    """What the function of a schedule is given."""

    def __init__(
        self,
        schedule_name: str | None = None,
        scheduled_execution_time: datetime | None = None,
        resources: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(schedule_name or "the schedule", resources)
        self._scheduled_at = scheduled_execution_time

    @property
    def scheduled_execution_time(self) -> datetime:
        """The time for which the tick is due, in the schedule's time zone.

        Raises:
            OpweaveInvariantViolationError: A test has built the context without it.
        """
        if self._scheduled_at is None:
            raise errors.OpweaveInvariantViolationError(
                "this context has no scheduled_execution_time: pass it to build_schedule_context()"
            )
        return self._scheduled_at


class SensorEvaluationContext(TickContext):
    """What the function of a sensor is given."""

    def __init__(
        self,
        sensor_name: str | None = None,
        cursor: str | None = None,
        last_run_key: str | None = None,
        last_tick_completion_time: float | None = None,
        is_first_tick_since_sensor_start: bool = False,
        resources: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(sensor_name or "the sensor", resources)
        self._cursor = cursor
        self._last_run_key = last_run_key
        self._last_tick_completion_time = last_tick_completion_time
        self._is_first = is_first_tick_since_sensor_start
        self.cursor_updated = False

    @property
    def sensor_name(self) -> str:
        """The name of the sensor."""
        return self._name

    @property
    def cursor(self) -> str | None:
        """Where the last evaluation that did not fail left off; None before the first."""
        return self._cursor

    def update_cursor(self, cursor: str | None) -> None:
        """Set the cursor of the next evaluation; it is kept when this one succeeds, together with its runs.

        Raises:
            OpweaveInvariantViolationError: It is no string.
        """
        if cursor is not None and not isinstance(cursor, str):
            raise errors.OpweaveInvariantViolationError(
                f"update_cursor is given {shown(cursor)}: give a string, such as str(...) or json.dumps(...)"
            )
        self._cursor = cursor
        self.cursor_updated = True

    @property
    def last_run_key(self) -> str | None:
        """The last run key that launched a run."""
        return self._last_run_key

    @property
    def last_tick_completion_time(self) -> float | None:
        """When it was evaluated last, in seconds since 1970; None before the first time."""
        return self._last_tick_completion_time

    @property
    def is_first_tick_since_sensor_start(self) -> bool:
        """Whether it has not been evaluated since it was started."""
        return self._is_first
