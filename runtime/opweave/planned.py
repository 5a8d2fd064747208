"""Public names that users of Dagster look for under the rename and that opweave does not have yet.

Imported only when a name is missing, so it costs nothing at import.
"""

from __future__ import annotations

from collections.abc import Sequence
from opcode import opmap
from types import FrameType

from opweave.errors import did_you_mean

_NAMES = {
    "automation and freshness of assets": "AutomationCondition BackfillPolicy FreshnessPolicy",
    "resources of single assets": "with_resources",
    "partitions": """
        PartitionsDefinition PartitionKeyRange PartitionMapping PartitionedConfig DailyPartitionsDefinition
        HourlyPartitionsDefinition WeeklyPartitionsDefinition MonthlyPartitionsDefinition StaticPartitionsDefinition
        DynamicPartitionsDefinition MultiPartitionsDefinition MultiPartitionKey TimeWindowPartitionsDefinition
        daily_partitioned_config hourly_partitioned_config weekly_partitioned_config monthly_partitioned_config
        static_partitioned_config dynamic_partitioned_config
    """,
    "schedules and sensors": """
        asset_sensor multi_asset_sensor run_status_sensor run_failure_sensor RunStatusSensorContext RunFailureSensorContext
        OpweaveRunStatus build_schedule_from_partitioned_job AutomationConditionSensorDefinition
    """,
    "executors": """
        Executor ExecutorDefinition executor in_process_executor multiprocess_executor multi_or_in_process_executor
    """,
    "loggers": """
        logger LoggerDefinition InitLoggerContext build_init_logger_context colored_console_logger json_console_logger
        default_loggers
    """,
    "loading definitions from modules": """
        load_from_defs_folder definitions repository RepositoryDefinition Component ComponentLoadContext
    """,
    "custom types": """
        opweave_type_loader OpweaveTypeLoader OpweaveTypeLoaderContext
    """,
    "metadata of tables": """
        TableColumn TableColumnConstraints TableConstraints TableRecord TableSchema CodeReferencesMetadataValue
    """,
    "instances": "OpweaveInstance OpweaveRun RunsFilter execute_job reconstructable ReexecutionOptions instance_for_test",
    "I/O managers on other stores": "MultiPartitionsIOManager",
    "pipes": "PipesClient PipesBlobStoreMessageReader PipesMessageHandler PipesCompositeMessageReader",
}
"""By what they belong to; each will come with it."""


def missing(
    name: str, caller: FrameType, public_names: Sequence[str]
) -> AttributeError | ImportError:
    """Return the error for the *name* that ``opweave`` lacks and that *caller* looked for.

    ``from opweave import name`` drops the text of an `AttributeError`, so it gets an `ImportError`.
    """
    code = caller.f_code.co_code
    is_from_import = 0 <= caller.f_lasti < len(code) and (
        code[caller.f_lasti] == opmap.get("IMPORT_FROM")
    )
    text = _told(name, public_names)
    return ImportError(text, name="opweave") if is_from_import else AttributeError(text)


def _told(name: str, public_names: Sequence[str]) -> str:
    for area, names in _NAMES.items():
        if name in names.split():
            return (
                f"opweave.{name} is not supported yet: it is planned, with {area}; what exists under which name is in "
                "docs/explanation/coming-from-dagster.md"
            )
    return f"module 'opweave' has no attribute {name!r:.100}{did_you_mean(name, public_names)}"
