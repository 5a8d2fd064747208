"""What it means for a step when the API server does not take its Job or pod."""

from __future__ import annotations

from opweave_operator import ports
from opweave_operator.adapters.kubernetes import errors

_FORBIDDEN_TEXTS = (
    # Part of the text, reason, whether waiting is pointless. Admission plugins have no codes: their texts are all there is.
    ("exceeded quota", "QuotaExceeded", False),
    ("failed quota", "QuotaNeedsResources", True),
    ("violates PodSecurity", "PodSecurityViolation", True),
    ("error looking up service account", "ServiceAccountMissing", False),
    ("no PriorityClass with name", "PriorityClassMissing", False),
    ("because it is being terminated", "NamespaceGone", True),
    (" usage per ", "LimitRangeViolation", True),
    ("denied the request", "DeniedByPolicy", True),
    ("denied request", "DeniedByPolicy", True),
)


def translate(error: errors.ApiError) -> ports.StartRefused:
    """Return the refusal that *error* of a create request amounts to, in the API server's own words."""
    if isinstance(error, errors.Invalid):
        return _refused("Invalid", error, is_permanent=True)
    if isinstance(error, errors.NotFound):
        return _refused("NamespaceGone", error, is_permanent=True)
    if isinstance(error, errors.Forbidden):
        if "NamespaceTerminating" in error.causes:
            return _refused("NamespaceGone", error, is_permanent=True)
        for text, reason, is_permanent in _FORBIDDEN_TEXTS:
            if text in error.message:
                return _refused(reason, error, is_permanent=is_permanent)
        return _refused("Forbidden", error, is_permanent=False)
    if isinstance(error, errors.Unreachable):
        return _refused("ApiServerUnreachable", error, is_permanent=False)
    return _refused("Refused", error, is_permanent=False)


def _refused(reason: str, error: errors.ApiError, *, is_permanent: bool) -> ports.StartRefused:
    return ports.StartRefused(reason, error.message, is_permanent=is_permanent)
