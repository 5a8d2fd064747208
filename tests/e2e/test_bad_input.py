"""What people get wrong: each is answered with place and cure, at once, and nothing else suffers."""

from __future__ import annotations

import json
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support import runs
from support.installation import Installation, until
from support.places import BAD_NAMESPACE, LOCATIONS
from support.runs import Location

pytestmark = pytest.mark.cluster

VERSIONS: dict[str, str] = runpy.run_path(str(LOCATIONS / "bad_versions.py"))
WRONG_CONFIG = {
    "ops": {"load": {"config": {"count": "many"}}, "weight": {"config": {"unit": "kg"}}}
}


@pytest.fixture(scope="module")
def strict(installation: Installation) -> Iterator[Location]:
    """A location whose job cannot run without config."""
    yield runs.serve(installation, BAD_NAMESPACE, "strict", (LOCATIONS / "strict.py").read_text())
    runs.forget(installation, BAD_NAMESPACE)


@pytest.fixture(scope="module")
def broken(installation: Installation, strict: Location) -> list[str]:
    """Locations that cannot be loaded, loading together."""
    texts = {
        "raises": VERSIONS["RAISES"],
        "hangs": VERSIONS["HANGS"],
        "prints": VERSIONS["PRINTS"].format(value=7),
        "cyclic": VERSIONS["IS_CYCLIC"],
        "duplicates": VERSIONS["HAS_DUPLICATES"],
    }
    for name, text in texts.items():
        timeout = {"loadTimeoutSeconds": 10} if name == "hangs" else {}
        runs.declare(installation, BAD_NAMESPACE, name, text, **timeout)
    return list(texts)


def condition(installation: Installation, kind: str, name: str) -> dict[str, Any]:
    """Return the condition Ready of an object of the namespace; empty while there is none."""
    found = installation.get(kind, name, "-n", BAD_NAMESPACE)
    conditions = (found.get("status") or {}).get("conditions") or []
    return next((c for c in conditions if c["type"] == "Ready"), {})


def wait_for_reason(installation: Installation, kind: str, name: str, reason: str) -> str:
    """Wait until an object's condition Ready has *reason*; return its message."""

    def told() -> str | None:
        shown = condition(installation, kind, name)
        return str(shown["message"]) if shown.get("reason") == reason else None

    return until(f"{kind} {name} to say {reason}", told, timeout_seconds=90, every_seconds=0.5)


def k8s_events(installation: Installation, name: str) -> str:
    """Return the Events of an object, as text."""
    selector = f"involvedObject.name={name}"
    items = installation.get("events", "-n", BAD_NAMESPACE, "--field-selector", selector)["items"]
    return "\n".join(f"{item['type']} {item['reason']} {item['message']}" for item in items)


def count_runs(installation: Installation) -> int:
    counts = installation.graphql("{ instance { runCounts { count } } }")["instance"]["runCounts"]
    return sum(entry["count"] for entry in counts)


def test_every_mistake_of_a_run_config_is_told_at_once(
    strict: Location, installation: Installation
) -> None:
    """Unknown op, wrong type, missing field: with path and cure; nothing is launched."""
    before = count_runs(installation)

    answer = strict.try_launch("strict", WRONG_CONFIG)

    assert answer["__typename"] == "RunConfigInvalid"
    errors = {".".join(error["path"]): error for error in answer["errors"]}
    assert sorted(errors) == ["ops.load.config.count", "ops.load.config.since", "ops.weight"]
    assert "weigh" in errors["ops.weight"]["message"]
    assert {error["code"] for error in errors.values()} == {
        "UNKNOWN_FIELD",
        "WRONG_TYPE",
        "MISSING_FIELD",
    }
    assert count_runs(installation) == before


def test_the_command_line_shows_the_mistakes_with_their_lines(
    strict: Location, installation: Installation, tmp_path: Path
) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("ops:\n  load:\n    config:\n      count: many\n", encoding="utf-8")
    before = count_runs(installation)

    done = installation.opweave(
        *("job", "launch", "strict", "-n", strict.namespace, "--config", str(file)), check=False
    )

    assert done.returncode != 0
    shown = done.stdout + done.stderr
    assert "run.yaml:4" in shown
    assert "ops.load.config.since" in shown
    assert "nothing was launched" in shown
    assert count_runs(installation) == before


def test_a_job_object_with_wrong_config_says_so_and_launches_nothing(
    strict: Location, installation: Installation
) -> None:
    runs.declare_job(
        installation, BAD_NAMESPACE, "wrong-config", "strict", job="strict", runConfig=WRONG_CONFIG
    )
    message = wait_for_reason(installation, "owj", "wrong-config", "InvalidRunConfig")
    before = count_runs(installation)
    installation.kubectl(
        *("annotate", "owj", "wrong-config", "-n", BAD_NAMESPACE, "opweave.dev/run-requested-at=1")
    )

    until("the refusal", lambda: "RunRefused" in k8s_events(installation, "wrong-config"))

    assert sorted(line.split()[0] for line in message.splitlines()) == [
        "ops.load.config.count",
        "ops.load.config.since",
        "ops.weight",
    ]
    assert count_runs(installation) == before


def test_a_job_object_with_an_unknown_job_names_the_closest(
    strict: Location, installation: Installation
) -> None:
    runs.declare_job(installation, BAD_NAMESPACE, "misspelt", "strict", job="stritc")

    message = wait_for_reason(installation, "owj", "misspelt", "JobNotFound")

    assert "did you mean 'strict'?" in message


