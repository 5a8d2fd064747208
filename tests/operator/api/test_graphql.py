"""GraphQL over real HTTP, with a real code server behind it."""

from __future__ import annotations

from typing import Any

import pytest

from opweave.wire.attempt import ProducedOutput
from opweave_operator import ports
from opweave_operator.core import model
from support import builders
from support.api_world import World

LAUNCH = """mutation Launch($params: LaunchParams!) {
  launchRun(params: $params) {
    __typename
    ... on LaunchRunSuccess { isNew run { runId status jobName tags { key value } priority runConfig } }
    ... on RunConfigInvalid { errors { path message code } }
    ... on Error { message }
  }
}"""

GOOD = {"ops": {"extract": {"config": {"since": "2026-01-01"}}}}


async def ask(world: World, query: str, **variables: object) -> Any:
    """Return the data of an operation that must succeed."""
    reply = await world.client.post("graphql", json={"query": query, "variables": variables})
    answer = reply.json()
    assert "errors" not in answer, answer
    return answer["data"]


async def refuse(world: World, query: str, **variables: object) -> str:
    """Return the message of an operation that must fail."""
    reply = await world.client.post("graphql", json={"query": query, "variables": variables})
    message: str = reply.json()["errors"][0]["message"]
    return message


async def test_a_launched_run_is_queued_with_its_plan(shop_world: World) -> None:
    """Config is checked by the location's own code; defaults, tags and steps come back."""
    params = {
        "job": {"jobName": "daily_report"},
        "runConfig": GOOD,
        "tags": [{"key": "team", "value": "me"}],
        "priority": 3,
    }

    launched = (await ask(shop_world, LAUNCH, params=params))["launchRun"]
    run_id = launched["run"]["runId"]
    query = (
        "query($id: ID!) { run(runId: $id) { canTerminate steps { stepKey status upstreamKeys } } }"
    )
    run = (await ask(shop_world, query, id=run_id))["run"]

    assert (
        launched["__typename"],
        launched["isNew"],
        launched["run"]["status"],
        launched["run"]["priority"],
    ) == ("LaunchRunSuccess", True, "QUEUED", 3)
    tags = {tag["key"]: tag["value"] for tag in launched["run"]["tags"]}
    assert (tags["team"], tags["kept"]) == ("me", "by-the-job")
    assert launched["run"]["runConfig"]["ops"]["extract"] == GOOD["ops"]["extract"]
    assert [step["stepKey"] for step in run["steps"]] == ["extract", "tidy.clean", "report"]
    assert run["canTerminate"] is True


async def test_every_problem_of_a_run_config_is_told_at_once(shop_world: World) -> None:
    """And nothing is launched."""
    wrong = {"ops": {"extract": {"config": {"sins": 3}}, "nobody": {}}}
    params = {"job": {"jobName": "daily_report"}, "runConfig": wrong}

    refused = (await ask(shop_world, LAUNCH, params=params))["launchRun"]
    runs = await ask(shop_world, "{ runs { runs { runId } } }")

    assert refused["__typename"] == "RunConfigInvalid"
    paths = {".".join(error["path"]) for error in refused["errors"]}
    assert {"ops.nobody", "ops.extract.config.sins", "ops.extract.config.since"} <= paths
    assert runs["runs"]["runs"] == []


@pytest.mark.parametrize(
    ("job", "kind", "words"),
    [
        ({"jobName": "dayly_report"}, "JobNotFound", "did you mean 'daily_report'?"),
        ({"jobName": "hello", "locationName": "shoop"}, "JobNotFound", "did you mean 'shop'?"),
        ({"jobResource": "hello"}, "JobNotFound", "no Job 'hello' is declared"),
        ({}, "JobNotFound", "name a job"),
        ({"jobName": "x", "locationName": "broken"}, "LocationUnavailable", "No module named"),
    ],
)
async def test_what_cannot_be_launched_is_told_with_the_closest_name(
    shop_world: World, job: dict[str, str], kind: str, words: str
) -> None:
    """The result is typed, the message says how to mend it."""
    from opweave.wire.location import LoadFailure

    failure = LoadFailure(reason="ImportFailed", message="No module named 'duckdb'")
    ref = model.LocationRef(namespace="local", name="broken")
    await shop_world.stores.catalog.put_location(ports.LocationRecord(ref=ref, failure=failure))

    result = (await ask(shop_world, LAUNCH, params={"job": job}))["launchRun"]

    assert kind == result["__typename"]
    assert words in result["message"]


