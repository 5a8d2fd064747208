"""Assets with the op or the graph that writes, observes or checks them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from typing import Any

from opweave import errors
from opweave.config.problems import shown
from opweave.definitions import origin as origins
from opweave.definitions import resource as resources
from opweave.definitions import unsupported
from opweave.definitions.assets.check_spec import AssetCheckKey, AssetCheckSpec
from opweave.definitions.assets.key import AssetKey, CoercibleToAssetKeyPrefix, as_prefix
from opweave.definitions.assets.spec import AssetDep, AssetSpec
from opweave.definitions.graph import GraphDefinition
from opweave.definitions.node import NodeDefinition
from opweave.definitions.op import OpDefinition


class AssetsDefinition:
    """One asset or several with the node that makes them; calling it calls the function, for tests.

    Attributes:
        node_def: The op or the graph; None for assets that others write.
        specs_by_key: What is told of each asset.
        keys_by_input_name: Upstream assets of the node's inputs, those for order only included.
        keys_by_output_name: Assets of the node's outputs.
        check_specs_by_key: Checks that the node makes.
        can_subset: Whether a run may ask it for a part of its assets.
        is_observable: It tells what it sees of assets that others write.
        guessed_inputs: Inputs whose key is only a parameter's name: an asset below the same prefix, or in the same group, may
            be meant.
    """

    def __init__(
        self,
        *,
        node_def: NodeDefinition | None = None,
        specs: Iterable[AssetSpec] = (),
        keys_by_input_name: Mapping[str, AssetKey] | None = None,
        keys_by_output_name: Mapping[str, AssetKey] | None = None,
        check_specs: Iterable[AssetCheckSpec] = (),
        can_subset: bool = False,
        resource_defs: Mapping[str, Any] | None = None,
        is_observable: bool = False,
        guessed_inputs: Set[str] = frozenset(),
        origin: origins.Origin | None = None,
    ) -> None:
        self.node_def = node_def
        self.origin = origin or (node_def.origin if node_def else origins.caller_origin())
        self.specs_by_key = self._unique(specs)
        self.keys_by_input_name = dict(keys_by_input_name or {})
        self.keys_by_output_name = dict(keys_by_output_name or {})
        self.check_specs_by_key = self._unique_checks(check_specs)
        self.can_subset = can_subset
        self.resource_defs = {
            key: resources.as_resource(value, key) for key, value in (resource_defs or {}).items()
        }
        self.is_observable = is_observable
        self.guessed_inputs = frozenset(guessed_inputs)

    def _unique(self, specs: Iterable[AssetSpec]) -> dict[AssetKey, AssetSpec]:
        found: dict[AssetKey, AssetSpec] = {}
        for spec in specs:
            if spec.key in found:
                raise errors.OpweaveInvalidDefinitionError(
                    f"two assets of one definition ({self.origin}) have the key {spec.key.to_user_string()!r}: give each "
                    "a key of its own"
                )
            found[spec.key] = spec
        return found

    def _unique_checks(
        self, checks: Iterable[AssetCheckSpec]
    ) -> dict[AssetCheckKey, AssetCheckSpec]:
        found: dict[AssetCheckKey, AssetCheckSpec] = {}
        for check in checks:
            if check.key in found:
                raise errors.OpweaveInvalidDefinitionError(
                    f"two checks of asset {check.asset_key.to_user_string()!r} ({self.origin}) are called {check.name!r}: "
                    "rename one of them"
                )
            found[check.key] = check
        return found

    @classmethod
    def from_op(cls, op_def: OpDefinition[Any, Any], **options: Any) -> AssetsDefinition:
        """Return the assets that the outputs of *op_def* are; *options* as for `from_graph`."""
        return _from_node(cls, op_def, **options)

    @classmethod
    def from_graph(cls, graph_def: GraphDefinition, **options: Any) -> AssetsDefinition:
        """Return the assets that the outputs of *graph_def* are.

        Args:
            graph_def: Its inputs are assets too.
            options: ``keys_by_input_name``, ``keys_by_output_name`` (default: the names), ``key_prefix``,
                ``internal_asset_deps`` (by output, in place of all inputs), ``group_name``, ``resource_defs``, ``can_subset``,
                ``check_specs``, and by output: ``metadata_by_output_name``, ``tags_by_output_name``,
                ``descriptions_by_output_name``, ``code_versions_by_output_name``.

        Raises:
            OpweaveInvalidDefinitionError: A name is none of the node's.
        """
        return _from_node(cls, graph_def, **options)

    @property
    def keys(self) -> Set[AssetKey]:
        """Keys of its assets."""
        return self.specs_by_key.keys()

    @property
    def key(self) -> AssetKey:
        """The key, of a definition with one asset.

        Raises:
            OpweaveInvariantViolationError: It has several, or none.
        """
        if len(self.specs_by_key) != 1:
            raise errors.OpweaveInvariantViolationError(
                f"{self} has {len(self.specs_by_key)} assets, so no key stands for it: name one by its AssetKey"
            )
        return next(iter(self.specs_by_key))

    def __opweave_asset_key__(self) -> AssetKey:
        """Return the key, where the asset stands for it."""
        return self.key

    @property
    def asset_key(self) -> AssetKey:
        """The same as `key`."""
        return self.key

    @property
    def specs(self) -> Sequence[AssetSpec]:
        """What is told of each asset."""
        return list(self.specs_by_key.values())

    @property
    def check_specs(self) -> Sequence[AssetCheckSpec]:
        """The checks that it makes."""
        return list(self.check_specs_by_key.values())

    @property
    def check_keys(self) -> Set[AssetCheckKey]:
        """Keys of the checks that it makes."""
        return self.check_specs_by_key.keys()

    @property
    def op(self) -> OpDefinition[Any, Any]:
        """Its op.

        Raises:
            OpweaveInvariantViolationError: It is a graph, or nothing writes it here.
        """
        if isinstance(self.node_def, OpDefinition):
            return self.node_def
        raise errors.OpweaveInvariantViolationError(f"{self} has no op of its own")

    @property
    def is_executable(self) -> bool:
        """Whether a step of this location makes it."""
        return self.node_def is not None

    @property
    def is_materializable(self) -> bool:
        """Whether a step of this location writes it."""
        return (
            self.node_def is not None and not self.is_observable and bool(self.keys_by_output_name)
        )

    @property
    def dependency_keys(self) -> set[AssetKey]:
        """Keys of all assets upstream of any of its own."""
        return {dep.asset_key for spec in self.specs for dep in spec.deps}

    @property
    def asset_deps(self) -> Mapping[AssetKey, Set[AssetKey]]:
        """For each asset the keys of those upstream of it."""
        return {spec.key: {dep.asset_key for dep in spec.deps} for spec in self.specs}

    @property
    def group_names_by_key(self) -> Mapping[AssetKey, str]:
        """Group of each asset."""
        return {spec.key: spec.group for spec in self.specs}

    @property
    def metadata_by_key(self) -> Mapping[AssetKey, Mapping[str, Any]]:
        """Metadata of each asset's definition."""
        return {spec.key: spec.metadata for spec in self.specs}

    @property
    def tags_by_key(self) -> Mapping[AssetKey, Mapping[str, str]]:
        """Tags of each asset."""
        return {spec.key: spec.tags for spec in self.specs}

    @property
    def descriptions_by_key(self) -> Mapping[AssetKey, str | None]:
        """Description of each asset."""
        return {spec.key: spec.description for spec in self.specs}

    @property
    def code_versions_by_key(self) -> Mapping[AssetKey, str | None]:
        """Code version of each asset."""
        return {spec.key: spec.code_version for spec in self.specs}

    @property
    def owners_by_key(self) -> Mapping[AssetKey, Sequence[str]]:
        """Owners of each asset."""
        return {spec.key: spec.owners for spec in self.specs}

    def get_asset_spec(self, key: AssetKey | None = None) -> AssetSpec:
        """Return what is told of the asset *key*; it may be left out where there is one."""
        return self.specs_by_key[key or self.key]

    def output_name_for(self, key: AssetKey) -> str | None:
        """Return the node's output that is the asset *key*, if there is one."""
        return next((n for n, own in self.keys_by_output_name.items() if own == key), None)

    def io_manager_key_for(self, key: AssetKey) -> str:
        """Return the key of the I/O manager that stores or loads the asset *key*."""
        own = self.specs_by_key[key].io_manager_key
        name = self.output_name_for(key)
        if own is not None or self.node_def is None or name is None:
            return own or "io_manager"
        return self.node_def.outputs[name].io_manager_key

    def map_asset_specs(self, func: Callable[[AssetSpec], AssetSpec]) -> AssetsDefinition:
        """Return the same with each spec replaced by what *func* makes of it, keys included."""
        replaced = {key: func(spec) for key, spec in self.specs_by_key.items()}
        return self._renamed({key: spec.key for key, spec in replaced.items()}, replaced.values())

    def with_prefix(self, prefix: Sequence[str]) -> AssetsDefinition:
        """Return the same with *prefix* before the keys of its assets and before guessed upstream keys."""
        renamed = {key: key.with_prefix(prefix) for key in self.keys}
        specs = [spec.replace_attributes(key=renamed[spec.key]) for spec in self.specs]
        return self._renamed(renamed, specs)

    def renamed_keys(self, renamed: Mapping[AssetKey, AssetKey]) -> AssetsDefinition:
        """Return the same with keys that *renamed* names replaced, upstream ones included."""
        specs = [
            spec.replace_attributes(
                key=renamed.get(spec.key, spec.key),
                deps=[AssetDep(renamed.get(d.asset_key, d.asset_key)) for d in spec.deps],
            )
            for spec in self.specs
        ]
        return self._renamed(renamed, specs)

    def with_resource_defaults(self, defaults: Mapping[str, Any]) -> AssetsDefinition:
        """Return the same with *defaults* for the keys that it defines no resource for."""
        copy = self._copied()
        given = {key: resources.as_resource(value, key) for key, value in defaults.items()}
        copy.resource_defs = {**given, **self.resource_defs}
        return copy

    def _renamed(
        self, renamed: Mapping[AssetKey, AssetKey], specs: Iterable[AssetSpec]
    ) -> AssetsDefinition:
        copy = self._copied()
        copy.specs_by_key = self._unique(specs)
        copy.keys_by_input_name = {
            name: renamed.get(key, key) for name, key in self.keys_by_input_name.items()
        }
        copy.keys_by_output_name = {
            name: renamed.get(key, key) for name, key in self.keys_by_output_name.items()
        }
        copy.check_specs_by_key = self._unique_checks(
            check.for_asset(renamed.get(check.asset_key, check.asset_key))
            for check in self.check_specs
        )
        return copy

    def _copied(self) -> AssetsDefinition:
        copy = type(self).__new__(type(self))
        copy.__dict__.update(self.__dict__)
        return copy

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function as the plain function that it is; `Any`, since its signature is the function's.

        Raises:
            OpweaveInvalidInvocationError: There is no function, or an argument does not fit.
        """
        if self.node_def is None or not callable(self.node_def):
            raise errors.OpweaveInvalidInvocationError(
                f"{self} is written by others: there is no function to call"
            )
        return self.node_def(*args, **kwargs)

    def __str__(self) -> str:
        """Return kind, keys and place."""
        names = [key.to_user_string() for key in self.specs_by_key]
        if not names:
            checks = [check.to_user_string() for check in self.check_specs_by_key]
            return f"asset check {', '.join(map(repr, checks))} ({self.origin})"
        listed = ", ".join(repr(name) for name in names[:5]) + (", ..." if len(names) > 5 else "")
        return f"asset {listed} ({self.origin})"

    def __repr__(self) -> str:
        return f"<{self}>"


class AssetChecksDefinition(AssetsDefinition):
    """Checks of assets with the op that makes them."""


def _from_node(
    cls: type[AssetsDefinition],
    node: NodeDefinition,
    *,
    keys_by_input_name: Mapping[str, Any] | None = None,
    keys_by_output_name: Mapping[str, Any] | None = None,
    key_prefix: CoercibleToAssetKeyPrefix | None = None,
    internal_asset_deps: Mapping[str, Set[AssetKey]] | None = None,
    group_name: str | None = None,
    resource_defs: Mapping[str, Any] | None = None,
    metadata_by_output_name: Mapping[str, Any] | None = None,
    tags_by_output_name: Mapping[str, Any] | None = None,
    descriptions_by_output_name: Mapping[str, str] | None = None,
    code_versions_by_output_name: Mapping[str, str | None] | None = None,
    can_subset: bool = False,
    check_specs: Iterable[AssetCheckSpec] = (),
    partitions_def: object = None,
    backfill_policy: object = None,
    automation_conditions_by_output_name: object = None,
) -> AssetsDefinition:
    owner = f"assets of {node}"
    unsupported.refuse(
        owner,
        partitions_def=partitions_def,
        backfill_policy=backfill_policy,
        automation_conditions_by_output_name=automation_conditions_by_output_name,
    )
    ins = {name: AssetKey.from_coercible(k) for name, k in (keys_by_input_name or {}).items()}
    outs = {name: AssetKey.from_coercible(k) for name, k in (keys_by_output_name or {}).items()}
    _check_names(ins, node.inputs, "input", owner)
    _check_names(outs, node.outputs, "output", owner)
    checks = list(check_specs)
    check_outputs = {check.get_python_identifier() for check in checks}
    prefix = as_prefix(key_prefix)
    keys_in = {name: ins.get(name, AssetKey([name])) for name in node.inputs}
    keys_out = {}
    for name in node.outputs:
        if name not in check_outputs:
            own = name if len(node.outputs) > 1 or name != "result" else node.name
            keys_out[name] = outs.get(name, AssetKey([own])).with_prefix(prefix)
    specs = []
    for name, key in keys_out.items():
        inner = (internal_asset_deps or {}).get(name)
        output = node.outputs[name]
        specs.append(
            AssetSpec(
                key,
                deps=list(keys_in.values()) if inner is None else sorted(inner),
                description=(descriptions_by_output_name or {}).get(
                    name, output.description or node.description
                ),
                metadata=(metadata_by_output_name or {}).get(name) or output.metadata,
                skippable=not output.is_required,
                group_name=group_name,
                code_version=(code_versions_by_output_name or {}).get(name)
                or getattr(node, "code_version", None),
                tags=(tags_by_output_name or {}).get(name),
            )
        )
    return cls(
        node_def=node,
        specs=specs,
        keys_by_input_name=keys_in,
        keys_by_output_name=keys_out,
        check_specs=checks,
        can_subset=can_subset,
        resource_defs=resource_defs,
        guessed_inputs={name for name in keys_in if name not in ins},
    )


def _check_names(
    given: Mapping[str, AssetKey], known: Mapping[str, object], kind: str, owner: str
) -> None:
    for name in given:
        if name not in known:
            hint = (
                errors.did_you_mean(str(name), known) or f"; it has: {', '.join(known) or 'none'}"
            )
            raise errors.OpweaveInvalidDefinitionError(
                f"{owner} name the {kind} {shown(name)}, which is none of it{hint}"
            )
