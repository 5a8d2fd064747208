"""What must hold of every run, whatever happened to the processes around it; read from the API, the database, the cluster."""

from __future__ import annotations

import json
from typing import Any

from support.runs import Location, Run

REPORTED = """
import json, os, sys
url = os.environ.get("OPWEAVE_DATABASE_URL")
if url:
    import psycopg
    connection = psycopg.connect(url)
else:
    import sqlite3
    connection = sqlite3.connect("file:/var/lib/opweave/opweave.db?mode=ro", uri=True)
rows = connection.execute(
    "SELECT step_key, attempt, COUNT(*), COUNT(DISTINCT seq), MAX(seq) FROM events"
    f" WHERE run_id = '{sys.argv[1]}' AND seq IS NOT NULL GROUP BY step_key, attempt"
).fetchall()
json.dump([list(row) for row in rows], sys.stdout)
"""


def assert_sound(location: Location, run: Run) -> None:
    """Check that no event was lost or doubled, no attempts overlapped, and nothing was left behind."""
    run.assert_no_overlap()
    types = [event["type"] for event in location.events(run.id)]
    assert types.count("RUN_ENQUEUED") == types.count("RUN_START") == 1
    assert types.count(f"RUN_{run.status}") == 1
    assert types.count("STEP_SUCCESS") == list(run.statuses().values()).count("SUCCESS")
    for step, attempt, count, distinct, last in reported(location, run.id):
        assert count == distinct == last + 1, f"events of {step}, attempt {attempt}"
    location.wait_released(run.id)
    job = location.job_object(run.id)
    assert job is not None
    conditions = {c["type"] for c in job["status"]["conditions"] if c["status"] == "True"}
    assert ("Complete" in conditions) == (run.status == "SUCCESS")
    assert all(pod["metadata"]["ownerReferences"] for pod in location.pods(run.id))


def reported(location: Location, run_id: str) -> list[Any]:
    """Return, for each attempt that reported: step, number, stored events, distinct numbers, largest number."""
    text = location.installation.kubectl(
        *("exec", "deployment/opweave", "-n", location.installation.namespace, "--"),
        *("python3", "-c", REPORTED, run_id),
    )
    found: list[Any] = json.loads(text)
    assert found
    return found