@pytest.mark.parametrize(
    ("name", "said", "frame"),
    [
        ("raises", "No module named 'no_such_library_anywhere'", "import no_such_library_anywhere"),
        ("hangs", "10", "time.sleep(1)"),
        ("cyclic", "chicken", "round_and_round"),
        ("duplicates", "twin", "Definitions(jobs=[first_twin, second_twin])"),
    ],
)
def test_a_location_that_cannot_load_says_why(
    installation: Installation, broken: list[str], name: str, said: str, frame: str
) -> None:
    """In the condition, with the traceback in the status and as an Event."""
    message = wait_for_reason(installation, "owcl", name, "LoadFailed")
    status = installation.get("owcl", name, "-n", BAD_NAMESPACE)["status"]

    assert said in message
    assert "definitions.py" in message + status["loadError"]["traceback"]
    assert said in status["loadError"]["message"]
    assert frame in status["loadError"]["traceback"]
    assert "Warning LoadFailed" in k8s_events(installation, name)
    shown = installation.graphql(
        "query ($ns: String!, $name: String!) {"
        " location(namespace: $ns, name: $name) { loadFailure { message } } }",
        ns=BAD_NAMESPACE,
        name=name,
    )
    assert said in shown["location"]["loadFailure"]["message"]


def test_a_location_that_prints_ten_megabytes_serves(
    installation: Installation, broken: list[str]
) -> None:
    runs.wait_ready(installation, BAD_NAMESPACE, "prints")
    location = Location(installation=installation, namespace=BAD_NAMESPACE, name="prints")

    assert location.output(location.succeed("only").id, "answer") == 7


def test_broken_neighbours_harm_nobody(strict: Location, broken: list[str]) -> None:
    config = {"ops": {"load": {"config": {"count": 3, "since": "2026-01-01"}}}}

    run = strict.succeed("strict", config)

    assert strict.output(run.id, "weigh") == "3 g"


def test_a_broken_version_never_replaces_one_that_serves(installation: Installation) -> None:
    """It says so and keeps launching the old one; mended, the new one takes over."""
    location = runs.serve(installation, BAD_NAMESPACE, "changing", VERSIONS["GOOD"].format(value=1))

    _change_code(installation, VERSIONS["RAISES"])
    message = wait_for_reason(installation, "owcl", "changing", "LoadFailed")
    old = location.succeed("only")
    _change_code(installation, VERSIONS["GOOD"].format(value=2))
    wait_for_reason(installation, "owcl", "changing", "Loaded")

    assert "no_such_library_anywhere" in message
    assert "keeps serving" in message
    assert location.output(old.id, "answer") == 1
    assert location.output(location.succeed("only").id, "answer") == 2
    status = installation.get("owcl", "changing", "-n", BAD_NAMESPACE)["status"]
    assert "loadError" not in status


def _change_code(installation: Installation, text: str) -> None:
    patch = json.dumps({"data": {"definitions.py": text}})
    installation.kubectl(
        "patch", "configmap", "changing-code", "-n", BAD_NAMESPACE, "--type=merge", "-p", patch
    )


def test_another_instance_says_that_nobody_serves_it(installation: Installation) -> None:
    metadata = {"name": "other", "namespace": installation.namespace}
    installation.apply(
        {"apiVersion": "opweave.dev/v1alpha1", "kind": "Instance", "metadata": metadata, "spec": {}}
    )

    installation.kubectl(
        *("wait", "owi/other", "-n", installation.namespace, "--timeout=30s"),
        "--for=jsonpath={.status.conditions[?(@.type=='Ready')].reason}=NotServed",
    )


@pytest.fixture
def settings(installation: Installation) -> Iterator[dict[str, Any]]:
    """The Instance's settings, put back afterwards."""
    before: dict[str, Any] = installation.get("owi", "default", "-n", installation.namespace)[
        "spec"
    ]
    yield before
    installation.configure(**before)


def test_the_limit_of_runs_takes_effect_without_a_restart(
    faults: Location, installation: Installation, settings: dict[str, Any]
) -> None:
    restarts = installation.operator_pod()["metadata"]["uid"]
    installation.configure(**{**settings, "runQueue": {"maxConcurrentRuns": 1}})
    first = faults.launch("slow", {"ops": {"first": {"config": {"seconds": 4.0}}}})
    faults.wait_for_step(first, "first", "RUNNING")
    second = faults.launch("talks")

    def waits() -> str | None:
        run = faults.run(second)
        assert run.status == "QUEUED", run.data
        return run.data["queuedReason"] or None

    reason = until("the reason why the second waits", waits, timeout_seconds=10)

    assert "1" in reason
    assert faults.finish(first).data["endTime"] <= faults.finish(second).data["dequeueTime"]
    assert installation.operator_pod()["metadata"]["uid"] == restarts


def test_paused_launches_wait_in_the_queue(
    faults: Location, installation: Installation, settings: dict[str, Any]
) -> None:
    installation.configure(**{**settings, "paused": ["Launches"]})
    run_id = faults.launch("talks")
    until(
        "the reason why it waits",
        lambda: "paused" in faults.run(run_id).data["queuedReason"],
        timeout_seconds=10,
    )

    installation.configure(**settings)

    assert faults.finish(run_id).status == "SUCCESS"
