"""What a step tells while it runs: every event that leaves it is shaped here.

The caller of a step gives a function that takes type, message and payload; it is never called from two threads at once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from opweave import errors
from opweave.config.problems import shown
from opweave.definitions import events as user_events
from opweave.definitions import metadata as metadata_values
from opweave.definitions.types import OpweaveType, TypeCheck
from opweave.execution.error_info import error_info, one_line
from opweave.wire import codec
from opweave.wire.attempt import EventType

if TYPE_CHECKING:
    from opweave.definitions.assets.check_result import AssetCheckResult
    from opweave.definitions.assets.check_spec import AssetCheckSpec

Emit = Callable[[EventType, str, dict[str, Any]], None]
MAX_LOG_CHARACTERS = 64_000
"""Longest log message that is kept."""


class StepEvents:
    """Tells the events of one step.

    Args:
        emit: Takes each event.
        step_key: Of the step; empty for what belongs to a whole run.
    """

    def __init__(self, emit: Emit, step_key: str) -> None:
        self.step_key = step_key
        self._emit = emit
        self._lock = threading.RLock()
        self._hold: Callable[[], AbstractContextManager[None]] = nullcontext

    def hold_by(self, hold: Callable[[], AbstractContextManager[None]]) -> None:
        """Emit each event within a context that *hold* gives: what interrupts the step waits for its end."""
        self._hold = hold

    def tell(self, event_type: EventType, message: str, payload: dict[str, Any]) -> None:
        """Emit one event; callable from any thread."""
        with self._hold(), self._lock:
            self._emit(event_type, message, payload)

    def step_started(self) -> None:
        """Tell that the step begins."""
        self.tell(EventType.STEP_START, f"started {self.step_key}", {})

    def up_for_retry(self, error: BaseException, seconds: float, retry_number: int) -> None:
        """Tell that a try failed and another follows."""
        payload = {
            "error": codec.encode(error_info(error)),
            "seconds_to_wait": seconds,
            "retry_number": retry_number,
        }
        when = f" in {seconds:g} s" if seconds else ""
        message = f"{self.step_key} is tried again{when}, retry {retry_number}"
        self.tell(EventType.STEP_UP_FOR_RETRY, message, payload)

    def restarted(self, retry_number: int) -> None:
        """Tell that another try begins."""
        message = f"started {self.step_key} again, retry {retry_number}"
        self.tell(EventType.STEP_RESTARTED, message, {"retry_number": retry_number})

    def input_loaded(
        self, name: str, manager_key: str, run_id: str, step_key: str, output: str
    ) -> None:
        """Tell that an input came from an I/O manager."""
        payload = {
            "input": name,
            "manager_key": manager_key,
            "upstream_run_id": run_id,
            "upstream_step_key": step_key,
            "upstream_output": output,
        }
        message = f"loaded input {name} from {step_key}.{output} by {manager_key}"
        self.tell(EventType.LOADED_INPUT, message, payload)

    def input_checked(self, name: str, type_: OpweaveType, check: TypeCheck) -> None:
        """Tell the verdict on an input."""
        payload = {"input": name, "type": type_.name, "type_check": _type_check(name, check)}
        verdict = "is" if check.success else "is not"
        self.tell(EventType.STEP_INPUT, f"input {name} {verdict} {type_.name}", payload)

    def output_given(
        self,
        output: user_events.Output[Any],
        type_: OpweaveType,
        check: TypeCheck,
    ) -> None:
        """Tell that the body gave an output, and the verdict on it."""
        payload = {
            "output": output.output_name,
            "type": type_.name,
            "type_check": _type_check(output.output_name, check),
            "metadata": metadata_values.encode_metadata(output.metadata),
        }
        if output.data_version is not None:
            payload["data_version"] = output.data_version
        if isinstance(output, user_events.DynamicOutput):
            payload["mapping_key"] = output.mapping_key
        verdict = "is" if check.success else "is not"
        self.tell(
            EventType.STEP_OUTPUT, f"output {output.output_name} {verdict} {type_.name}", payload
        )

    def output_handled(
        self,
        name: str,
        manager_key: str,
        metadata: dict[str, metadata_values.MetadataValue],
    ) -> None:
        """Tell that an output is stored."""
        payload = {
            "output": name,
            "manager_key": manager_key,
            "metadata": metadata_values.encode_metadata(metadata),
        }
        self.tell(EventType.HANDLED_OUTPUT, f"stored output {name} by {manager_key}", payload)

    def resource_starting(self, key: str) -> None:
        """Tell that a resource is being set up."""
        self.tell(EventType.RESOURCE_INIT_STARTED, f"setting up resource {key}", {"resource": key})

    def resource_ready(self, key: str, value: object, seconds: float) -> None:
        """Tell that a resource is set up; its class and nothing else of it, for it may hold secrets."""
        payload = {"resource": key, "class": type(value).__name__, "seconds": round(seconds, 6)}
        self.tell(EventType.RESOURCE_INIT_SUCCESS, f"set up resource {key}", payload)

    def resource_failed(self, key: str, error: BaseException) -> None:
        """Tell that a resource could not be set up."""
        payload = {"resource": key, "error": codec.encode(error_info(error))}
        self.tell(EventType.RESOURCE_INIT_FAILURE, f"resource {key} could not be set up", payload)

    def teardown_failed(self, key: str, error: BaseException) -> None:
        """Tell that tearing a resource down raised, in the engine's words and in the log; the step's outcome stands."""
        payload = {"resource": key, "error": codec.encode(error_info(error))}
        message = f"resource {key} could not be torn down"
        self.tell(EventType.ENGINE_EVENT, message, payload)
        self.log_message("ERROR", f"{message}: {one_line(error)}", {"logger": "opweave", **payload})

    def user_event(self, event: object) -> None:
        """Tell an event that the body made.

        Raises:
            OpweaveInvariantViolationError: It is none.
        """
        if isinstance(event, user_events.AssetMaterialization):
            key = event.asset_key.to_user_string()
            self.tell(EventType.ASSET_MATERIALIZATION, f"materialized {key}", _asset_payload(event))
        elif isinstance(event, user_events.AssetObservation):
            key = event.asset_key.to_user_string()
            self.tell(EventType.ASSET_OBSERVATION, f"observed {key}", _asset_payload(event))
        elif isinstance(event, user_events.ExpectationResult):
            payload = {
                "success": event.success,
                "label": event.label,
                "description": event.description,
                "metadata": metadata_values.encode_metadata(event.metadata),
            }
            verdict = "holds" if event.success else "does not hold"
            message = f"expectation {event.label or ''} {verdict}".replace("  ", " ")
            self.tell(EventType.STEP_EXPECTATION_RESULT, message, payload)
        else:
            raise errors.OpweaveInvariantViolationError(
                f"{self.step_key} yields or logs {shown(event)}: yield an Output, an AssetMaterialization, an "
                "AssetObservation or an ExpectationResult"
            )

    def asset_event(
        self,
        event: user_events.AssetMaterialization | user_events.AssetObservation,
        output: str,
        *,
        is_stored: bool,
    ) -> None:
        """Tell that an asset which the step is there for was written or seen; *is_stored* by its I/O manager."""
        is_written = isinstance(event, user_events.AssetMaterialization)
        kind = EventType.ASSET_MATERIALIZATION if is_written else EventType.ASSET_OBSERVATION
        verb = "materialized" if is_written else "observed"
        payload = {**_asset_payload(event), "output": output, "is_stored": is_stored}
        self.tell(kind, f"{verb} {event.asset_key.to_user_string()}", payload)

    def check_evaluated(self, spec: AssetCheckSpec, result: AssetCheckResult) -> None:
        """Tell the verdict of a check."""
        payload = {
            "asset_key": list(spec.asset_key.path),
            "check_name": spec.name,
            "passed": result.passed,
            "severity": result.severity.value,
            "is_blocking": spec.blocking,
            "description": result.description,
            "metadata": metadata_values.encode_metadata(result.metadata),
        }
        verdict = "passed" if result.passed else f"failed ({result.severity.value})"
        message = f"check {spec.key.to_user_string()} {verdict}"
        self.tell(EventType.ASSET_CHECK_EVALUATION, message, payload)

    def log_message(self, level: str, message: str, payload: dict[str, Any]) -> None:
        """Tell a log message."""
        if len(message) > MAX_LOG_CHARACTERS:
            left_out = len(message) - MAX_LOG_CHARACTERS
            message = f"{message[:MAX_LOG_CHARACTERS]}… ({left_out} characters left out)"
        message = message.encode("utf-8", "replace").decode()
        self.tell(EventType.LOG_MESSAGE, message, {"level": level, **payload})


def _type_check(label: str, check: TypeCheck) -> dict[str, Any]:
    metadata = metadata_values.encode_metadata(metadata_values.normalize_metadata(check.metadata))
    return {
        "success": check.success,
        "label": label,
        "description": check.description,
        "metadata": metadata,
    }


def _asset_payload(
    event: user_events.AssetMaterialization | user_events.AssetObservation,
) -> dict[str, Any]:
    return {
        "asset_key": list(event.asset_key.path),
        "description": event.description,
        "partition": event.partition,
        "tags": event.tags,
        "metadata": metadata_values.encode_metadata(event.metadata),
    }
