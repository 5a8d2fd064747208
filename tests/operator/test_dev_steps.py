"""Runs of ``opweave dev`` whose steps are found out on the way: every step is a process of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.local_instance import Instance, start_instance, stop_instance

CODE = """
import os
from opweave import Definitions, DynamicOut, DynamicOutput, RetryPolicy, graph, job, op

@op(out=DynamicOut(int), config_schema={"count": int})
def spread(context):
    for number in range(context.op_config["count"]):
        yield DynamicOutput(number, mapping_key=f"n{number}")

@op(retry_policy=RetryPolicy(max_retries=1))
def double(context, x: int) -> int:
    if x == 1 and context.retry_number == 0:
        raise ValueError("once")
    return 2 * x

@op
def ten() -> int:
    return 10

@op
def add(x: int, y: int) -> int:
    return x + y

@op
def total(xs: list[int]) -> int:
    return sum(xs)

@graph
def tidy(x, y):
    return add(double(x), y)

@job
def fans_out():
    found, other = spread(), ten()
    total(found.map(lambda x: tidy(x, other)).collect())

@op
def breaks_on_one(x: int) -> int:
    if x == 1:
        raise ValueError("not one")
    return x

@job
def breaks():
    total(spread().map(breaks_on_one).collect())

@op
def breaks_until(context, x: int) -> int:
    if not os.path.exists(context.run.tags["sign"]) and x == 1:
        raise ValueError("not yet")
    return 10 * x

@job
def recovers():
    total(spread().map(breaks_until).collect())

defs = Definitions(jobs=[fans_out, breaks, recovers])
"""


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    directory = tmp_path_factory.mktemp("dev-steps")
    file = directory / "shop.py"
    file.write_text(CODE, encoding="utf-8")
    started = start_instance(directory / "home", "-f", str(file))
    yield started
    stop_instance(started)


def run(instance: Instance, job: str, count: int, code: int = 0) -> dict[str, Any]:
    """Launch *job* and wait for its end; return what ``run show`` tells."""
    config = json.dumps({"ops": {"spread": {"config": {"count": count}}}})
    done = instance.run(
        "job", "launch", job, "--follow", "-o", "json", "--config-json", config, timeout=120
    )
    assert done.returncode == code, done.stdout + done.stderr
    shown: dict[str, Any] = json.loads(done.stdout)
    return shown


def statuses(shown: dict[str, Any]) -> dict[str, str]:
    return {step["stepKey"]: step["status"] for step in shown["steps"]}


def output(instance: Instance, run_id: str, step: str) -> str:
    return instance.run("run", "output", run_id, step).stdout.strip()


def test_a_dynamic_output_makes_processes_for_its_members(instance: Instance) -> None:
    """The new steps are in the record, between what they wait for and what collects them; retries stay in their process."""
    shown = run(instance, "fans_out", 3)
    assert list(statuses(shown)) == [
        "spread", "ten",
        "tidy.double[n0]", "tidy.add[n0]", "tidy.double[n1]", "tidy.add[n1]", "tidy.double[n2]", "tidy.add[n2]",
        "total",
    ]  # fmt: skip
    assert set(statuses(shown).values()) == {"SUCCESS"}
    assert {len(step["attempts"]) for step in shown["steps"]} == {1}
    assert output(instance, shown["runId"], "total") == "36"
    assert output(instance, shown["runId"], "tidy.add[n2]") == "14"


def test_without_members_what_collects_runs(instance: Instance) -> None:
    """With an empty list."""
    shown = run(instance, "fans_out", 0)
    assert list(statuses(shown)) == ["spread", "ten", "total"]
    assert output(instance, shown["runId"], "total") == "0"


def test_one_failed_member_fails_the_run_and_stops_no_other(instance: Instance) -> None:
    """What collects is skipped and names it."""
    shown = run(instance, "breaks", 3, code=1)
    assert statuses(shown) == {
        "spread": "SUCCESS",
        "breaks_on_one[n0]": "SUCCESS",
        "breaks_on_one[n1]": "FAILURE",
        "breaks_on_one[n2]": "SUCCESS",
        "total": "SKIPPED",
    }
    assert "breaks_on_one[n1]" in shown["message"]


def test_a_plan_is_printed_with_what_will_be_mapped(instance: Instance) -> None:
    """Before any run."""
    printed = instance.run("job", "print", "fans_out").stdout
    assert "tidy.double[?]" in printed
    assert printed.index("tidy.add[?]") < printed.index("total")


def test_a_failed_run_goes_on_from_its_failure(instance: Instance, tmp_path: Path) -> None:
    """Only what did not succeed runs again; the other members and the dynamic output come from the parent."""
    sign = tmp_path / "sign"
    config = json.dumps({"ops": {"spread": {"config": {"count": 3}}}})
    failed = instance.run(
        *("job", "launch", "recovers", "--follow", "-o", "json", "--config-json", config),
        *("--tags", f"sign={sign}"),
        timeout=120,
    )
    parent = json.loads(failed.stdout)
    assert parent["status"] == "FAILURE"
    sign.write_text("")

    done = instance.run("run", "reexecute", parent["runId"], "--follow", "-o", "json", timeout=120)

    assert done.returncode == 0, done.stdout + done.stderr
    child = json.loads(done.stdout)
    assert statuses(child) == {"breaks_until[n1]": "SUCCESS", "total": "SUCCESS"}
    assert output(instance, child["runId"], "total") == "30"
    tags = {tag["key"]: tag["value"] for tag in child["tags"]}
    assert tags["opweave/parent_run_id"] == tags["opweave/root_run_id"] == parent["runId"]

    one = instance.run(
        *("run", "reexecute", child["runId"], "--steps", "total", "--follow", "-o", "json"),
        timeout=120,
    )
    assert one.returncode == 0, one.stdout + one.stderr
    grandchild = json.loads(one.stdout)
    assert statuses(grandchild) == {"total": "SUCCESS"}
    assert output(instance, grandchild["runId"], "total") == "30"
    refused = instance.run("run", "reexecute", child["runId"])
    assert refused.returncode == 2
    assert "nothing to run again" in refused.stderr
    wrong = instance.run("run", "reexecute", child["runId"], "--steps", "totl")
    assert "did you mean 'total'?" in wrong.stderr
