"""Which of several controllers speaks for an Instance, and what it says of its settings."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from opweave_operator import settings
from opweave_operator.handlers import instance

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({"loops": [{"name": "run-engine", "lastBeatAt": "2026-03-01T11:59:30Z"}]}, True),
        ({"loops": [{"name": "run-engine", "lastBeatAt": "2026-03-01T11:58:59Z"}]}, False),
        ({"loops": [{"name": "run-engine"}]}, False),
        ({}, False),
        (None, False),
    ],
)
def test_an_instance_with_a_fresh_beat_is_another_controllers(
    status: dict[str, object] | None, expected: bool
) -> None:
    """Two controllers that watch all namespaces do not overwrite each other's word."""
    assert instance.is_served_elsewhere({"status": status}, NOON) is expected


SQLITE, POSTGRESQL = "sqlite:////data/opweave.db", "postgresql://u:p@db/opweave"
DEFAULTED = {
    "runQueue": {"maxConcurrentRuns": 10},
    "runMonitoring": {"startTimeoutSeconds": 1200, "cancelTimeoutSeconds": 180},
    "infrastructureRetries": {"maxRetries": 3},
    "runRetries": {"maxRetries": 0, "strategy": "FromFailure", "retryOn": "AnyFailure"},
    "retention": {"ticks": "30d"},
    "paused": [],
    "finishedRunTTLSeconds": 3600,
}
"""What the API server makes of an empty spec."""


@pytest.mark.parametrize(
    "spec",
    [
        {},
        DEFAULTED,
        {"artifacts": {"s3": {"bucket": "b"}}},
        {"artifacts": {"sharedVolume": {"claimName": "c"}}},
        {"paused": ["Launches"], "artifacts": {"instanceVolume": {}}, "storage": {"sqlite": {}}},
    ],
)
def test_settings_that_all_work_are_in_effect(spec: dict[str, Any]) -> None:
    """Defaults that the API server wrote are nobody's wish."""
    verdict = instance.judge(spec, SQLITE)
    assert (verdict.is_ready, verdict.reason) == (True, "Served")


@pytest.mark.parametrize(
    ("spec", "named"),
    [
        ({"pools": [{"name": "db", "slots": 1}]}, "pools"),
        ({"notifications": [{"when": ["RunFailure"]}]}, "notifications"),
        ({"artifacts": {"gcs": {"bucket": "b"}}}, "artifacts.gcs"),
        ({"runRetries": {"maxRetries": 2}}, "runRetries"),
        ({"runCoordinator": {"module": "m", "class": "C"}}, "runCoordinator"),
        (
            {"pools": [{"name": "db", "slots": 1}], "runRetries": {"maxRetries": 2}},
            "pools, runRetries",
        ),
    ],
)
def test_settings_that_do_nothing_yet_are_named(spec: dict[str, Any], named: str) -> None:
    verdict = instance.judge({**DEFAULTED, **spec}, SQLITE)
    assert (verdict.is_ready, verdict.reason) == (True, "PartlyInEffect")
    assert verdict.message.endswith(f"does not obey yet: {named}")


@pytest.mark.parametrize(
    ("storage", "database_url", "cure"),
    [
        ({"postgresql": {}}, SQLITE, "set the chart value database.existingSecret"),
        ({"sqlite": {}}, POSTGRESQL, "remove spec.storage"),
    ],
)
def test_storage_that_is_not_the_one_in_use_is_refused(
    storage: dict[str, Any], database_url: str, cure: str
) -> None:
    verdict = instance.judge({"storage": storage}, database_url)
    assert (verdict.is_ready, verdict.reason) == (False, "StorageMismatch")
    assert cure in verdict.message
    assert instance.judge({"storage": storage}, _other(database_url)).is_ready


def _other(database_url: str) -> str:
    return POSTGRESQL if database_url == SQLITE else SQLITE


@pytest.mark.parametrize(
    ("api_url", "shown"),
    [
        ("", "http://opweave-web.data.svc"),
        ("http://opweave-web.data.svc:80/flow", "http://opweave-web.data.svc/flow"),
        ("http://opweave-web.data.svc:8080", "http://opweave-web.data.svc:8080"),
    ],
)
def test_the_address_of_the_service_is_shown(api_url: str, shown: str) -> None:
    own = settings.OperatorSettings(namespace="data", api_url=api_url)
    assert instance.service_url(own) == shown
