"""One instance for all tests of the command line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.local_instance import Instance, start_instance, stop_instance


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """Provide an instance that serves ``shop.py``."""
    shop_file = Path(__file__).with_name("shop.py")
    instance = start_instance(tmp_path_factory.mktemp("shop") / "home", "-f", str(shop_file))
    yield instance
    stop_instance(instance)
