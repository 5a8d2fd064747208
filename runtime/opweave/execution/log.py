"""``context.log``: a standard logger whose records become events of the run and lines on standard error.

Imported when a body first logs: `logging` costs a step 10 ms.
"""

from __future__ import annotations

import logging
import sys
import time
from typing import Any

from opweave.execution import current_step
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
    logger.addHandler(_handler(events, job, run_id))
    return logger


def _handler(events: StepEvents, job: str, run_id: str) -> _EventHandler:
    label = " - ".join(part for part in (job, run_id, events.step_key) if part)
    return _EventHandler(events, label)


class _CurrentStepHandler(logging.Handler):
    """Hands records to the step that runs; outside of any, to the handlers that the process has set up."""

    def emit(self, record: logging.LogRecord) -> None:
        step = current_step.current()
        if step is None:
            logging.getLogger("opweave").callHandlers(record)
        else:
            _handler(*step).emit(record)


def get_opweave_logger(name: str | None = None) -> logging.Logger:
    """Return a logger for code that is given no context: what it is told in a step is kept with the run, as ``context.log``.

    Args:
        name: Of a part of the user's code; it stands in the log.
    """
    base = logging.getLogger("opweave.user")
    if not any(isinstance(handler, _CurrentStepHandler) for handler in base.handlers):
        base.addHandler(_CurrentStepHandler())
        base.setLevel(logging.DEBUG)
        base.propagate = False
    return base.getChild(name) if name else base
