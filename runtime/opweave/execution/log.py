"""``context.log``: a standard logger whose records become events of the run and lines on standard error.

Imported when a body first logs: `logging` costs a step 10 ms.
"""

from __future__ import annotations

import logging
import sys
import time
from typing import Any

from opweave.execution.error_info import error_info
from opweave.execution.events import StepEvents
from opweave.wire import codec


class _EventHandler(logging.Handler):
    """Turns records into events, and lines for people who read the process's own output."""

    def __init__(self, events: StepEvents, label: str) -> None:
        super().__init__()
        self._events = events
        self._label = label

    def emit(self, record: logging.LogRecord) -> None:
        """Tell the record; a record that cannot be formatted is reported as logging does."""
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001  # arguments that do not fit the format must not fail the step
            self.handleError(record)
            message = f"{record.msg!r} (its arguments do not fit)"
        payload: dict[str, Any] = {"logger": record.name}
        if record.exc_info and record.exc_info[1] is not None:
            payload["error"] = codec.encode(error_info(record.exc_info[1]))
        self._events.log_message(record.levelname, message, payload)
        moment = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(record.created))
        text = f"{moment}Z {record.levelname} {self._label} - {message}\n"
        if record.exc_info:
            text += logging.Formatter().formatException(record.exc_info) + "\n"
        sys.stderr.write(text)


def step_logger(events: StepEvents, job: str, run_id: str) -> logging.Logger:
    """Return the logger of one step; it belongs to no hierarchy, so that the user's logging set-up does not change it."""
    logger = logging.Logger("opweave", level=logging.DEBUG)  # noqa: LOG001 - on purpose, as the docstring says
    label = " - ".join(part for part in (job, run_id, events.step_key) if part)
    logger.addHandler(_EventHandler(events, label))
    return logger
