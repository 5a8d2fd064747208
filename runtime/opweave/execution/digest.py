"""A digest of definitions: the same as long as neither their structure nor the text of their functions changes."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from opweave.config import mapped
from opweave.execution.asset_snapshot import snapshot_assets, snapshot_checks
from opweave.execution.snapshot import snapshot_job, snapshot_schedule, snapshot_sensor
from opweave.wire import codec

if TYPE_CHECKING:
    from opweave.config import shapes
    from opweave.definitions.definitions import Definitions


def digest_of(definitions: Definitions) -> str:
    """Return 64 hexadecimal digits; places in files and on machines do not matter."""
    digest = hashlib.sha256()
    for part in _parts(definitions):
        encoded = part.encode("utf-8", "replace")
        digest.update(f"{len(encoded)}:".encode())
        digest.update(encoded)
    return digest.hexdigest()


def _parts(definitions: Definitions) -> Iterator[str]:
    yield json.dumps(codec.encode(snapshot_assets(definitions)), sort_keys=True, default=str)
    yield json.dumps(codec.encode(snapshot_checks(definitions.get_asset_graph())), sort_keys=True)
    for job in sorted(definitions.jobs, key=lambda job: job.name):
        yield json.dumps(codec.encode(snapshot_job(job)), sort_keys=True, default=str)
        for mapping in (job.config_mapping, *job.graph_mappings.values()):
            if mapping is not None:
                yield source_of(mapping.config_fn)
        for path, node in sorted(job.structure.nodes.items()):
            yield path
            yield source_of(node.definition.function)
            yield from _config_sources(node.definition.config_field)
            for hook in job.hooks_of(node):
                yield source_of(hook.hook_fn)
        for key, resource in sorted(job.required_resources().items()):
            yield key
            yield source_of(resource.source)
            yield from _config_sources(resource.config_field)
    for schedule in sorted(definitions.schedules, key=lambda schedule: schedule.name):
        yield json.dumps(codec.encode(snapshot_schedule(schedule)), sort_keys=True)
        yield source_of(schedule.function)
    for sensor in sorted(definitions.sensors, key=lambda sensor: sensor.name):
        yield json.dumps(codec.encode(snapshot_sensor(sensor)), sort_keys=True)
        yield source_of(sensor.function)


def _config_sources(field: shapes.Field | None) -> Iterator[str]:
    for source in mapped.sources_of(field):
        yield source_of(source) if callable(source) else json.dumps(source, default=repr)


def source_of(function: object) -> str:
    """Return the text of a function or class; its byte code when there is no text."""
    try:
        return inspect.getsource(function)  # type: ignore[arg-type]  # other objects raise TypeError
    except (OSError, TypeError):
        code = getattr(function, "__code__", None)
        if code is None:
            return f"{type(function).__module__}.{type(function).__qualname__}"
        text: str = code.co_code.hex()
        return text + repr([c for c in code.co_consts if not inspect.iscode(c)])