async def test_a_location_whose_server_is_gone_is_unavailable(shop_world: World) -> None:
    """The catalog may be older than the truth."""
    record = await shop_world.stores.catalog.get_location(
        model.LocationRef(namespace="local", name="shop")
    )
    assert record is not None
    gone = ports.LocationRecord(ref=record.ref, url="http://127.0.0.1:9", snapshot=record.snapshot)
    await shop_world.stores.catalog.put_location(gone)

    result = await ask(shop_world, LAUNCH, params={"job": {"jobName": "hello"}})

    assert result["launchRun"]["__typename"] == "LocationUnavailable"


async def test_a_declared_job_brings_its_config(shop_world: World) -> None:
    """Launching the declaration needs nothing else."""
    await shop_world.stores.catalog.put_job(
        ports.JobRecord(
            namespace="local",
            name="daily-report",
            location="shop",
            job="daily_report",
            run_config=GOOD,
            tags={"from": "the-declaration"},
            priority=5,
        )
    )

    launched = await ask(shop_world, LAUNCH, params={"job": {"jobResource": "daily-report"}})

    run = launched["launchRun"]["run"]
    assert (run["jobName"], run["priority"]) == ("daily_report", 5)
    assert {"key": "from", "value": "the-declaration"} in run["tags"]


async def test_a_repeated_launch_is_one_run(shop_world: World) -> None:
    """The same key twice gives the same run, and says that it is not new."""
    params = {"job": {"jobName": "hello"}, "dedupeKey": "tick-1"}

    results = [(await ask(shop_world, LAUNCH, params=params))["launchRun"] for _ in range(2)]

    assert [result["isNew"] for result in results] == [True, False]
    assert len({result["run"]["runId"] for result in results}) == 1


async def test_a_config_can_be_checked_and_scaffolded(shop_world: World) -> None:
    """Without launching anything."""
    query = """query($job: JobSelector!, $config: JSON) {
      validateRunConfig(job: $job, runConfig: $config) {
        __typename ... on RunConfigValid { stepKeys } ... on Error { message }
      }
      scaffoldRunConfig(job: $job) { ... on RunConfigScaffold { yaml } }
    }"""

    good = await ask(shop_world, query, job={"jobName": "daily_report"}, config=GOOD)
    bad = await ask(shop_world, query, job={"jobName": "daily_report"}, config={})

    assert good["validateRunConfig"]["stepKeys"] == ["extract", "tidy.clean", "report"]
    assert bad["validateRunConfig"]["__typename"] == "RunConfigInvalid"
    assert "since" in good["scaffoldRunConfig"]["yaml"]


async def test_locations_show_their_jobs_and_graphs(shop_world: World) -> None:
    """A graph comes before the nodes that it holds."""
    query = """{ locations { namespace name isServing jobs {
        name description requiresConfig configSchema nodes { path parentPath isGraph } steps { stepKey }
    } } }"""

    (location,) = (await ask(shop_world, query))["locations"]

    job = next(job for job in location["jobs"] if job["name"] == "daily_report")
    assert (job["description"], job["requiresConfig"]) == ("Report on the orders of a day.", True)
    nodes = {node["path"]: (node["parentPath"], node["isGraph"]) for node in job["nodes"]}
    assert nodes["tidy"] == (None, True)
    assert nodes["tidy.clean"] == ("tidy", False)
    assert job["configSchema"]


