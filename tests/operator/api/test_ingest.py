"""Reports of step processes, over real HTTP into real databases."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import httpx
import pytest

from opweave.wire import attempt as wire_attempt
from opweave.wire import plan as wire_plan
from opweave.wire.attempt import EventType, FailureKind, ProducedOutput
from opweave_operator import ports
from opweave_operator.api.dependencies import ApiSettings
from opweave_operator.core import model
from opweave_operator.usecases.ingest_events import IngestLimits
from support import api_world, builders
from support.api_world import StepWorker, World


async def test_a_step_is_told_its_slice_and_its_outcome_is_recorded(any_world: World) -> None:
    """Start, events and outcome of a step end with the step in SUCCESS and its downstream startable."""
    run = await any_world.launch(builders.planned("load"), builders.planned("clean", "load"))
    worker = await any_world.worker(run, "load")

    started = await worker.start()
    ack = await worker.send(worker.event(EventType.STEP_START), worker.event(message="hello"))
    ended = await worker.send(worker.success(ProducedOutput(name="result")))
    state = await any_world.advance(run.id)

    assert started.json()["op_path"] == "load"
    assert ack.json() == {"next_seq": 2, "should_stop": False}
    assert ended.json() == {"next_seq": 3, "should_stop": False}
    assert state.steps[model.StepKey("load")].status is model.StepStatus.SUCCESS
    assert state.steps[model.StepKey("clean")].newest is not None
    stored = await any_world.stores.events.events(run.id)
    assert list(range(len(stored))) == [event.number for event in stored]
    assert [event.type for event in stored if event.seq is not None] == [
        EventType.STEP_START,
        EventType.LOG_MESSAGE,
        EventType.STEP_SUCCESS,
    ]


async def test_a_downstream_step_is_told_what_its_upstreams_stored(world: World) -> None:
    """A fan-in lists produced outputs in the order of its sources and leaves out what was skipped."""
    sources = (
        wire_plan.OutputRef(step_key="a"),
        wire_plan.OutputRef(step_key="b", output_name="x"),
    )
    joined = wire_plan.PlannedStep(
        key="join",
        op="join",
        inputs=(wire_plan.StepInput(name="parts", sources=sources, is_fan_in=True),),
    )
    optional = wire_plan.PlannedStep(
        key="b", op="b", outputs=(wire_plan.StepOutput(name="x", is_required=False),)
    )
    run = await world.launch(builders.planned("a"), optional, joined)
    for key, outputs in (("a", (ProducedOutput(name="result"),)), ("b", ())):
        upstream = await world.worker(run, key)
        await upstream.start()
        await upstream.send(upstream.success(*outputs))
    await world.advance(run.id)

    slice_ = (await (await world.worker(run, "join")).start()).json()

    assert {
        "parts": [{"run_id": run.id, "step_key": "a", "output_name": "result", "mapping_key": None}]
    } == slice_["inputs"]


async def test_repeating_a_report_changes_nothing(any_world: World) -> None:
    """A process that lost the answer sends again and gets the same acknowledgement, after the outcome too."""
    run = await any_world.launch(builders.planned("load"))
    worker = await any_world.worker(run, "load")
    first = (await worker.start()).json()
    again = (await worker.start()).json()
    batch = (worker.event(), worker.success())

    answers = [(await worker.send(*batch)).json() for _ in range(3)]

    assert first == again
    assert answers == [{"next_seq": 2, "should_stop": False}] * 3
    reported = [e for e in await any_world.stores.events.events(run.id) if e.seq is not None]
    assert len(reported) == 2


async def test_a_gap_is_refused_with_the_number_that_comes_next(any_world: World) -> None:
    """425 tells the process where to go on; nothing of the batch is stored."""
    run = await any_world.launch(builders.planned("load"))
    worker = await any_world.worker(run, "load")
    await worker.start()
    await worker.send(worker.event())
    worker.next_seq = 5

    refused = await worker.send(worker.event())

    assert refused.status_code == 425
    assert (refused.json()["code"], refused.json()["expected_seq"]) == ("SequenceGap", 1)


async def test_a_closed_attempt_takes_no_more(any_world: World) -> None:
    """After the outcome a new event is 409 AttemptClosed, and so is a start."""
    run = await any_world.launch(builders.planned("load"))
    worker = await any_world.worker(run, "load")
    await worker.start()
    await worker.send(worker.success())

    late = await worker.send(worker.event())
    restarted = await worker.start()

    assert [(reply.status_code, reply.json()["code"]) for reply in (late, restarted)] == [
        (409, "AttemptClosed")
    ] * 2


async def test_a_newer_attempt_fences_the_older(any_world: World) -> None:
    """A lost attempt's late report is refused, and the newer one's is taken."""
    run = await any_world.launch(builders.planned("load"))
    old = await any_world.worker(run, "load")
    await old.start()
    await old.send(old.failure(FailureKind.INFRASTRUCTURE))
    state = await any_world.advance(run.id)
    retry_at = state.steps[model.StepKey("load")].retry_at
    assert retry_at is not None
    await any_world.stores.runs.transact(run.id, _decide_at(retry_at))
    new = await any_world.worker(run, "load", number=2)

    late = await old.send(old.event())
    started = await new.start()
    ended = await new.send(new.success())

    assert (late.status_code, started.status_code, ended.status_code) == (409, 200, 200)


def _decide_at(moment: object) -> ports.StateFunction:
    from opweave_operator.core import decide

    return lambda state: decide.decide(state, model.Observation(), moment, api_world.POLICY)  # type: ignore[arg-type]  # a datetime


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (FailureKind.USER_CODE, model.AttemptStatus.FAILURE),
        (FailureKind.INFRASTRUCTURE, model.AttemptStatus.LOST),
        (FailureKind.CANCELED, model.AttemptStatus.LOST),
    ],
)
async def test_the_kind_of_a_failure_decides_the_outcome(
    world: World, kind: FailureKind, status: model.AttemptStatus
) -> None:
    """Nobody asked this run to end, so a claim to be cancelled counts as lost."""
    run = await world.launch(builders.planned("load"))
    worker = await world.worker(run, "load")
    await worker.start()

    await worker.send(worker.failure(kind))

    newest = (await world.state(run.id)).steps[model.StepKey("load")].newest
    assert newest is not None
    assert newest.outcome is not None
    assert (status, "ZeroDivisionError") == (
        newest.outcome.status,
        newest.outcome.error.class_name if newest.outcome.error else None,
    )


async def test_a_run_that_is_cancelled_tells_its_steps_to_stop(any_world: World) -> None:
    """The acknowledgement says so, and the step's own word for it is then believed."""
    run = await any_world.launch(builders.planned("load"))
    worker = await any_world.worker(run, "load")
    await worker.start()
    await any_world.cancel(run.id)

    told = await worker.send(worker.event())
    await worker.send(worker.failure(FailureKind.CANCELED))

    assert told.json()["should_stop"] is True
    newest = (await any_world.state(run.id)).steps[model.StepKey("load")].newest
    assert newest is not None
    assert newest.status is model.AttemptStatus.CANCELED


