"""Which assets a selection picks, in both of its forms."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opweave import (
    AssetKey,
    AssetSelection,
    AssetSpec,
    Definitions,
    OpweaveError,
    OpweaveInvalidSubsetError,
    asset,
    asset_check,
    define_asset_job,
    multi_asset,
)


@asset(group_name="in", owners=["team:a"], tags={"tier": "gold"}, kinds={"python"})
def a() -> int:
    return 1


@asset(group_name="in")
def b(a: int) -> int:
    return a


@asset(group_name="mid", key_prefix="m", kinds={"sql"})
def c(b: int, ext: int) -> int:
    return b


@asset(deps=[c])
def d() -> None: ...


@multi_asset(specs=[AssetSpec("x", deps=["d"]), AssetSpec("y", deps=["d"])])
def pair() -> None: ...


@asset_check(asset=a)
def looks() -> None: ...


DEFS = Definitions(assets=[a, b, c, d, pair, AssetSpec("ext")], asset_checks=[looks])
GRAPH = DEFS.get_asset_graph()


def picked(selection: AssetSelection | str) -> set[str]:
    """Return the written keys that *selection* picks."""
    resolved = AssetSelection.from_coercible(selection).resolve(GRAPH)
    return {key.to_user_string() for key in resolved}


ALL = {"a", "b", "m/c", "d", "x", "y"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("*", ALL),
        ("b", {"b"}),
        ("+b", {"a", "b"}),
        ("++m/c", {"a", "b", "m/c"}),
        ("*d", {"a", "b", "m/c", "d"}),
        ("b+", {"b", "m/c"}),
        ("b*", {"b", "m/c", "d", "x", "y"}),
        ("key:m/*", {"m/c"}),
        ("group:in", {"a", "b"}),
        ("group:in and not kind:python", {"b"}),
        ("kind:sql or owner:team:a", {"m/c", "a"}),
        ("tag:tier=gold", {"a"}),
        ('tag:"tier"="gold"', {"a"}),
        ("owner:<null>", ALL - {"a"}),
        ("+key:m/c", {"a", "b", "m/c"}),
        ("1+key:m/c", {"b", "m/c"}),
        ("key:b+", {"b", "m/c", "d", "x", "y"}),
        ("key:b+1", {"b", "m/c"}),
        ("1+(key:b or key:d)+1", {"a", "b", "m/c", "d", "x", "y"}),
        ("sinks(*)", {"x", "y"}),
        ("roots(group:in or key:d)", {"a", "d"}),
        ("not (group:in)", ALL - {"a", "b"}),
    ],
)
def test_the_text_form(text: str, expected: set[str]) -> None:
    assert picked(text) == expected


def test_the_python_form() -> None:
    s = AssetSelection
    assert picked(s.all()) == ALL
    assert picked(s.all(include_sources=True)) == ALL | {"ext"}
    assert picked(s.assets(b).upstream(include_self=False)) == {"a"}
    assert picked(s.groups("in") - s.keys("a")) == {"b"}
    assert picked(s.key_prefixes("m") | s.key_substring("x")) == {"m/c", "x"}
    assert picked(s.keys("m/c").sources()) == {"ext"}
    assert picked(s.keys("x").required_multi_asset_neighbors()) == {"x", "y"}
    assert picked(s.all().downstream(depth=0) & s.kind(None)) == {"b", "d", "x", "y"}


def test_checks_come_with_their_assets_unless_they_are_left_out() -> None:
    s = AssetSelection
    assert s.assets(a).resolve_checks(GRAPH) == looks.check_keys
    assert s.assets(a).without_checks().resolve_checks(GRAPH) == set()
    assert s.checks_for_assets(a).resolve_checks(GRAPH) == looks.check_keys
    assert s.checks(looks).resolve(GRAPH) == set()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty"),
        ("groub:in", "did you mean group"),
        ("status:missing", "a selection in code cannot"),
        ("(group:in", "closing parenthesis"),
        ("group:in group:mid", "not expected here"),
        ("and", "not expected here"),
        ("(" * 5000 + "a", "nested deeper"),
        ("bb", "did you mean b"),
    ],
)
def test_what_is_no_selection_is_told_with_the_place(text: str, told: str) -> None:
    with pytest.raises(OpweaveInvalidSubsetError, match=told):
        AssetSelection.from_string(text).resolve(GRAPH)


@given(st.text(alphabet='ab+*()" :=kegroupnt<>\\/1,', max_size=40))
def test_any_text_is_a_selection_or_refused(text: str) -> None:
    try:
        AssetSelection.from_string(text).resolve(GRAPH)
    except OpweaveError:
        return


def test_a_part_of_what_one_step_writes_at_once_is_refused() -> None:
    job = define_asset_job("part", ["x"])
    with pytest.raises(OpweaveInvalidSubsetError, match="one step writes them together"):
        Definitions(assets=[c, b, a, d, pair, AssetSpec("ext")], jobs=[job]).get_job_def("part")


def test_an_asset_that_others_write_cannot_be_selected() -> None:
    job = define_asset_job("ext", AssetSelection.keys("ext"))
    with pytest.raises(OpweaveInvalidSubsetError, match="no step of this location makes"):
        Definitions(assets=[c, b, a, AssetSpec("ext")], jobs=[job]).get_job_def("ext")


def test_a_job_of_an_unknown_asset_is_told_with_the_closest() -> None:
    job = define_asset_job("j", "aa")
    with pytest.raises(OpweaveInvalidSubsetError, match="did you mean a"):
        Definitions(assets=[a], jobs=[job]).get_job_def("j")


def test_levels_are_counted_as_in_a_walk() -> None:
    assert AssetKey("a") in AssetSelection.keys("d").upstream(depth=3).resolve(GRAPH)
    assert AssetKey("a") not in AssetSelection.keys("d").upstream(depth=2).resolve(GRAPH)
