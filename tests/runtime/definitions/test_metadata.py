"""Metadata values: their kinds and their JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from opweave import MetadataValue, OpweaveInvariantViolationError
from opweave.definitions.metadata import MAX_TABLE_ROWS, encode_metadata, normalize_metadata


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        ("x", {"type": "text", "value": "x"}),
        (True, {"type": "bool", "value": True}),
        (3, {"type": "int", "value": 3}),
        (0.5, {"type": "float", "value": 0.5}),
        (float("nan"), {"type": "float", "value": "nan"}),
        (None, {"type": "null", "value": None}),
        ({"a": (1, {2})}, {"type": "json", "value": {"a": [1, "{2}"]}}),
        ([1, 2], {"type": "json", "value": [1, 2]}),
        (Path("a/b"), {"type": "path", "value": "a/b"}),
        (MetadataValue.url("http://x"), {"type": "url", "value": "http://x"}),
        (MetadataValue.md("# x"), {"type": "md", "value": "# x"}),
        (MetadataValue.table([{"a": 1}]), {"type": "table", "value": [{"a": 1}]}),
    ],
)
def test_a_value_gets_the_kind_of_its_type(value: Any, encoded: dict[str, Any]) -> None:
    assert encode_metadata(normalize_metadata({"label": value})) == {"label": encoded}
    json.dumps(encoded, allow_nan=False)


def test_a_value_without_a_kind_is_refused_with_its_label() -> None:
    with pytest.raises(OpweaveInvariantViolationError, match="the metadata 'rows' is object"):
        normalize_metadata({"rows": object()})


def test_a_large_table_is_cut() -> None:
    assert len(MetadataValue.table([{"a": 1}] * 5000).value) == MAX_TABLE_ROWS