async def test_only_the_attempts_own_token_is_accepted(world: World) -> None:
    """No token is 401, another one 403, an attempt that does not exist 404; each is counted."""
    run = await world.launch(builders.planned("load"), builders.planned("other"))
    worker = await world.worker(run, "load")
    stranger = StepWorker(world.client, worker.ref, token="another")
    tokenless = StepWorker(world.client, worker.ref)
    tokenless.headers = {}
    unset = StepWorker(world.client, replace(worker.ref, step_key=model.StepKey("other")))
    missing = StepWorker(world.client, replace(worker.ref, number=7))

    replies = [await who.start() for who in (tokenless, stranger, unset, missing)]
    metrics = (await world.client.get("metrics")).text

    assert [(reply.status_code, reply.json()["code"]) for reply in replies] == [
        (401, "NoToken"),
        (403, "NotYourAttempt"),
        (403, "NotYourAttempt"),
        (404, "UnknownAttempt"),
    ]
    assert 'opweave_ingest_refusals_total{code="NotYourAttempt"} 2.0' in metrics


async def test_events_before_the_start_are_refused(world: World) -> None:
    """The start binds the worker; before it nothing is taken."""
    run = await world.launch(builders.planned("load"))
    worker = await world.worker(run, "load")

    refused = await worker.send(worker.event())

    assert refused.status_code == 403


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b"[" * 100_000, 400),
        (b'{"events": [' + b"9" * 5000 + b"]}", 400),
        (b'{"events": [{"seq": 0, "type": "RUN_SUCCESS", "at": "2026-01-01T00:00:00Z"}]}', 400),
        (b'{"events": [{"seq": 0, "type": "no such", "at": "2026-01-01T00:00:00Z"}]}', 400),
        (b'{"events": [{"seq": -1, "type": "LOG_MESSAGE", "at": "2026-01-01T00:00:00Z"}]}', 400),
        (b'{"events": [{"seq": true, "type": "LOG_MESSAGE", "at": "2026-01-01T00:00:00Z"}]}', 400),
        (b'{"events": [{"seq": 0, "type": "LOG_MESSAGE", "at": "yesterday"}]}', 400),
        (
            b'{"events": [{"seq": 0, "type": "LOG_MESSAGE", "at": "0001-01-01T00:00:00+14:00"}]}',
            400,
        ),
        (
            b'{"events": [{"seq": 0, "type": "STEP_SUCCESS", "at": "2026-01-01T00:00:00Z",'
            b' "payload": {"outputs": "all"}}]}',
            400,
        ),
        (b'{"events": [' + b" " * (5 * 1024 * 1024) + b"]}", 413),
    ],
)
async def test_a_malformed_report_is_refused_and_harms_nobody(
    world: World, body: bytes, status: int
) -> None:
    """The refusal says what is wrong; the same attempt then reports as if nothing had been."""
    run = await world.launch(builders.planned("load"))
    worker = await world.worker(run, "load")
    await worker.start()

    refused = await world.client.post(worker.path("events"), content=body, headers=worker.headers)
    taken = await worker.send(worker.success())

    assert (status, 200) == (refused.status_code, taken.status_code)
    assert refused.json()["message"]


