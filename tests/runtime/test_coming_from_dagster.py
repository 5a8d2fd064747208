"""The page for users of Dagster names what exists."""

from __future__ import annotations

import re
from pathlib import Path

import opweave
from opweave.execution.pod_shape import POD_TAG
from opweave.execution.time_limit import MAX_RUNTIME_TAG

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "coming-from-dagster.md"


def section(title: str) -> str:
    """Return the text of the page under *title*."""
    (text,) = re.findall(
        rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE.read_text(), re.DOTALL | re.MULTILINE
    )
    return str(text)


def test_every_name_that_is_said_to_exist_does() -> None:
    names = set(re.findall(r"`(\w+)`", section("What exists")))
    own = {"assets", "asset_checks", "execute_in_process", "jobs", "resources", "metadata"}
    own |= {"schedules", "sensors"}
    assert len(names) > 40
    assert names - own - set(opweave.__all__) == set()


def test_the_renamed_names_are_right() -> None:
    renamed = section("The rename")
    for name in ("OpweaveInvalidConfigError", "OpweaveType", "get_opweave_logger", "EventType"):
        assert f"`{name}`" in renamed
        assert hasattr(opweave, name)
    assert f"`{POD_TAG}`" in renamed
    assert f"`{MAX_RUNTIME_TAG}`" in renamed
