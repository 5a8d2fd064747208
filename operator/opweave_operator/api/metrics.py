"""What Prometheus reads of the web role and of the engine beside it.

One `Metrics` per process, with a registry of its own. The engine, which may not import this package, is given `observe_handoff`
by bootstrap.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from opweave_operator.core import model

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_HANDOFF_BUCKETS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 30)
_REQUEST_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30)


class Metrics:
    """The metrics of one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._ingested = Counter(
            "opweave_ingest_events", "Events of steps made durable.", registry=self.registry
        )
        self._refusals = Counter(
            "opweave_ingest_refusals",
            "Requests of step processes that were refused.",
            ["code"],
            registry=self.registry,
        )
        self._launches = Counter(
            "opweave_launches", "Launches by their result.", ["result"], registry=self.registry
        )
        self._requests = Histogram(
            "opweave_http_request_seconds",
            "Time to answer a request.",
            ["route", "method", "status"],
            buckets=_REQUEST_BUCKETS,
            registry=self.registry,
        )
        self._handoff = Histogram(
            "opweave_handoff_seconds",
            "From a step's recorded success to the start of its downstream worker.",
            buckets=_HANDOFF_BUCKETS,
            registry=self.registry,
        )
        self._runs = Gauge("opweave_runs", "Runs by status.", ["status"], registry=self.registry)
        self._queue = Gauge("opweave_queue_length", "Runs that wait.", registry=self.registry)

    def count_events(self, number: int) -> None:
        """Count events that were made durable."""
        self._ingested.inc(number)

    def count_refusal(self, code: str) -> None:
        """Count a refused request of a step process."""
        self._refusals.labels(code).inc()

    def count_launch(self, result: str) -> None:
        """Count a launch by the class of its result."""
        self._launches.labels(result).inc()

    def observe_request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Note how long a request took; *route* is its pattern, never its path."""
        self._requests.labels(route, method, f"{status // 100}xx").observe(seconds)

    def observe_handoff(self, seconds: float) -> None:
        """Note the time from a step's recorded success to the start of a downstream worker."""
        self._handoff.observe(seconds)

    def show_runs(self, counts: dict[model.RunStatus, int]) -> None:
        """Show how many runs there are of each status."""
        for status in model.RunStatus:
            self._runs.labels(status.value).set(counts.get(status, 0))
        self._queue.set(counts.get(model.RunStatus.QUEUED, 0))

    def render(self) -> bytes:
        """Return everything in the text format of Prometheus."""
        return generate_latest(self.registry)
