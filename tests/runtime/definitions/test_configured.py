"""Definitions whose config is given in code."""

from __future__ import annotations

from typing import Any

import pytest

from opweave import (
    Config,
    Definitions,
    EnvVar,
    Field,
    InitResourceContext,
    InMemoryIOManager,
    JobDefinition,
    OpDefinition,
    OpExecutionContext,
    OpweaveInvalidConfigError,
    OpweaveInvalidDefinitionError,
    StringSource,
    build_op_context,
    configured,
    io_manager,
    job,
    op,
    resource,
    validate_run_config,
)
from opweave.config.scaffold import scaffold_job
from opweave.execution.digest import digest_of


class Small(Config):
    n: int


@op(config_schema={"rows": int, "table": Field(str, default_value="t")})
def load(context: OpExecutionContext) -> dict[str, Any]:
    """Load rows."""
    return dict(context.op_config)


def job_of(used: OpDefinition[..., Any], **options: Any) -> JobDefinition:
    @job(name="daily", **options)
    def daily() -> None:
        used()

    return daily


def problems_of(made: JobDefinition, run_config: dict[str, Any]) -> dict[tuple[str, ...], str]:
    """Return what is told at launch."""
    with pytest.raises(OpweaveInvalidConfigError) as told:
        validate_run_config(made, run_config)
    return {problem.path: problem.message for problem in told.value.problems}


@pytest.mark.parametrize(
    "few",
    [load.configured({"rows": 3}, name="few"), configured(load, name="few")({"rows": 3})],
)
def test_a_value_is_the_config_with_the_defaults_of_the_definition(
    few: OpDefinition[..., Any],
) -> None:
    result = job_of(few).execute_in_process()
    assert result.output_for_node("few") == {"rows": 3, "table": "t"}
    assert (few.name, few.description, load.name) == ("few", "Load rows.", "load")


def test_a_value_leaves_nothing_to_configure() -> None:
    few = load.configured({"rows": 3}, name="few")
    assert scaffold_job(job_of(few)).endswith("{}\n")
    told = problems_of(job_of(few), {"ops": {"few": {"config": {"rows": 4}}}})
    assert "is not a field of few's config" in told["ops", "few", "config", "rows"]


def test_a_wrong_value_is_told_at_launch_with_both_levels() -> None:
    message = problems_of(job_of(load.configured({"rows": "x"}, name="few")), {})[
        "ops", "few", "config"
    ]
    assert "given in code" in message
    assert "test_configured.py" in message
    assert "rows must be int, found str 'x'" in message


def test_a_function_makes_the_config_of_a_smaller_one() -> None:
    @configured(load, config_schema={"n": Field(int, default_value=2)})
    def double(config: Any) -> dict[str, Any]:
        return {"rows": config["n"] * 2}

    made = job_of(double)
    assert made.execute_in_process().output_for_node("double")["rows"] == 4
    given = {"ops": {"double": {"config": {"n": 5}}}}
    assert made.execute_in_process(given).output_for_node("double")["rows"] == 10
    assert '"n": 2' in scaffold_job(made)
    assert "rows" not in scaffold_job(made)
    assert made.complete_run_config(given) == given
    assert (
        "must be int"
        in problems_of(made, {"ops": {"double": {"config": {"n": "5"}}}})[
            "ops", "double", "config", "n"
        ]
    )


def test_a_function_may_take_a_config_class() -> None:
    @configured(load)
    def double(config: Small) -> dict[str, Any]:
        return {"rows": config.n * 2}

    given = {"ops": {"double": {"config": {"n": 5}}}}
    assert job_of(double).execute_in_process(given).output_for_node("double")["rows"] == 10
    assert ("ops", "double", "config", "n") in problems_of(job_of(double), {})


def test_a_function_without_schema_takes_any_config_or_none() -> None:
    @configured(load)
    def count(config: Any) -> dict[str, Any]:
        return {"rows": len(config or "")}

    assert job_of(count).execute_in_process().output_for_node("count")["rows"] == 0
    given = {"ops": {"count": {"config": [1, 2]}}}
    assert job_of(count).execute_in_process(given).output_for_node("count")["rows"] == 2


