"""Schedule: not evaluated by this version."""

from __future__ import annotations

from opweave_operator.adapters.kubernetes.resources import SCHEDULES
from opweave_operator.handlers.collaborators import Collaborators
from opweave_operator.handlers.not_implemented import NotImplementedReconciler
from opweave_operator.handlers.status import StatusWriter

MESSAGE = (
    "this version of the operator evaluates no schedules: nothing is launched by it, and nobody has checked its job,"
    " cron and time zone. Launch the Job by its annotation opweave.dev/run-requested-at, from a CronJob for instance"
)


def reconciler(parts: Collaborators, status: StatusWriter) -> NotImplementedReconciler:
    """Return what reconciles Schedules."""
    return NotImplementedReconciler(parts, status, SCHEDULES, MESSAGE)
