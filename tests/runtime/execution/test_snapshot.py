"""Snapshots and digests: what a location tells of its jobs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from opweave import Definitions, Field, OpweaveInvalidDefinitionError, graph, job, op
from opweave.execution.snapshot import snapshot_job
from opweave.wire import codec
from opweave.wire.location import GraphNode, JobSnapshot


@op
def one() -> int:
    return 1


@op(config_schema={"rows": Field(int, description="how many")})
def add(context, x: int) -> int:  # type: ignore[no-untyped-def]
    return x + 1


@graph
def part(x: int) -> Any:
    """Add."""
    return add(x)


@job
def daily() -> None:
    """Run every day."""
    part(one())


def test_a_snapshot_shows_the_graph_as_it_was_drawn() -> None:
    assert snapshot_job(daily).graph == (
        GraphNode(path="one", definition="one", outputs=("result",)),
        GraphNode(
            path="part",
            definition="part",
            description="Add.",
            inputs={"x": ("one",)},
            outputs=("result",),
            children=(
                GraphNode(path="part.add", definition="add", inputs={"x": ()}, outputs=("result",)),
            ),
        ),
    )


def test_a_job_that_needs_config_is_shown_all_the_same() -> None:
    snapshot = snapshot_job(daily)
    assert snapshot.requires_config
    assert snapshot.plan.run_config == {}
    assert [step.key for step in snapshot.plan.steps] == ["one", "part.add"]
    assert snapshot.description == "Run every day."
    ops = snapshot.config_schema["properties"]["ops"]
    assert ops["required"] == ["part"]
    config = ops["properties"]["part"]["properties"]["ops"]["properties"]["add"]["properties"][
        "config"
    ]
    assert config["properties"]["rows"] == {"type": "integer", "description": "how many"}


def test_a_snapshot_survives_the_wire() -> None:
    snapshot = snapshot_job(daily)
    assert codec.decode(JobSnapshot, codec.encode(snapshot)) == snapshot


def test_a_wrong_tag_is_found() -> None:
    @op(tags={"opweave-k8s/config": {"nope": {}}})
    def use() -> None:
        pass

    @job
    def weekly() -> None:
        use()

    with pytest.raises(OpweaveInvalidDefinitionError, match="the part 'nope'"):
        snapshot_job(weekly)


CODE = """
import opweave

{comment}
@opweave.op{options}
def load() -> int:
    return {value}

@opweave.job
def daily():
    load()

defs = opweave.Definitions(jobs=[daily])
"""


@pytest.fixture
def digest(tmp_path: Path) -> Callable[..., str]:
    """Return a function that gives the digest of the code above with parts replaced, each from a file of its own."""
    made: list[Path] = []

    def of(value: str = "1", comment: str = "", options: str = "") -> str:
        path = tmp_path / f"code{len(made)}.py"
        made.append(path)
        path.write_text(CODE.format(value=value, comment=comment, options=options))
        namespace: dict[str, Any] = {"__name__": path.stem}
        exec(compile(path.read_text(), str(path), "exec"), namespace)
        definitions: Definitions = namespace["defs"]
        return definitions.definitions_hash()

    return of


def test_the_digest_does_not_depend_on_where_the_code_lies(digest: Callable[..., str]) -> None:
    assert digest() == digest(comment="# a line more\n")


@pytest.mark.parametrize("change", [{"value": "2"}, {"options": "(tags={'a': 'b'})"}])
def test_the_digest_changes_with_the_code(
    digest: Callable[..., str], change: dict[str, str]
) -> None:
    assert digest() != digest(**change)


def test_definitions_without_source_have_a_digest() -> None:
    namespace: dict[str, Any] = {}
    exec(CODE.format(value="1", comment="", options=""), namespace)
    assert len(namespace["defs"].definitions_hash()) == 64


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"ops": {"nope": {}}}, "ops.nope is not a field"),
        ({"ops": {"counts": {"config": {"n": "three"}}}}, "ops.counts.config.n must be int"),
    ],
)
def test_a_job_whose_own_config_does_not_fit_is_refused(config: dict[str, Any], told: str) -> None:
    """With its place, when its location loads, and not at the first launch."""

    @op(config_schema={"n": int, "m": int})
    def counts() -> None: ...

    @job(config=config)
    def wrong() -> None:
        counts()

    with pytest.raises(OpweaveInvalidDefinitionError, match=f"config= of job 'wrong'.*{told}"):
        snapshot_job(wrong)


def test_a_job_whose_own_config_leaves_something_out_needs_config() -> None:
    """A run gives the whole of it."""

    @op(config_schema={"n": int, "m": int})
    def counts() -> None: ...

    @job(config={"ops": {"counts": {"config": {"n": 3}}}})
    def partial() -> None:
        counts()

    assert snapshot_job(partial).requires_config