def test_a_function_may_change_what_it_is_given() -> None:
    @configured(load)
    def changing(config: Any) -> dict[str, Any]:
        rows = config.pop("n")
        return {"rows": rows}

    given = {"ops": {"changing": {"config": {"n": 2}}}}
    assert job_of(changing).execute_in_process(given).output_for_node("changing")["rows"] == 2


def test_what_a_function_returns_is_checked_at_launch() -> None:
    wrong = load.configured(lambda config: {"row": config["n"]}, "wrong", {"n": int})
    message = problems_of(job_of(wrong), {"ops": {"wrong": {"config": {"n": 1}}}})[
        "ops", "wrong", "config"
    ]
    assert "is mapped by <lambda>" in message


def test_what_a_function_raises_is_told_at_its_place() -> None:
    def fail(config: Any) -> Any:
        raise ValueError(f"no {config['n']}")

    made = job_of(load.configured(fail, "failing", {"n": int}))
    told = problems_of(made, {"ops": {"failing": {"config": {"n": 1}}}})
    assert "raise ValueError: no 1" in told["ops", "failing", "config"]


def test_a_configured_op_can_be_configured_again_and_called() -> None:
    double = load.configured(lambda c: {"rows": c["n"] * 2}, "double", {"n": int})
    four = double.configured({"n": 2}, name="four")
    assert job_of(four).execute_in_process().output_for_node("four")["rows"] == 4
    assert double(build_op_context(op_config={"n": 3}))["rows"] == 6


def test_a_config_parameter_receives_an_object() -> None:
    @op
    def take(config: Small) -> int:
        return config.n

    one = take.configured({"n": 1}, name="one")
    assert job_of(one).execute_in_process().output_for_node("one") == 1


def test_an_op_needs_a_name_and_a_config() -> None:
    with pytest.raises(OpweaveInvalidDefinitionError, match="give name="):
        load.configured({"rows": 1})

    @op
    def plain() -> None: ...

    with pytest.raises(OpweaveInvalidDefinitionError, match=r"'plain'.* takes no config"):
        plain.configured({}, name="x")
    with pytest.raises(OpweaveInvalidDefinitionError, match="give an op"):
        configured(3)  # type: ignore[type-var]


@op(required_resource_keys={"db"})
def use(context: OpExecutionContext) -> str:
    return str(context.resources.db)


@resource(config_schema={"host": StringSource})
def db(context: InitResourceContext) -> str:
    return f"db at {context.resource_config['host']}"


def test_a_resource_is_configured_with_a_reference_that_its_step_reads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = job_of(use, resource_defs={"db": db.configured({"host": EnvVar("DB_HOST")})})
    monkeypatch.delenv("DB_HOST", raising=False)
    validate_run_config(made, {})
    monkeypatch.setenv("DB_HOST", "x")
    assert made.execute_in_process().output_for_node("use") == "db at x"


def test_a_function_receives_the_value_of_a_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    @configured(db, config_schema={"name": StringSource})
    def local(config: Any) -> dict[str, str]:
        return {"host": f"{config['name']}.local"}

    made = job_of(use, resource_defs={"db": local})
    given = {"resources": {"db": {"config": {"name": {"env": "DB_NAME"}}}}}
    monkeypatch.delenv("DB_NAME", raising=False)
    assert made.complete_run_config(given)["resources"] == given["resources"]
    monkeypatch.setenv("DB_NAME", "x")
    assert made.execute_in_process(given).output_for_node("use") == "db at x.local"


def test_an_io_manager_keeps_its_kind_and_receives_its_config() -> None:
    folders = []

    @io_manager(config_schema={"folder": str}, output_config_schema={"name": str})
    def stored(context: InitResourceContext) -> InMemoryIOManager:
        folders.append(context.resource_config["folder"])
        return InMemoryIOManager()

    made = job_of(
        load.configured({"rows": 1}, name="few"),
        resource_defs={"io_manager": stored.configured({"folder": "f"})},
    )
    made.execute_in_process({"ops": {"few": {"outputs": {"result": {"name": "x"}}}}})
    assert folders == ["f"]


def test_the_digest_of_definitions_tells_given_configs_apart() -> None:
    def digest(rows: int) -> str:
        made = job_of(load.configured({"rows": rows}, name="few"))
        return digest_of(Definitions(jobs=[made]))

    assert digest(1) == digest(1)
    assert digest(1) != digest(2)
