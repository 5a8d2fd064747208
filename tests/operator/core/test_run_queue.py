"""Admission by priority, age and limits."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from opweave_operator.core import model, run_queue
from support import builders as build


def queued(
    number: int,
    *,
    priority: int = 0,
    job: str | None = None,
    tags: dict[str, str] | None = None,
    location: str = "shop",
) -> model.Run:
    run = build.run_state(status=model.RunStatus.QUEUED).run
    return replace(
        run,
        location=model.LocationRef(namespace="local", name=location),
        id=model.RunId(f"{number:026d}"),
        priority=priority,
        job_resource=job,
        tags=tags or {},
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


def test_a_limit_on_a_value_of_a_tag_holds_back_that_value_only() -> None:
    """Others with the tag, and runs without it, pass."""
    limits = run_queue.QueueLimits(tag_limits=(run_queue.TagLimit(key="team", value="a", limit=1),))
    runs = [queued(n, tags={"team": team}) for n, team in enumerate("aab")] + [queued(9)]
    admission = run_queue.select(runs, [], limits)
    assert (runs[0].id, runs[2].id, runs[3].id) == admission.admitted
    assert "1 run with tag team=a is active, its limit is 1" == admission.waiting[runs[1].id]


def test_a_limit_for_each_value_counts_each_value_alone() -> None:
    """A limit on one value beside it tightens that value."""
    limits = run_queue.QueueLimits(
        tag_limits=(
            run_queue.TagLimit(key="team", value=None, limit=2),
            run_queue.TagLimit(key="team", value="b", limit=1),
        )
    )
    runs = [queued(n, tags={"team": team}) for n, team in enumerate("aaabb")]
    admission = run_queue.select(runs, [], limits)
    assert (runs[0].id, runs[1].id, runs[3].id) == admission.admitted


def test_a_limit_of_zero_holds_back_every_run_with_the_tag() -> None:
    """As a stop for one kind of runs."""
    limits = run_queue.QueueLimits(
        tag_limits=(run_queue.TagLimit(key="team", value=None, limit=0),)
    )
    runs = [queued(1, tags={"team": "a"}), queued(2)]
    assert (runs[1].id,) == run_queue.select(runs, [], limits).admitted


_TEAMS = st.sampled_from([None, "a", "b", "c"])
_LIMITS = st.lists(
    st.builds(
        run_queue.TagLimit,
        key=st.sampled_from(["team", "kind"]),
        value=st.sampled_from([None, "a", "b"]),
        limit=st.integers(0, 3),
    ),
    max_size=4,
)


@given(
    st.lists(st.tuples(st.integers(-2, 2), _TEAMS, _TEAMS), max_size=25),
    st.lists(st.tuples(_TEAMS, _TEAMS), max_size=5),
    _LIMITS,
    st.integers(0, 12),
)
def test_tag_limits_hold_and_every_run_that_waits_has_a_full_limit(
    wanted: list[tuple[int, str | None, str | None]],
    under_way: list[tuple[str | None, str | None]],
    tag_limits: list[run_queue.TagLimit],
    most: int,
) -> None:
    """Against a count over all that is active in the end, limit by limit."""

    def tags(team: str | None, kind: str | None) -> dict[str, str]:
        return {k: v for k, v in (("team", team), ("kind", kind)) if v is not None}

    runs = {
        run.id: run
        for run in (queued(n, priority=p, tags=tags(t, k)) for n, (p, t, k) in enumerate(wanted))
    }
    active = [queued(100 + n, tags=tags(*pair)) for n, pair in enumerate(under_way)]
    limits = run_queue.QueueLimits(max_concurrent_runs=most, tag_limits=tuple(tag_limits))
    admission = run_queue.select(list(runs.values()), active, limits)
    admitted = [runs[run_id] for run_id in admission.admitted]

    def fills(limit: run_queue.TagLimit, value: str) -> int:
        return sum(run.tags.get(limit.key) == value for run in active + admitted)

    for limit in tag_limits:
        for value in "abc":
            if limit.value in (None, value):
                before = sum(run.tags.get(limit.key) == value for run in active)
                assert fills(limit, value) <= max(limit.limit, before)
    for run_id in admission.waiting:
        run = runs[run_id]
        is_full = len(active) + len(admitted) >= most
        assert is_full or any(
            limit.key in run.tags
            and limit.value in (None, run.tags[limit.key])
            and fills(limit, run.tags[limit.key]) >= limit.limit
            for limit in tag_limits
        )


def test_the_next_place_goes_to_the_location_with_the_fewest_active_runs() -> None:
    """A long backlog of one location does not shut out a run of another that came later."""
    backlog = [queued(n, location="busy") for n in range(5)]
    late = queued(9, location="idle")
    limits = run_queue.QueueLimits(max_concurrent_runs=4)
    admission = run_queue.select([*backlog, late], [queued(100, location="busy")], limits)
    assert (late.id, backlog[0].id, backlog[1].id) == admission.admitted


@given(
    st.lists(st.tuples(st.integers(0, 1), st.sampled_from("abc")), max_size=20),
    st.lists(st.sampled_from("abc"), max_size=4),
    st.integers(0, 12),
)
def test_turns_are_those_of_a_choice_one_by_one(
    wanted: list[tuple[int, str]], under_way: list[str], most: int
) -> None:
    """Against a model that looks at the whole queue again for each place."""
    runs = [queued(n, priority=p, location=at) for n, (p, at) in enumerate(wanted)]
    active = [queued(100 + n, location=at) for n, at in enumerate(under_way)]
    admission = run_queue.select(runs, active, run_queue.QueueLimits(max_concurrent_runs=most))
    left, places = list(runs), [run.location for run in active]
    expected = []
    while left and len(places) < most:
        best = min(left, key=lambda r: (-r.priority, places.count(r.location), r.created_at))
        left.remove(best)
        places.append(best.location)
        expected.append(best.id)
    assert tuple(expected) == admission.admitted


def test_a_limit_of_zero_runs_says_that_it_holds_back_everything() -> None:
    """Nobody is active who could make room."""
    admission = run_queue.select([queued(1)], [], run_queue.QueueLimits(max_concurrent_runs=0))
    assert "limit of concurrent runs is 0" in admission.waiting[queued(1).id]
