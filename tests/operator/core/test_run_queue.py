"""Admission by priority, age and limits."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from opweave_operator.core import model, run_queue
from support import builders as build


def queued(number: int, *, priority: int = 0, job: str | None = None) -> model.Run:
    run = build.run_state(status=model.RunStatus.QUEUED).run
    return replace(
        run,
        id=model.RunId(f"{number:026d}"),
        priority=priority,
        job_resource=job,
        created_at=build.at(number),
    )


def test_higher_priority_goes_first_then_the_older_run() -> None:
    """Two places for three runs."""
    runs = [queued(1), queued(2, priority=5), queued(3)]
    admission = run_queue.select(runs, [], run_queue.QueueLimits(max_concurrent_runs=2))
    assert (runs[1].id, runs[0].id) == admission.admitted
    assert {runs[2].id: "2 runs are active, the instance's limit is 2"} == admission.waiting


def test_a_job_at_its_own_limit_holds_back_nobody_else() -> None:
    """The run behind it is admitted."""
    limits = run_queue.QueueLimits(per_job_resource={("local", "daily"): 1})
    runs = [queued(2, job="daily"), queued(3, job="other")]
    admission = run_queue.select(runs, [queued(1, job="daily")], limits)
    assert (runs[1].id,) == admission.admitted
    assert "1 run of daily is active, its limit is 1" == admission.waiting[runs[0].id]


def test_a_paused_instance_admits_nothing() -> None:
    """And says so on every run."""
    admission = run_queue.select([queued(1)], [], run_queue.QueueLimits(is_paused=True))
    assert () == admission.admitted
    assert "launches are paused by the instance" in admission.waiting.values()


@given(
    st.lists(st.tuples(st.integers(-3, 3), st.sampled_from([None, "a", "b"])), max_size=30),
    st.integers(0, 10),
    st.integers(0, 5),
    st.integers(0, 4),
)
def test_limits_are_never_exceeded_and_no_place_is_wasted(
    jobs: list[tuple[int, str | None]], limit: int, limit_of_a: int, active_of_a: int
) -> None:
    """Against a brute-force count over every admitted set."""
    runs = [queued(n, priority=p, job=j) for n, (p, j) in enumerate(jobs)]
    active = [queued(100 + n, job="a") for n in range(active_of_a)]
    limits = run_queue.QueueLimits(
        max_concurrent_runs=limit, per_job_resource={("local", "a"): limit_of_a}
    )
    admission = run_queue.select(runs, active, limits)
    admitted = [r for r in runs if r.id in admission.admitted]
    total = len(admitted) + active_of_a
    of_a = active_of_a + sum(r.job_resource == "a" for r in admitted)
    assert total <= max(limit, active_of_a)
    assert of_a <= max(limit_of_a, active_of_a)
    for run in runs:
        if run.id not in admission.admitted:
            assert total >= limit or (run.job_resource == "a" and of_a >= limit_of_a)
