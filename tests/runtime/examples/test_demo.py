"""What `make demo` shows of the commands that it runs."""

from __future__ import annotations

import runpy
from pathlib import Path


def test_links_to_the_server_that_ends_are_left_out() -> None:
    """Nobody could follow them; all the rest of a line stays."""
    demo = runpy.run_path(str(Path(__file__).parents[3] / "examples" / "demo.py"))
    url = "http://127.0.0.1:41234"
    without_link = demo["without_link"]
    assert without_link(f"SUCCESS in 5.5 s   {url}/runs/01abc\n", url) == "SUCCESS in 5.5 s\n"
    assert without_link("  load  ✓  SUCCESS  0.6 s\n", url) == "  load  ✓  SUCCESS  0.6 s\n"
