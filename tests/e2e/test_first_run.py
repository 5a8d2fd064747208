"""The first run: manifests applied as the README says, success, right results, and what is left when the pods are gone."""

from __future__ import annotations

import base64
import csv
import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any
from xml.etree import ElementTree

import pytest

from support import runs
from support.installation import ROOT, Installation, until
from support.places import EXAMPLES_NAMESPACE, WORK_NAMESPACE
from support.runs import Location, Run

pytestmark = pytest.mark.cluster

PENGUINS = ROOT / "examples" / "penguins"
MANIFESTS = PENGUINS / "manifests"


@dataclass(frozen=True, kw_only=True)
class FirstRun:
    """A run that an annotation of a Job launched."""

    location: Location
    job_resource: str
    run: Run

    @property
    def installation(self) -> Installation:
        return self.location.installation

    @property
    def batch_job(self) -> str:
        return str(self.run.data["objectName"])


def apply(installation: Installation, namespace: str, *paths: Path) -> None:
    for path in paths:
        installation.kubectl("apply", "-n", namespace, "-f", str(path))


@pytest.fixture(scope="module")
def first_runs(installation: Installation) -> Iterator[dict[str, FirstRun]]:
    """Quickstart and penguins, on the stock image and on one with libraries: under way together."""
    installation.cluster.build_image("penguins")
    stock, own = EXAMPLES_NAMESPACE, WORK_NAMESPACE
    apply(installation, stock, ROOT / "examples" / "quickstart")
    apply(
        installation,
        stock,
        *(MANIFESTS / f"{name}.yaml" for name in ("configmap", "codelocation-configmap", "job")),
    )
    apply(
        installation, own, *(MANIFESTS / f"{name}.yaml" for name in ("codelocation-image", "job"))
    )
    wanted = {
        "quickstart": (stock, "quickstart", "hello"),
        "stock image": (stock, "penguins", "penguin-report"),
        "own image": (own, "penguins", "penguin-report"),
    }
    for namespace, location, job in wanted.values():
        runs.wait_ready(installation, namespace, location)
        installation.kubectl(
            *("annotate", "owj", job, "-n", namespace, "opweave.dev/run-requested-at=now")
        )
    yield {
        key: _follow(Location(installation=installation, namespace=namespace, name=location), job)
        for key, (namespace, location, job) in wanted.items()
    }
    runs.forget(installation, stock)
    runs.forget(installation, own, "penguins")


def _follow(location: Location, job: str) -> FirstRun:
    def last_run() -> str | None:
        found = location.installation.get("owj", job, "-n", location.namespace)
        return str((found["status"].get("lastRun") or {}).get("id") or "") or None

    run = location.finish(until(f"a run of {job}", last_run, timeout_seconds=60))
    assert run.status == "SUCCESS", run.data
    run.assert_no_overlap()
    return FirstRun(location=location, job_resource=job, run=run)


