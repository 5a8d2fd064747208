"""Which step runs in this process now, for code that is given no context. Steps run one after another, on any thread."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import NamedTuple

from opweave.execution.events import StepEvents


class CurrentStep(NamedTuple):
    """The step that runs."""

    events: StepEvents
    job_name: str
    run_id: str


_running: list[CurrentStep] = []


@contextlib.contextmanager
def running(step: CurrentStep) -> Iterator[None]:
    """Make *step* the current one in the block."""
    _running.append(step)
    try:
        yield
    finally:
        _running.pop()


def current() -> CurrentStep | None:
    """Return the innermost step that runs; None outside of any."""
    return _running[-1] if _running else None
