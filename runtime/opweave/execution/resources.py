"""Setting resources up before user code runs and tearing them down after it, whatever happens in between."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from opweave import errors
from opweave.config.resolution import resolved
from opweave.definitions import job_config
from opweave.definitions.resource import ResourceDefinition
from opweave.execution.context import InitResourceContext, RunInfo, restricted
from opweave.execution.events import StepEvents

if TYPE_CHECKING:
    from opweave.definitions.job import JobDefinition

Opened = list[tuple[str, contextlib.AbstractContextManager[Any]]]


@contextlib.contextmanager
def opened_resources(
    definitions: Mapping[str, ResourceDefinition], run: RunInfo, events: StepEvents
) -> Iterator[dict[str, Any]]:
    """Set up *definitions*, each after those that it requires; give their values by key; tear all down in reverse order.

    Tearing down happens also after errors and interrupts, and an error in it is told and changes nothing.

    Raises:
        OpweaveResourceFunctionError: A set-up raised; those before it are torn down.
        OpweaveInvalidConfigError: The config of one is wrong, or refers to a variable that is not set.
    """
    opened: Opened = []
    values: dict[str, Any] = {}
    try:
        for key, definition in definitions.items():
            values[key] = _open(key, definition, values, run, events, opened)
        yield values
    finally:
        _close(opened, events)


def _open(
    key: str,
    definition: ResourceDefinition,
    values: Mapping[str, Any],
    run: RunInfo,
    events: StepEvents,
    opened: Opened,
) -> Any:
    events.resource_starting(key)
    started = time.perf_counter()
    try:
        context = InitResourceContext(
            run=run,
            events=events,
            resource_config=resolved_config(key, definition, run.run_config),
            resources=restricted(
                values, definition.required_resource_keys, f"the resource {key!r}"
            ),
            resource_key=key,
        )
        manager = definition.opened(context)
        value = manager.__enter__()
    except errors.OpweaveInvalidConfigError as error:
        events.resource_failed(key, error)
        raise
    except Exception as error:
        events.resource_failed(key, error)
        raise errors.OpweaveResourceFunctionError(
            f"the resource {key!r} ({definition.origin}) could not be set up"
        ) from error
    opened.append((key, manager))
    events.resource_ready(key, value, time.perf_counter() - started)
    return value


def resolved_config(key: str, definition: ResourceDefinition, run_config: Mapping[str, Any]) -> Any:
    """Return the config of the resource *key* as its set-up receives it.

    Raises:
        OpweaveInvalidConfigError: It is wrong, or refers to a variable that is not set.
    """
    if definition.config_field is None:
        return None
    value = job_config.resource_config(run_config, key)
    return resolved(definition.config_field, value, ("resources", key, "config"))


def resource_config_of(job: JobDefinition, key: str, run: RunInfo) -> Any:
    """Return the config of the resource *key* of *job* for contexts of I/O managers; None when it takes none or is not said."""
    definition = job.resource_defs.get(key)
    if (
        definition is None
        or job_config.resource_config(run.run_config, key) is job_config.NO_CONFIG
    ):
        return None
    return resolved_config(key, definition, run.run_config)


def _close(opened: Opened, events: StepEvents) -> None:
    """Leave every context, the last first; an interrupt on the way is raised when all are left."""
    interrupt: BaseException | None = None
    for key, manager in reversed(opened):
        try:
            # Never given the body's error: a generator without try/finally must be torn down as well.
            manager.__exit__(None, None, None)
        except Exception as error:  # noqa: BLE001  # the others must be torn down, and the outcome stands
            events.teardown_failed(key, error)
        except BaseException as error:  # noqa: BLE001  # as above; raised below
            interrupt = error
    if interrupt is not None:
        raise interrupt
