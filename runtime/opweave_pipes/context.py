"""What the program knows of its step, and how it reports."""

from __future__ import annotations

import logging
import traceback
import warnings
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Any, ClassVar

from opweave_pipes.errors import OpweavePipesError, OpweavePipesWarning
from opweave_pipes.loading import PipesContextLoader, PipesDefaultContextLoader
from opweave_pipes.params import PipesEnvVarParamsLoader, PipesParamsLoader
from opweave_pipes.writing import PipesDefaultMessageWriter, PipesMessageWriter

PROTOCOL_VERSION_FIELD = "__opweave_pipes_version"
PROTOCOL_VERSION = "0.1"
INFERRED = "__infer__"
"""Type of a metadata value whose kind the step tells from the value."""


class _LogHandler(logging.Handler):
    def __init__(self, context: PipesContext) -> None:
        super().__init__()
        self._context = context

    def emit(self, record: logging.LogRecord) -> None:
        """Report the record, with its traceback."""
        text = record.getMessage()
        if record.exc_info:
            text += "\n" + logging.Formatter().formatException(record.exc_info)
        self._context._write("log", {"message": text, "level": record.levelname})


class PipesContext:
    """The step, for the program that it has started; `open_opweave_pipes` makes one, `get` returns it."""

    _instance: ClassVar[PipesContext | None] = None

    def __init__(
        self,
        params_loader: PipesParamsLoader,
        context_loader: PipesContextLoader,
        message_writer: PipesMessageWriter,
    ) -> None:
        self._stack = ExitStack()
        self._closed = False
        self._materialized: set[str] = set()
        self._data = self._stack.enter_context(
            context_loader.load_context(params_loader.load_context_params())
        )
        self._channel = self._stack.enter_context(
            message_writer.open(params_loader.load_messages_params())
        )
        self._write("opened", message_writer.get_opened_payload())
        self._log = logging.Logger("opweave-pipes", level=logging.DEBUG)  # noqa: LOG001 - of no hierarchy
        self._log.addHandler(_LogHandler(self))

    @classmethod
    def is_initialized(cls) -> bool:
        """Return whether the program has a context."""
        return cls._instance is not None

    @classmethod
    def set(cls, context: PipesContext) -> None:
        """Make *context* the program's."""
        cls._instance = context

    @classmethod
    def get(cls) -> PipesContext:
        """Return the program's context.

        Raises:
            OpweavePipesError: There is none.
        """
        if cls._instance is None:
            raise OpweavePipesError("there is no context yet: call open_opweave_pipes() first")
        return cls._instance

    def __enter__(self) -> PipesContext:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        if exc_value is None or _is_exit_without_error(exc_value):
            self.close()
        else:
            self.close(_exception(exc_value))

    def close(self, exc: Mapping[str, Any] | None = None) -> None:
        """Tell that nothing more comes, and by which exception; a second call does nothing."""
        if not self._closed:
            self._write("closed", {"exception": exc} if exc else {})
            self._closed = True
            self._stack.close()

    @property
    def is_closed(self) -> bool:
        """Whether nothing more can be reported."""
        return self._closed

    @property
    def run_id(self) -> str:
        """Id of the run."""
        return str(self._data["run_id"])

    @property
    def job_name(self) -> str | None:
        """Name of the job."""
        name: str | None = self._data["job_name"]
        return name

    @property
    def retry_number(self) -> int:
        """0 in the first try."""
        return int(self._data["retry_number"])

    @property
    def extras(self) -> Mapping[str, Any]:
        """What the step hands over beside."""
        extras: Mapping[str, Any] = self._data["extras"]
        return extras

    def get_extra(self, key: str) -> Any:
        """Return the extra *key*.

        Raises:
            OpweavePipesError: There is none.
        """
        if key not in self.extras:
            raise OpweavePipesError(
                f"there is no extra {key!r}; the step hands over: {', '.join(self.extras) or 'none'}"
            )
        return self.extras[key]

    @property
    def is_asset_step(self) -> bool:
        """Whether the step writes assets."""
        return self._data["asset_keys"] is not None

    @property
    def asset_keys(self) -> Sequence[str]:
        """Keys of the assets that the run asks the step for.

        Raises:
            OpweavePipesError: The step has no assets.
        """
        keys: Sequence[str] | None = self._data["asset_keys"]
        if keys is None:
            raise OpweavePipesError("the step has no assets: ask is_asset_step first")
        return keys

    @property
    def asset_key(self) -> str:
        """Key of the step's only asset.

        Raises:
            OpweavePipesError: It has several, or none.
        """
        if len(self.asset_keys) != 1:
            raise OpweavePipesError(
                f"the step has {len(self.asset_keys)} assets, so there is no single asset_key: use asset_keys"
            )
        return self.asset_keys[0]

    @property
    def code_version_by_asset_key(self) -> Mapping[str, str | None]:
        """Declared versions of the code, by asset."""
        self.asset_keys  # noqa: B018 - raises where there are none
        versions: Mapping[str, str | None] = self._data["code_version_by_asset_key"]
        return versions

    @property
    def code_version(self) -> str | None:
        """Declared version of the code of the step's only asset."""
        return self.code_version_by_asset_key[self.asset_key]

    @property
    def log(self) -> logging.Logger:
        """A standard logger whose lines stand in the log of the run."""
        return self._log

    def report_asset_materialization(
        self,
        metadata: Mapping[str, Any] | None = None,
        data_version: str | None = None,
        asset_key: str | None = None,
    ) -> None:
        """Report that an asset was written.

        Args:
            metadata: Plain values, or ``{"type": ..., "raw_value": ...}``.
            data_version: Of the data.
            asset_key: May be left out where the step has one asset.

        Raises:
            OpweavePipesError: The step has no such asset, or it was reported before.
        """
        key = self._asset(asset_key)
        if key in self._materialized:
            raise OpweavePipesError(f"the asset {key} is reported as materialized twice")
        if data_version is not None and not isinstance(data_version, str):
            raise OpweavePipesError(f"data_version is {type(data_version).__name__}: give a text")
        payload = {
            "asset_key": key,
            "data_version": data_version,
            "metadata": _metadata(metadata),
        }
        self._write("report_asset_materialization", payload)
        self._materialized.add(key)

    def report_asset_check(
        self,
        check_name: str,
        passed: bool,
        severity: str = "ERROR",
        metadata: Mapping[str, Any] | None = None,
        asset_key: str | None = None,
    ) -> None:
        """Report the verdict of a check; *severity* is ``ERROR`` or ``WARN``, the rest as for a materialisation.

        Raises:
            OpweavePipesError: An argument is wrong, or the step has no such asset.
        """
        key = self._asset(asset_key)
        # The annotations bind type checkers only.
        given: tuple[Any, Any] = (check_name, passed)
        if not isinstance(given[0], str) or not isinstance(given[1], bool):
            raise OpweavePipesError("report_asset_check takes a text check_name and a bool passed")
        if severity not in ("ERROR", "WARN"):
            raise OpweavePipesError(f"severity is {severity!r:.100}: give 'ERROR' or 'WARN'")
        payload = {
            "asset_key": key,
            "check_name": check_name,
            "passed": passed,
            "severity": severity,
            "metadata": _metadata(metadata),
        }
        self._write("report_asset_check", payload)

    def report_custom_message(self, payload: Any) -> None:
        """Report any JSON, which the step finds in ``get_custom_messages()``."""
        self._write("report_custom_message", {"payload": payload})

    def _asset(self, key: str | None) -> str:
        if key is None:
            return self.asset_key
        if key not in self.asset_keys:
            raise OpweavePipesError(
                f"the step has no asset {key!r:.200}; it has: {', '.join(self.asset_keys)}"
            )
        return key

    def _write(self, method: str, params: Mapping[str, Any]) -> None:
        if self._closed:
            raise OpweavePipesError("the context is closed: report before close(), within the with")
        message = {PROTOCOL_VERSION_FIELD: PROTOCOL_VERSION, "method": method, "params": params}
        self._channel.write_message(message)


