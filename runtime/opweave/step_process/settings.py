"""Settings of a step process, read once from the environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from opweave.ingest_client.endpoint import AttemptEndpoint
from opweave.ingest_client.patience import read_seconds, report_timeout_seconds


class StepSettings(NamedTuple):
    """How a step process reports and how long it waits for what.

    Attributes:
        home: ``OPWEAVE_HOME``; handed to the op's execution as the instance's directory. None means its default.
        termination_log: ``OPWEAVE_TERMINATION_LOG``; where the container runtime looks by default.
        report_timeout_seconds: ``OPWEAVE_REPORT_TIMEOUT_SECONDS``; how long one request is tried again. 900 outlasts the
            restart of a controller and most failovers of a database.
        stop_grace_seconds: ``OPWEAVE_STOP_GRACE_SECONDS``; from the friendly signal to SIGKILL. 20 leaves 10 of the 30 that
            Kubernetes gives a pod for the report.
        exit_grace_seconds: ``OPWEAVE_EXIT_GRACE_SECONDS``; what the worker may spend after its outcome on ``atexit``
            functions and threads that it did not end.
        log_flush_seconds: ``OPWEAVE_LOG_FLUSH_SECONDS``; how long the end of the output may take to upload.
    """

    endpoint: AttemptEndpoint
    home: str | None = None
    termination_log: str = "/dev/termination-log"
    report_timeout_seconds: float = 900.0
    stop_grace_seconds: float = 20.0
    exit_grace_seconds: float = 5.0
    log_flush_seconds: float = 30.0

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> StepSettings:
        """Return the settings in *environment*.

        Raises:
            SettingsError: A variable is missing or malformed.
        """
        return cls(
            endpoint=AttemptEndpoint.from_environment(environment),
            home=environment.get("OPWEAVE_HOME") or None,
            termination_log=environment.get("OPWEAVE_TERMINATION_LOG", "/dev/termination-log"),
            report_timeout_seconds=report_timeout_seconds(environment),
            stop_grace_seconds=read_seconds(environment, "OPWEAVE_STOP_GRACE_SECONDS", 20.0),
            exit_grace_seconds=read_seconds(environment, "OPWEAVE_EXIT_GRACE_SECONDS", 5.0),
            log_flush_seconds=read_seconds(environment, "OPWEAVE_LOG_FLUSH_SECONDS", 30.0),
        )