async def test_too_many_events_and_too_large_ones_are_refused(world: World) -> None:
    """1001 events in a batch, and one event above a mebibyte, are 413."""
    run = await world.launch(builders.planned("load"))
    worker = await world.worker(run, "load")
    await worker.start()

    many = await worker.send(*(worker.event() for _ in range(1001)))
    worker.next_seq = 0
    large = await worker.send(worker.event(payload={"text": "x" * (1024 * 1024)}))

    assert (many.status_code, large.status_code) == (413, 413)


async def test_an_outcome_must_be_last(world: World) -> None:
    """An event after the outcome in the same batch is refused with the batch."""
    run = await world.launch(builders.planned("load"))
    worker = await world.worker(run, "load")
    await worker.start()

    refused = await worker.send(worker.success(), worker.event())

    assert (refused.status_code, refused.json()["code"]) == (400, "Invalid")


async def test_text_that_no_encoding_holds_is_stored_mended(any_world: World) -> None:
    """Half surrogates, NUL and NaN come back as something that JSON and both databases can hold."""
    run = await any_world.launch(builders.planned("load"))
    worker = await any_world.worker(run, "load")
    await worker.start()
    event = (
        f'{{"seq": 0, "type": "LOG_MESSAGE", "at": "{api_world.now().isoformat()}", "message":'
        ' "a\\ud800b\\u0000c", "payload": {"x": NaN, "y": "\\udfff", "z": "\\ud83d\\ude00"}}'
    )
    body = f'{{"events": [{event}]}}'

    reply = await any_world.client.post(
        worker.path("events"), content=body.encode(), headers=worker.headers
    )
    shown = (await any_world.client.get(f"api/v1/runs/{run.id}/events")).json()

    assert reply.status_code == 200
    stored = next(event for event in shown["events"] if event["type"] == "LOG_MESSAGE")
    assert stored["message"].startswith("a\ufffdb")
    assert stored["payload"] == {"x": "NaN", "y": "\ufffd", "z": "\U0001f600"}


async def test_an_attempt_that_floods_is_slowed_down(world: World) -> None:
    """429 with Retry-After; another attempt is not touched by it."""
    limits = IngestLimits(events_per_second=1, burst_events=3)
    slow = replace(world.dependencies, settings=ApiSettings(ingest=limits))
    run = await world.launch(builders.planned("load"), builders.planned("other"))
    async with (
        api_world.serve(slow) as url,
        httpx.AsyncClient(base_url=url, trust_env=False) as client,
    ):
        worker = StepWorker(client, (await world.worker(run, "load")).ref)
        other = StepWorker(client, (await world.worker(run, "other")).ref)
        await worker.start()
        await other.start()
        await worker.send(*(worker.event() for _ in range(3)))

        flooded = await worker.send(worker.event(), worker.event())
        untouched = await other.send(other.event())

    assert (flooded.status_code, flooded.json()["code"]) == (429, "TooFast")
    assert int(flooded.headers["retry-after"]) >= 1
    assert untouched.status_code == 200


