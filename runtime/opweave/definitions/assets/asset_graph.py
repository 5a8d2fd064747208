"""All assets of a location together: who writes which, what is made of what, and whether that fits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from opweave import errors
from opweave.config.problems import shown
from opweave.definitions.assets.assets_definition import AssetChecksDefinition, AssetsDefinition
from opweave.definitions.assets.check_spec import AssetCheckKey, AssetCheckSpec
from opweave.definitions.assets.key import AssetKey
from opweave.definitions.assets.spec import AssetSpec


class AssetGraph:
    """The assets of a location, upstream before downstream.

    Args:
        given: Assets, specs of assets that others write, and checks.
        owner: For errors: whose they are.

    Attributes:
        definitions: Those that were given, guessed upstream keys found, and one for assets that are only depended on.
        by_key: The definition of each asset.
        by_check: The definition of each check.
        upstream: Keys of the assets that each is made of.
        downstream: Keys of the assets that are made of each.

    Raises:
        OpweaveInvalidDefinitionError: A key or check is defined twice, a parameter or check names an unknown asset, or assets
            are made of each other.
    """

    def __init__(self, given: Iterable[object], owner: str) -> None:
        self.owner = owner
        self.definitions = [as_definition(value, owner) for value in given]
        self.by_key = self._by_key()
        self.definitions = [self._with_found_inputs(d) for d in self.definitions]
        self.by_key = self._by_key()
        self._check_inputs()
        self._add_unknown()
        self.by_check = self._by_check()
        self.specs: dict[AssetKey, AssetSpec] = {
            key: definition.specs_by_key[key] for key, definition in self.by_key.items()
        }
        self.upstream: dict[AssetKey, tuple[AssetKey, ...]] = {
            key: tuple(dep.asset_key for dep in spec.deps) for key, spec in self.specs.items()
        }
        self.downstream: dict[AssetKey, list[AssetKey]] = {key: [] for key in self.specs}
        for key, above in self.upstream.items():
            for other in above:
                self.downstream[other].append(key)
        self.sorted_keys = self._sorted()

    def _by_key(self) -> dict[AssetKey, AssetsDefinition]:
        found: dict[AssetKey, AssetsDefinition] = {}
        for definition in self.definitions:
            for key in definition.keys:
                other = found.get(key)
                if other is not None and other is not definition:
                    raise errors.OpweaveInvalidDefinitionError(
                        f"{self.owner} defines the asset {key.to_user_string()!r} twice ({other.origin} and "
                        f"{definition.origin}): give one of them another key"
                    )
                found[key] = definition
        return found

    def _by_check(self) -> dict[AssetCheckKey, AssetsDefinition]:
        found: dict[AssetCheckKey, AssetsDefinition] = {}
        for definition in self.definitions:
            for check in definition.check_specs:
                other = found.get(check.key)
                if other is not None:
                    raise errors.OpweaveInvalidDefinitionError(
                        f"{self.owner} defines the check {check.name!r} of asset {check.asset_key.to_user_string()!r} twice "
                        f"({other.origin} and {definition.origin}): rename one of them"
                    )
                found[check.key] = definition
        return found

    def _with_found_inputs(self, definition: AssetsDefinition) -> AssetsDefinition:
        """Return *definition* with each guessed upstream key replaced by that of the asset which is meant."""
        found = {}
        for name in definition.guessed_inputs:
            key = definition.keys_by_input_name[name]
            if key not in self.by_key:
                meant = self._meant(definition, key)
                if meant is not None:
                    found[key] = meant
        return definition.renamed_keys(found) if found else definition

    def _meant(self, definition: AssetsDefinition, key: AssetKey) -> AssetKey | None:
        for own in definition.keys:
            beside = AssetKey([*own.path[:-1], *key.path])
            if beside in self.by_key:
                return beside
        groups = {spec.group for spec in definition.specs}
        same = [
            other
            for other in self._by_name().get(key.path[-1], ())
            if self.by_key[other].specs_by_key[other].group in groups
        ]
        return same[0] if len(key.path) == 1 and len(same) == 1 else None

    def _by_name(self) -> Mapping[str, Sequence[AssetKey]]:
        if not hasattr(self, "_names"):
            self._names: dict[str, list[AssetKey]] = {}
            for key in self.by_key:
                self._names.setdefault(key.path[-1], []).append(key)
        return self._names

    def _check_inputs(self) -> None:
        for definition in self.definitions:
            if definition.node_def is None:
                continue
            for name, key in definition.keys_by_input_name.items():
                if key not in self.by_key and not definition.node_def.inputs[name].is_nothing:
                    raise errors.OpweaveInvalidDefinitionError(
                        f"{definition} takes the parameter {name!r}, the asset {key.to_user_string()!r}, which "
                        f"{self.owner} does not define{self._closest(key)}; an asset that another location writes is declared "
                        "by AssetSpec(...), one whose value is not needed stands in deps="
                    )
            for check in definition.check_specs:
                if check.asset_key not in self.by_key:
                    raise errors.OpweaveInvalidDefinitionError(
                        f"{definition} makes the check {check.name!r} of asset {check.asset_key.to_user_string()!r}, which "
                        f"{self.owner} does not define{self._closest(check.asset_key)}"
                    )

    def _closest(self, key: AssetKey) -> str:
        return errors.did_you_mean(
            key.to_user_string(), (known.to_user_string() for known in self.by_key)
        )

    def _add_unknown(self) -> None:
        """Add assets that are only depended on: another location may write them."""
        unknown: dict[AssetKey, AssetSpec] = {}
        for definition in self.definitions:
            below = [dep.asset_key for spec in definition.specs for dep in spec.deps]
            for key in (*below, *definition.keys_by_input_name.values()):
                if key not in self.by_key and key not in unknown:
                    unknown[key] = AssetSpec(key)
        if unknown:
            stub = AssetsDefinition(specs=unknown.values())
            self.definitions.append(stub)
            self.by_key.update(dict.fromkeys(unknown, stub))

    def _sorted(self) -> list[AssetKey]:
        """Return all keys, upstream before downstream, in the order of definition where that leaves a choice.

        Raises:
            OpweaveInvalidDefinitionError: Assets are made of each other.
        """
        waiting = {key: len(set(above)) for key, above in self.upstream.items()}
        ready = [key for key, count in waiting.items() if count == 0]
        for key in ready:
            for other in dict.fromkeys(self.downstream[key]):
                waiting[other] -= 1
                if waiting[other] == 0:
                    ready.append(other)
        if len(ready) < len(waiting):
            left = {key for key, count in waiting.items() if count > 0}
            cycle = " -> ".join(key.to_user_string() for key in self._cycle(left))
            raise errors.OpweaveInvalidDefinitionError(
                f"{self.owner} has assets that are made of each other: {cycle}; an asset cannot wait for itself"
            )
        return ready

    def _cycle(self, left: set[AssetKey]) -> list[AssetKey]:
        key = next(key for key in self.upstream if key in left)
        seen: list[AssetKey] = []
        while key not in seen:
            seen.append(key)
            key = next(other for other in self.upstream[key] if other in left)
        return [key, *reversed(seen[seen.index(key) :])]

    @property
    def materializable_keys(self) -> list[AssetKey]:
        """Keys of the assets that steps of this location write."""
        return [key for key in self.sorted_keys if self.by_key[key].is_materializable]

    @property
    def executable_keys(self) -> list[AssetKey]:
        """Keys of the assets that steps of this location write or observe."""
        return [key for key in self.sorted_keys if self.by_key[key].is_executable]

    def check_spec(self, key: AssetCheckKey) -> AssetCheckSpec:
        """Return the check *key*."""
        return self.by_check[key].check_specs_by_key[key]

    def checks_of(self, keys: Iterable[AssetKey]) -> list[AssetCheckKey]:
        """Return the checks of the assets *keys*."""
        wanted = set(keys)
        return [key for key in self.by_check if key.asset_key in wanted]

    def require(self, key: AssetKey) -> AssetsDefinition:
        """Return the definition of the asset *key*.

        Raises:
            OpweaveInvalidSubsetError: There is none.
        """
        definition = self.by_key.get(key)
        if definition is None:
            raise errors.OpweaveInvalidSubsetError(
                f"there is no asset {key.to_user_string()!r} in {self.owner}{self._closest(key)}"
            )
        return definition


def as_definition(value: object, owner: str) -> AssetsDefinition:
    """Return the definition that *value*, given among assets or checks, stands for.

    Raises:
        OpweaveInvalidDefinitionError: It stands for none.
    """
    if isinstance(value, AssetsDefinition):
        return value
    if isinstance(value, AssetSpec):
        return AssetsDefinition(specs=[value])
    make: Any = getattr(value, "__opweave_assets__", None)
    if make is not None:
        made: AssetsDefinition = make()
        return made
    raise errors.OpweaveInvalidDefinitionError(
        f"{owner} is given {shown(value)} among its assets: put @asset on it, or give an AssetSpec"
    )


def is_check_only(definition: AssetsDefinition) -> bool:
    """Return whether *definition* makes checks and writes nothing."""
    return isinstance(definition, AssetChecksDefinition)
