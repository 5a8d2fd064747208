"""Assets made in this process: values, events, checks, parts, versions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from opweave import (
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetExecutionContext,
    AssetKey,
    AssetOut,
    AssetSelection,
    AssetSpec,
    Config,
    ConfigurableResource,
    DataVersion,
    Definitions,
    EventType,
    ExecuteInProcessResult,
    FilesystemIOManager,
    MaterializeResult,
    ObserveResult,
    OpExecutionContext,
    OpweaveAssetCheckFailedError,
    OpweaveInvariantViolationError,
    OpweaveStepOutputNotFoundError,
    Output,
    RetryPolicy,
    RetryRequested,
    asset,
    asset_check,
    build_asset_context,
    define_asset_job,
    graph_asset,
    graph_multi_asset,
    materialize,
    materialize_to_memory,
    mem_io_manager,
    multi_asset,
    multi_asset_check,
    observable_source_asset,
    observe,
    op,
)
from opweave.execution.plan import build_plan
from opweave.wire.attempt import DATA_VERSION_TAG


def made(result: ExecuteInProcessResult) -> list[str]:
    """Return the assets that a run wrote, in order."""
    events = result.get_asset_materialization_events()
    return ["/".join(e.payload["asset_key"]) for e in events]


def version(result: ExecuteInProcessResult, key: str) -> str:
    """Return the data version that a run gave to the asset *key*."""
    for event in result.get_asset_materialization_events():
        if event.asset_key == AssetKey(key):
            return str(event.payload["tags"][DATA_VERSION_TAG])
    raise AssertionError(key)


@asset
def numbers() -> list[int]:
    return [1, 2, 3]


@asset
def total(context: AssetExecutionContext, numbers: list[int]) -> MaterializeResult[int]:
    context.add_asset_metadata({"seen": len(numbers)})
    return MaterializeResult(value=sum(numbers), metadata={"sum": sum(numbers)})


def test_values_flow_through_io_managers_and_events_carry_all_metadata() -> None:
    result = materialize([numbers, total])
    assert (result.asset_value("total"), made(result)) == (6, ["numbers", "total"])
    (event,) = result.asset_materializations_for_node("total")
    assert event.metadata["sum"].value == 6
    assert event.metadata["seen"].value == 3
    assert "path" in event.metadata


def test_a_failing_body_raises_what_it_raised_and_skips_what_is_below() -> None:
    @asset
    def broken() -> int:
        raise ValueError("no")

    @asset
    def below(broken: int) -> int:
        return broken

    with pytest.raises(ValueError, match="no"):
        materialize([broken, below])
    result = materialize([broken, below], raise_on_error=False)
    assert (result.success, made(result)) == (False, [])
    assert [e.step_key for e in result.get_events_of_type(EventType.STEP_SKIPPED)] == ["below"]


def test_an_upstream_asset_that_is_not_selected_is_loaded_from_what_was_written_last(
    tmp_path: Path,
) -> None:
    files = {"io_manager": FilesystemIOManager(tmp_path)}
    materialize([numbers, total], resources=files, selection=["numbers"])
    result = materialize([numbers, total], resources=files, selection=[total])
    assert (result.asset_value(total), made(result)) == (6, ["total"])


def test_config_resources_and_op_tags_work_as_for_ops() -> None:
    class Scale(ConfigurableResource):
        by: int

    class Take(Config):
        n: int = 1

    @asset(op_tags={"opweave-k8s/config": {"container_config": {"resources": {}}}})
    def scaled(config: Take, scale: Scale) -> int:
        return config.n * scale.by

    result = materialize(
        [scaled], {"ops": {"scaled": {"config": {"n": 4}}}}, resources={"scale": Scale(by=10)}
    )
    assert result.asset_value("scaled") == 40
    job = Definitions(assets=[scaled], resources={"scale": Scale(by=1)}).get_job_def("__ASSET_JOB")
    for plan in (build_plan(job), build_plan(job, asset_selection=["scaled"])):
        assert plan.steps[0].pod == {"container_config": {"resources": {}}}


def test_retries_are_the_op_s() -> None:
    tries = []

    @asset(retry_policy=RetryPolicy(max_retries=2))
    def flaky() -> int:
        tries.append(1)
        if len(tries) < 3:
            raise RetryRequested(max_retries=2)
        return len(tries)

    assert materialize([flaky]).asset_value("flaky") == 3


def test_no_value_is_stored_for_a_result_without_one() -> None:
    @asset
    def table() -> MaterializeResult[Any]:
        return MaterializeResult(metadata={"rows": 3})

    result = materialize([table])
    assert result.get_events_of_type(EventType.HANDLED_OUTPUT) == []
    assert made(result) == ["table"]


def test_a_multi_asset_writes_only_what_is_asked_for() -> None:
    @multi_asset(
        specs=[AssetSpec("a"), AssetSpec("b", deps=["a"]), AssetSpec("c")], can_subset=True
    )
    def three(context: AssetExecutionContext) -> Iterator[MaterializeResult[Any]]:
        for key in sorted(context.selected_asset_keys):
            yield MaterializeResult(asset_key=key)

    assert made(materialize([three])) == ["a", "b", "c"]
    assert made(materialize([three], selection=["b"])) == ["b"]


def test_outputs_of_a_multi_asset_are_values_of_assets() -> None:
    @multi_asset(outs={"x": AssetOut(), "y": AssetOut(key=["deep", "y"])})
    def two() -> Any:
        yield Output(1, "x", metadata={"n": 1})
        yield Output(2, "y", data_version=DataVersion("v"))

    @asset(ins={"y": AssetSpec(["deep", "y"])})
    def user(x: int, y: int) -> int:
        return x + y

    result = materialize_to_memory([two, user])
    assert result.asset_value("user") == 3
    assert version(result, "x") != "v"


def test_a_graph_is_an_asset_of_several_steps() -> None:
    @op
    def double(x: int) -> int:
        return 2 * x

    @op
    def add(x: int, y: int) -> int:
        return x + y

    @graph_asset
    def big(total: int) -> Any:
        return add(double(total), total)

    @graph_multi_asset(outs={"p": AssetOut(), "q": AssetOut()})
    def both(total: int) -> Any:
        return {"p": double(total), "q": add(total, total)}

    result = materialize([numbers, total, big, both])
    assert result.asset_value("big") == 18
    assert (result.asset_value("p"), result.asset_value("q")) == (12, 12)
    assert {e.step_key for e in result.get_asset_materialization_events()} >= {
        "big.add",
        "both.add",
    }


def test_a_graph_asset_loads_what_is_not_selected(tmp_path: Path) -> None:
    @op
    def double(x: int) -> int:
        return 2 * x

    @graph_asset
    def big(total: int) -> Any:
        return double(total)

    files = {"io_manager": FilesystemIOManager(tmp_path)}
    materialize([numbers, total], resources=files)
    assert (
        materialize([numbers, total, big], resources=files, selection="big").asset_value(big) == 12
    )


@asset_check(asset=numbers, blocking=True, description="all small")
def small(numbers: list[int]) -> AssetCheckResult:
    return AssetCheckResult(passed=max(numbers) < 3, metadata={"max": max(numbers)})


def test_a_blocking_check_that_fails_skips_what_is_made_of_the_asset() -> None:
    result = materialize([numbers, total, small], raise_on_error=False)
    assert made(result) == ["numbers"]
    (verdict,) = result.get_asset_check_evaluations()
    assert (verdict.check_name, verdict.passed, verdict.metadata["max"].value) == (
        "small",
        False,
        3,
    )
    with pytest.raises(OpweaveAssetCheckFailedError, match="numbers:small"):
        materialize([numbers, total, small])


def test_a_warning_blocks_nothing() -> None:
    @asset_check(asset=numbers, blocking=True)
    def warned() -> AssetCheckResult:
        return AssetCheckResult(passed=False, severity=AssetCheckSeverity.WARN)

    result = materialize([numbers, total, warned])
    assert (result.success, made(result)) == (True, ["numbers", "total"])


def test_checks_inside_an_asset_are_told_after_it_and_block_too() -> None:
    @asset(check_specs=[AssetCheckSpec("few", asset="own", blocking=True)])
    def own() -> Any:
        return MaterializeResult(value=1, check_results=[AssetCheckResult(passed=False)])

    @asset
    def below(own: int) -> int:
        return own

    result = materialize([own, below], raise_on_error=False)
    kinds = [e.event_type for e in result.events_for_node("own")]
    assert kinds.index(EventType.ASSET_MATERIALIZATION) < kinds.index(
        EventType.ASSET_CHECK_EVALUATION
    )
    assert made(result) == ["own"]


def test_a_declared_check_needs_a_verdict() -> None:
    @asset(check_specs=[AssetCheckSpec("few", asset="own")])
    def own() -> int:
        return 1

    with pytest.raises(OpweaveStepOutputNotFoundError, match="own:few"):
        materialize([own])


def test_several_checks_are_made_at_once_or_in_part() -> None:
    specs = [AssetCheckSpec("one", asset=numbers), AssetCheckSpec("two", asset=total)]

    @multi_asset_check(specs=specs, can_subset=True)
    def many(context: Any) -> Iterator[AssetCheckResult]:
        for key in sorted(context.selected_asset_check_keys):
            yield AssetCheckResult(passed=True, asset_key=key.asset_key, check_name=key.name)

    verdicts = materialize([numbers, total, many]).get_asset_check_evaluations()
    assert [v.check_name for v in verdicts] == ["one", "two"]
    part = materialize([numbers, total, many], selection=AssetSelection.assets(numbers))
    assert [v.check_name for v in part.get_asset_check_evaluations()] == ["one"]


def test_data_versions_change_with_code_and_inputs_only() -> None:
    def run(code: str) -> ExecuteInProcessResult:
        @asset(code_version=code)
        def source() -> int:
            return 1

        @asset(code_version="1")
        def below(source: int) -> int:
            return source

        return materialize([source, below])

    first, again, changed = run("1"), run("1"), run("2")
    assert version(first, "below") == version(again, "below") != version(changed, "below")


def test_an_asset_without_code_version_is_new_in_every_run() -> None:
    assert version(materialize([numbers]), "numbers") != version(materialize([numbers]), "numbers")


def test_observation_tells_the_version_of_what_others_write() -> None:
    @observable_source_asset
    def outside() -> DataVersion:
        return DataVersion("7")

    @observable_source_asset
    def more() -> ObserveResult:
        return ObserveResult(metadata={"rows": 2})

    @asset(deps=[outside], code_version="1")
    def user() -> None: ...

    result = observe([outside, more, user])
    events = result.get_asset_observation_events()
    assert [e.payload["tags"].get(DATA_VERSION_TAG) for e in events] == ["7", None]
    assert made(result) == []


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (MaterializeResult(asset_key="nope"), "asks for: odd"),
        (ObserveResult(), "it gives MaterializeResult"),
        (AssetCheckResult(passed=True), "fits none"),
    ],
)
def test_a_result_that_does_not_fit_is_told(given: object, told: str) -> None:
    @asset
    def odd() -> Any:
        yield given

    with pytest.raises(OpweaveInvariantViolationError, match=told):
        materialize([odd])


def test_metadata_of_a_wrong_type_is_told() -> None:
    @asset
    def odd() -> Any:
        return MaterializeResult(metadata={"x": object()})

    with pytest.raises(OpweaveInvariantViolationError, match="the metadata 'x'"):
        materialize([odd])


def test_a_direct_call_with_a_context() -> None:
    @asset
    def keyed(context: AssetExecutionContext) -> str:
        return context.asset_key.to_user_string()

    assert keyed(build_asset_context(asset_key="a/b")) == "a/b"


def test_a_body_may_annotate_its_context_as_an_op_s() -> None:
    @asset
    def keyed(context: OpExecutionContext) -> str:
        return str(context.asset_key)  # type: ignore[attr-defined]  # as older code of users does

    assert materialize([keyed]).asset_value("keyed") == "keyed"


def test_order_without_a_value_holds_for_specs_whose_deps_were_changed() -> None:
    order = []

    @asset
    def z() -> None:
        order.append("z")

    @asset
    def a() -> None:
        order.append("a")

    changed = a.map_asset_specs(lambda spec: spec.merge_attributes(deps=["z"]))
    materialize([changed, z])
    assert order == ["z", "a"]


def test_jobs_of_assets_are_jobs_as_any() -> None:
    defs = Definitions(
        assets=[numbers, total],
        asset_checks=[small],
        jobs=[define_asset_job("sums", "+total", tags={"t": "1"})],
        resources={"io_manager": mem_io_manager},
    )
    assert [job.name for job in defs.jobs] == ["sums", "__ASSET_JOB"]
    plan = build_plan(defs.get_job_def("sums"))
    assert [step.key for step in plan.steps] == ["numbers", "numbers_small", "total"]
    assert plan.tags == {"t": "1"}
    part = build_plan(defs.get_job_def("sums"), asset_selection="total")
    assert [(s.key, [a.key for a in s.assets]) for s in part.steps] == [("total", ["total"])]
    assert part.steps[0].inputs[0].asset_key == "numbers"
    assert part.steps[0].inputs[0].sources == ()
