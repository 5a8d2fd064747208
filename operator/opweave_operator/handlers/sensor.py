"""Sensor: not evaluated by this version."""

from __future__ import annotations

from opweave_operator.adapters.kubernetes.resources import SENSORS
from opweave_operator.handlers.collaborators import Collaborators
from opweave_operator.handlers.not_implemented import NotImplementedReconciler
from opweave_operator.handlers.status import StatusWriter

MESSAGE = (
    "this version of the operator evaluates no sensors: nothing is launched by it, and nobody has checked whether the"
    " code has it. Launch the Job by its annotation opweave.dev/run-requested-at from whatever notices the change"
)


def reconciler(parts: Collaborators, status: StatusWriter) -> NotImplementedReconciler:
    """Return what reconciles Sensors."""
    return NotImplementedReconciler(parts, status, SENSORS, MESSAGE)