def _metadata(metadata: Mapping[str, Any] | None) -> dict[str, Any]:
    typed: dict[str, Any] = {}
    for label, value in (metadata or {}).items():
        if isinstance(value, dict):
            if set(value) != {"type", "raw_value"}:
                raise OpweavePipesError(
                    f"the metadata {label!r:.100} is a dict: give {{'type': 'json', 'raw_value': ...}}"
                )
            typed[label] = value
        else:
            typed[label] = {"type": INFERRED, "raw_value": value}
    return typed


def _exception(error: BaseException) -> dict[str, Any]:
    told = traceback.TracebackException.from_exception(error)
    return {
        "name": type(error).__name__,
        "message": "".join(told.format_exception_only()),
        "stack": told.stack.format(),
        "cause": None if error.__cause__ is None else _exception(error.__cause__),
        "context": None,
    }


def _is_exit_without_error(error: BaseException) -> bool:
    return isinstance(error, SystemExit) and error.code in (None, 0)


def open_opweave_pipes(
    *,
    context_loader: PipesContextLoader | None = None,
    message_writer: PipesMessageWriter | None = None,
    params_loader: PipesParamsLoader | None = None,
) -> PipesContext:
    """Return the program's context; use it in a ``with``, so that its end is told.

    Args:
        context_loader: By default from a file or the environment.
        message_writer: By default to a file or a standard stream, as the step says.
        params_loader: By default from the environment.
    """
    if PipesContext.is_initialized():
        return PipesContext.get()
    params = params_loader or PipesEnvVarParamsLoader()
    if params.is_opweave_pipes_process():
        context = PipesContext(
            params,
            context_loader or PipesDefaultContextLoader(),
            message_writer or PipesDefaultMessageWriter(),
        )
    else:
        context = _inactive()
    PipesContext.set(context)
    return context


def _inactive() -> Any:
    """Return a context on which every call does nothing; `Any`, because it stands for a `PipesContext`."""
    from unittest.mock import MagicMock  # noqa: PLC0415 - 30 ms, that only a program outside of a step pays

    warnings.warn(
        "this program was not started by a step of opweave: its context has no values and reports nothing",
        OpweavePipesWarning,
        stacklevel=3,
    )
    return MagicMock()
