"""The five CRDs as a real API server takes them: what it accepts, fills in, refuses and prints.

``valid/`` and ``invalid/`` hold one object per file. A file of ``invalid/`` begins with ``# expect:`` lines, each a
fragment that the refusal must hold: the path of the field, and the cure.
"""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest
import yaml

pytestmark = pytest.mark.cluster

HERE = Path(__file__).parent
CRDS = HERE.parents[2] / "crds"
# One per worker, when the tests are spread over several.
NAMESPACE = "-".join(["crd-tests", *filter(None, [os.environ.get("PYTEST_XDIST_WORKER")])])
KINDS = ("codelocations", "jobs", "schedules", "sensors", "instances")
VALID = sorted((HERE / "valid").glob("*.yaml"))
INVALID = sorted((HERE / "invalid").glob("*.yaml"))


class Cluster(Protocol):
    """What the fixture ``cluster`` gives."""

    kubectl: Path
    kubeconfig: Path


class Kubectl:
    """Runs kubectl in the namespace of these tests."""

    def __init__(self, cluster: Cluster) -> None:
        self._command = [str(cluster.kubectl), "--kubeconfig", str(cluster.kubeconfig)]

    def run(self, *args: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run kubectl and return what it did, whether it succeeded or not."""
        return subprocess.run(
            [*self._command, "--namespace", NAMESPACE, *args],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=90,
        )

    def __call__(self, *args: str, stdin: str | None = None) -> str:
        """Run kubectl and return its output; fail the test when it fails."""
        done = self.run(*args, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def read(self, kind: str, name: str) -> dict[str, Any]:
        """Return the object as the API server holds it."""
        found: dict[str, Any] = json.loads(self("get", f"{kind}.opweave.dev", name, "-o", "json"))
        return found

    def apply(self, manifest: dict[str, Any], *options: str) -> subprocess.CompletedProcess[str]:
        """Apply an object."""
        return self.run("apply", *options, "-f", "-", stdin=json.dumps(manifest))

    def patch_status(self, kind: str, name: str, status: dict[str, Any]) -> None:
        """Write a status as the operator does."""
        self(
            "patch", f"{kind}.opweave.dev", name,
            "--subresource=status", "--type=merge", "-p", json.dumps({"status": status}),
        )  # fmt: skip


def eventually(check: Callable[[], bool], seconds: float = 30) -> bool:
    """Return whether *check* holds within *seconds*: discovery and schemas of a CRD follow it after a moment."""
    deadline = time.monotonic() + seconds
    while not check():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


def load(path: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return manifest


def obj(kind: str, name: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "opweave.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": spec,
    }


def is_subset(part: Any, whole: Any) -> bool:
    """Whether *whole* holds all of *part*; fields that the server added are allowed."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(
            k in whole and is_subset(v, whole[k]) for k, v in part.items()
        )
    if isinstance(part, list):
        return (
            isinstance(whole, list) and len(part) == len(whole) and all(map(is_subset, part, whole))
        )
    return bool(part == whole)


@pytest.fixture(scope="session")
def kubectl(cluster: Cluster) -> Iterator[Kubectl]:
    """Kubectl on a cluster that has the five CRDs and a namespace for these tests."""
    run = Kubectl(cluster)
    run("apply", "--server-side", "--force-conflicts", "-f", str(CRDS))
    run(
        "wait",
        "--for=condition=Established",
        "--timeout=30s",
        *(f"crd/{kind}.opweave.dev" for kind in KINDS),
    )
    # An earlier session may have left it behind, or on its way out.
    run("delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=60s")
    run("create", "namespace", NAMESPACE)
    assert eventually(
        lambda: run.run("get", ",".join(f"{kind}.opweave.dev" for kind in KINDS)).returncode == 0
    )
    yield run
    run("delete", "namespace", NAMESPACE, "--ignore-not-found", "--wait=false")


@pytest.fixture(scope="session")
def applied(kubectl: Kubectl) -> dict[str, dict[str, Any]]:
    """Every valid manifest, applied, as it reads afterwards; by file stem."""
    for path in VALID:
        kubectl("apply", "-f", str(path))
    manifests = {path.stem: load(path) for path in VALID}
    return {
        stem: kubectl.read(f"{manifest['kind'].lower()}s", manifest["metadata"]["name"])
        for stem, manifest in manifests.items()
    }


