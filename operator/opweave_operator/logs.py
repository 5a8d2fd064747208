"""Sets logging up for the operator's processes: structlog over the standard library, so that kopf's lines join in."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog

_QUIET = ("kopf", "alembic", "uvicorn", "websockets", "asyncio")
"""Libraries of which only warnings are kept: their lines per object would bury ours."""


def configure(*, level: int = logging.INFO) -> None:
    """Log to standard error: JSON, or readable lines when it is a terminal; called once when a process starts."""
    shared: list[Any] = [  # processors have no common public type
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    renderer: Any = (
        structlog.dev.ConsoleRenderer()
        if sys.stderr.isatty()
        else structlog.processors.JSONRenderer()
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