async def test_a_run_shows_its_attempts_moments_errors_and_logs(world: World) -> None:
    """Everything that a person asks about a failed step."""
    run = await world.launch(builders.planned("load"), builders.planned("clean", "load"))
    worker = await world.worker(run, "load")
    await worker.start()
    await worker.put_log("stdout", 0, "über\n".encode())
    await worker.send(worker.event(message="hi"), worker.failure())
    await world.advance(run.id)
    query = """query($id: ID!) { run(runId: $id) {
        status message stepCounts { status count }
        steps { stepKey status reason attempts {
            number status moments { ready running committed }
            outcome { source error { className message } }
            computeLog(stream: STDOUT, offset: 1, limit: 3) { text offset nextOffset length }
        } }
        events(first: 3) { events { number eventType } nextAfter hasMore }
        failed: events(types: [STEP_FAILURE]) { events { eventType stepKey } }
    } }"""

    shown = (await ask(world, query, id=run.id))["run"]

    load, clean = shown["steps"]
    assert (shown["status"], load["status"], clean["status"]) == ("FAILURE", "FAILURE", "SKIPPED")
    (attempt,) = load["attempts"]
    assert attempt["outcome"]["error"] == {
        "className": "ZeroDivisionError",
        "message": "division by zero",
    }
    assert all(attempt["moments"][name] for name in ("ready", "running", "committed"))
    assert attempt["moments"]["running"].endswith("+00:00")
    assert attempt["computeLog"]["length"] == 6
    assert [event["number"] for event in shown["events"]["events"]] == [0, 1, 2]
    assert (shown["events"]["nextAfter"], shown["events"]["hasMore"]) == (2, True)
    assert shown["failed"]["events"] == [{"eventType": "STEP_FAILURE", "stepKey": "load"}]


async def test_runs_are_paged_and_filtered(any_world: World) -> None:
    """Newest first, each once, and only what the filter says."""
    runs = [
        await any_world.launch(builders.planned("load"), tags={"n": str(n)}, job=f"job{n % 2}")
        for n in range(5)
    ]
    query = """query($after: ID, $filter: RunsFilter) {
      runs(first: 2, after: $after, filter: $filter) { runs { runId } endCursor hasMore }
    }"""

    seen, after, has_more = [], None, True
    while has_more:
        page = (await ask(any_world, query, after=after))["runs"]
        seen += [run["runId"] for run in page["runs"]]
        after, has_more = page["endCursor"], page["hasMore"]
    tagged = await ask(any_world, query, filter={"tags": [{"key": "n", "value": "3"}]})
    named = await ask(any_world, query, filter={"jobName": "job1", "statuses": ["QUEUED"]})

    assert [run.id for run in reversed(runs)] == seen
    assert [{"runId": runs[3].id}] == tagged["runs"]["runs"]
    assert named["runs"]["runs"] == []


async def test_a_run_is_found_by_the_beginning_of_its_id(world: World) -> None:
    """As people copy it from a terminal; an impossible beginning finds nothing, one that is too short is refused."""
    run = await world.launch(builders.planned("load"))
    query = "query($id: ID!) { run(runId: $id) { runId } }"

    found = [
        (await ask(world, query, id=text))["run"]
        for text in (run.id, run.id[:24], run.id[:9].upper(), "0" * 26, "../../etc", "")
    ]

    assert [run.id, run.id, run.id, None, None, None] == [item and item["runId"] for item in found]
    assert "give 6 characters or more" in await refuse(world, query, id=run.id[:3])


async def test_the_log_tells_who_asked_a_run_to_end(world: World) -> None:
    """Whoever asks may give a name; without one it is the way of asking, and a name has a bound."""
    run, other = [await world.launch(builders.planned("load")) for _ in range(2)]
    mutation = "mutation($id: ID!, $by: String!) { terminateRun(runId: $id, requestedBy: $by) { __typename } }"
    await ask(world, mutation, id=run.id, by=f"cli (anna){'x' * 9000}")
    await ask(world, "mutation($id: ID!) { terminateRun(runId: $id) { __typename } }", id=other.id)
    query = "query($id: ID!) { run(runId: $id) { events(types: [ENGINE_EVENT]) { events { message } } } }"
    [named, unnamed] = [
        (await ask(world, query, id=run_id))["run"]["events"]["events"][-1]["message"]
        for run_id in (run.id, other.id)
    ]
    assert named.startswith("termination requested by cli (anna)x")
    assert len(named) < 300
    assert unnamed == "termination requested by graphql"


