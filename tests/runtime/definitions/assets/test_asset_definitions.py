"""What users declare of assets, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from opweave import (
    AssetDep,
    AssetIn,
    AssetKey,
    AssetOut,
    AssetsDefinition,
    AssetSpec,
    Definitions,
    OpweaveInvalidDefinitionError,
    SourceAsset,
    asset,
    asset_check,
    graph_asset,
    load_assets_from_current_module,
    map_asset_specs,
    multi_asset,
    op,
)
from opweave.definitions.assets.results import computed_data_version


@asset(group_name="lake", owners=["team:data", "a@b.org"], kinds={"duckdb"}, tags={"tier": "gold"})
def raw() -> int:
    """Numbers as they come."""
    return 1


@asset(key_prefix="shop")
def orders(raw: int) -> int:
    return raw + 1


def test_an_asset_takes_its_description_from_the_docstring_and_its_deps_from_parameters() -> None:
    assert raw.get_asset_spec().description == "Numbers as they come."
    assert raw.get_asset_spec().kinds == {"duckdb"}
    assert orders.key == AssetKey(["shop", "orders"])
    assert orders.dependency_keys == {AssetKey("raw")}


def test_keys_are_written_as_paths_and_a_slash_in_a_part_survives() -> None:
    key = AssetKey(["a/b", "c"])
    assert key.to_user_string() == r"a\/b/c"
    assert AssetKey.from_user_string(key.to_user_string()) == key
    assert AssetKey.from_coercible("x/y").path == ["x", "y"]
    assert AssetKey("x/y").path == ["x/y"]


def test_a_direct_call_runs_the_function() -> None:
    assert orders(raw=3) == 4


def test_a_parameter_means_the_asset_beside_it_or_in_its_group() -> None:
    @asset(key_prefix="shop")
    def clean(orders: int) -> int:
        return orders

    @asset(key_prefix="other", group_name="lake")
    def deep() -> int:
        return 1

    @asset(group_name="lake")
    def user(deep: int) -> int:
        return deep

    graph = Definitions(assets=[raw, orders, clean, deep, user]).get_asset_graph()
    assert graph.upstream[AssetKey(["shop", "clean"])] == (AssetKey(["shop", "orders"]),)
    assert graph.upstream[AssetKey("user")] == (AssetKey(["other", "deep"]),)


def test_ins_say_which_asset_a_parameter_is() -> None:
    @asset(ins={"x": AssetIn(key=["a", "b"]), "y": AssetIn(key_prefix="p")})
    def made(x: int, y: int) -> int:
        return x + y

    assert made.keys_by_input_name == {"x": AssetKey(["a", "b"]), "y": AssetKey(["p", "y"])}


def test_specs_are_changed_without_changing_the_asset() -> None:
    (changed,) = map_asset_specs(
        lambda spec: spec.replace_attributes(group_name="g", key=spec.key.with_prefix("p")),
        [raw],
    )
    assert isinstance(changed, AssetsDefinition)
    assert (changed.key, changed.get_asset_spec().group) == (AssetKey(["p", "raw"]), "g")
    assert changed.get_asset_spec().kinds == {"duckdb"}
    assert raw.get_asset_spec().group == "lake"


def test_a_spec_of_several_attributes_merges_them() -> None:
    spec = AssetSpec("a", owners=["team:x"], tags={"k": "v"}, kinds={"x"}, deps=["b"])
    merged = spec.merge_attributes(owners=["team:y"], kinds={"z"}, deps=["c"])
    assert merged.owners == ["team:x", "team:y"]
    assert merged.kinds == {"x", "z"}
    assert merged.deps == [AssetDep("b"), AssetDep("c")]
    assert merged.tags["k"] == "v"


def test_a_module_gives_its_assets_with_group_and_prefix() -> None:
    found = load_assets_from_current_module(key_prefix="p")
    assert {key.to_user_string() for a in found for key in a.keys} == {"p/raw", "p/shop/orders"}
    by_key = {a.key: a for a in found}
    below = by_key[AssetKey(["p", "shop", "orders"])]
    assert below.dependency_keys == {AssetKey(["p", "raw"])}


def test_an_unknown_parameter_is_told_with_the_closest_key() -> None:
    @asset
    def user(raww: int) -> int:
        return raww

    with pytest.raises(OpweaveInvalidDefinitionError, match=r"'raww'.*did you mean raw"):
        Definitions(assets=[raw, user])


def test_an_unknown_dep_is_an_asset_that_others_write() -> None:
    @asset(deps=["elsewhere"])
    def user() -> None: ...

    graph = Definitions(assets=[user]).get_asset_graph()
    assert not graph.by_key[AssetKey("elsewhere")].is_executable


def test_a_cycle_is_told_with_its_way() -> None:
    @asset
    def a(c: int) -> int:
        return c

    @asset
    def b(a: int) -> int:
        return a

    @asset
    def c(b: int) -> int:
        return b

    with pytest.raises(OpweaveInvalidDefinitionError, match="a -> b -> c -> a"):
        Definitions(assets=[a, b, c])


def test_a_key_that_is_defined_twice_is_refused_with_both_places() -> None:
    @asset(name="raw")
    def other() -> int:
        return 2

    with pytest.raises(OpweaveInvalidDefinitionError, match=r"'raw' twice .*py:\d+ and .*py:\d+"):
        Definitions(assets=[raw, other])


def test_a_check_of_an_unknown_asset_is_refused_with_the_closest_key() -> None:
    @asset_check(asset="rav")
    def looks() -> Any: ...

    with pytest.raises(OpweaveInvalidDefinitionError, match=r"'rav'.*did you mean raw"):
        Definitions(assets=[raw], asset_checks=[looks])


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"owners": ["nobody"]}, "mail address, or a team"),
        ({"group_name": "a b"}, "letters, digits and underscores"),
        ({"tags": {"k": 1}}, "values of tags are texts"),
        ({"kinds": {"a", "b", "c", "d"}}, "three at most"),
        ({"deps": "raw"}, "give a list"),
        ({"partitions_def": object()}, "partitions_def is not supported yet"),
        ({"automation_condition": object()}, "automation_condition is not supported yet"),
        ({"freshness_policy": object()}, "freshness_policy is not supported yet"),
        ({"key": "x", "name": "y"}, "the key says it all"),
        ({"ins": {"nope": AssetIn(key="z")}}, "'nope', which its function does not take"),
    ],
)
def test_wrong_options_are_refused_in_words(options: dict[str, Any], told: str) -> None:
    with pytest.raises(OpweaveInvalidDefinitionError, match=told):

        @asset(**options)
        def made() -> None: ...


@pytest.mark.parametrize("key", ["", [], ["a", ""], [1], "x" * 600, "a//b"])
def test_what_is_no_key_is_refused(key: Any) -> None:
    with pytest.raises(OpweaveInvalidDefinitionError):
        AssetSpec(key)


def test_a_multi_asset_knows_what_each_of_its_assets_is_made_of() -> None:
    @multi_asset(
        outs={"a": AssetOut(), "b": AssetOut(key_prefix="p", is_required=False)},
        internal_asset_deps={"a": {AssetKey("raw")}, "b": {AssetKey("a")}},
    )
    def both(raw: int) -> Any: ...

    deps = both.asset_deps
    assert deps == {AssetKey("a"): {AssetKey("raw")}, AssetKey(["p", "b"]): {AssetKey("a")}}


def test_a_wrong_internal_dep_is_refused() -> None:
    with pytest.raises(OpweaveInvalidDefinitionError, match="did you mean raw"):

        @multi_asset(outs={"a": AssetOut()}, internal_asset_deps={"a": {AssetKey("rau")}})
        def both(raw: int) -> Any: ...


def test_a_graph_asset_returns_one_output() -> None:
    @op
    def one() -> int:
        return 1

    with pytest.raises(OpweaveInvalidDefinitionError, match="return the one output"):

        @graph_asset
        def none() -> None:
            one()


def test_a_source_is_loaded_by_its_own_io_manager() -> None:
    source = SourceAsset("s", io_manager_key="files")
    graph = Definitions(assets=[source], resources={"files": object()}).get_asset_graph()
    assert graph.by_key[AssetKey("s")].io_manager_key_for(AssetKey("s")) == "files"


def test_data_versions_follow_code_and_inputs_only() -> None:
    base = computed_data_version("1", {"a": "x", "b": "y"})
    assert base == computed_data_version("1", {"b": "y", "a": "x"})
    assert base != computed_data_version("2", {"a": "x", "b": "y"})
    assert base != computed_data_version("1", {"a": "x", "b": "z"})
