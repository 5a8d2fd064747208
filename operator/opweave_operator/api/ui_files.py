"""The web UI: its page at every address that people see, its files under ``/ui/``.

``make ui`` builds it into ``static/``, and a wheel contains it. Where it has not been built, the plain pages of `pages`
answer instead. The page is the same at every address; only the path prefix and a nonce for styles are written into it.
"""

from __future__ import annotations

import gzip
import html
import mimetypes
import secrets
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from opweave_operator.api import public_errors
from opweave_operator.api.dependencies import ApiDependencies
from opweave_operator.usecases import find_run

SECTIONS = (
    "assets",
    "automation",
    "backfills",
    "deployment",
    "jobs",
    "launch",
    "lineage",
    "runs",
    "search",
    "settings",
)
"""First parts of the addresses that people see; whatever follows is the UI's to understand."""

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; font-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; worker-src 'self'; manifest-src 'self'; frame-ancestors 'none'; base-uri 'self';"
    " form-action 'none'; require-trusted-types-for 'script'"
)
_FOREVER = "public, max-age=31536000, immutable"
"""The names of files contain a digest of their content."""
_SMALLEST_TO_COMPRESS = 1024
_COMPRESSIBLE = ("text/", "application/json", "image/svg+xml")


@dataclass(frozen=True, slots=True)
class _File:
    media_type: str
    plain: bytes
    packed: bytes | None


def built() -> Traversable | None:
    """Return the directory with the built UI; None when it has not been built."""
    directory = resources.files("opweave_operator").joinpath("static")
    return directory if directory.joinpath("index.html").is_file() else None


class UiRoutes:
    """The routes for people with a browser."""

    def __init__(self, dependencies: ApiDependencies, directory: Traversable) -> None:
        self._runs = dependencies.runs
        prefix = dependencies.settings.path_prefix.strip("/")
        self._base = f"/{prefix}/" if prefix else "/"
        self._page = directory.joinpath("index.html").read_text(encoding="utf-8")
        self._directory = directory.joinpath("ui")
        self._files: dict[str, _File | None] = {}

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/", self._show, methods=["GET"]),
            Route("/ui/{name}", self._file, methods=["GET"]),
            Route("/r/{run_id}", self._short, methods=["GET"]),
            *(
                Route(f"/{section}{rest}", self._show, methods=["GET"])
                for section in SECTIONS
                for rest in ("", "/{rest:path}")
            ),
        ]

    async def _show(self, request: Request) -> Response:
        nonce = secrets.token_urlsafe(16)
        page = self._page.replace("__BASE__", html.escape(self._base)).replace("__NONCE__", nonce)
        headers = {
            "Content-Security-Policy": _POLICY.format(nonce=nonce),
            "Cache-Control": "no-store",
        }
        return HTMLResponse(page, headers=headers)

    async def _short(self, request: Request) -> Response:
        """Lead from the beginning of a run's id to the run."""
        text = request.path_params["run_id"]
        try:
            run = await find_run.find_run(self._runs, text)
        except find_run.AmbiguousRunId as error:
            return public_errors.not_found(str(error))
        return RedirectResponse(f"{self._base}runs/{run.id if run else 'none'}", status_code=303)

    async def _file(self, request: Request) -> Response:
        file = self._load(request.path_params["name"])
        if file is None:
            return public_errors.not_found("there is no such file of the web UI; reload the page")
        headers = {"Cache-Control": _FOREVER, "Vary": "Accept-Encoding"}
        content = file.plain
        if file.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
            content, headers["Content-Encoding"] = file.packed, "gzip"
        return Response(content, media_type=file.media_type, headers=headers)

    def _load(self, name: str) -> _File | None:
        if name not in self._files:
            path = self._directory.joinpath(name)
            if name.startswith(".") or "\\" in name or not path.is_file():
                return None  # not remembered: names that do not exist are endless
            self._files[name] = _pack(name, path.read_bytes())
        return self._files[name]


def _pack(name: str, plain: bytes) -> _File:
    media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    if name.endswith(".js"):
        media_type = "text/javascript"  # what the machine's own table says may differ
    is_packed = len(plain) >= _SMALLEST_TO_COMPRESS and media_type.startswith(_COMPRESSIBLE)
    return _File(media_type, plain, gzip.compress(plain, mtime=0) if is_packed else None)
