"""Asset selections: parts of a location's assets, written in Python or in the grammar of `selection_grammar`."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable, Sequence, Set
from typing import TYPE_CHECKING, Any

from opweave import errors
from opweave.config.problems import shown
from opweave.deferred import deferred_module
from opweave.definitions.assets.asset_graph import AssetGraph
from opweave.definitions.assets.asset_job import AssetPart
from opweave.definitions.assets.assets_definition import AssetsDefinition
from opweave.definitions.assets.check_spec import AssetCheckKey
from opweave.definitions.assets.key import AssetKey, CoercibleToAssetKey, as_prefix
from opweave.definitions.assets.spec import KIND_TAG_PREFIX, AssetSpec

if TYPE_CHECKING:
    from opweave.definitions.assets import selection_grammar
else:
    # It builds on this module.
    selection_grammar = deferred_module("opweave.definitions.assets.selection_grammar")


class AssetSelection:
    """A rule that picks assets, and with them their checks; make one by the class methods, combine them by ``| & -``."""

    def resolve(self, assets: AssetGraph) -> set[AssetKey]:
        """Return the keys of the assets of *assets* that it picks.

        Raises:
            OpweaveInvalidSubsetError: It names what does not exist.
        """
        raise NotImplementedError

    def resolve_checks(self, assets: AssetGraph) -> set[AssetCheckKey]:
        """Return the checks that it picks: by default all of the picked assets."""
        return set(assets.checks_of(self.resolve(assets)))

    @staticmethod
    def all(include_sources: bool = False) -> AssetSelection:
        """Pick every asset that steps of the location write; with *include_sources* also those that others write."""
        return _Picked(
            "all",
            lambda assets: set(assets.specs if include_sources else assets.materializable_keys),
        )

    @staticmethod
    def assets(*assets_defs: CoercibleToAssetKey) -> AssetSelection:
        """Pick the given assets: keys, texts as ``"a/b"``, or assets; one with several keys means all of them."""
        return _Keys(_keys_of(assets_defs))

    @staticmethod
    def keys(*asset_keys: CoercibleToAssetKey) -> AssetSelection:
        """Pick the assets with these keys."""
        return _Keys(_keys_of(asset_keys))

    @staticmethod
    def key_prefixes(
        *key_prefixes: str | Sequence[str], include_sources: bool = False
    ) -> AssetSelection:
        """Pick the assets whose keys begin with one of *key_prefixes*."""
        prefixes = [as_prefix(prefix) for prefix in key_prefixes]
        return _where(
            lambda spec: any(spec.key.has_prefix(prefix) for prefix in prefixes), include_sources
        )

    @staticmethod
    def key_substring(key_substring: str, include_sources: bool = False) -> AssetSelection:
        """Pick the assets in whose written key *key_substring* occurs."""
        return _where(lambda spec: key_substring in spec.key.to_user_string(), include_sources)

    @staticmethod
    def key_wildcard(pattern: str, include_sources: bool = True) -> AssetSelection:
        """Pick the assets whose written key fits *pattern*, in which ``*`` stands for any text."""
        return _where(
            lambda spec: fnmatch.fnmatchcase(spec.key.to_user_string(), _literal(pattern)),
            include_sources,
        )

    @staticmethod
    def groups(*group_strs: str, include_sources: bool = False) -> AssetSelection:
        """Pick the assets of these groups."""
        return _where(lambda spec: spec.group in group_strs, include_sources)

    @staticmethod
    def tag(key: str, value: str, include_sources: bool = False) -> AssetSelection:
        """Pick the assets with the tag *key* of this *value*."""
        return _where(lambda spec: spec.tags.get(key) == value, include_sources)

    @staticmethod
    def tag_string(string: str, include_sources: bool = False) -> AssetSelection:
        """Pick the assets with the tag *string*, ``key=value`` or ``key`` alone."""
        key, _, value = string.partition("=")
        return AssetSelection.tag(key, value, include_sources)

    @staticmethod
    def kind(kind: str | None, include_sources: bool = False) -> AssetSelection:
        """Pick the assets of this kind; None picks those without any."""
        return _where(
            lambda spec: f"{KIND_TAG_PREFIX}{kind}" in spec.tags if kind else not spec.kinds,
            include_sources,
        )

    @staticmethod
    def owner(owner: str | None, include_sources: bool = False) -> AssetSelection:
        """Pick the assets of this owner; None picks those without any."""
        return _where(
            lambda spec: owner in spec.owners if owner else not spec.owners, include_sources
        )

    @staticmethod
    def where(fits: Callable[[AssetSpec], bool], include_sources: bool = False) -> AssetSelection:
        """Pick the assets whose spec *fits*."""
        return _where(fits, include_sources)

    @staticmethod
    def checks_for_assets(*assets_defs: CoercibleToAssetKey) -> AssetSelection:
        """Pick all checks of the given assets, without the assets."""
        return _ChecksOf(_keys_of(assets_defs))

    @staticmethod
    def checks(*assets_or_check_keys: Any) -> AssetSelection:
        """Pick the given checks: keys or checks; without any, all checks."""
        keys: list[AssetCheckKey] = []
        for given in assets_or_check_keys:
            keys += [given] if isinstance(given, AssetCheckKey) else list(given.check_keys)
        return _Checks(keys)

    @staticmethod
    def all_asset_checks() -> AssetSelection:
        """Pick all checks, without the assets."""
        return _Checks([])

    @classmethod
    def from_string(cls, string: str, include_sources: bool = False) -> AssetSelection:
        """Return the selection that *string* writes; see `selection_grammar`.

        Raises:
            OpweaveInvalidSubsetError: It is no selection; the text points at the place.
        """
        return selection_grammar.parse(string, include_sources=include_sources)

    @classmethod
    def from_coercible(cls, selection: CoercibleToAssetSelection) -> AssetSelection:
        """Return the selection that *selection* stands for: one, a text, or a list of texts, keys and assets.

        Raises:
            OpweaveInvalidSubsetError: It stands for none.
        """
        if isinstance(selection, AssetSelection):
            return selection
        if isinstance(selection, str):
            return cls.from_string(selection)
        if isinstance(selection, (AssetKey, AssetsDefinition, AssetSpec)):
            return cls.assets(selection)
        if isinstance(selection, Iterable):
            parts = [
                cls.from_string(item) if isinstance(item, str) else cls.from_coercible(item)
                for item in selection
            ]
            return parts[0] if len(parts) == 1 else _Union(parts)
        raise errors.OpweaveInvalidSubsetError(
            f"{shown(selection)} is no asset selection: give a text, an AssetSelection, or a list of keys and assets"
        )

    def downstream(self, depth: int | None = None, include_self: bool = True) -> AssetSelection:
        """Pick also what is made of the picked assets, *depth* levels down; None means all."""
        return _Reached(self, depth, include_self, lambda assets, key: assets.downstream[key])

    def upstream(self, depth: int | None = None, include_self: bool = True) -> AssetSelection:
        """Pick also what the picked assets are made of, *depth* levels up; None means all. Assets of others are left out."""
        return _Reached(
            self,
            depth,
            include_self,
            lambda assets, key: [
                other for other in assets.upstream[key] if assets.by_key[other].is_materializable
            ],
        )

    def sinks(self) -> AssetSelection:
        """Pick those of which no other picked asset is made."""
        return _Filtered(
            self, lambda assets, key, picked: picked.isdisjoint(assets.downstream[key])
        )

    def roots(self) -> AssetSelection:
        """Pick those that are made of no other picked asset."""
        return _Filtered(self, lambda assets, key, picked: picked.isdisjoint(assets.upstream[key]))

    def sources(self) -> AssetSelection:
        """Pick the assets of others that the picked ones are made of, directly or not."""

        def sources(assets: AssetGraph) -> set[AssetKey]:
            reached = _reach(self.resolve(assets), lambda key: assets.upstream[key], None)
            return {key for key in reached if not assets.by_key[key].is_materializable}

        return _Picked("sources", sources)

    def upstream_source_assets(self) -> AssetSelection:
        """The same as `sources`."""
        return self.sources()

    def materializable(self) -> AssetSelection:
        """Pick those that steps of the location write."""
        return _Filtered(self, lambda assets, key, _: assets.by_key[key].is_materializable)

    def required_multi_asset_neighbors(self) -> AssetSelection:
        """Pick also what the same steps write that cannot write a part of it."""

        def widened(assets: AssetGraph) -> set[AssetKey]:
            picked = self.resolve(assets)
            for key in list(picked):
                if not assets.by_key[key].can_subset:
                    picked |= set(assets.by_key[key].keys)
            return picked

        return _Picked("neighbors", widened)

    def without_checks(self) -> AssetSelection:
        """Pick the assets without their checks."""
        return _Picked("without checks", self.resolve, lambda _: set())

    def __or__(self, other: AssetSelection) -> AssetSelection:
        return _Union([self, AssetSelection.from_coercible(other)])

    def __and__(self, other: AssetSelection) -> AssetSelection:
        return _Combined(self, AssetSelection.from_coercible(other), set.intersection)

    def __sub__(self, other: AssetSelection) -> AssetSelection:
        return _Combined(self, AssetSelection.from_coercible(other), set.difference)


CoercibleToAssetSelection = AssetSelection | str | Sequence[Any] | Any
"""What stands for a selection (`Any`: assets and keys too)."""


def resolve_part(selection: CoercibleToAssetSelection, assets: AssetGraph, owner: str) -> AssetPart:
    """Return what *selection* picks, as a job can run it.

    Raises:
        OpweaveInvalidSubsetError: It picks nothing, or an asset that no step of the location makes, or a part of what one
            step writes at once.
    """
    picked = AssetSelection.from_coercible(selection)
    keys = picked.resolve(assets)
    checks = picked.resolve_checks(assets)
    for key in sorted(keys):
        definition = assets.by_key[key]
        if not definition.is_executable:
            raise errors.OpweaveInvalidSubsetError(
                f"{owner} selects the asset {key.to_user_string()!r}, which no step of this location makes: leave it out of the "
                "selection"
            )
        left = set(definition.keys) - keys
        if left and not definition.can_subset:
            names = ", ".join(sorted(repr(other.to_user_string()) for other in left))
            raise errors.OpweaveInvalidSubsetError(
                f"{owner} selects {key.to_user_string()!r} without {names}: one step writes them together ({definition.origin}); "
                "select all of them, or declare can_subset=True"
            )
    if not keys and not checks:
        raise errors.OpweaveInvalidSubsetError(f"{owner} selects no asset and no check")
    return AssetPart(frozenset(keys), frozenset(checks))


class _Keys(AssetSelection):
    def __init__(self, keys: Iterable[AssetKey]) -> None:
        self._keys = list(keys)

    def resolve(self, assets: AssetGraph) -> set[AssetKey]:
        for key in self._keys:
            assets.require(key)
        return set(self._keys)


class _ChecksOf(AssetSelection):
    def __init__(self, keys: Iterable[AssetKey]) -> None:
        self._keys = list(keys)

    def resolve(self, assets: AssetGraph) -> set[AssetKey]:
        return set()

    def resolve_checks(self, assets: AssetGraph) -> set[AssetCheckKey]:
        return set(assets.checks_of(self._keys))


class _Checks(AssetSelection):
    def __init__(self, keys: Iterable[AssetCheckKey]) -> None:
        self._keys = list(keys)

    def resolve(self, assets: AssetGraph) -> set[AssetKey]:
        return set()

    def resolve_checks(self, assets: AssetGraph) -> set[AssetCheckKey]:
        for key in self._keys:
            if key not in assets.by_check:
                known = [other.to_user_string() for other in assets.by_check]
                hint = errors.did_you_mean(key.to_user_string(), known)
                raise errors.OpweaveInvalidSubsetError(
                    f"there is no check {key.to_user_string()!r} in {assets.owner}{hint}"
                )
        return set(self._keys or assets.by_check)


class _Picked(AssetSelection):
    def __init__(
        self,
        name: str,
        pick: Callable[[AssetGraph], set[AssetKey]],
        pick_checks: Callable[[AssetGraph], set[AssetCheckKey]] | None = None,
    ) -> None:
        self._name = name
        self._pick = pick
        self._pick_checks = pick_checks

    def resolve(self, assets: AssetGraph) -> set[AssetKey]:
        return self._pick(assets)

    def resolve_checks(self, assets: AssetGraph) -> set[AssetCheckKey]:
        if self._pick_checks is None:
            return super().resolve_checks(assets)
        return self._pick_checks(assets)


class _Union(AssetSelection):
    def __init__(self, parts: Sequence[AssetSelection]) -> None:
        self._parts = parts

    def resolve(self, assets: AssetGraph) -> set[AssetKey]:
        return set().union(*(part.resolve(assets) for part in self._parts))

    def resolve_checks(self, assets: AssetGraph) -> set[AssetCheckKey]:
        return set().union(*(part.resolve_checks(assets) for part in self._parts))


class _Combined(AssetSelection):
    def __init__(
        self,
        left: AssetSelection,
        right: AssetSelection,
        combine: Callable[[Any, Any], Any],
    ) -> None:
        self._left = left
        self._right = right
        self._combine = combine

    def resolve(self, assets: AssetGraph) -> set[AssetKey]:
        found: set[AssetKey] = self._combine(
            self._left.resolve(assets), self._right.resolve(assets)
        )
        return found

    def resolve_checks(self, assets: AssetGraph) -> set[AssetCheckKey]:
        found: set[AssetCheckKey] = self._combine(
            self._left.resolve_checks(assets), self._right.resolve_checks(assets)
        )
        return found


class _Reached(AssetSelection):
    def __init__(
        self,
        start: AssetSelection,
        depth: int | None,
        include_self: bool,
        beside: Callable[[AssetGraph, AssetKey], Iterable[AssetKey]],
    ) -> None:
        self._start = start
        self._depth = depth
        self._include_self = include_self
        self._beside = beside

    def resolve(self, assets: AssetGraph) -> set[AssetKey]:
        start = self._start.resolve(assets)
        reached = _reach(start, lambda key: self._beside(assets, key), self._depth)
        return reached if self._include_self else reached - start


class _Filtered(AssetSelection):
    def __init__(
        self,
        start: AssetSelection,
        fits: Callable[[AssetGraph, AssetKey, Set[AssetKey]], bool],
    ) -> None:
        self._start = start
        self._fits = fits

    def resolve(self, assets: AssetGraph) -> set[AssetKey]:
        picked = self._start.resolve(assets)
        return {key for key in picked if self._fits(assets, key, picked - {key})}


def _reach(
    start: Set[AssetKey], beside: Callable[[AssetKey], Iterable[AssetKey]], depth: int | None
) -> set[AssetKey]:
    reached, frontier, level = set(start), set(start), 0
    while frontier and (depth is None or level < depth):
        frontier = {other for key in frontier for other in beside(key)} - reached
        reached |= frontier
        level += 1
    return reached


def _where(fits: Callable[[AssetSpec], bool], include_sources: bool) -> AssetSelection:
    return _Picked(
        "where",
        lambda assets: {
            key
            for key, spec in assets.specs.items()
            if (include_sources or assets.by_key[key].is_materializable) and fits(spec)
        },
    )


def _keys_of(given: Iterable[Any]) -> list[AssetKey]:
    keys: list[AssetKey] = []
    for value in given:
        if isinstance(value, AssetsDefinition):
            keys += value.keys
        elif isinstance(value, (list, tuple)) and not all(isinstance(v, str) for v in value):
            keys += _keys_of(value)
        else:
            keys.append(AssetKey.from_coercible(value))
    return keys


def _literal(pattern: str) -> str:
    """Return *pattern* with only ``*`` as a wildcard."""
    return "".join(f"[{c}]" if c in "?[" else c for c in pattern)
