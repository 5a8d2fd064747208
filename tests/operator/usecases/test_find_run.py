"""Finding a run by what people type."""

from __future__ import annotations

import pytest

from opweave_operator.usecases import find_run
from support import builders
from support.api_world import World


async def test_a_unique_beginning_is_enough(world: World) -> None:
    """In either case of letters."""
    run = await world.launch(builders.planned("load"))
    found = await find_run.find_run(world.stores.runs, run.id[:20].upper())
    assert found is not None
    assert run.id == found.id


@pytest.mark.parametrize("text", ["zzzzzz", "zzzzzzzzzz", "7zzzzzzzzz", "hello world", "", "'; --"])
async def test_what_no_run_can_be_called_finds_none(world: World, text: str) -> None:
    """Also where it stands for a year beyond the calendar."""
    assert await find_run.find_run(world.stores.runs, text) is None


async def test_an_ambiguous_beginning_says_so(world: World) -> None:
    """Two runs of one moment share their first characters; too few characters are told as such."""
    first = await world.launch(builders.planned("load"))
    second = await world.launch(builders.planned("load"))
    shared = next(n for n in range(26) if first.id[n] != second.id[n])
    assert shared >= find_run.SHORTEST_PREFIX
    with pytest.raises(find_run.AmbiguousRunId, match="several runs begin with"):
        await find_run.find_run(world.stores.runs, first.id[:shared])
    with pytest.raises(find_run.AmbiguousRunId, match="too short"):
        await find_run.find_run(world.stores.runs, first.id[:4])
