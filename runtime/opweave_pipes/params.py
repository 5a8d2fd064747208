"""Where the program finds its context and where it writes its messages: two parameters that the step hands over."""

from __future__ import annotations

import base64
import json
import os
import zlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from opweave_pipes.errors import OpweavePipesError

OPWEAVE_PIPES_CONTEXT_ENV_VAR = "OPWEAVE_PIPES_CONTEXT"
OPWEAVE_PIPES_MESSAGES_ENV_VAR = "OPWEAVE_PIPES_MESSAGES"


def encode_param(value: Any) -> str:
    """Return *value* as one word: JSON, compressed by zlib, in base64."""
    return base64.b64encode(zlib.compress(json.dumps(value).encode())).decode()


def decode_param(value: str) -> Any:
    """Return what `encode_param` has made a word of."""
    return json.loads(zlib.decompress(base64.b64decode(value)))


class PipesParamsLoader(ABC):
    """Finds the two parameters."""

    @abstractmethod
    def is_opweave_pipes_process(self) -> bool:
        """Return whether a step has started this program."""

    @abstractmethod
    def load_context_params(self) -> dict[str, Any]:
        """Return what tells where the context is."""

    @abstractmethod
    def load_messages_params(self) -> dict[str, Any]:
        """Return what tells where messages go."""


class PipesMappingParamsLoader(PipesParamsLoader):
    """Finds them in a mapping, by the names of the environment variables."""

    def __init__(self, mapping: Mapping[str, str]) -> None:
        self._mapping = mapping

    def is_opweave_pipes_process(self) -> bool:
        """Return whether the mapping has a context."""
        return OPWEAVE_PIPES_CONTEXT_ENV_VAR in self._mapping

    def load_context_params(self) -> dict[str, Any]:
        """Return what tells where the context is."""
        return self._load(OPWEAVE_PIPES_CONTEXT_ENV_VAR)

    def load_messages_params(self) -> dict[str, Any]:
        """Return what tells where messages go."""
        return self._load(OPWEAVE_PIPES_MESSAGES_ENV_VAR)

    def _load(self, name: str) -> dict[str, Any]:
        try:
            params = decode_param(self._mapping[name])
        except (KeyError, ValueError, zlib.error) as error:
            raise OpweavePipesError(
                f"{name} is missing or is not what a step sets ({error}): hand on get_bootstrap_env_vars() unchanged"
            ) from error
        if not isinstance(params, dict):
            raise OpweavePipesError(f"{name} holds {type(params).__name__}, not an object")
        return params


class PipesEnvVarParamsLoader(PipesMappingParamsLoader):
    """Finds them in the environment."""

    def __init__(self) -> None:
        super().__init__(os.environ)
