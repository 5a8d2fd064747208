"""The client against answers that a healthy API server seldom gives."""

from __future__ import annotations

import pytest

from opweave_operator.adapters.kubernetes import backoff, errors
from opweave_operator.adapters.kubernetes.resources import PODS, Resource
from support import scripted_api as api


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "FIRST_SECONDS", 0.001)


@pytest.mark.parametrize("code", [429, 500, 502, 503, 504])
async def test_a_busy_server_is_asked_again(code: int) -> None:
    answers = (api.reply(api.status(code, "x"), code), api.reply({"kind": "Pod"}))
    async with api.serving(*answers) as (client, script):
        assert await client.get(PODS, "ns", "a") == {"kind": "Pod"}
        assert len(script.requests) == 2


async def test_patience_ends() -> None:
    async with api.serving(api.reply(api.status(503, "x"), 503)) as (client, script):
        with pytest.raises(errors.Unreachable):
            await client.get(PODS, "ns", "a")
        assert len(script.requests) == 6


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (400, errors.Invalid),
        (403, errors.Forbidden),
        (409, errors.Conflict),
        (410, errors.Gone),
        (422, errors.Invalid),
    ],
)
async def test_a_refusal_is_not_repeated(code: int, kind: type[errors.ApiError]) -> None:
    answer = api.reply(api.status(code, "Reason", "because"), code)
    async with api.serving(answer) as (client, script):
        with pytest.raises(kind, match="because") as error:
            await client.get(PODS, "ns", "a")
        assert error.value.reason == "Reason"
        assert len(script.requests) == 1


async def test_only_a_404_that_names_the_object_says_that_it_is_gone() -> None:
    """An API server that starts knows no custom resources yet; its 404 must delete nothing of ours."""
    named = api.reply(api.status(404, "NotFound", name="a", kind="pods"), 404)
    async with api.serving(named) as (client, _):
        with pytest.raises(errors.NotFound):
            await client.get(PODS, "ns", "a")
    async with api.serving(api.raw("404 page not found", 404)) as (client, _):
        with pytest.raises(errors.Unreachable):
            await client.get(PODS, "ns", "a")


async def test_a_list_is_read_page_by_page() -> None:
    first = api.listed(7, api.pod("a", 1))
    first["metadata"]["continue"] = "token"
    async with api.serving(api.reply(first), api.reply(api.listed(7, api.pod("b", 2)))) as (
        client,
        script,
    ):
        found = [item["metadata"]["name"] for item in await client.list_all(PODS, "ns")]
        assert found == ["a", "b"]
        assert script.requests[1][2]["continue"] == "token"


async def test_an_answer_that_is_no_json_is_an_error_of_the_server() -> None:
    async with api.serving(api.raw("<html>")) as (client, _):
        with pytest.raises(errors.Unreachable, match="no JSON"):
            await client.get(PODS, "ns", "a")


async def test_an_object_longer_than_a_read_arrives_whole() -> None:
    body = {"data": "x" * 3_000_000}
    async with api.serving(api.reply(body)) as (client, _):
        assert await client.get(PODS, "ns", "a") == body


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_a_name_that_would_change_the_path_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be a name"):
        PODS.path("ns", name)


def test_names_are_encoded() -> None:
    things = Resource("g.io", "v1", "things", "Thing")
    assert (
        things.path("n/s", "a?b", "status") == "/apis/g.io/v1/namespaces/n%2Fs/things/a%3Fb/status"
    )


def test_retry_after_is_obeyed_within_reason() -> None:
    assert 2 <= backoff.delay_seconds(1, "2") < 3
    assert backoff.delay_seconds(1, "999999999999") <= backoff.LONGEST_RETRY_AFTER_SECONDS + 1
    assert backoff.delay_seconds(1, "soon") < 1