@pytest.mark.parametrize("kind", KINDS)
def test_crd_has_a_structural_schema_and_its_names(kubectl: Kubectl, kind: str) -> None:
    crd = json.loads(kubectl("get", "crd", f"{kind}.opweave.dev", "-o", "json"))

    conditions = {c["type"]: c["status"] for c in crd["status"]["conditions"]}

    assert conditions == {"NamesAccepted": "True", "Established": "True"}


@pytest.mark.parametrize("kind", KINDS)
def test_crd_can_also_be_applied_by_the_client(kubectl: Kubectl, kind: str) -> None:
    """Client-side apply keeps the whole object in an annotation, which must stay below 256 KiB."""
    text = (CRDS / f"{kind}.yaml").read_text(encoding="utf-8")

    assert len(json.dumps(yaml.safe_load(text))) < 200_000
    kubectl("apply", "--dry-run=server", "-f", str(CRDS / f"{kind}.yaml"))


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_valid_manifest_passes_a_dry_run(kubectl: Kubectl, path: Path) -> None:
    kubectl("apply", "--dry-run=server", "-f", str(path))


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_valid_manifest_reads_back_with_all_it_said(
    applied: dict[str, dict[str, Any]], path: Path
) -> None:
    """Nothing is pruned: what was written is still there."""
    said = load(path).get("spec", {})

    assert is_subset(said, applied[path.stem]["spec"]), applied[path.stem]["spec"]


@pytest.mark.parametrize(
    ("stem", "expected"),
    [
        pytest.param(
            "codelocation-configmap",
            {
                "source": {"configMap": {"name": "quickstart", "key": "definitions.py"}},
                "server": {"replicas": 1},
                "loadTimeoutSeconds": 120,
                "discovery": {"jobs": "None", "schedules": "None", "sensors": "None"},
            },
            id="codelocation",
        ),
        pytest.param("job-least", {"codeLocation": "quickstart", "job": "hello"}, id="job"),
        pytest.param(
            "schedule-alias",
            {"job": "daily-report", "cron": "@daily", "catchUp": "Latest", "suspend": False},
            id="schedule",
        ),
        pytest.param(
            "sensor-watch",
            {
                "job": "daily-report",
                "watch": {
                    "apiVersion": "v1",
                    "kind": "ConfigMap",
                    "labelSelector": {"matchLabels": {"feed": "orders"}},
                    "when": "object.data.version != oldObject.data.version",
                    "events": ["Added", "Modified"],
                },
                "timeoutSeconds": 60,
                "suspend": False,
            },
            id="sensor",
        ),
        pytest.param(
            "instance-default",
            {
                "runQueue": {"maxConcurrentRuns": 10},
                "runMonitoring": {"startTimeoutSeconds": 1200, "cancelTimeoutSeconds": 180},
                "infrastructureRetries": {"maxRetries": 3},
                "runRetries": {"maxRetries": 0, "strategy": "FromFailure", "retryOn": "AnyFailure"},
                "retention": {"ticks": "30d"},
                "paused": [],
                "finishedRunTTLSeconds": 3600,
            },
            id="instance",
        ),
    ],
)
def test_defaults_fill_what_is_left_out(
    applied: dict[str, dict[str, Any]], stem: str, expected: dict[str, Any]
) -> None:
    """The least manifest of each kind reads back with exactly the documented defaults."""
    assert applied[stem]["spec"] == expected


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_invalid_manifest_is_refused_with_the_field_and_the_cure(
    kubectl: Kubectl, path: Path
) -> None:
    prefix = "# expect: "
    lines = path.read_text(encoding="utf-8").splitlines()
    fragments = [line.removeprefix(prefix) for line in lines if line.startswith(prefix)]

    done = kubectl.run("apply", "--dry-run=server", "-f", str(path))

    assert done.returncode != 0, done.stdout
    assert fragments
    assert [f for f in fragments if f not in done.stderr] == [], done.stderr


def test_run_config_of_any_shape_is_kept(kubectl: Kubectl) -> None:
    """Run config belongs to the user's schema: nested, unknown and null values survive.

    Applied by the server, because apply by the client itself drops fields that are null.
    """
    config = {
        "ops": {"a": {"config": {"n": None, "f": 0.25, "deep": [[1, {"x": "y"}]]}}},
        "other": {"k": 1},
    }
    manifest = obj("Job", "run-config", codeLocation="shop", job="a", runConfig=config)
    assert kubectl.apply(manifest, "--server-side").returncode == 0

    assert kubectl.read("jobs", "run-config")["spec"]["runConfig"] == config


