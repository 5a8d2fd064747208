"""`opweave asset` against a whole instance: real code server, real steps, real storage."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.local_instance import Instance, start_instance, stop_instance


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """Provide an instance that serves ``lake.py``."""
    file = Path(__file__).with_name("lake.py")
    instance = start_instance(tmp_path_factory.mktemp("lake") / "home", "-f", str(file))
    yield instance
    stop_instance(instance)


def asset(lake: Instance, key: str) -> dict[str, Any]:
    """Return what the command line shows of an asset."""
    done = lake.run("asset", "show", key, "-o", "json")
    assert done.returncode == 0, done.stderr
    shown: dict[str, Any] = json.loads(done.stdout)
    return shown


def make(lake: Instance, *arguments: str) -> None:
    """Materialize and wait for the success of the run."""
    done = lake.run("asset", "materialize", *arguments, "--follow")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.timeout(180)
def test_assets_are_made_in_part_loaded_judged_reported_and_wiped(lake: Instance) -> None:
    """One story, since each part needs what came before it."""
    assert asset(lake, "total")["staleStatus"] == "MISSING"

    make(lake, "group:lake", "--config-json", '{"ops": {"numbers": {"config": {"n": 4}}}}')
    total = asset(lake, "total")
    assert total["latestMaterialization"]["metadata"]["sum"]["value"] == 6
    assert (total["staleStatus"], total["downstreamKeys"]) == ("FRESH", ["report"])
    assert total["checks"][0]["lastEvaluation"]["passed"] is True
    assert asset(lake, "report")["staleStatus"] == "MISSING"

    # Its upstream is loaded from what the other run wrote last.
    make(lake, "report")
    report = asset(lake, "report")
    assert report["latestMaterialization"]["runId"] != total["latestMaterialization"]["runId"]
    assert report["staleStatus"] == "FRESH"

    told = lake.run("asset", "report", "feed", "--data-version", "2", "--metadata", '{"rows": 9}')
    assert told.returncode == 0, told.stderr
    assert asset(lake, "feed")["latestMaterialization"]["metadata"]["rows"]["value"] == 9
    numbers = asset(lake, "numbers")
    assert [c["category"] for c in numbers["staleCauses"]] == ["DATA"]
    assert asset(lake, "report")["staleStatus"] == "STALE"

    make(lake, "--stale")
    assert {asset(lake, key)["staleStatus"] for key in ("numbers", "total", "report")} == {"FRESH"}
    assert "nothing is stale" in lake.run("asset", "materialize", "--stale").stderr

    lines = lake.run("asset", "lineage", "report").stdout.split("\n")
    assert [line.split()[0] for line in lines if line] == ["report", "total", "numbers", "feed"]
    table = lake.run("asset", "list", "--group", "lake").stdout
    assert ("numbers" in table, "report" in table) == (True, False)

    assert lake.run("asset", "wipe", "report", "--yes").returncode == 0
    assert asset(lake, "report")["staleStatus"] == "MISSING"


def test_what_does_not_exist_is_told_with_the_closest(lake: Instance) -> None:
    shown = lake.run("asset", "show", "totl")
    assert (shown.returncode, "did you mean total" in shown.stderr) == (3, True)
    refused = lake.run("asset", "materialize", "totl")
    assert refused.returncode != 0
    assert "did you mean total" in refused.stderr
    wrong = lake.run("asset", "report", "a//b")
    assert "parts joined by" in wrong.stderr


def test_a_job_of_assets_is_launched_as_any(lake: Instance) -> None:
    done = lake.run("job", "launch", "all_of_the_lake", "--follow")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "total_small" in done.stdout
