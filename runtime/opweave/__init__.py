"""opweave: a data orchestrator that lives in Kubernetes.

Everything public is here. Names are imported when they are first used: a step pays for every import, and most need few.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from types import FrameType

    from opweave.config.env_var import EnvVar as EnvVar
    from opweave.config.model import Config as Config
    from opweave.config.model import PermissiveConfig as PermissiveConfig
    from opweave.config.shapes import Field as Field
    from opweave.config.shapes import Permissive as Permissive
    from opweave.config.shapes import Selector as Selector
    from opweave.config.shapes import Shape as Shape
    from opweave.config.types import Any as Any
    from opweave.config.types import Array as Array
    from opweave.config.types import Bool as Bool
    from opweave.config.types import BoolSource as BoolSource
    from opweave.config.types import Enum as Enum
    from opweave.config.types import EnumValue as EnumValue
    from opweave.config.types import Float as Float
    from opweave.config.types import Int as Int
    from opweave.config.types import IntSource as IntSource
    from opweave.config.types import Map as Map
    from opweave.config.types import Noneable as Noneable
    from opweave.config.types import String as String
    from opweave.config.types import StringSource as StringSource
    from opweave.definitions.configurable_resource import (
        ConfigurableIOManager as ConfigurableIOManager,
    )
    from opweave.definitions.configurable_resource import (
        ConfigurableResource as ConfigurableResource,
    )
    from opweave.definitions.definitions import Definitions as Definitions
    from opweave.definitions.dependencies import DependencyDefinition as DependencyDefinition
    from opweave.definitions.dependencies import (
        MultiDependencyDefinition as MultiDependencyDefinition,
    )
    from opweave.definitions.dependencies import NodeInvocation as NodeInvocation
    from opweave.definitions.events import AssetMaterialization as AssetMaterialization
    from opweave.definitions.events import AssetObservation as AssetObservation
    from opweave.definitions.events import DynamicOutput as DynamicOutput
    from opweave.definitions.events import ExpectationResult as ExpectationResult
    from opweave.definitions.events import Failure as Failure
    from opweave.definitions.events import Output as Output
    from opweave.definitions.events import RetryRequested as RetryRequested
    from opweave.definitions.graph import GraphDefinition as GraphDefinition
    from opweave.definitions.graph import InputMapping as InputMapping
    from opweave.definitions.graph import OutputMapping as OutputMapping
    from opweave.definitions.graph import graph as graph
    from opweave.definitions.inputs import GraphIn as GraphIn
    from opweave.definitions.inputs import In as In
    from opweave.definitions.io_manager import IOManager as IOManager
    from opweave.definitions.io_manager import IOManagerDefinition as IOManagerDefinition
    from opweave.definitions.io_manager import io_manager as io_manager
    from opweave.definitions.job import JobDefinition as JobDefinition
    from opweave.definitions.job import job as job
    from opweave.definitions.metadata import MetadataValue as MetadataValue
    from opweave.definitions.op import OpDefinition as OpDefinition
    from opweave.definitions.op import op as op
    from opweave.definitions.outputs import DynamicOut as DynamicOut
    from opweave.definitions.outputs import GraphOut as GraphOut
    from opweave.definitions.outputs import Out as Out
    from opweave.definitions.resource import ResourceDefinition as ResourceDefinition
    from opweave.definitions.resource import ResourceParam as ResourceParam
    from opweave.definitions.resource import make_values_resource as make_values_resource
    from opweave.definitions.resource import resource as resource
    from opweave.definitions.retry_policy import RetryPolicy as RetryPolicy
    from opweave.definitions.run_config import RunConfig as RunConfig
    from opweave.definitions.types import Nothing as Nothing
    from opweave.definitions.types import OpweaveType as OpweaveType
    from opweave.definitions.types import TypeCheck as TypeCheck
    from opweave.errors import OpweaveError as OpweaveError
    from opweave.errors import (
        OpweaveExecutionHandleOutputError as OpweaveExecutionHandleOutputError,
    )
    from opweave.errors import OpweaveExecutionLoadInputError as OpweaveExecutionLoadInputError
    from opweave.errors import (
        OpweaveExecutionStepExecutionError as OpweaveExecutionStepExecutionError,
    )
    from opweave.errors import (
        OpweaveInvalidConfigDefinitionError as OpweaveInvalidConfigDefinitionError,
    )
    from opweave.errors import OpweaveInvalidConfigError as OpweaveInvalidConfigError
    from opweave.errors import OpweaveInvalidDefinitionError as OpweaveInvalidDefinitionError
    from opweave.errors import OpweaveInvalidInvocationError as OpweaveInvalidInvocationError
    from opweave.errors import OpweaveInvalidSubsetError as OpweaveInvalidSubsetError
    from opweave.errors import OpweaveInvariantViolationError as OpweaveInvariantViolationError
    from opweave.errors import OpweaveResourceFunctionError as OpweaveResourceFunctionError
    from opweave.errors import OpweaveStepOutputNotFoundError as OpweaveStepOutputNotFoundError
    from opweave.errors import OpweaveTypeCheckDidNotPass as OpweaveTypeCheckDidNotPass
    from opweave.errors import OpweaveUnknownResourceError as OpweaveUnknownResourceError
    from opweave.errors import OpweaveUnserializableOutputError as OpweaveUnserializableOutputError
    from opweave.errors import OpweaveUserCodeExecutionError as OpweaveUserCodeExecutionError
    from opweave.errors import StepTerminated as StepTerminated
    from opweave.execution.context import InitResourceContext as InitResourceContext
    from opweave.execution.context import InputContext as InputContext
    from opweave.execution.context import OpExecutionContext as OpExecutionContext
    from opweave.execution.context import OutputContext as OutputContext
    from opweave.execution.log import get_opweave_logger as get_opweave_logger
    from opweave.execution.result import ExecuteInProcessResult as ExecuteInProcessResult
    from opweave.execution.result import OpweaveEvent as OpweaveEvent
    from opweave.execution.validation import validate_run_config as validate_run_config
    from opweave.io_managers.filesystem import FilesystemIOManager as FilesystemIOManager
    from opweave.io_managers.filesystem import fs_io_manager as fs_io_manager
    from opweave.io_managers.memory import InMemoryIOManager as InMemoryIOManager
    from opweave.io_managers.memory import mem_io_manager as mem_io_manager
    from opweave.testing.contexts import build_init_resource_context as build_init_resource_context
    from opweave.testing.contexts import build_input_context as build_input_context
    from opweave.testing.contexts import build_op_context as build_op_context
    from opweave.testing.contexts import build_output_context as build_output_context
    from opweave.wire.attempt import EventType as EventType
    from opweave.wire.plan import Backoff as Backoff
    from opweave.wire.plan import Jitter as Jitter

_MODULES = {
    "EnvVar": "opweave.config.env_var",
    "Config": "opweave.config.model",
    "PermissiveConfig": "opweave.config.model",
    "Field": "opweave.config.shapes",
    "Permissive": "opweave.config.shapes",
    "Selector": "opweave.config.shapes",
    "Shape": "opweave.config.shapes",
    "Any": "opweave.config.types",
    "Array": "opweave.config.types",
    "Bool": "opweave.config.types",
    "BoolSource": "opweave.config.types",
    "Enum": "opweave.config.types",
    "EnumValue": "opweave.config.types",
    "Float": "opweave.config.types",
    "Int": "opweave.config.types",
    "IntSource": "opweave.config.types",
    "Map": "opweave.config.types",
    "Noneable": "opweave.config.types",
    "String": "opweave.config.types",
    "StringSource": "opweave.config.types",
    "ConfigurableIOManager": "opweave.definitions.configurable_resource",
    "ConfigurableResource": "opweave.definitions.configurable_resource",
    "Definitions": "opweave.definitions.definitions",
    "DependencyDefinition": "opweave.definitions.dependencies",
    "MultiDependencyDefinition": "opweave.definitions.dependencies",
    "NodeInvocation": "opweave.definitions.dependencies",
    "AssetMaterialization": "opweave.definitions.events",
    "AssetObservation": "opweave.definitions.events",
    "ExpectationResult": "opweave.definitions.events",
    "Failure": "opweave.definitions.events",
    "DynamicOutput": "opweave.definitions.events",
    "Output": "opweave.definitions.events",
    "RetryRequested": "opweave.definitions.events",
    "GraphDefinition": "opweave.definitions.graph",
    "InputMapping": "opweave.definitions.graph",
    "OutputMapping": "opweave.definitions.graph",
    "graph": "opweave.definitions.graph",
    "GraphIn": "opweave.definitions.inputs",
    "In": "opweave.definitions.inputs",
    "IOManager": "opweave.definitions.io_manager",
    "IOManagerDefinition": "opweave.definitions.io_manager",
    "io_manager": "opweave.definitions.io_manager",
    "JobDefinition": "opweave.definitions.job",
    "job": "opweave.definitions.job",
    "MetadataValue": "opweave.definitions.metadata",
    "OpDefinition": "opweave.definitions.op",
    "op": "opweave.definitions.op",
    "DynamicOut": "opweave.definitions.outputs",
    "GraphOut": "opweave.definitions.outputs",
    "Out": "opweave.definitions.outputs",
    "ResourceDefinition": "opweave.definitions.resource",
    "ResourceParam": "opweave.definitions.resource",
    "make_values_resource": "opweave.definitions.resource",
    "resource": "opweave.definitions.resource",
    "RetryPolicy": "opweave.definitions.retry_policy",
    "RunConfig": "opweave.definitions.run_config",
    "Nothing": "opweave.definitions.types",
    "OpweaveType": "opweave.definitions.types",
    "TypeCheck": "opweave.definitions.types",
    "OpweaveError": "opweave.errors",
    "OpweaveExecutionHandleOutputError": "opweave.errors",
    "OpweaveExecutionLoadInputError": "opweave.errors",
    "OpweaveExecutionStepExecutionError": "opweave.errors",
    "OpweaveInvalidConfigDefinitionError": "opweave.errors",
    "OpweaveInvalidConfigError": "opweave.errors",
    "OpweaveInvalidDefinitionError": "opweave.errors",
    "OpweaveInvalidInvocationError": "opweave.errors",
    "OpweaveInvalidSubsetError": "opweave.errors",
    "OpweaveInvariantViolationError": "opweave.errors",
    "OpweaveResourceFunctionError": "opweave.errors",
    "OpweaveStepOutputNotFoundError": "opweave.errors",
    "OpweaveTypeCheckDidNotPass": "opweave.errors",
    "OpweaveUnknownResourceError": "opweave.errors",
    "OpweaveUnserializableOutputError": "opweave.errors",
    "OpweaveUserCodeExecutionError": "opweave.errors",
    "StepTerminated": "opweave.errors",
    "InitResourceContext": "opweave.execution.context",
    "InputContext": "opweave.execution.context",
    "OpExecutionContext": "opweave.execution.context",
    "OutputContext": "opweave.execution.context",
    "get_opweave_logger": "opweave.execution.log",
    "ExecuteInProcessResult": "opweave.execution.result",
    "OpweaveEvent": "opweave.execution.result",
    "validate_run_config": "opweave.execution.validation",
    "FilesystemIOManager": "opweave.io_managers.filesystem",
    "fs_io_manager": "opweave.io_managers.filesystem",
    "InMemoryIOManager": "opweave.io_managers.memory",
    "mem_io_manager": "opweave.io_managers.memory",
    "build_init_resource_context": "opweave.testing.contexts",
    "build_input_context": "opweave.testing.contexts",
    "build_op_context": "opweave.testing.contexts",
    "build_output_context": "opweave.testing.contexts",
    "EventType": "opweave.wire.attempt",
    "Backoff": "opweave.wire.plan",
    "Jitter": "opweave.wire.plan",
}
"""Where each public name is defined."""

__all__ = [
    "Any",
    "Array",
    "AssetMaterialization",
    "AssetObservation",
    "Backoff",
    "Bool",
    "BoolSource",
    "Config",
    "ConfigurableIOManager",
    "ConfigurableResource",
    "Definitions",
    "DependencyDefinition",
    "DynamicOut",
    "DynamicOutput",
    "Enum",
    "EnumValue",
    "EnvVar",
    "EventType",
    "ExecuteInProcessResult",
    "ExpectationResult",
    "Failure",
    "Field",
    "FilesystemIOManager",
    "Float",
    "GraphDefinition",
    "GraphIn",
    "GraphOut",
    "IOManager",
    "IOManagerDefinition",
    "In",
    "InMemoryIOManager",
    "InitResourceContext",
    "InputContext",
    "InputMapping",
    "Int",
    "IntSource",
    "Jitter",
    "JobDefinition",
    "Map",
    "MetadataValue",
    "MultiDependencyDefinition",
    "NodeInvocation",
    "Noneable",
    "Nothing",
    "OpDefinition",
    "OpExecutionContext",
    "OpweaveError",
    "OpweaveEvent",
    "OpweaveExecutionHandleOutputError",
    "OpweaveExecutionLoadInputError",
    "OpweaveExecutionStepExecutionError",
    "OpweaveInvalidConfigDefinitionError",
    "OpweaveInvalidConfigError",
    "OpweaveInvalidDefinitionError",
    "OpweaveInvalidInvocationError",
    "OpweaveInvalidSubsetError",
    "OpweaveInvariantViolationError",
    "OpweaveResourceFunctionError",
    "OpweaveStepOutputNotFoundError",
    "OpweaveType",
    "OpweaveTypeCheckDidNotPass",
    "OpweaveUnknownResourceError",
    "OpweaveUnserializableOutputError",
    "OpweaveUserCodeExecutionError",
    "Out",
    "Output",
    "OutputContext",
    "OutputMapping",
    "Permissive",
    "PermissiveConfig",
    "ResourceDefinition",
    "ResourceParam",
    "RetryPolicy",
    "RetryRequested",
    "RunConfig",
    "Selector",
    "Shape",
    "StepTerminated",
    "String",
    "StringSource",
    "TypeCheck",
    "__version__",
    "build_init_resource_context",
    "build_input_context",
    "build_op_context",
    "build_output_context",
    "fs_io_manager",
    "get_opweave_logger",
    "graph",
    "io_manager",
    "job",
    "make_values_resource",
    "mem_io_manager",
    "op",
    "resource",
    "validate_run_config",
]


def __getattr__(name: str) -> object:
    """Import the public *name* when it is first used."""
    module = _MODULES.get(name)
    if module is None:
        raise _missing(name, sys._getframe(1))
    value: object = getattr(import_module(module), name)
    # Kept, so that the next use does not come here.
    globals()[name] = value
    return value


def _missing(name: str, caller: FrameType) -> AttributeError | ImportError:
    """Return the error for a *name* that *caller* looked for and that does not exist; it says so if it is planned."""
    if name.startswith("_") or caller.f_code.co_name == "_handle_fromlist":
        # The import system only asks whether a module of ours has to be imported.
        return AttributeError(f"module {__name__!r} has no attribute {name!r}")
    error: AttributeError | ImportError = import_module("opweave.planned").missing(
        name, caller, __all__
    )
    return error


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted(__all__)
