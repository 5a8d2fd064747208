"""How long requests to ingest are tried again, as the environment says."""

from __future__ import annotations

from collections.abc import Mapping

from opweave.ingest_client.endpoint import SettingsError


def report_timeout_seconds(environment: Mapping[str, str]) -> float:
    """Return how long one request to ingest is tried again, in seconds.

    Raises:
        SettingsError: The variable is malformed.
    """
    return read_seconds(environment, "OPWEAVE_REPORT_TIMEOUT_SECONDS", 900.0)


def read_seconds(environment: Mapping[str, str], name: str, default: float) -> float:
    """Return a number of seconds from the environment, *default* when the variable is empty.

    Raises:
        SettingsError: It is no number from 0 to 86,400.
    """
    text = environment.get(name, "")
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 86_400:
        raise SettingsError(f"{name} must be seconds from 0 to 86400, not {text!r}")
    return value
