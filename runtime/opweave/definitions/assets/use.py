"""What an op of a job has to do with assets: which outputs are assets, which inputs are, which checks it makes."""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from opweave.definitions import types as value_types
from opweave.definitions.assets.key import AssetKey
from opweave.definitions.assets.spec import AssetSpec
from opweave.wire.plan import OutputRef

if TYPE_CHECKING:
    from opweave.definitions.assets.assets_definition import AssetsDefinition
    from opweave.definitions.assets.check_spec import AssetCheckSpec

NO_ITEMS: Mapping[str, Any] = types.MappingProxyType({})


class AssetInput(NamedTuple):
    """An input that is an asset; where no step of the run writes it, it is loaded from what was written last.

    Attributes:
        io_manager_key: Key of the I/O manager of the asset.
        metadata: Of the output that writes it, for that I/O manager.
        is_nothing: Order only: nothing is loaded.
    """

    key: AssetKey
    io_manager_key: str
    metadata: Mapping[str, Any] = NO_ITEMS
    opweave_type: value_types.OpweaveType = value_types.AnyType
    is_nothing: bool = False


class AssetUse(NamedTuple):
    """What one op of a job has to do with assets.

    Attributes:
        definition: The asset or assets whose op, or whose graph's op, it is.
        outputs: Specs of the assets that its outputs are.
        inputs: Its inputs that are assets.
        checks: Those that its body makes.
        after: Steps of blocking checks that must pass before it.
    """

    definition: AssetsDefinition
    outputs: Mapping[str, AssetSpec] = NO_ITEMS
    inputs: Mapping[str, AssetInput] = NO_ITEMS
    checks: tuple[AssetCheckSpec, ...] = ()
    after: tuple[OutputRef, ...] = ()

    @property
    def is_observation(self) -> bool:
        """Whether its outputs tell what was seen, instead of what was written."""
        return self.definition.is_observable