@pytest.mark.parametrize("options", [(), ("--server-side",)], ids=["client-side", "server-side"])
def test_a_second_apply_can_move_to_another_choice(
    kubectl: Kubectl, options: tuple[str, ...]
) -> None:
    """No default stays behind in a choice of one, where it would make the next apply invalid."""
    name = f"moves{'-server' if options else ''}"
    bucket = {"s3": {"bucket": "acme-opweave"}}
    steps = [
        obj("Instance", name),
        obj("Instance", name, artifacts=bucket),
        obj(
            "Instance", name, artifacts={"sharedVolume": {"claimName": "a"}}, storage={"sqlite": {}}
        ),
        obj("Instance", name),
        obj("CodeLocation", name, source={"configMap": {"name": "a"}}),
        obj("CodeLocation", name, source={"image": "a", "module": "b"}),
        obj("Job", name, codeLocation="a", job="b", retries={"maxRetries": 2}),
        obj("Job", name, codeLocation="a", assets="*"),
        obj("Sensor", name, job="a", watch={"apiVersion": "v1", "kind": "ConfigMap"}),
        obj("Sensor", name, codeLocation="a", sensor="b"),
        obj("Schedule", name, job="a", cron="@daily"),
        obj("Schedule", name, codeLocation="a", schedule="b"),
    ]

    assert [
        done.stderr for done in (kubectl.apply(step, *options) for step in steps) if done.returncode
    ] == []


def test_storage_cannot_change_its_kind(kubectl: Kubectl) -> None:
    """History would stay behind in the old database."""
    url = {"urlFrom": {"secretKeyRef": {"name": "db", "key": "uri"}}}
    assert kubectl.apply(obj("Instance", "storage")).returncode == 0

    done = kubectl.apply(obj("Instance", "storage", storage={"postgresql": url}))

    assert "spec.storage cannot change between sqlite and postgresql" in done.stderr


READY = {
    "type": "Ready", "status": "True", "reason": "Ok", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z",
}  # fmt: skip


@pytest.mark.parametrize(
    ("short", "stem", "status", "header", "cells"),
    [
        pytest.param(
            "owcl",
            "codelocation-configmap",
            {"jobs": 1, "assets": 2, "version": "9f31c2e"},
            ["NAME", "READY", "JOBS", "ASSETS", "VERSION", "AGE"],
            ["quickstart", "True", "1", "2", "9f31c2e"],
            id="codelocation",
        ),
        pytest.param(
            "owj",
            "job-least",
            {
                "lastRun": {
                    "id": "01jd7q",
                    "status": "SUCCESS",
                    "requestedAt": "2020-01-01T00:00:00Z",
                }
            },
            ["NAME", "READY", "LOCATION", "LAST RUN", "STATUS", "AGE"],
            ["hello", "True", "quickstart", "SUCCESS"],
            id="job",
        ),
        pytest.param(
            "owsch",
            "schedule-cron",
            {"cron": "0 6 * * *", "timeZone": "Asia/Tokyo", "nextTickAt": "2099-01-01T21:00:00Z"},
            ["NAME", "READY", "CRON", "ZONE", "NEXT", "LAST TICK", "SUSPENDED"],
            ["daily-report", "True", "0 6 * * *", "Asia/Tokyo", "2099-01-01T21:00:00Z", "false"],
            id="schedule",
        ),
        pytest.param(
            "owsen",
            "sensor-watch",
            {"lastTick": {"at": "2020-01-01T00:00:00Z", "status": "SKIPPED"}},
            ["NAME", "READY", "LOCATION", "WATCHES", "LAST TICK", "SUSPENDED", "AGE"],
            ["on-new-config", "True", "ConfigMap", "false"],
            id="sensor",
        ),
        pytest.param(
            "owi",
            "instance-default",
            {"queueLength": 3, "url": "http://opweave.opweave.svc"},
            ["NAME", "READY", "QUEUE", "URL", "AGE"],
            ["default", "True", "3", "http://opweave.opweave.svc"],
            id="instance",
        ),
    ],
)
def test_get_prints_the_columns(
    kubectl: Kubectl,
    applied: dict[str, dict[str, Any]],
    short: str,
    stem: str,
    status: dict[str, Any],
    header: list[str],
    cells: list[str],
) -> None:
    name = applied[stem]["metadata"]["name"]
    kubectl.patch_status(
        f"{applied[stem]['kind'].lower()}s", name, {"conditions": [READY], **status}
    )

    first, row = kubectl("get", short, name).splitlines()

    assert [column.strip() for column in first.split("  ") if column.strip()] == header
    assert [cell for cell in cells if cell not in row] == []
    assert "<invalid>" not in row


