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
    """One output of one step of the same run."""

    step_key: str
    output_name: str = "result"


@message
class StepInput:
    """One input of a step.

    Attributes:
        name: The op's own name of the input.
        sources: Outputs that feed it; empty when config, a default or nothing feeds it. Several mean fan-in.
        is_fan_in: The op receives a list, from which skipped sources are left out.
        is_nothing: Order only; no value is passed.
    """

    name: str
    sources: tuple[OutputRef, ...] = ()
    is_fan_in: bool = False
    is_nothing: bool = False


@message
class StepOutput:
    """One output of a step; *is_required* False means that not yielding it skips what depends on it."""

    name: str = "result"
    is_required: bool = True
    is_dynamic: bool = False
    is_nothing: bool = False


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
        key: Path of the op in the graph, joined by dots; unique in the plan.
        op: Name of the op's definition.
        tags: The op's tags.
        pod: Pod shape that the op asks for (``container_config``, ``pod_spec_config``, ``pod_template_spec_metadata``),
            in Kubernetes' own camelCase; empty means the location's.
        timeout_seconds: From the start of user code; None means no limit.
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

    @property
    def upstream_keys(self) -> tuple[str, ...]:
        """Keys of the steps that must end before this one, each once, in input order."""
        return tuple(dict.fromkeys(ref.step_key for i in self.inputs for ref in i.sources))


@message
class RunPlan:
    """All steps of a run, upstream before downstream.

    Attributes:
        run_config: The run config with every default filled in; secrets stay references.
        definitions_hash: Of the definitions it was made from.
    """

    job: str
    steps: tuple[PlannedStep, ...]
    run_config: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    definitions_hash: str = ""
    wire_version: int = WIRE_VERSION