def mean_mass_by_species_and_sex() -> dict[tuple[str, str], float]:
    """Return the figures of the report, from the raw table by plain arithmetic."""
    masses: dict[tuple[str, str], list[int]] = {}
    with (PENGUINS / "data" / "penguins-raw.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            mass, sex = row["Body Mass (g)"], row["Sex"]
            if mass.isdigit() and sex in ("FEMALE", "MALE"):
                masses.setdefault((row["Species"].split()[0], sex.lower()), []).append(int(mass))
    return {key: fmean(values) for key, values in masses.items()}


def test_the_smallest_job_greets(first_runs: dict[str, FirstRun]) -> None:
    first = first_runs["quickstart"]

    assert first.location.output(first.run.id, "greet") == "Hello, Kubernetes!"
    messages = [event["message"] for event in first.location.events(first.run.id)]
    assert any("Hello, Kubernetes!" in message for message in messages)


def test_the_numbers_are_right_on_the_stock_image(first_runs: dict[str, FirstRun]) -> None:
    first = first_runs["stock image"]
    expected = mean_mass_by_species_and_sex()

    measures = first.location.output(first.run.id, "measure_by_species")

    assert {
        (row["species"], row["sex"]): pytest.approx(row["body_mass_g"], abs=0.1) for row in measures
    } == expected


@pytest.mark.parametrize("variant", ["stock image", "own image"])
def test_the_report_shows_the_numbers(first_runs: dict[str, FirstRun], variant: str) -> None:
    first = first_runs[variant]
    page = first.location.output(first.run.id, "report")

    for mean in mean_mass_by_species_and_sex().values():
        assert f">{mean:.1f}<" in page
    assert "333 adult penguins, in 2007, 2008, 2009." in page


def test_the_picture_of_the_stock_image_is_svg(first_runs: dict[str, FirstRun]) -> None:
    """333 birds, 6 means, 3 entries of the legend; and it stands in the page."""
    first = first_runs["stock image"]
    picture = first.location.output(first.run.id, "draw")

    circles = ElementTree.fromstring(picture).findall("{http://www.w3.org/2000/svg}circle")

    assert len(circles) == 333 + 6 + 3
    page = first.location.output(first.run.id, "report")
    assert base64.b64encode(picture).decode() in page


def test_the_picture_of_the_own_image_is_png(first_runs: dict[str, FirstRun]) -> None:
    first = first_runs["own image"]
    picture = first.location.output(first.run.id, "draw")

    width, height = struct.unpack(">II", picture[16:24])

    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    assert (width, height) > (600, 300)


def test_the_run_is_an_ordinary_job_to_kubectl(first_runs: dict[str, FirstRun]) -> None:
    first = first_runs["stock image"]
    namespace = first.location.namespace
    label = f"opweave.dev/job={first.job_resource}"

    shown = first.installation.kubectl("get", "jobs.batch", "-n", namespace, "-l", label)
    first.installation.kubectl(
        *("wait", "--for=condition=complete", f"job/{first.batch_job}", "-n", namespace),
        "--timeout=20s",
    )

    assert first.batch_job in shown
    assert "Complete" in shown
    assert "8/8" in shown


def test_kubectl_get_shows_jobs_and_locations(first_runs: dict[str, FirstRun]) -> None:
    first = first_runs["quickstart"]
    namespace = first.location.namespace

    def shows_success() -> str | None:
        jobs = first.installation.kubectl("get", "owj", "hello", "-n", namespace)
        return jobs if "SUCCESS" in jobs else None

    row = until("the Job to show its last run", shows_success, timeout_seconds=30)
    locations = first.installation.kubectl("get", "owcl", "-n", namespace, "--no-headers")

    assert row.splitlines()[1].split()[:3] == ["hello", "True", "quickstart"]
    assert sorted(line.split()[:3] for line in locations.splitlines()) == [
        ["penguins", "True", "1"],
        ["quickstart", "True", "1"],
    ]


def test_a_schedule_shows_when_it_ticks_next(first_runs: dict[str, FirstRun]) -> None:
    first = first_runs["quickstart"]
    schedule = first.installation.get(
        "schedules.opweave.dev", "hello-every-morning", "-n", first.location.namespace
    )
    ready = next(c for c in schedule["status"]["conditions"] if c["type"] == "Ready")

    assert (ready["status"], ready["reason"]) == ("True", "Valid")
    assert schedule["status"]["nextTickAt"]


def test_an_annotation_launches_one_run(first_runs: dict[str, FirstRun]) -> None:
    """However often the object is looked at; the status tells which request was the last."""
    first = first_runs["quickstart"]
    query = "query ($job: String!) { runs(filter: {jobResource: $job}) { runs { launchedBy } } }"

    launched = first.installation.graphql(query, job="hello")["runs"]["runs"]

    assert launched == [{"launchedBy": "annotation"}]
    status = first.installation.get("owj", "hello", "-n", first.location.namespace)["status"]
    assert status["lastRunRequestedAt"] == "now"


def test_output_is_shown_live_and_afterwards(faults: Location) -> None:
    """By kubectl while the pod lives, by the web role at any time."""
    run_id = faults.launch("talks", {"ops": {"talk": {"config": {"until": "/tmp/go"}}}})
    run = faults.wait_for_step(run_id, "talk", "RUNNING")
    pod = run.step("talk")["attempts"][0]["workerName"]

    live = until("live output", lambda: faults.log(run_id, "talk") or None, timeout_seconds=20)

    def by_kubectl() -> bool:
        # The process has reported before the kubelet says that its container runs.
        command = ("logs", pod, "-n", faults.namespace)
        return "before\n" in faults.installation.kubectl(*command, check=False)

    assert live == "before\n"
    until("live output by kubectl", by_kubectl, timeout_seconds=20)
    assert faults.run(run_id).status == "STARTED"
    faults.installation.kubectl("exec", pod, "-n", faults.namespace, "--", "touch", "/tmp/go")
    assert faults.finish(run_id).status == "SUCCESS"
    assert faults.log(run_id, "talk") == "before\nafter\n"
    assert faults.log(run_id, "talk", "STDERR").startswith("to standard error\n")


def test_after_its_time_to_live_only_the_record_of_a_run_is_left(
    faults: Location, installation: Installation
) -> None:
    """No Job and no pod; history, logs and outputs as before."""
    before = installation.get("owi", "default", "-n", installation.namespace)["spec"]
    installation.configure(**{**before, "finishedRunTTLSeconds": 3})
    run_id = faults.launch("talks")
    run = faults.finish(run_id)
    installation.configure(**before)

    until("the Job to go", lambda: faults.job_object(run_id) is None, timeout_seconds=60)
    until("the pods to go", lambda: not faults.pods(run_id), timeout_seconds=60)

    assert run.status == "SUCCESS", run.data
    assert faults.run(run_id).data == run.data
    assert faults.output(run_id, "talk") == "said"
    assert faults.log(run_id, "talk") == "before\nafter\n"
    assert faults.events(run_id)[-1]["type"] == "RUN_SUCCESS"
    shown: dict[str, Any] = _show(installation, run_id)
    assert shown["status"] == "SUCCESS"


def _show(installation: Installation, run_id: str) -> Any:
    return json.loads(installation.opweave("run", "show", run_id, "-o", "json").stdout)