async def test_terminating_twice_is_harmless_and_a_finished_run_says_so(world: World) -> None:
    """Each case is a type of its own."""
    run = await world.launch(builders.planned("load"))
    done = await world.launch(builders.planned("load"))
    worker = await world.worker(done, "load")
    await worker.start()
    await worker.send(worker.success(ProducedOutput(name="result")))
    await world.advance(done.id)
    query = """mutation($id: ID!) { terminateRun(runId: $id) {
      __typename ... on TerminateRunSuccess { isNew run { canTerminate } } ... on Error { message }
    } }"""

    results = [
        (await ask(world, query, id=run_id))["terminateRun"]
        for run_id in (run.id, run.id, done.id, "0" * 26, "nonsense")
    ]

    assert [(result["__typename"], result.get("isNew")) for result in results] == [
        ("TerminateRunSuccess", True),
        ("TerminateRunSuccess", False),
        ("RunFinished", None),
        ("RunNotFound", None),
        ("RunNotFound", None),
    ]


async def test_the_instance_shows_its_settings_and_queue(world: World) -> None:
    """As they stand in ``Instance.spec``."""
    await world.stores.catalog.put_instance({"runQueue": {"maxConcurrentRuns": 7}})
    query = "{ version instance { databaseKind settings queueLength runCounts { status count } } }"

    shown = await ask(world, query)

    assert shown["instance"]["settings"] == {"runQueue": {"maxConcurrentRuns": 7}}
    assert (
        shown["version"],
        shown["instance"]["databaseKind"],
        shown["instance"]["queueLength"],
    ) == ("0.0.test", "SQLite", 0)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("{ " + "runs { runs { " * 20 + "runId" + " } }" * 20 + " }", ""),
        ("{ " + "version " * 5000 + "}", ""),
        ("{ " + " ".join(f"a{n}: version" for n in range(60)) + " }", "aliases"),
        ("{ runs(first: 1000) { runs { steps { attempts { number } } } } }", "fewer"),
        ("{ runs(first: 0) { hasMore } }", "first: give a number"),
        ('{ runs(after: "x") { hasMore } }', "after:"),
        ("{ nothing }", "Cannot query field"),
        ("{ version", "Syntax Error"),
        ("query A { ...F } fragment F on Query { ...G } fragment G on Query { ...F }", ""),
        (
            'mutation { launchRun(params: {job: {jobName: "x"}, runConfig: 3}) { __typename } }',
            "runConfig",
        ),
    ],
)
async def test_what_asks_too_much_or_makes_no_sense_is_refused(
    world: World, query: str, words: str
) -> None:
    """Depth, tokens, aliases, cost and arguments are limited, and the message says which."""
    assert words in await refuse(world, query)


async def test_what_goes_wrong_inside_is_masked(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault's text stays in the log."""

    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError("password=hunter2")

    monkeypatch.setattr(world.dependencies.catalog, "list_locations", fail)

    assert "hunter2" not in await refuse(world, "{ locations { name } }")


async def test_a_form_on_another_site_cannot_launch(world: World) -> None:
    """Only JSON by POST is taken, and no other origin is given leave to send it."""
    mutation = 'mutation { terminateRun(runId: "x") { __typename } }'

    form = await world.client.post("graphql", data={"query": mutation})
    text = await world.client.post(
        "graphql", content='{"query": "{ version }"}', headers={"Content-Type": "text/plain"}
    )
    get = await world.client.get("graphql", params={"query": mutation})
    preflight = await world.client.options(
        "graphql",
        headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"},
    )

    assert form.status_code == text.status_code == 400
    assert "terminateRun" not in get.text
    assert "access-control-allow-origin" not in preflight.headers


@pytest.mark.parametrize("body", [b"", b"[", b"[" * 100_000, b"null", b'{"query": 3}', b'"x"'])
async def test_a_body_that_is_no_operation_is_refused(world: World, body: bytes) -> None:
    """Whatever it is, the answer is 400 and the next request works."""
    reply = await world.client.post(
        "graphql", content=body, headers={"Content-Type": "application/json"}
    )

    assert reply.status_code == 400
    assert (await ask(world, "{ version }"))["version"]


async def test_a_body_that_is_too_large_is_refused(world: World) -> None:
    """Before it is parsed."""
    reply = await world.client.post(
        "graphql",
        content=b" " * (4 * 1024 * 1024 + 1),
        headers={"Content-Type": "application/json"},
    )

    assert reply.status_code == 413