async def test_steps_that_report_at_once_do_not_mix(any_world: World) -> None:
    """Eight attempts report in parallel: every event is stored once, numbered without gaps."""
    keys = [f"s{n}" for n in range(8)]
    run = await any_world.launch(*(builders.planned(key) for key in keys))
    workers = [await any_world.worker(run, key) for key in keys]

    async def report(worker: StepWorker) -> None:
        assert (await worker.start()).status_code == 200
        for _ in range(5):
            reply = await worker.send(*(worker.event(message="m") for _ in range(20)))
            assert reply.status_code == 200
        assert (await worker.send(worker.success())).status_code == 200

    await asyncio.gather(*(report(worker) for worker in workers))

    stored = await any_world.stores.events.events(run.id, limit=5000)
    assert list(range(len(stored))) == [event.number for event in stored]
    reported = sorted((e.step_key or "", e.seq) for e in stored if e.seq is not None)
    assert [(key, seq) for key in keys for seq in range(101)] == reported


class PodReviewer:
    """Verifies tokens as the cluster does: the token names its pod."""

    def __init__(self) -> None:
        self.is_available = True

    async def review(self, token: str) -> ports.TokenIdentity | None:
        if not self.is_available:
            raise ports.IdentityUnavailable("the API server does not answer")
        namespace, _, pod = token.partition("/")
        if not pod:
            return None
        return ports.TokenIdentity(namespace=namespace, pod_name=pod, pod_uid=f"uid-of-{pod}")


async def test_on_the_cluster_an_attempt_belongs_to_the_pod_that_starts_it(world: World) -> None:
    """Its pod's name is derived; another pod, another namespace and a made-up token are refused."""
    reviewer = PodReviewer()
    cluster = replace(
        world.dependencies,
        identity=reviewer,
        worker_names=lambda run, step, attempt: f"{run.job}-{step.index}-{attempt}",
    )
    run = await world.launch(builders.planned("load"))
    ref = ports.AttemptRef(run_id=run.id, step_key=model.StepKey("load"), number=1)
    async with (
        api_world.serve(cluster) as url,
        httpx.AsyncClient(base_url=url, trust_env=False) as client,
    ):
        tokens = ("shop/report-9-1", "elsewhere/report-0-1", "nonsense", "local/report-0-1")
        replies = [await StepWorker(client, ref, token=token).start() for token in tokens]
        thief = await StepWorker(client, ref, token="local/report-0-1-copy").start()
        reviewer.is_available = False
        unknown = await StepWorker(client, ref, token="local/report-0-1").start()

    assert [reply.status_code for reply in (*replies, thief, unknown)] == [
        403,
        403,
        401,
        200,
        403,
        503,
    ]
    newest = (await world.state(run.id)).steps[model.StepKey("load")].newest
    assert newest is not None
    assert (newest.worker_id, newest.worker_name) == ("uid-of-report-0-1", "report-0-1")


async def test_a_token_for_another_audience_is_named_so(world: World) -> None:
    """The words come from what the token says of itself; the decision does not."""
    import base64

    claims = base64.urlsafe_b64encode(json.dumps({"aud": ["vault"]}).encode()).decode().rstrip("=")
    cluster = replace(world.dependencies, identity=PodReviewer())
    run = await world.launch(builders.planned("load"))
    ref = ports.AttemptRef(run_id=run.id, step_key=model.StepKey("load"), number=1)
    async with (
        api_world.serve(cluster) as url,
        httpx.AsyncClient(base_url=url, trust_env=False) as client,
    ):
        refused = await StepWorker(client, ref, token=f"e30.{claims}.sig").start()

    assert (refused.status_code, refused.json()["code"]) == (401, "WrongAudience")
    assert "vault" in refused.json()["message"]


def test_every_refusal_has_a_status() -> None:
    """The table covers the codes."""
    from opweave_operator.api.attempt_requests import STATUSES
    from opweave_operator.usecases.refusals import RefusalCode

    assert set(RefusalCode) == set(STATUSES)
    assert wire_attempt.Refusal(code="x", message="y").expected_seq is None
