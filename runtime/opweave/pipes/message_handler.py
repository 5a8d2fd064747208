"""Turn messages of a program into log lines and results of the step.

Whatever a program sends, the worst that a message does is a warning in the log.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from opweave.definitions import metadata as metadata_values
from opweave.definitions.assets.check_result import AssetCheckResult
from opweave.definitions.assets.check_spec import AssetCheckSeverity
from opweave.definitions.assets.key import AssetKey
from opweave.definitions.assets.results import DataVersion, MaterializeResult
from opweave.definitions.metadata import MetadataValue
from opweave_pipes.context import INFERRED

if TYPE_CHECKING:
    from opweave.execution.context import OpExecutionContext

MAX_REFUSALS_TOLD = 100
"""Warnings of bad messages, so that a program that writes garbage does not fill the log."""


class PipesMessageHandler:
    """Takes the messages of one program, in the thread of the reader.

    Attributes:
        results: Materialisations and verdicts, in the order of their reports.
        custom_messages: Payloads of ``report_custom_message``.
        received_opened_message: The program has opened its pipes.
        received_closed_message: It has closed them.
    """

    def __init__(self, context: OpExecutionContext) -> None:
        self._log = context.log
        self.results: list[MaterializeResult[Any] | AssetCheckResult] = []
        self.custom_messages: list[Any] = []
        self.received_opened_message = False
        self.received_closed_message = False
        self._refused = 0
        self._methods: Mapping[str, Callable[[dict[str, Any]], None]] = {
            "opened": self._opened,
            "closed": self._closed,
            "log": self._logged,
            "report_asset_materialization": self._materialized,
            "report_asset_check": self._checked,
            "report_custom_message": self._custom,
        }

    def handle_line(self, line: bytes) -> None:
        """Take one message as it was written."""
        try:
            message = json.loads(line)
            # Half characters, which JSON can write, are none for a database.
            text = json.dumps(message, ensure_ascii=False).encode("utf-8", "replace")
            message = json.loads(text)
        except (ValueError, RecursionError):
            self.refuse(f"is not JSON: {line[:100]!r}")
            return
        self.handle_message(message)

    def handle_message(self, message: Any) -> None:
        """Take one message; `Any`, because a program may send any JSON."""
        method = message.get("method") if isinstance(message, dict) else None
        if not isinstance(method, str):
            self.refuse(f"has no method: {message!r:.100}")
            return
        if method not in self._methods:
            self.refuse(f"has the unknown method {method!r:.100}")
            return
        params = message.get("params")
        try:
            self._methods[method](params if isinstance(params, dict) else {})
        except Exception as error:  # noqa: BLE001 - whatever is wrong with a message, the next is read
            self.refuse(f"of the method {method} is wrong: {type(error).__name__}: {error!s:.500}")

    def refuse(self, why: str) -> None:
        """Tell that a message is left out."""
        self._refused += 1
        if self._refused <= MAX_REFUSALS_TOLD:
            self._log.warning("[pipes] a message is left out, which %s", why)
        if self._refused == MAX_REFUSALS_TOLD:
            self._log.warning("[pipes] further messages that are left out are not told")

    def _opened(self, params: dict[str, Any]) -> None:
        if not self.received_opened_message:
            self._log.info("[pipes] the external process has opened its pipes")
        self.received_opened_message = True

    def _closed(self, params: dict[str, Any]) -> None:
        self.received_closed_message = True
        error = params.get("exception")
        if isinstance(error, dict):
            stack = "".join(str(line) for line in error.get("stack") or ())
            text = error.get("message")
            self._log.error("[pipes] the external process raised\n%s%s", stack, text)

    def _logged(self, params: dict[str, Any]) -> None:
        message = _of(params, "message", str)
        name = str(params.get("level", "INFO")).upper()
        self._log.log(logging.getLevelNamesMapping().get(name) or logging.INFO, "%s", message)

    def _materialized(self, params: dict[str, Any]) -> None:
        version = params.get("data_version")
        result: MaterializeResult[Any] = MaterializeResult(
            asset_key=AssetKey.from_user_string(_of(params, "asset_key", str)),
            metadata=_metadata(params.get("metadata")),
            data_version=None if version is None else DataVersion(version),
        )
        self.results.append(result)

    def _checked(self, params: dict[str, Any]) -> None:
        result = AssetCheckResult(
            passed=_of(params, "passed", bool),
            asset_key=AssetKey.from_user_string(_of(params, "asset_key", str)),
            check_name=_of(params, "check_name", str),
            severity=AssetCheckSeverity(params.get("severity", "ERROR")),
            metadata=_metadata(params.get("metadata")),
        )
        self.results.append(result)

    def _custom(self, params: dict[str, Any]) -> None:
        self.custom_messages.append(params["payload"])


def _of(params: Mapping[str, Any], name: str, type_: type) -> Any:
    value = params.get(name)
    if not isinstance(value, type_):
        raise TypeError(f"{name} is {type(value).__name__}, not {type_.__name__}")
    return value


_KINDS: Mapping[str, tuple[Callable[[Any], MetadataValue], type | tuple[type, ...]]] = {
    "text": (MetadataValue.text, str),
    "url": (MetadataValue.url, str),
    "path": (MetadataValue.path, str),
    "notebook": (MetadataValue.path, str),
    "md": (MetadataValue.md, str),
    "json": (MetadataValue.json, (dict, list)),
    "int": (MetadataValue.int, int),
    "float": (MetadataValue.float, (int, float)),
    "timestamp": (MetadataValue.float, (int, float)),
    "bool": (MetadataValue.bool, bool),
    "opweave_run": (MetadataValue.text, str),
    "asset": (MetadataValue.text, str),
    "table": (MetadataValue.table, list),
    "null": (lambda _: MetadataValue.null(), type(None)),
}
"""How a value of each type is made, and of what; kinds that pages do not know are shown as the nearest that they do."""


def _metadata(metadata: Any) -> dict[str, MetadataValue]:
    if metadata is None:
        return {}
    if not isinstance(metadata, dict):
        raise TypeError(f"metadata is {type(metadata).__name__}, not an object")
    return {label: _value(label, value) for label, value in metadata.items()}


def _value(label: str, value: Any) -> MetadataValue:
    if not isinstance(value, dict) or set(value) != {"type", "raw_value"}:
        raise TypeError(f"the metadata {label!r:.100} has no type and raw_value")
    kind, raw = value["type"], value["raw_value"]
    if kind == INFERRED:
        return metadata_values.normalize_metadata({label: raw})[label]
    if not isinstance(kind, str) or kind not in _KINDS:
        raise TypeError(f"the metadata {label!r:.100} has the unknown type {kind!r:.100}")
    make, accepted = _KINDS[kind]
    if not isinstance(raw, accepted) or (isinstance(raw, bool) and kind != "bool"):
        raise TypeError(f"the metadata {label!r:.100} is {type(raw).__name__}, not {kind}")
    return make(raw)
