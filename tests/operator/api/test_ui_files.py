"""The web UI: one page at every address that people see, files that are kept, and nothing else of the disk."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from support import api_world, builders
from support.api_world import World

PAGE = '<base href="__BASE__"><meta name="csp-nonce" content="__NONCE__"><script src="./ui/a.js"></script>'


@pytest.fixture
def built(tmp_path: Path) -> Path:
    static = tmp_path / "static"
    (static / "ui").mkdir(parents=True)
    (static / "index.html").write_text(PAGE)
    (static / "ui" / "a.js").write_text("x = 1;" * 1000)
    (static / "ui" / "font.woff2").write_bytes(b"f" * 2000)
    (tmp_path / "static" / "secret.txt").write_text("no")
    return static


@pytest.fixture
async def client(world: World, built: Path) -> AsyncIterator[httpx.AsyncClient]:
    settings = replace(world.dependencies.settings, path_prefix="/teams/opweave")
    dependencies = replace(world.dependencies, ui=built, settings=settings)
    async with (
        api_world.serve(dependencies) as url,
        httpx.AsyncClient(base_url=f"{url}/", trust_env=False) as client,
    ):
        yield client


@pytest.mark.parametrize(
    "path", ["", "runs", "runs/01m88", "jobs/shop/load/launchpad", "assets/a/b", "deployment/queue"]
)
async def test_every_address_of_the_ui_is_the_page_under_the_prefix(
    client: httpx.AsyncClient, path: str
) -> None:
    """A link in a chat and a reload lead to the same page; a browser asks for it anew after an upgrade."""
    page = await client.get(path)

    assert page.status_code == 200
    assert '<base href="/teams/opweave/">' in page.text
    assert page.headers["cache-control"] == "no-store"


async def test_the_page_runs_its_own_scripts_only(client: httpx.AsyncClient) -> None:
    """Styles of the editor need the nonce, which nobody can foresee; no text becomes HTML."""
    first, second = await client.get("runs"), await client.get("runs")
    policies = [page.headers["content-security-policy"] for page in (first, second)]
    nonces = [re.findall(r'content="([^"]+)"', page.text)[0] for page in (first, second)]

    assert nonces[0] != nonces[1]
    assert all(f"'nonce-{nonce}'" in policy for nonce, policy in zip(nonces, policies, strict=True))
    assert "script-src 'self';" in policies[0]
    assert "require-trusted-types-for 'script'" in policies[0]
    assert "unsafe" not in policies[0]


async def test_files_are_kept_for_good_and_sent_small(client: httpx.AsyncClient) -> None:
    """Their names change with their content; what is compressed already is sent as it is."""
    script = await client.get("ui/a.js", headers={"Accept-Encoding": "gzip"})
    plain = await client.get("ui/a.js", headers={"Accept-Encoding": "identity"})
    font = await client.get("ui/font.woff2", headers={"Accept-Encoding": "gzip"})

    assert script.headers["content-encoding"] == "gzip"
    assert int(script.headers["content-length"]) < 200
    assert script.text == plain.text == "x = 1;" * 1000
    assert script.headers["content-type"].startswith("text/javascript")
    assert script.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert "content-encoding" not in plain.headers
    assert "content-encoding" not in font.headers


@pytest.mark.parametrize("name", ["missing.js", "..%2Fsecret.txt", ".%2e", "%2e%2e%5csecret.txt"])
async def test_nothing_but_the_files_of_the_ui_is_given(
    client: httpx.AsyncClient, name: str
) -> None:
    """A name leads nowhere else."""
    assert (await client.get(f"ui/{name}")).status_code == 404


async def test_a_short_link_leads_to_the_run(world: World, built: Path) -> None:
    """The beginning of an id is enough."""
    run = await world.launch(builders.planned("load"))
    async with (
        api_world.serve(replace(world.dependencies, ui=built)) as url,
        httpx.AsyncClient(base_url=url, trust_env=False) as client,
    ):
        reply = await client.get(f"/r/{run.id[:20]}")

    assert (reply.status_code, reply.headers["location"]) == (303, f"/runs/{run.id}")


async def test_without_the_ui_the_plain_pages_answer_and_say_so(world: World) -> None:
    """An installation from sources may have no Node."""
    page = await world.client.get("")

    assert "`make ui` builds it" in page.text
