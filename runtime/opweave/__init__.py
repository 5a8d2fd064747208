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
    from opweave.config.files import config_from_files as config_from_files
    from opweave.config.files import config_from_yaml_strings as config_from_yaml_strings
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
    from opweave.definitions.assets.assets_definition import (
        AssetChecksDefinition as AssetChecksDefinition,
    )
    from opweave.definitions.assets.assets_definition import AssetsDefinition as AssetsDefinition
    from opweave.definitions.assets.check_result import AssetCheckResult as AssetCheckResult
    from opweave.definitions.assets.check_spec import AssetCheckKey as AssetCheckKey
    from opweave.definitions.assets.check_spec import AssetCheckSeverity as AssetCheckSeverity
    from opweave.definitions.assets.check_spec import AssetCheckSpec as AssetCheckSpec
    from opweave.definitions.assets.checks import asset_check as asset_check
    from opweave.definitions.assets.checks import multi_asset_check as multi_asset_check
    from opweave.definitions.assets.decorators import asset as asset
    from opweave.definitions.assets.decorators import multi_asset as multi_asset
    from opweave.definitions.assets.define_job import define_asset_job as define_asset_job
    from opweave.definitions.assets.graph_assets import graph_asset as graph_asset
    from opweave.definitions.assets.graph_assets import graph_multi_asset as graph_multi_asset
    from opweave.definitions.assets.ins_and_outs import AssetIn as AssetIn
    from opweave.definitions.assets.ins_and_outs import AssetOut as AssetOut
    from opweave.definitions.assets.key import AssetKey as AssetKey
    from opweave.definitions.assets.loading import (
        load_asset_checks_from_current_module as load_asset_checks_from_current_module,
    )
    from opweave.definitions.assets.loading import (
        load_asset_checks_from_modules as load_asset_checks_from_modules,
    )
    from opweave.definitions.assets.loading import (
        load_asset_checks_from_package_module as load_asset_checks_from_package_module,
    )
    from opweave.definitions.assets.loading import (
        load_asset_checks_from_package_name as load_asset_checks_from_package_name,
    )
    from opweave.definitions.assets.loading import (
        load_assets_from_current_module as load_assets_from_current_module,
    )
    from opweave.definitions.assets.loading import (
        load_assets_from_modules as load_assets_from_modules,
    )
    from opweave.definitions.assets.loading import (
        load_assets_from_package_module as load_assets_from_package_module,
    )
    from opweave.definitions.assets.loading import (
        load_assets_from_package_name as load_assets_from_package_name,
    )
    from opweave.definitions.assets.results import DataVersion as DataVersion
    from opweave.definitions.assets.results import MaterializeResult as MaterializeResult
    from opweave.definitions.assets.results import ObserveResult as ObserveResult
    from opweave.definitions.assets.selection import AssetSelection as AssetSelection
    from opweave.definitions.assets.sources import SourceAsset as SourceAsset
    from opweave.definitions.assets.sources import (
        external_asset_from_spec as external_asset_from_spec,
    )
    from opweave.definitions.assets.sources import (
        external_assets_from_specs as external_assets_from_specs,
    )
    from opweave.definitions.assets.sources import (
        multi_observable_source_asset as multi_observable_source_asset,
    )
    from opweave.definitions.assets.sources import (
        observable_source_asset as observable_source_asset,
    )
    from opweave.definitions.assets.spec import AssetDep as AssetDep
    from opweave.definitions.assets.spec import AssetSpec as AssetSpec
    from opweave.definitions.assets.spec import map_asset_specs as map_asset_specs
    from opweave.definitions.config_mapping import ConfigMapping as ConfigMapping
    from opweave.definitions.config_mapping import config_mapping as config_mapping
    from opweave.definitions.configurable_resource import (
        ConfigurableIOManager as ConfigurableIOManager,
    )
    from opweave.definitions.configurable_resource import (
        ConfigurableIOManagerFactory as ConfigurableIOManagerFactory,
    )
    from opweave.definitions.configurable_resource import (
        ConfigurableResource as ConfigurableResource,
    )
    from opweave.definitions.configured import configured as configured
    from opweave.definitions.custom_types import PythonObjectOpweaveType as PythonObjectOpweaveType
    from opweave.definitions.custom_types import check_opweave_type as check_opweave_type
    from opweave.definitions.custom_types import (
        make_python_type_usable_as_opweave_type as make_python_type_usable_as_opweave_type,
    )
    from opweave.definitions.custom_types import usable_as_opweave_type as usable_as_opweave_type
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
    from opweave.definitions.from_modules import (
        load_definitions_from_current_module as load_definitions_from_current_module,
    )
    from opweave.definitions.from_modules import (
        load_definitions_from_module as load_definitions_from_module,
    )
    from opweave.definitions.from_modules import (
        load_definitions_from_modules as load_definitions_from_modules,
    )
    from opweave.definitions.from_modules import (
        load_definitions_from_package_module as load_definitions_from_package_module,
    )
    from opweave.definitions.from_modules import (
        load_definitions_from_package_name as load_definitions_from_package_name,
    )
    from opweave.definitions.graph import GraphDefinition as GraphDefinition
    from opweave.definitions.graph import InputMapping as InputMapping
    from opweave.definitions.graph import OutputMapping as OutputMapping
    from opweave.definitions.graph import graph as graph
    from opweave.definitions.hook import HookDefinition as HookDefinition
    from opweave.definitions.hook import failure_hook as failure_hook
    from opweave.definitions.hook import success_hook as success_hook
    from opweave.definitions.input_manager import InputManager as InputManager
    from opweave.definitions.input_manager import InputManagerDefinition as InputManagerDefinition
    from opweave.definitions.input_manager import input_manager as input_manager
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
    from opweave.definitions.run_request import RunRequest as RunRequest
    from opweave.definitions.run_request import SkipReason as SkipReason
    from opweave.definitions.schedule import DefaultScheduleStatus as DefaultScheduleStatus
    from opweave.definitions.schedule import ScheduleDefinition as ScheduleDefinition
    from opweave.definitions.schedule import schedule as schedule
    from opweave.definitions.sensor import DefaultSensorStatus as DefaultSensorStatus
    from opweave.definitions.sensor import SensorDefinition as SensorDefinition
    from opweave.definitions.sensor import SensorResult as SensorResult
    from opweave.definitions.sensor import sensor as sensor
    from opweave.definitions.types import Nothing as Nothing
    from opweave.definitions.types import OpweaveType as OpweaveType
    from opweave.definitions.types import TypeCheck as TypeCheck
    from opweave.errors import OpweaveAssetCheckFailedError as OpweaveAssetCheckFailedError
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
    from opweave.execution.asset_context import (
        AssetCheckExecutionContext as AssetCheckExecutionContext,
    )
    from opweave.execution.asset_context import AssetExecutionContext as AssetExecutionContext
    from opweave.execution.context import InitResourceContext as InitResourceContext
    from opweave.execution.context import InputContext as InputContext
    from opweave.execution.context import OpExecutionContext as OpExecutionContext
    from opweave.execution.context import OutputContext as OutputContext
    from opweave.execution.hook_context import HookContext as HookContext
    from opweave.execution.log import get_opweave_logger as get_opweave_logger
    from opweave.execution.materialize import materialize as materialize
    from opweave.execution.materialize import materialize_to_memory as materialize_to_memory
    from opweave.execution.materialize import observe as observe
    from opweave.execution.result import ExecuteInProcessResult as ExecuteInProcessResult
    from opweave.execution.result import OpweaveEvent as OpweaveEvent
    from opweave.execution.tick_context import (
        ScheduleEvaluationContext as ScheduleEvaluationContext,
    )
    from opweave.execution.tick_context import SensorEvaluationContext as SensorEvaluationContext
    from opweave.execution.validation import validate_run_config as validate_run_config
    from opweave.io_managers.custom_path import (
        custom_path_fs_io_manager as custom_path_fs_io_manager,
    )
    from opweave.io_managers.filesystem import FilesystemIOManager as FilesystemIOManager
    from opweave.io_managers.filesystem import fs_io_manager as fs_io_manager
    from opweave.io_managers.memory import InMemoryIOManager as InMemoryIOManager
    from opweave.io_managers.memory import mem_io_manager as mem_io_manager
    from opweave.io_managers.upath import UPathIOManager as UPathIOManager
    from opweave.pipes.completed_invocation import (
        PipesClientCompletedInvocation as PipesClientCompletedInvocation,
    )
    from opweave.pipes.context_injector import PipesContextInjector as PipesContextInjector
    from opweave.pipes.context_injector import PipesEnvContextInjector as PipesEnvContextInjector
    from opweave.pipes.context_injector import PipesFileContextInjector as PipesFileContextInjector
    from opweave.pipes.context_injector import (
        PipesTempFileContextInjector as PipesTempFileContextInjector,
    )
    from opweave.pipes.message_reader import PipesFileMessageReader as PipesFileMessageReader
    from opweave.pipes.message_reader import PipesMessageReader as PipesMessageReader
    from opweave.pipes.message_reader import (
        PipesTempFileMessageReader as PipesTempFileMessageReader,
    )
    from opweave.pipes.session import PipesSession as PipesSession
    from opweave.pipes.session import open_pipes_session as open_pipes_session
    from opweave.pipes.subprocess_client import PipesSubprocessClient as PipesSubprocessClient
    from opweave.testing.asset_contexts import (
        build_asset_check_context as build_asset_check_context,
    )
    from opweave.testing.asset_contexts import build_asset_context as build_asset_context
    from opweave.testing.built_resources import build_resources as build_resources
    from opweave.testing.contexts import build_init_resource_context as build_init_resource_context
    from opweave.testing.contexts import build_input_context as build_input_context
    from opweave.testing.contexts import build_op_context as build_op_context
    from opweave.testing.contexts import build_output_context as build_output_context
    from opweave.testing.hook_contexts import build_hook_context as build_hook_context
    from opweave.testing.tick_contexts import build_schedule_context as build_schedule_context
    from opweave.testing.tick_contexts import build_sensor_context as build_sensor_context
    from opweave.wire.attempt import EventType as EventType
    from opweave.wire.plan import Backoff as Backoff
    from opweave.wire.plan import Jitter as Jitter

