"""The plan of a run: its steps in topological order and how outputs flow between them."""

from __future__ import annotations

import enum
from typing import Any

from opweave.wire import WIRE_VERSION
from opweave.wire.message import field, message


class Backoff(enum.StrEnum):
    """How the delay of a retry policy grows."""

    LINEAR = "LINEAR"
    EXPONENTIAL = "EXPONENTIAL"


class Jitter(enum.StrEnum):
    """How the delay of a retry policy is randomised."""

    FULL = "FULL"
    PLUS_MINUS = "PLUS_MINUS"


@message
class OutputRef:
    """One output of one step.

    Attributes:
        run_id: Of the earlier run that has given it; None means the run whose plan this is.
        mapping_key: Of one member of a dynamic output of an earlier run.
    """

    step_key: str
    output_name: str = "result"
    run_id: str | None = None
    mapping_key: str | None = None


@message
class StepInput:
    """One input of a step.

    Attributes:
        name: The op's own name of the input.
        sources: Outputs that feed it; empty when config, a default or nothing feeds it. Several mean fan-in.
        is_fan_in: The op receives a list, from which skipped sources are left out.
        is_nothing: Order only; no value is passed.
        collects: What is still to be found out: the output of a template, or the dynamic output itself, of which the op receives
            all members as a list. Until the dynamic output was given, *sources* name it; then they name the members.
        asset_key: The asset that the input is, as people write it; without sources it is what was written last.
    """

    name: str
    sources: tuple[OutputRef, ...] = ()
    is_fan_in: bool = False
    is_nothing: bool = False
    collects: OutputRef | None = None
    asset_key: str | None = None


@message
class StepOutput:
    """One output of a step; *is_required* False means that not yielding it skips what depends on it."""

    name: str = "result"
    is_required: bool = True
    is_dynamic: bool = False
    is_nothing: bool = False


@message
class PlannedAsset:
    """An asset that a step writes or observes.

    Attributes:
        key: As people write it.
        output: The step's output that it is.
        upstream: Keys of the assets that it is made of.
    """

    key: str
    output: str = "result"
    is_observation: bool = False
    upstream: tuple[str, ...] = ()


@message
class PlannedAssetCheck:
    """A check that a step makes."""

    asset_key: str
    name: str


@message
class RetryPolicy:
    """The user's retries of a step, made inside its process.

    Attributes:
        max_retries: Retries after the first try; 0 means none.
        delay_seconds: Before the first retry; None means at once.
    """

    max_retries: int = 1
    delay_seconds: float | None = None
    backoff: Backoff | None = None
    jitter: Jitter | None = None


@message
class PlannedStep:
    """A step of a plan.

    Attributes:
        key: Path of the op in the graph, joined by dots, and the mapping key in brackets where the step is one of those that a
            dynamic output calls for; unique in the plan. A template ends in ``[?]``.
        op: Name of the op's definition.
        tags: The op's tags.
        pod: Pod shape that the op asks for (``container_config``, ``pod_spec_config``, ``pod_template_spec_metadata``),
            in Kubernetes' own camelCase; empty means the location's.
        timeout_seconds: From the start of user code; None means no limit.
        mapped_over: The dynamic output for whose members there is a step each.
        assets: That the run asks the step for.
        asset_checks: That the run asks the step for.
    """

    key: str
    op: str
    description: str | None = None
    inputs: tuple[StepInput, ...] = ()
    outputs: tuple[StepOutput, ...] = ()
    tags: dict[str, str] = field(default_factory=dict)
    pod: dict[str, Any] = field(default_factory=dict)
    retry_policy: RetryPolicy | None = None
    timeout_seconds: float | None = None
    mapped_over: OutputRef | None = None
    assets: tuple[PlannedAsset, ...] = ()
    asset_checks: tuple[PlannedAssetCheck, ...] = ()

    @property
    def upstream_keys(self) -> tuple[str, ...]:
        """Keys of the steps that must end before this one, each once, in input order."""
        return tuple(
            dict.fromkeys(
                ref.step_key for i in self.inputs for ref in i.sources if ref.run_id is None
            )
        )


@message
class RunPlan:
    """All steps of a run, upstream before downstream; those that a dynamic output called for stand at the end.

    Attributes:
        steps: Those that are known. A step keeps its place: the plan only grows, at its end.
        templates: Steps that will be there once for each member of a dynamic output that has not been given yet, upstream before
            downstream; see `mapped_steps.grown`.
        run_config: The run config with every default filled in; secrets stay references.
        definitions_hash: Of the definitions it was made from.
    """

    job: str
    steps: tuple[PlannedStep, ...]
    templates: tuple[PlannedStep, ...] = ()
    run_config: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    definitions_hash: str = ""
    wire_version: int = WIRE_VERSION
