"""Evaluations of schedules and sensors: what the operator asks of a code server, and what the user's code answers."""

from __future__ import annotations

from typing import Any

from opweave.wire.message import field, message

MAX_RUN_REQUESTS = 10_000
"""The most runs that one tick may request."""
MAX_CURSOR_CHARACTERS = 1024 * 1024
MAX_LOG_LINES = 1000
MAX_LOG_CHARACTERS = 4096
"""Of one line."""


@message
class ScheduleTickRequest:
    """Evaluate a schedule for the time *scheduled_at* (ISO 8601)."""

    schedule: str
    scheduled_at: str
    timeout_seconds: int = 60


@message
class SensorTickRequest:
    """Evaluate a sensor.

    Attributes:
        last_tick_at: When its last evaluation ended; None before the first.
        is_first_tick: Whether it has not been evaluated since it was started.
    """

    sensor: str
    cursor: str | None = None
    last_run_key: str | None = None
    last_tick_at: str | None = None
    is_first_tick: bool = False
    timeout_seconds: int = 60


@message
class RequestedRun:
    """A run that the user's code asks for; *job* None means the only job of the schedule or sensor."""

    job: str | None = None
    run_key: str | None = None
    run_config: dict[str, Any] | None = None
    tags: dict[str, str] = field(default_factory=dict)


@message
class TickLogLine:
    """What the user's code logged."""

    at: str
    level: str
    message: str


@message
class TickFailure:
    """Why an evaluation failed.

    Attributes:
        reason: CamelCase: ``UserCodeError``, ``TimedOut``, ``Crashed``, ``NotFound``, ``InvalidResult``.
        message: One line.
    """

    reason: str
    message: str
    traceback: str = ""


@message
class TickReply:
    """What an evaluation came to; with *failure* nothing else of it counts but *logs*.

    Attributes:
        cursor: The new cursor; None leaves it as it is.
    """

    run_requests: tuple[RequestedRun, ...] = ()
    skip_reason: str = ""
    cursor: str | None = None
    failure: TickFailure | None = None
    logs: tuple[TickLogLine, ...] = ()
