"""What is told of an asset beside the code that writes it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from typing import Any

from opweave import errors
from opweave.config.problems import shown
from opweave.definitions import metadata as metadata_values
from opweave.definitions import unsupported
from opweave.definitions.assets.key import AssetKey, CoercibleToAssetKey

KIND_TAG_PREFIX = "opweave/kind/"
DEFAULT_GROUP = "default"
IO_MANAGER_KEY_METADATA = "opweave/io_manager_key"
"""Metadata of a spec: key of the I/O manager that loads it where no code of the location writes it."""
MAX_OWNERS = 100
_GROUP = re.compile(r"[A-Za-z0-9_]{1,200}", re.ASCII)
_OWNER = re.compile(r"team:[^\s:]{1,200}|[^\s@]{1,200}@[^\s@]{1,200}")
_TAG_KEY = re.compile(r"[A-Za-z0-9_.\-/]{1,200}", re.ASCII)

_KEEP: Any = object()
"""Marks an argument of `AssetSpec.replace_attributes` that was not given; None is a value."""


class AssetDep:
    """An upstream asset that must be written first and whose value is not passed.

    Args:
        asset: Its key, or the asset.
        partition_mapping: Refused until there are partitions.
    """

    def __init__(self, asset: CoercibleToAssetKey, partition_mapping: object = None) -> None:
        self.asset_key = AssetKey.from_coercible(asset)
        unsupported.refuse(
            f"AssetDep({self.asset_key.to_user_string()!r})", partition_mapping=partition_mapping
        )

    @classmethod
    def from_coercible(cls, value: Any) -> AssetDep:
        """Return the dependency that *value* stands for: one, or what stands for an asset key."""
        return value if isinstance(value, AssetDep) else cls(value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AssetDep) and self.asset_key == other.asset_key

    def __hash__(self) -> int:
        return hash(self.asset_key)

    def __repr__(self) -> str:
        return f"AssetDep({self.asset_key.to_user_string()!r})"


class AssetSpec:
    """An asset without the code that writes it. Alone in `Definitions` it is one that others write.

    Args:
        key: Its key.
        deps: Assets that it is made of.
        metadata: Of the definition; each materialisation has its own.
        skippable: Its writer may leave it out of a run.
        group_name: Letters, digits and underscores; ``default`` when it is left out.
        code_version: Raised when the code that writes it changes what it means.
        owners: Addresses, or ``team:NAME``.
        tags: Texts to texts.
        kinds: Up to three words for pages, as ``duckdb``.

    Raises:
        OpweaveInvalidDefinitionError: One of them is not of this form.
    """

    def __init__(
        self,
        key: CoercibleToAssetKey,
        *,
        deps: Iterable[Any] | None = None,
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        skippable: bool = False,
        group_name: str | None = None,
        code_version: str | None = None,
        automation_condition: object = None,
        owners: Sequence[str] | None = None,
        tags: Mapping[str, str] | None = None,
        kinds: Set[str] | None = None,
        partitions_def: object = None,
        freshness_policy: object = None,
        is_virtual: bool = False,
    ) -> None:
        self.key = AssetKey.from_coercible(key)
        owner = f"asset {self.key.to_user_string()!r}"
        unsupported.refuse(
            owner,
            automation_condition=automation_condition,
            partitions_def=partitions_def,
            freshness_policy=freshness_policy,
            is_virtual=is_virtual,
        )
        self.deps = _unique_deps(deps, owner)
        self.description = description
        self.metadata = metadata_values.normalize_metadata(metadata)
        self.skippable = skippable
        self.group_name = _group(group_name, owner)
        self.code_version = code_version
        self.owners = _owners(owners, owner)
        self.tags = {**_tags(tags, owner), **_kind_tags(kinds, owner)}

    @property
    def kinds(self) -> set[str]:
        """The words that pages show, from its tags."""
        return {k.removeprefix(KIND_TAG_PREFIX) for k in self.tags if k.startswith(KIND_TAG_PREFIX)}

    @property
    def group(self) -> str:
        """Its group, ``default`` when none was given."""
        return self.group_name or DEFAULT_GROUP

    @property
    def io_manager_key(self) -> str | None:
        """Key of the I/O manager that loads it where no code of the location writes it, if it names one."""
        value = self.metadata.get(IO_MANAGER_KEY_METADATA)
        return None if value is None else str(value.value)

    def __opweave_asset_key__(self) -> AssetKey:
        """Return the key, where an asset stands for it."""
        return self.key

    def replace_attributes(
        self,
        *,
        key: Any = _KEEP,
        deps: Any = _KEEP,
        description: Any = _KEEP,
        metadata: Any = _KEEP,
        skippable: Any = _KEEP,
        group_name: Any = _KEEP,
        code_version: Any = _KEEP,
        automation_condition: Any = _KEEP,
        owners: Any = _KEEP,
        tags: Any = _KEEP,
        kinds: Any = _KEEP,
        partitions_def: Any = _KEEP,
        freshness_policy: Any = _KEEP,
    ) -> AssetSpec:
        """Return the spec with the given attributes in place of its own; `Any`, because each may be None.

        Raises:
            OpweaveInvalidDefinitionError: One is wrong.
        """
        own_tags = {k: v for k, v in self.tags.items() if not k.startswith(KIND_TAG_PREFIX)}

        def chosen(given: Any, own: Any) -> Any:
            return own if given is _KEEP else given

        return AssetSpec(
            chosen(key, self.key),
            deps=chosen(deps, self.deps),
            description=chosen(description, self.description),
            metadata=chosen(metadata, self.metadata),
            skippable=chosen(skippable, self.skippable),
            group_name=chosen(group_name, self.group_name),
            code_version=chosen(code_version, self.code_version),
            automation_condition=chosen(automation_condition, None),
            owners=chosen(owners, self.owners),
            tags=chosen(tags, own_tags),
            kinds=chosen(kinds, self.kinds),
            partitions_def=chosen(partitions_def, None),
            freshness_policy=chosen(freshness_policy, None),
        )

    def merge_attributes(
        self,
        *,
        deps: Iterable[Any] = (),
        metadata: Mapping[str, Any] | None = None,
        owners: Sequence[str] = (),
        tags: Mapping[str, str] | None = None,
        kinds: Set[str] = frozenset(),
    ) -> AssetSpec:
        """Return the spec with the given attributes added to its own.

        Raises:
            OpweaveInvalidDefinitionError: One is wrong.
        """
        own_tags = {k: v for k, v in self.tags.items() if not k.startswith(KIND_TAG_PREFIX)}
        return self.replace_attributes(
            deps=[*self.deps, *deps],
            metadata={**self.metadata, **(metadata or {})},
            owners=[*self.owners, *owners],
            tags={**own_tags, **(tags or {})},
            kinds=self.kinds | set(kinds),
        )

    def with_io_manager_key(self, io_manager_key: str) -> AssetSpec:
        """Return the spec of an asset that the I/O manager *io_manager_key* loads."""
        return self.merge_attributes(metadata={IO_MANAGER_KEY_METADATA: io_manager_key})

    def __repr__(self) -> str:
        return f"AssetSpec({self.key.to_user_string()!r})"


def map_asset_specs(func: Callable[[AssetSpec], AssetSpec], iterable: Iterable[Any]) -> list[Any]:
    """Return *iterable* of specs and assets with each spec replaced by what *func* makes of it."""
    return [
        func(item) if isinstance(item, AssetSpec) else item.map_asset_specs(func)
        for item in iterable
    ]


def _unique_deps(deps: Iterable[Any] | None, owner: str) -> list[AssetDep]:
    if isinstance(deps, (str, AssetKey)):
        raise errors.OpweaveInvalidDefinitionError(
            f"{owner} is given {shown(deps)} as deps: give a list, deps=[{shown(deps)}]"
        )
    found: dict[AssetKey, AssetDep] = {}
    for value in deps or ():
        for dep in _deps_of(value):
            found.setdefault(dep.asset_key, dep)
    return list(found.values())


def _deps_of(value: Any) -> list[AssetDep]:
    keys = getattr(value, "keys", None)
    if keys is not None and not callable(keys) and not hasattr(value, "asset_key"):
        # A definition of several assets stands for all of them.
        return [AssetDep(key) for key in keys]
    return [AssetDep.from_coercible(value)]


def _group(name: object, owner: str) -> str | None:
    if name is None:
        return None
    if isinstance(name, str) and _GROUP.fullmatch(name):
        return name
    raise errors.OpweaveInvalidDefinitionError(
        f"{owner} has the group {shown(name)}: use letters, digits and underscores, 200 at most"
    )


def _owners(owners: Sequence[str] | None, owner: str) -> list[str]:
    found: list[Any] = list(dict.fromkeys(owners or ()))
    if isinstance(owners, str) or len(found) > MAX_OWNERS:
        raise errors.OpweaveInvalidDefinitionError(
            f"{owner} has owners={shown(owners)}: give a list of at most {MAX_OWNERS}"
        )
    for name in found:
        if not isinstance(name, str) or not _OWNER.fullmatch(name):
            raise errors.OpweaveInvalidDefinitionError(
                f"{owner} has the owner {shown(name)}: give a mail address, or a team as 'team:NAME'"
            )
    return found


def _tags(tags: Mapping[str, str] | None, owner: str) -> dict[str, str]:
    result: dict[Any, Any] = dict(tags or {})
    for key, value in result.items():
        if not isinstance(key, str) or not _TAG_KEY.fullmatch(key):
            raise errors.OpweaveInvalidDefinitionError(
                f"{owner} has the tag {shown(key)}: use letters, digits, '_', '-', '.' and '/', 200 at most"
            )
        if not isinstance(value, str):
            raise errors.OpweaveInvalidDefinitionError(
                f"{owner} has the tag {key!r} with {shown(value)}: values of tags are texts"
            )
    return result


def _kind_tags(kinds: Set[str] | None, owner: str) -> dict[str, str]:
    if isinstance(kinds, str):
        raise errors.OpweaveInvalidDefinitionError(
            f"{owner} has kinds={shown(kinds)}: give a set, kinds={{{shown(kinds)}}}"
        )
    names = sorted(kinds or ())
    if len(names) > 3:
        raise errors.OpweaveInvalidDefinitionError(
            f"{owner} has {len(names)} kinds: pages show three, so give three at most"
        )
    return {f"{KIND_TAG_PREFIX}{name}": "" for name in names}