def test_several_kinds_are_listed_by_their_short_names(
    kubectl: Kubectl, applied: dict[str, dict[str, Any]]
) -> None:
    listed = kubectl("get", "cl,owcl,owj,owsch,owsen,owi", "-o", "name").split()

    assert {line.split("/")[0] for line in listed} == {
        f"{kind.removesuffix('s')}.opweave.dev" for kind in KINDS
    }


def test_the_category_holds_all_five_kinds(
    kubectl: Kubectl, applied: dict[str, dict[str, Any]]
) -> None:
    listed = kubectl("get", "opweave", "-o", "name").split()

    assert {line.split("/")[0] for line in listed} == {
        f"{kind.removesuffix('s')}.opweave.dev" for kind in KINDS
    }


def test_the_category_all_stays_free_of_them(
    kubectl: Kubectl, applied: dict[str, dict[str, Any]]
) -> None:
    """`kubectl get all` and `kubectl delete all` must not touch settings and history."""
    assert "opweave.dev" not in kubectl("get", "all", "-o", "name")


def test_jobs_can_be_selected_by_their_location(
    kubectl: Kubectl, applied: dict[str, dict[str, Any]]
) -> None:
    listed = kubectl(
        "get", "owj", "--field-selector", "spec.codeLocation=quickstart", "-o", "name"
    ).split()

    assert listed == ["job.opweave.dev/hello"]


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("codelocations.spec.source.git.ref", "Branch, tag or commit"),
        ("codelocations.spec.discovery.sensors", "None: no object is made"),
        ("jobs.spec.timeouts.startSeconds", "Seconds from leaving the queue"),
        ("jobs.spec.runConfig.ops", "Config by op name"),
        ("schedules.spec.catchUp", "Which ticks are made up for"),
        ("sensors.spec.watch.when", "CEL expression"),
        ("instances.spec.runQueue.tagLimits.valuePerUnique", "a limit of its own"),
        ("instances.status.loops.lastBeatAt", "When it last did a round"),
    ],
)
def test_explain_says_what_a_field_means(kubectl: Kubectl, field: str, text: str) -> None:
    resource, _, path = field.partition(".")

    def explained() -> bool:
        done = kubectl.run("explain", f"{resource}.{path}", "--api-version=opweave.dev/v1alpha1")
        return text in " ".join(done.stdout.split())

    assert eventually(explained)


def test_status_cannot_be_written_with_the_spec(kubectl: Kubectl) -> None:
    """Only who may write the subresource status, the operator, can report."""
    manifest = obj("Job", "claims-success", codeLocation="shop", job="a")
    manifest["status"] = {"lastRun": {"id": "x", "status": "SUCCESS"}}

    assert kubectl.apply(manifest).returncode == 0

    assert "status" not in kubectl.read("jobs", "claims-success")


def test_spec_cannot_be_written_with_the_status(kubectl: Kubectl) -> None:
    assert kubectl.apply(obj("Job", "status-only", codeLocation="shop", job="a")).returncode == 0

    kubectl(
        "patch", "jobs.opweave.dev", "status-only", "--subresource=status", "--type=merge",
        "-p", json.dumps({"spec": {"job": "other"}, "status": {"observedGeneration": 1}}),
    )  # fmt: skip

    found = kubectl.read("jobs", "status-only")
    assert (found["spec"]["job"], found["status"]) == ("a", {"observedGeneration": 1})


