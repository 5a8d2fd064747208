"""The pod that an op asks for by its tag ``opweave-k8s/config``, in Kubernetes' own names.

The tag's three parts and both spellings of the names (``env_from``, ``envFrom``) are the field's; what the parts may hold
is checked by the API server.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from opweave import errors
from opweave.config.problems import shown

POD_TAG = "opweave-k8s/config"
PARTS = ("container_config", "pod_spec_config", "pod_template_spec_metadata")
_FREE_KEYS = frozenset(
    {"labels", "annotations", "nodeSelector", "matchLabels", "limits", "requests", "overhead"}
)
"""Fields of Kubernetes whose keys are users' own words and stay as they are."""
_CAMEL = re.compile(r"[A-Z]")
_SNAKE = re.compile(r"_([a-zA-Z0-9])")


def pod_shape(tag: object, owner: str) -> dict[str, Any]:
    """Return the three parts of *tag* with Kubernetes' names; empty for no tag.

    Args:
        tag: The tag's value, as the user wrote it.
        owner: For errors: whose tag it is.

    Raises:
        OpweaveInvalidDefinitionError: It is no mapping, or has other parts.
    """
    if tag is None:
        return {}
    if not isinstance(tag, Mapping):
        raise errors.OpweaveInvalidDefinitionError(
            f"{owner} has the tag {POD_TAG} with {shown(tag)}: give a mapping with {', '.join(PARTS)}"
        )
    result: dict[str, Any] = {}
    for key, part in tag.items():
        name = _snake(str(key))
        if name not in PARTS:
            hint = errors.did_you_mean(name, PARTS)
            raise errors.OpweaveInvalidDefinitionError(
                f"{owner} has the tag {POD_TAG} with the part {str(key)!r:.80}{hint or ': use ' + ', '.join(PARTS)}"
            )
        if not isinstance(part, Mapping):
            raise errors.OpweaveInvalidDefinitionError(
                f"{owner} has the tag {POD_TAG} with {shown(part)} as {name}: give a mapping"
            )
        result[name] = _camel_keys(part)
    return result


def _camel_keys(value: Any) -> Any:
    if isinstance(value, Mapping):
        result = {}
        for key, item in value.items():
            name = _camel(str(key))
            result[name] = (
                dict(item)
                if name in _FREE_KEYS and isinstance(item, Mapping)
                else _camel_keys(item)
            )
        return result
    if isinstance(value, (list, tuple)):
        return [_camel_keys(item) for item in value]
    return value


def _camel(name: str) -> str:
    return _SNAKE.sub(lambda match: match.group(1).upper(), name)


def _snake(name: str) -> str:
    return _CAMEL.sub(lambda match: f"_{match.group(0).lower()}", name)
