"""Jobs and graphs whose run config is mapped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from opweave import (
    Config,
    ConfigMapping,
    Definitions,
    EventType,
    Field,
    GraphDefinition,
    JobDefinition,
    OpExecutionContext,
    OpweaveInvalidConfigError,
    OpweaveInvalidDefinitionError,
    RunConfig,
    StringSource,
    config_mapping,
    graph,
    job,
    op,
)
from opweave.config.scaffold import scaffold_job
from opweave.execution.plan import build_plan
from opweave.execution.snapshot import snapshot_job
from opweave.execution.step import run_attempt
from opweave.wire.attempt import AttemptSlice, StepFailure, StepSuccess
from opweave_operator.usecases.attempt_slice import cut_config


class Small(Config):
    n: int


@op(config_schema={"rows": int, "table": Field(StringSource, default_value="t")})
def load(context: OpExecutionContext) -> str:
    return f"{context.op_config['rows']} of {context.op_config['table']}"


@config_mapping(config_schema={"n": Field(int, default_value=1), "table": Field(StringSource, "t")})
def small(config: Any) -> dict[str, Any]:
    return {"ops": {"load": {"config": {"rows": config["n"] * 2, "table": config["table"]}}}}


@job(config=small)
def daily() -> None:
    load()


@graph(config=ConfigMapping(lambda c: {"load": {"config": {"rows": c["n"]}}}, {"n": int}))
def part() -> str:
    return load()


@job
def parts() -> None:
    part()


PART = {"ops": {"part": {"config": {"n": 4}}}}


def attempt(made: JobDefinition, path: str, config: dict[str, Any], folder: Path) -> Any:
    """Run a step as a cluster does: by the plan of the code server and the part of its config that it is given."""
    plan = build_plan(made, config)
    cut = cut_config(plan.run_config, path)
    slice_ = AttemptSlice(
        run_id="r", job=made.name, step_key=path, attempt=1, op_path=path, run_config=cut
    )
    bound = Definitions(jobs=[made]).get_job_def(made.name)
    return run_attempt(bound, slice_, lambda *_: None, instance_directory=folder)


def test_a_run_is_given_the_mapped_shape() -> None:
    assert daily.execute_in_process({"n": 4}).output_for_node("load") == "8 of t"
    assert daily.execute_in_process().output_for_node("load") == "2 of t"
    assert parts.execute_in_process(PART).output_for_node("part.load") == "4 of t"


def test_the_scaffold_and_the_schema_have_the_mapped_shape() -> None:
    assert '"n": 1' in scaffold_job(daily)
    assert "rows" not in scaffold_job(daily) + scaffold_job(parts)
    assert set(snapshot_job(daily).config_schema["properties"]) == {"n", "table"}
    part_schema = snapshot_job(parts).config_schema["properties"]["ops"]["properties"]["part"]
    assert set(part_schema["properties"]) == {"config"}


@pytest.mark.parametrize(
    ("made", "path", "config"), [(daily, "load", {"n": 4}), (parts, "part.load", PART)]
)
def test_a_step_of_its_own_maps_the_config_that_the_run_keeps(
    made: JobDefinition, path: str, config: dict[str, Any], tmp_path: Path
) -> None:
    plan = build_plan(made, config)
    assert build_plan(made, plan.run_config) == plan
    assert isinstance(attempt(made, path, config, tmp_path), StepSuccess)


def test_a_reference_is_read_in_the_step(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = {"table": {"env": "TABLE"}}
    monkeypatch.delenv("TABLE", raising=False)
    assert build_plan(daily, config).run_config["table"] == {"env": "TABLE"}
    failed = attempt(daily, "load", config, tmp_path)
    assert isinstance(failed, StepFailure)
    assert failed.reason == "ConfigInvalid"
    monkeypatch.setenv("TABLE", "x")
    assert daily.execute_in_process(config).output_for_node("load") == "2 of x"


def problems_of(made: JobDefinition, config: dict[str, Any]) -> dict[tuple[str, ...], str]:
    with pytest.raises(OpweaveInvalidConfigError) as told:
        build_plan(made, config)
    return {problem.path: problem.message for problem in told.value.problems}


def test_wrong_outer_config_is_told_at_its_place() -> None:
    assert ("n",) in problems_of(daily, {"n": "x"})
    assert ("ops",) in problems_of(daily, {"ops": {"load": {"config": {"rows": 1}}}})
    assert ("ops", "part", "config", "n") in problems_of(parts, {})


def test_wrong_inner_config_is_told_with_both_places() -> None:
    @config_mapping(config_schema={"n": int})
    def wrong(config: Any) -> dict[str, Any]:
        return {"ops": {"load": {"config": {"rows": str(config["n"])}}}}

    @job(config=wrong)
    def made() -> None:
        load()

    message = problems_of(made, {"n": 1})[()]
    assert "wrong (" in message
    assert "ops.load.config.rows must be int" in message


def test_a_config_class_and_a_run_config_may_be_used() -> None:
    @config_mapping
    def typed(config: Small) -> RunConfig:
        return RunConfig(ops={"load": {"config": {"rows": config.n}}})

    @job(config=typed)
    def made() -> None:
        load()

    assert made.execute_in_process({"n": 3}).output_for_node("load") == "3 of t"
    assert typed(Small(n=1)).ops == {"load": {"config": {"rows": 1}}}


def test_a_graph_may_have_its_config_in_code_and_contain_mapped_graphs() -> None:
    @graph(config={"part": {"config": {"n": 7}}})
    def outer() -> str:
        return part()

    @job
    def made() -> None:
        outer()

    assert made.execute_in_process().output_for_node("outer.part.load") == "7 of t"
    assert "rows" not in scaffold_job(made)


def test_a_mapped_graph_that_is_not_selected_needs_no_config() -> None:
    @op
    def other() -> None: ...

    @job
    def made() -> None:
        part()
        other()

    result = made.execute_in_process(op_selection=["other"])
    assert [e.step_key for e in result.get_events_of_type(EventType.STEP_SUCCESS)] == ["other"]


def job_of(made: GraphDefinition, **options: Any) -> JobDefinition:
    return made.to_job(**options)


def test_steps_that_others_feed_need_no_values_and_one_that_is_selected_alone_is_given_them(
    tmp_path: Path,
) -> None:
    @op(config_schema={"by": int})
    def more(context: OpExecutionContext, rows: int) -> int:
        return rows * int(context.op_config["by"])

    @config_mapping(config_schema={"by": int, "rows": Field(int, is_required=False)})
    def mapping(config: Any) -> dict[str, Any]:
        entry: dict[str, Any] = {"config": {"by": config["by"]}}
        if "rows" in config:
            entry["inputs"] = {"rows": config["rows"]}
        return {"ops": {"more": entry}}

    @op
    def one() -> int:
        return 1

    @job(config=mapping)
    def made() -> None:
        more(one())

    result = made.execute_in_process({"by": 3})
    assert result.output_for_node("more") == 3
    alone = made.execute_in_process({"by": 3, "rows": 5}, op_selection=["more"])
    assert alone.output_for_node("more") == 15
    assert made.expanded_run_config({"by": 3}, ["more"])["ops"]["more"]["config"] == {"by": 3}
    assert isinstance(attempt(made, "one", {"by": 3}, tmp_path), StepSuccess)


def body() -> None:
    load()


def test_what_could_not_work_is_refused() -> None:
    with pytest.raises(OpweaveInvalidDefinitionError, match="named fields"):
        job(config=ConfigMapping(lambda c: c))(body)
    with pytest.raises(OpweaveInvalidDefinitionError, match="called ops"):
        job(config=ConfigMapping(lambda c: c, {"ops": dict}))(body)
    with pytest.raises(OpweaveInvalidDefinitionError, match=r"to_job\(config="):
        job_of(part)
    with pytest.raises(OpweaveInvalidDefinitionError, match="give a function"):
        ConfigMapping(3)  # type: ignore[arg-type]
    with pytest.raises(OpweaveInvalidDefinitionError, match="not supported"):
        ConfigMapping(lambda c: c, receive_processed_config_values=False)
