"""Keys of assets: paths of texts, unique in an instance."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from opweave import errors
from opweave.config.problems import shown

MAX_KEY_CHARACTERS = 512
"""Longest key in its written form; it is an index of the database."""

_SEPARATOR = re.compile(r"(?<!\\)/")
_NOT_IDENTIFIER = re.compile(r"[^A-Za-z0-9_]", re.ASCII)


class AssetKey:
    """The name of an asset: one text, or a path of several.

    Args:
        path: Parts from the outermost; a text is one part.

    Raises:
        OpweaveInvalidDefinitionError: A part is no text, or empty, or all are too long.
    """

    __slots__ = ("_hash", "path")

    path: list[str]

    # Any: what users give is checked here.
    def __init__(self, path: Any) -> None:
        if isinstance(path, AssetKey):
            parts: list[Any] = path.path
        else:
            is_path = isinstance(path, Iterable) and not isinstance(path, str)
            parts = list(path) if is_path else [path]
        for part in parts:
            if not isinstance(part, str) or not part:
                raise errors.OpweaveInvalidDefinitionError(
                    f"an asset key has the part {shown(part)}: each part is a text that is not empty"
                )
        self.path = list(parts)
        self._hash = hash(tuple(parts))
        if not parts or len(self.to_user_string()) > MAX_KEY_CHARACTERS:
            raise errors.OpweaveInvalidDefinitionError(
                f"{shown(path)} is no asset key: give 1 to {MAX_KEY_CHARACTERS} characters in all"
            )

    @property
    def parts(self) -> Sequence[str]:
        """The parts, from the outermost."""
        return self.path

    def to_user_string(self) -> str:
        r"""Return the key as people write it: parts joined by ``/``; a ``/`` inside a part becomes ``\/``."""
        return "/".join(part.replace("/", r"\/") for part in self.path)

    def to_escaped_user_string(self) -> str:
        """Return the same as `to_user_string`."""
        return self.to_user_string()

    def to_python_identifier(self, suffix: str | None = None) -> str:
        """Return a name of letters, digits and underscores: what the op of the asset is called."""
        parts = [*self.path, *([suffix] if suffix is not None else [])]
        return "__".join(_NOT_IDENTIFIER.sub("_", part) for part in parts)

    def has_prefix(self, prefix: Sequence[str]) -> bool:
        """Return whether the key begins with *prefix*."""
        return self.path[: len(prefix)] == list(prefix)

    def with_prefix(self, prefix: str | Sequence[str]) -> AssetKey:
        """Return the key below *prefix*."""
        return AssetKey([*([prefix] if isinstance(prefix, str) else prefix), *self.path])

    @classmethod
    def from_user_string(cls, text: str) -> AssetKey:
        """Return the key that people write as *text*.

        Raises:
            OpweaveInvalidDefinitionError: A part is empty.
        """
        return cls([part.replace(r"\/", "/") for part in _SEPARATOR.split(text)])

    from_escaped_user_string = from_user_string

    @classmethod
    def from_coercible(cls, value: CoercibleToAssetKey) -> AssetKey:
        """Return the key that *value* stands for: a key, ``"a/b"``, ``["a", "b"]``, or an asset with one key.

        Raises:
            OpweaveInvalidDefinitionError: It stands for none.
        """
        if isinstance(value, AssetKey):
            return value
        if isinstance(value, str):
            return cls.from_user_string(value)
        if isinstance(value, (list, tuple)):
            return cls(value)
        own = getattr(value, "__opweave_asset_key__", None)
        if own is not None:
            key: AssetKey = own()
            return key
        raise errors.OpweaveInvalidDefinitionError(
            f"{shown(value)} is no asset key: give a text, a list of texts, an AssetKey, or an asset"
        )

    from_coercible_or_definition = from_coercible

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AssetKey) and self.path == other.path

    def __lt__(self, other: AssetKey) -> bool:
        return self.path < other.path

    def __hash__(self) -> int:
        return self._hash

    def __str__(self) -> str:
        """Return what people write."""
        return self.to_user_string()

    def __repr__(self) -> str:
        return f"AssetKey({self.path!r})"


CoercibleToAssetKey = AssetKey | str | Sequence[str] | Any
"""What stands for an asset key: a key, a text, a list of texts, or an asset with one key (`Any`: its class is above)."""
CoercibleToAssetKeyPrefix = str | Sequence[str]


def as_prefix(value: CoercibleToAssetKeyPrefix | None) -> list[str]:
    """Return *value* as a list of parts: a text is one part."""
    if value is None:
        return []
    return [value] if isinstance(value, str) else list(value)


def by_key(values: Mapping[Any, Any] | None) -> dict[AssetKey, Any]:
    """Return *values* with each key as an `AssetKey`."""
    return {AssetKey.from_coercible(key): value for key, value in (values or {}).items()}
