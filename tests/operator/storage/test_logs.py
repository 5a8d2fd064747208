"""The part of `storage/logs.py` beyond its contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from opweave_operator import ports
from opweave_operator.core import model
from opweave_operator.storage.logs import FileLogStore

REF = ports.AttemptRef(run_id=model.RunId("run"), step_key=model.StepKey("step"), number=1)


@pytest.mark.parametrize("kept", [10, 11, 30])
async def test_an_end_mark_that_a_crash_cut_is_completed(tmp_path: Path, kept: int) -> None:
    store = FileLogStore(tmp_path, max_stream_bytes=10)
    await store.append(REF, "stdout", 0, b"x" * 11)
    path = tmp_path / "run" / "step" / "1" / "stdout"
    whole = path.read_bytes()
    path.write_bytes(whole[:kept])
    assert await store.append(REF, "stdout", 11, b"y") == 12
    assert path.read_bytes() == whole