_MODULES = {
    "check_opweave_type": "opweave.definitions.custom_types",
    "make_python_type_usable_as_opweave_type": "opweave.definitions.custom_types",
    "usable_as_opweave_type": "opweave.definitions.custom_types",
    "PythonObjectOpweaveType": "opweave.definitions.custom_types",
    "build_resources": "opweave.testing.built_resources",
    "load_definitions_from_package_name": "opweave.definitions.from_modules",
    "load_definitions_from_package_module": "opweave.definitions.from_modules",
    "load_definitions_from_current_module": "opweave.definitions.from_modules",
    "load_definitions_from_modules": "opweave.definitions.from_modules",
    "load_definitions_from_module": "opweave.definitions.from_modules",
    "build_hook_context": "opweave.testing.hook_contexts",
    "HookContext": "opweave.execution.hook_context",
    "failure_hook": "opweave.definitions.hook",
    "success_hook": "opweave.definitions.hook",
    "HookDefinition": "opweave.definitions.hook",
    "AssetChecksDefinition": "opweave.definitions.assets.assets_definition",
    "AssetsDefinition": "opweave.definitions.assets.assets_definition",
    "AssetCheckResult": "opweave.definitions.assets.check_result",
    "AssetCheckKey": "opweave.definitions.assets.check_spec",
    "AssetCheckSeverity": "opweave.definitions.assets.check_spec",
    "AssetCheckSpec": "opweave.definitions.assets.check_spec",
    "asset_check": "opweave.definitions.assets.checks",
    "multi_asset_check": "opweave.definitions.assets.checks",
    "asset": "opweave.definitions.assets.decorators",
    "multi_asset": "opweave.definitions.assets.decorators",
    "define_asset_job": "opweave.definitions.assets.define_job",
    "graph_asset": "opweave.definitions.assets.graph_assets",
    "graph_multi_asset": "opweave.definitions.assets.graph_assets",
    "AssetIn": "opweave.definitions.assets.ins_and_outs",
    "AssetOut": "opweave.definitions.assets.ins_and_outs",
    "AssetKey": "opweave.definitions.assets.key",
    "load_asset_checks_from_current_module": "opweave.definitions.assets.loading",
    "load_asset_checks_from_modules": "opweave.definitions.assets.loading",
    "load_asset_checks_from_package_module": "opweave.definitions.assets.loading",
    "load_asset_checks_from_package_name": "opweave.definitions.assets.loading",
    "load_assets_from_current_module": "opweave.definitions.assets.loading",
    "load_assets_from_modules": "opweave.definitions.assets.loading",
    "load_assets_from_package_module": "opweave.definitions.assets.loading",
    "load_assets_from_package_name": "opweave.definitions.assets.loading",
    "DataVersion": "opweave.definitions.assets.results",
    "MaterializeResult": "opweave.definitions.assets.results",
    "ObserveResult": "opweave.definitions.assets.results",
    "AssetSelection": "opweave.definitions.assets.selection",
    "SourceAsset": "opweave.definitions.assets.sources",
    "external_asset_from_spec": "opweave.definitions.assets.sources",
    "external_assets_from_specs": "opweave.definitions.assets.sources",
    "multi_observable_source_asset": "opweave.definitions.assets.sources",
    "observable_source_asset": "opweave.definitions.assets.sources",
    "AssetDep": "opweave.definitions.assets.spec",
    "AssetSpec": "opweave.definitions.assets.spec",
    "map_asset_specs": "opweave.definitions.assets.spec",
    "OpweaveAssetCheckFailedError": "opweave.errors",
    "AssetCheckExecutionContext": "opweave.execution.asset_context",
    "AssetExecutionContext": "opweave.execution.asset_context",
    "materialize": "opweave.execution.materialize",
    "materialize_to_memory": "opweave.execution.materialize",
    "observe": "opweave.execution.materialize",
    "build_asset_check_context": "opweave.testing.asset_contexts",
    "build_asset_context": "opweave.testing.asset_contexts",
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
    "ConfigMapping": "opweave.definitions.config_mapping",
    "config_mapping": "opweave.definitions.config_mapping",
    "configured": "opweave.definitions.configured",
    "config_from_files": "opweave.config.files",
    "config_from_yaml_strings": "opweave.config.files",
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
    "RunRequest": "opweave.definitions.run_request",
    "SkipReason": "opweave.definitions.run_request",
    "schedule": "opweave.definitions.schedule",
    "ScheduleDefinition": "opweave.definitions.schedule",
    "DefaultScheduleStatus": "opweave.definitions.schedule",
    "sensor": "opweave.definitions.sensor",
    "SensorDefinition": "opweave.definitions.sensor",
    "SensorResult": "opweave.definitions.sensor",
    "DefaultSensorStatus": "opweave.definitions.sensor",
    "ScheduleEvaluationContext": "opweave.execution.tick_context",
    "SensorEvaluationContext": "opweave.execution.tick_context",
    "build_schedule_context": "opweave.testing.tick_contexts",
    "build_sensor_context": "opweave.testing.tick_contexts",
    "EventType": "opweave.wire.attempt",
    "Backoff": "opweave.wire.plan",
    "Jitter": "opweave.wire.plan",
    "ConfigurableIOManagerFactory": "opweave.definitions.configurable_resource",
    "InputManager": "opweave.definitions.input_manager",
    "InputManagerDefinition": "opweave.definitions.input_manager",
    "input_manager": "opweave.definitions.input_manager",
    "custom_path_fs_io_manager": "opweave.io_managers.custom_path",
    "UPathIOManager": "opweave.io_managers.upath",
    "PipesEnvContextInjector": "opweave.pipes.context_injector",
    "PipesFileContextInjector": "opweave.pipes.context_injector",
    "PipesTempFileContextInjector": "opweave.pipes.context_injector",
    "PipesContextInjector": "opweave.pipes.context_injector",
    "PipesFileMessageReader": "opweave.pipes.message_reader",
    "PipesTempFileMessageReader": "opweave.pipes.message_reader",
    "PipesMessageReader": "opweave.pipes.message_reader",
    "PipesSession": "opweave.pipes.session",
    "open_pipes_session": "opweave.pipes.session",
    "PipesSubprocessClient": "opweave.pipes.subprocess_client",
    "PipesClientCompletedInvocation": "opweave.pipes.completed_invocation",
}
"""Where each public name is defined."""

