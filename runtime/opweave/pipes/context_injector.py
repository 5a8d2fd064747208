"""Hand the context of a step to the program that it starts."""

from __future__ import annotations

import json
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from opweave_pipes.loading import PipesDefaultContextLoader


class PipesContextInjector(ABC):
    """Leaves the context where the program's context loader finds it."""

    @abstractmethod
    def inject_context(self, context: Mapping[str, Any]) -> AbstractContextManager[dict[str, Any]]:
        """Return what tells the loader where *context* is, for as long as the program runs."""

    @abstractmethod
    def no_messages_debug_text(self) -> str:
        """Return what a person should look at when the program reports nothing."""


class PipesEnvContextInjector(PipesContextInjector):
    """Puts the context into the environment, which holds some 100 kB."""

    @contextmanager
    def inject_context(self, context: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Give the context itself."""
        yield {PipesDefaultContextLoader.DIRECT_KEY: dict(context)}

    def no_messages_debug_text(self) -> str:
        """Return where the context was."""
        return "the context was in the environment"


class PipesFileContextInjector(PipesContextInjector):
    """Writes the context into the file *path*, which is removed at the end."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)

    @contextmanager
    def inject_context(self, context: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Give the path."""
        self._path.write_text(json.dumps(dict(context)), encoding="utf-8")
        try:
            yield {PipesDefaultContextLoader.FILE_PATH_KEY: str(self._path)}
        finally:
            self._path.unlink(missing_ok=True)

    def no_messages_debug_text(self) -> str:
        """Return where the context was."""
        return f"the context was in the file {self._path}"


class PipesTempFileContextInjector(PipesContextInjector):
    """Writes the context into a temporary file."""

    @contextmanager
    def inject_context(self, context: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Give the path."""
        with tempfile.TemporaryDirectory(prefix="opweave-pipes-") as directory:
            injector = PipesFileContextInjector(str(Path(directory, "context")))
            with injector.inject_context(context) as params:
                yield params

    def no_messages_debug_text(self) -> str:
        """Return where the context was."""
        return "the context was in a temporary file"
