"""The engine's promises under random faults, against a small model of a world that can fail anywhere."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opweave.wire import plan as wire_plan
from opweave_operator.core import decide, dynamic_steps, model, run_state, step_state
from opweave_operator.core.model import AttemptStatus, RunStatus, StepStatus, WorkerPhase
from support import builders as build

POLICY = model.EnginePolicy(
    max_infrastructure_retries=2,
    infrastructure_retry_delay_seconds=1.0,
    start_timeout_seconds=10**9,  # no time-out may cover up for a lost worker that was not noticed
)


class World:
    """Workers as a platform would keep them, a database that holds the last committed state, and the faults."""

    def __init__(self, state: model.RunState) -> None:
        self.state = state
        self.workers: dict[tuple[model.StepKey, int], model.Worker] = {}
        self.seconds = 0.0
        self.started: list[tuple[model.StepKey, int]] = []

    def observe(self) -> model.Observation:
        keys = [
            (step.key, attempt.number)
            for step in self.state.steps.values()
            for attempt in step.attempts
            if attempt.is_open or not attempt.is_released
        ]
        absent = {
            key: model.Worker(step_key=key[0], attempt=key[1], phase=WorkerPhase.ABSENT)
            for key in keys
        }
        return model.Observation(
            workers={**absent, **{k: self.workers[k] for k in keys if k in self.workers}}
        )

    def advance(self, *, dies_before_effect: int | None = None) -> int:
        """Make one pass of the engine; a death leaves out the effects from that one on. Return how many there were."""
        decision = decide.decide(self.state, self.observe(), build.at(self.seconds), POLICY)
        self.state = decision.state
        for index, effect in enumerate(decision.effects):
            if dies_before_effect is not None and index >= dies_before_effect:
                break
            self.apply(effect)
        return len(decision.effects)

    def apply(self, effect: model.Effect) -> None:
        if isinstance(effect, model.StartWorker):
            self.start(effect.step_key, effect.attempt)
        elif isinstance(effect, model.StopWorker):
            self.workers.pop((effect.step_key, effect.attempt), None)
        elif isinstance(effect, model.ReleaseWorker):
            worker = self.workers.get((effect.step_key, effect.attempt))
            if worker is not None:
                self.workers[effect.step_key, effect.attempt] = replace(worker, is_held=False)
        elif isinstance(effect, model.PublishRun) and self.state.run.status in run_state.FINISHED:
            self.state = decide.mark_published(self.state, build.at(self.seconds)).state

    def start(self, key: model.StepKey, attempt: int) -> None:
        if (key, attempt) in self.workers:
            return
        planned = next(s for s in self.state.run.plan.steps if s.key == key)
        assert not [i for i in planned.inputs if i.collects is not None], "started too early"
        for up in planned.upstream_keys:
            assert self.state.steps[model.StepKey(up)].status is StepStatus.SUCCESS
        living = [
            k for k, w in self.workers.items() if k[0] == key and w.phase is not WorkerPhase.ENDED
        ]
        assert [] == living, f"two workers of {key} at once"
        assert (key, attempt) not in self.started or self.state.steps[key].newest.is_open
        self.started.append((key, attempt))
        self.workers[key, attempt] = build.worker(key, attempt, WorkerPhase.RUNNING)

    def report(self, key: tuple[model.StepKey, int], outcome: model.Outcome) -> None:
        """A living worker reports; ingest refuses what is closed, as the store does."""
        step = self.state.steps[key[0]]
        if step.newest is None or step.newest.number != key[1] or not step.newest.is_open:
            return
        self.state = dynamic_steps.settle(self.state, step, outcome)

    def end(self, key: tuple[model.StepKey, int], **fields: object) -> None:
        self.workers[key] = replace(self.workers[key], phase=WorkerPhase.ENDED, **fields)


@st.composite
def plans(draw: st.DrawFn) -> model.RunState:
    count = draw(st.integers(1, 7))
    steps: list[wire_plan.PlannedStep] = []
    static: list[str] = []
    for index in range(count):
        name = f"s{index}"
        ups = draw(st.lists(st.sampled_from(static), unique=True, max_size=3)) if static else []
        dynamic = [step.key for step in steps if step.outputs[0].is_dynamic]
        mapped = [step for step in steps if step.mapped_over is not None]
        ups = [up for up in ups if up not in dynamic]
        kinds = ("plain", "dynamic", *(("map", "collect") if dynamic else ()))
        kind = draw(st.sampled_from((*kinds, *(("chain", "collect mapped") if mapped else ()))))
        if kind == "map":
            over = draw(st.sampled_from(dynamic))
            steps.append(build.mapped(name, over, over, *ups))
        elif kind == "chain":
            before = draw(st.sampled_from(mapped))
            over = before.mapped_over.step_key if before.mapped_over else ""
            steps.append(build.mapped(name, over, before.key, *ups))
        elif kind == "collect":
            over = draw(st.sampled_from(dynamic))
            steps.append(build.collecting(name, over, over, *ups))
        elif kind == "collect mapped":
            before = draw(st.sampled_from(mapped))
            over = before.mapped_over.step_key if before.mapped_over else ""
            steps.append(build.collecting(name, before.key, over, *ups))
        else:
            make = build.dynamic if kind == "dynamic" else build.planned
            steps.append(make(name, *ups))
        if steps[-1].mapped_over is None:
            static.append(name)
    return build.run_state(*steps)


FAULTS = ("success", "failure", "lost", "exit", "oom", "vanish", "death", "cancel", "nothing")


@given(plans(), st.data())
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_happens_the_run_ends_and_keeps_its_promises(
    state: model.RunState, data: st.DataObject
) -> None:
    """Every run ends; each attempt has one outcome; no step runs early or twice at once; attempts stay in budget."""
    world = World(state)
    for _ in range(40):
        world.seconds += 1
        fault = data.draw(st.sampled_from(FAULTS))
        world.advance(dies_before_effect=data.draw(st.integers(0, 3)) if fault == "death" else None)
        living = sorted(k for k, w in world.workers.items() if w.phase is WorkerPhase.RUNNING)
        if fault == "cancel":
            world.state = decide.request_cancel(world.state, build.at(world.seconds)).state
        if living and fault in FAULTS[:6]:
            hit(world, fault, data.draw(st.sampled_from(living)))
    for _ in range(40):
        world.seconds += 100
        for key in [k for k, w in world.workers.items() if w.phase is WorkerPhase.RUNNING]:
            hit(world, "success", key)
        world.advance()
    check(world)


def hit(world: World, fault: str, key: tuple[model.StepKey, int]) -> None:
    now = build.at(world.seconds)
    if fault == "success":
        planned = next(s for s in world.state.run.plan.steps if s.key == key[0])
        told = build.success()
        if planned.outputs[0].is_dynamic:
            told = build.members(*(f"k{n}" for n in range(len(key[0] + str(key[1])) % 4)))
        world.report(key, replace(told, at=now))
        world.end(key, exit_code=0, reason="Completed")
    elif fault == "failure":
        world.report(key, replace(build.failure(), at=now))
        world.end(key, exit_code=1, reason="Error")
    elif fault == "lost":
        world.report(key, replace(build.failure(AttemptStatus.LOST), at=now))
        world.end(key, exit_code=1, reason="Error")
    elif fault == "exit":
        world.end(key, exit_code=3, reason="Error")
    elif fault == "oom":
        world.end(key, exit_code=137, reason="OOMKilled", is_infrastructure=True)
    elif fault == "vanish":
        del world.workers[key]


def check(world: World) -> None:
    assert world.state.run.status in run_state.FINISHED
    assert world.state.run.is_published
    plan = world.state.run.plan
    assert [s.key for s in plan.steps] == list(world.state.steps)
    assert [s.index for s in world.state.steps.values()] == list(range(len(plan.steps)))
    for step in world.state.steps.values():
        assert step.status in step_state.FINISHED
        assert len(step.attempts) <= POLICY.max_infrastructure_retries + 1
        assert [a.number for a in step.attempts] == list(range(1, len(step.attempts) + 1))
        assert all(a.outcome is not None and a.is_released for a in step.attempts)
    assert not [k for k, w in world.workers.items() if w.phase is WorkerPhase.RUNNING]
    assert world.advance() == 0, "a finished run asks for nothing more"
    if world.state.run.status is RunStatus.SUCCESS:
        assert () == plan.templates
        assert not [i for s in plan.steps for i in s.inputs if i.collects is not None]
        assert {s.status for s in world.state.steps.values()} == {StepStatus.SUCCESS}


@given(plans())
def test_deciding_twice_changes_nothing_more(state: model.RunState) -> None:
    """Level-based: the same input again gives the same state and no event."""
    once = decide.decide(state, model.Observation(), build.at(1), POLICY)
    twice = decide.decide(once.state, model.Observation(), build.at(1), POLICY)
    assert once.state == twice.state
    assert () == twice.events