__all__ = [
    "Any",
    "Array",
    "AssetCheckExecutionContext",
    "AssetCheckKey",
    "AssetCheckResult",
    "AssetCheckSeverity",
    "AssetCheckSpec",
    "AssetChecksDefinition",
    "AssetDep",
    "AssetExecutionContext",
    "AssetIn",
    "AssetKey",
    "AssetMaterialization",
    "AssetObservation",
    "AssetOut",
    "AssetSelection",
    "AssetSpec",
    "AssetsDefinition",
    "Backoff",
    "Bool",
    "BoolSource",
    "Config",
    "ConfigMapping",
    "ConfigurableIOManager",
    "ConfigurableIOManagerFactory",
    "ConfigurableResource",
    "DataVersion",
    "DefaultScheduleStatus",
    "DefaultSensorStatus",
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
    "HookContext",
    "HookDefinition",
    "IOManager",
    "IOManagerDefinition",
    "In",
    "InMemoryIOManager",
    "InitResourceContext",
    "InputContext",
    "InputManager",
    "InputManagerDefinition",
    "InputMapping",
    "Int",
    "IntSource",
    "Jitter",
    "JobDefinition",
    "Map",
    "MaterializeResult",
    "MetadataValue",
    "MultiDependencyDefinition",
    "NodeInvocation",
    "Noneable",
    "Nothing",
    "ObserveResult",
    "OpDefinition",
    "OpExecutionContext",
    "OpweaveAssetCheckFailedError",
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
    "PipesClientCompletedInvocation",
    "PipesContextInjector",
    "PipesEnvContextInjector",
    "PipesFileContextInjector",
    "PipesFileMessageReader",
    "PipesMessageReader",
    "PipesSession",
    "PipesSubprocessClient",
    "PipesTempFileContextInjector",
    "PipesTempFileMessageReader",
    "PythonObjectOpweaveType",
    "ResourceDefinition",
    "ResourceParam",
    "RetryPolicy",
    "RetryRequested",
    "RunConfig",
    "RunRequest",
    "ScheduleDefinition",
    "ScheduleEvaluationContext",
    "Selector",
    "SensorDefinition",
    "SensorEvaluationContext",
    "SensorResult",
    "Shape",
    "SkipReason",
    "SourceAsset",
    "StepTerminated",
    "String",
    "StringSource",
    "TypeCheck",
    "UPathIOManager",
    "__version__",
    "asset",
    "asset_check",
    "build_asset_check_context",
    "build_asset_context",
    "build_hook_context",
    "build_init_resource_context",
    "build_input_context",
    "build_op_context",
    "build_output_context",
    "build_resources",
    "build_schedule_context",
    "build_sensor_context",
    "check_opweave_type",
    "config_from_files",
    "config_from_yaml_strings",
    "config_mapping",
    "configured",
    "custom_path_fs_io_manager",
    "define_asset_job",
    "external_asset_from_spec",
    "external_assets_from_specs",
    "failure_hook",
    "fs_io_manager",
    "get_opweave_logger",
    "graph",
    "graph_asset",
    "graph_multi_asset",
    "input_manager",
    "io_manager",
    "job",
    "load_asset_checks_from_current_module",
    "load_asset_checks_from_modules",
    "load_asset_checks_from_package_module",
    "load_asset_checks_from_package_name",
    "load_assets_from_current_module",
    "load_assets_from_modules",
    "load_assets_from_package_module",
    "load_assets_from_package_name",
    "load_definitions_from_current_module",
    "load_definitions_from_module",
    "load_definitions_from_modules",
    "load_definitions_from_package_module",
    "load_definitions_from_package_name",
    "make_python_type_usable_as_opweave_type",
    "make_values_resource",
    "map_asset_specs",
    "materialize",
    "materialize_to_memory",
    "mem_io_manager",
    "multi_asset",
    "multi_asset_check",
    "multi_observable_source_asset",
    "observable_source_asset",
    "observe",
    "op",
    "open_pipes_session",
    "resource",
    "schedule",
    "sensor",
    "success_hook",
    "usable_as_opweave_type",
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