@pytest.mark.parametrize("kind", ["CodeLocation", "Job", "Schedule", "Sensor", "Instance"])
@pytest.mark.parametrize(
    ("change", "fragment"),
    [
        pytest.param(
            {"status": "Yes"}, 'supported values: "True", "False", "Unknown"', id="status"
        ),
        pytest.param({"reason": "it is broken"}, "status.conditions[0].reason", id="reason"),
        pytest.param(
            {"lastTransitionTime": "today"}, "status.conditions[0].lastTransitionTime", id="time"
        ),
    ],
)
def test_conditions_have_the_standard_shape(
    kubectl: Kubectl,
    applied: dict[str, dict[str, Any]],
    kind: str,
    change: dict[str, str],
    fragment: str,
) -> None:
    found = next(o for o in applied.values() if o["kind"] == kind)

    done = kubectl.run(
        "patch", f"{kind.lower()}s.opweave.dev", found["metadata"]["name"],
        "--subresource=status", "--type=merge", "--dry-run=server",
        "-p", json.dumps({"status": {"conditions": [{**READY, **change}]}}),
    )  # fmt: skip

    assert done.returncode != 0
    assert fragment in done.stderr


@pytest.mark.parametrize(
    ("kind", "stem", "status"),
    [
        pytest.param(
            "codelocations",
            "codelocation-image",
            {
                "observedGeneration": 2,
                "servingGeneration": 1,
                "version": "1.4.1",
                "definitionsHash": "9f31c2e0",
                "image": "ghcr.io/acme/shop:1.4.1",
                "imageDigest": "sha256:00",
                "url": "http://shop.data.svc:4000",
                "lastLoadedAt": "2026-01-01T00:00:00Z",
                "jobs": 1,
                "assets": 3,
                "schedules": 1,
                "sensors": 1,
                "loadError": {
                    "message": "No module",
                    "traceback": "x" * 16384,
                    "at": "2026-01-01T00:00:00Z",
                },
            },
            id="codelocation",
        ),
        pytest.param(
            "jobs",
            "job-report",
            {
                "observedGeneration": 1,
                "lastRunRequestedAt": "2026-01-02T03:04:05+09:00",
                "lastRun": {
                    "id": "01jd7q",
                    "status": "FAILURE",
                    "requestedAt": "2026-01-01T00:00:00Z",
                    "startedAt": "2026-01-01T00:00:00.123456Z",
                    "endedAt": "2026-01-01T00:00:00+00:00",
                    "batchJob": "run-01jd7q",
                },
                "runs": {"QUEUED": 1, "SUCCESS": 20},
                "graph": {"steps": 5, "ops": 5, "assets": 0, "depth": 4},
            },
            id="job",
        ),
        pytest.param(
            "schedules",
            "schedule-code",
            {
                "observedGeneration": 1,
                "cron": "0 6 * * *; 0 18 * * *",
                "timeZone": "UTC",
                "nextTickAt": "2026-01-02T06:00:00Z",
                "lastTick": {
                    "at": "2026-01-01T06:00:00Z",
                    "status": "SUCCESS",
                    "evaluatedAt": "2026-01-01T06:00:01Z",
                    "runIds": ["01jd7q"],
                    "runs": 1,
                },
                "lastError": {"message": "boom", "traceback": "...", "at": "2026-01-01T06:00:00Z"},
            },
            id="schedule",
        ),
        pytest.param(
            "sensors",
            "sensor-code",
            {
                "observedGeneration": 1,
                "cursorDigest": "sha256:00",
                "nextTickAt": "2026-01-02T06:00:00Z",
                "lastTick": {
                    "at": "2026-01-01T06:00:00Z",
                    "status": "SKIPPED",
                    "skipReason": "no new file",
                },
            },
            id="sensor",
        ),
        pytest.param(
            "instances",
            "instance-example",
            {
                "observedGeneration": 1,
                "databaseVersion": "0007",
                "url": "https://opweave.example.com",
                "queueLength": 0,
                "loops": [{"name": "queue", "healthy": True, "lastBeatAt": "2026-01-01T00:00:00Z"}],
            },
            id="instance",
        ),
    ],
)
def test_the_operator_can_write_every_field_of_the_status(
    kubectl: Kubectl,
    applied: dict[str, dict[str, Any]],
    kind: str,
    stem: str,
    status: dict[str, Any],
) -> None:
    name = applied[stem]["metadata"]["name"]
    kubectl.patch_status(kind, name, {**status, "conditions": [{**READY, "observedGeneration": 1}]})

    assert is_subset(status, kubectl.read(kind, name)["status"])
