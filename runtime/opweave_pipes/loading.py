"""Load the context that a step has left for the program."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, ClassVar

from opweave_pipes.errors import OpweavePipesError


class PipesContextLoader(ABC):
    """Loads the context."""

    @abstractmethod
    def load_context(self, params: Mapping[str, Any]) -> AbstractContextManager[dict[str, Any]]:
        """Return the data of the context, for as long as the program reports."""


class PipesDefaultContextLoader(PipesContextLoader):
    """Loads it from a file (``path``) or from the parameter itself (``data``)."""

    FILE_PATH_KEY: ClassVar[str] = "path"
    DIRECT_KEY: ClassVar[str] = "data"

    @contextmanager
    def load_context(self, params: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Give the data of the context."""
        if self.FILE_PATH_KEY in params:
            yield json.loads(Path(params[self.FILE_PATH_KEY]).read_bytes())
        elif self.DIRECT_KEY in params:
            yield params[self.DIRECT_KEY]
        else:
            raise OpweavePipesError(
                f"the context is neither in a file nor in the parameter, but has {', '.join(params) or 'nothing'}: give "
                "open_opweave_pipes the context_loader= that fits the step's context injector"
            )
