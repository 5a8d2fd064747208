"""What the mechanical rename makes of names, and whether opweave has the result.

Only what `opweave.__all__` holds, or a sibling module that can be found, counts as moved: everything else is said.
"""

from __future__ import annotations

import importlib
import importlib.util
import re

import opweave

OLD = "dagster"
NEW = "opweave"

MEMBERS = {
    name: name.replace(OLD, NEW)
    for name in (
        "dagster_event",
        "dagster_event_type",
        "dagster_home",
        "dagster_run",
        "dagster_type",
        "dagster_types",
        "get_dagster_event",
        "is_dagster_event",
    )
}
"""Attributes and parameters of the public API that carry the product's name."""

_TAG_NAMES = """
    agent_type asset_key asset_partition_range_end asset_partition_range_start auto_materialize auto_observe auto_retry
    backfill code_location code_references code_version column_lineage column_schema compute_kind concurrency_key
    data_version declarative_automation did_retry failure_reason from_automation_condition from_ui git_commit_hash image
    input_data_version isolation job last_freshness_time max_retries max_runtime parent_run_id partition
    partition_row_count partition_set preset_name priority relation_identifier reserved_tags_by_kind retry_number
    retry_on_asset_or_op_failure retry_strategy root_run_id row_count run_key schedule_name sensor_name solid_selection
    step_selection storage_kind table_name tick uri user will_retry
"""
TAGS = frozenset(_TAG_NAMES.split())
"""After ``dagster/``: tags and metadata keys that mean something to it. ``dagster/kind/NAME`` does too."""

_TAG = re.compile(r"\.?dagster(?:-k8s|-celery)?/[A-Za-z0-9_./-]+")


def renamed(name: str) -> str:
    """Return the name under the rename, whether opweave has it or not."""
    if name == "DagsterEventType":
        return "EventType"
    if name.startswith("Dagster"):
        return "Opweave" + name.removeprefix("Dagster")
    return re.sub(r"(?<![A-Za-z])dagster(?![A-Za-z])", NEW, name.replace("Dagster", "Opweave"))


def problem_of(new_name: str) -> str:
    """Return why ``opweave.<new_name>`` cannot be used; empty when it can."""
    if new_name in opweave.__all__:
        return ""
    if new_name.startswith("_"):
        return f"{new_name} is private in Dagster; use what is public"
    try:
        getattr(opweave, new_name)
    except AttributeError as error:
        if "not supported yet" in str(error):
            return f"opweave.{new_name} is not supported yet; docs/explanation/coming-from-dagster.md says what is"
    return f"opweave has no {new_name}; docs/explanation/coming-from-dagster.md says what there is"


def module(old: str) -> str | None:
    """Return the module that takes the place of *old*, None when there is none."""
    head, _, rest = old.partition(".")
    if head == OLD:
        return NEW if not rest else None
    new = re.sub(r"^dagster_", "opweave_", head) + (f".{rest}" if rest else "")
    return new if _exists(new) else None


def problem_of_member(new_module: str, name: str) -> str:
    """Return why *name* of a sibling module cannot be used; empty when it can."""
    try:
        found = hasattr(importlib.import_module(new_module), name)
    except ImportError as error:
        return f"{new_module}.{name} could not be checked here: {error}"
    return "" if found else f"{new_module} has no {name}"


def is_old_module(name: str) -> bool:
    """Return whether *name* is Dagster or one of its integrations."""
    head = name.partition(".")[0]
    return head == OLD or head.startswith("dagster_")


def is_like_a_tag(text: str) -> bool:
    """Return whether the whole *text* has the form of a tag of Dagster's."""
    return _TAG.fullmatch(text) is not None


def is_known_tag(text: str) -> bool:
    """Return whether *text* is a tag or metadata key whose counterpart opweave spells under the rename."""
    prefix, _, name = text.removeprefix(".").partition("/")
    if prefix == "dagster-k8s":
        return name == "config"
    return prefix == OLD and (name in TAGS or name.startswith("kind/"))


def _exists(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False
