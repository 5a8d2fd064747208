"""Two plain pages, so that the addresses which the command line prints lead somewhere: ``/`` and ``/runs/{id}``.

They answer where the web UI has not been built (`make ui`), and say so; the UI replaces them at the same addresses.
They are rendered here whole: no script, nothing from elsewhere, links relative
so that they work behind any prefix.
"""

from __future__ import annotations

import base64
import hashlib
import html
import urllib.parse
from collections.abc import Iterable
from datetime import datetime
from string import Template

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from opweave.wire import attempt as wire_attempt
from opweave_operator import ports
from opweave_operator.api.dependencies import ApiDependencies
from opweave_operator.core import model
from opweave_operator.usecases import find_run

_NEWEST_RUNS = 50
_MOST_STEPS = 500
_LONGEST_TEXT = 16 * 1024
_STYLE = (
    "body{font:14px/1.5 system-ui,sans-serif;margin:2rem;color:#222;background:#fff}"
    "table{border-collapse:collapse}th,td{text-align:left;vertical-align:top;padding:.2rem 1rem .2rem 0}"
    "pre{background:#f4f4f4;padding:.5rem;white-space:pre-wrap;overflow-wrap:anywhere}"
)
_STYLE_DIGEST = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_DIGEST}'; frame-ancestors 'none';"
    " base-uri 'none'; form-action 'none'"
)
_PAGE = Template(
    '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>$title</title>'
    f"<style>{_STYLE}</style></head>\n<body><h1>$title</h1>\n$body\n</body></html>\n"
)


class PageRoutes:
    """The routes for people with a browser."""

    def __init__(self, dependencies: ApiDependencies) -> None:
        self._runs = dependencies.runs
        self._catalog = dependencies.catalog
        self._version = dependencies.settings.version

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/", self._home, methods=["GET"]),
            Route("/runs/{run_id}", self._run, methods=["GET"]),
        ]

    async def _home(self, request: Request) -> Response:
        locations = await self._catalog.list_locations()
        runs = await self._runs.list_runs(ports.RunFilter(), limit=_NEWEST_RUNS)
        body = (
            "<p>The web UI is not part of this installation: `make ui` builds it, a released wheel contains it.</p>\n"
            f'<p>version {_text(self._version)} · <a href="graphql">GraphQL</a></p>\n'
            "<h2>Code locations</h2>\n"
            + _table(("name", "state", "jobs"), map(_location_cells, locations))
            + "<h2>Newest runs</h2>\n"
            + _table(("run", "job", "location", "status", "created"), map(_run_cells, runs))
        )
        return _page("opweave", body)

    async def _run(self, request: Request) -> Response:
        text = request.path_params["run_id"]
        try:
            run = await find_run.find_run(self._runs, text)
        except find_run.AmbiguousRunId as error:
            return _not_found(str(error))
        if run is None:
            return _not_found(f"there is no run {text[:64]!r}")
        if run.id != text:
            return RedirectResponse(run.id, status_code=303)
        state = await self._runs.load(run.id)
        return _run_page(state) if state else _not_found(f"there is no run {run.id}")


def _run_page(state: model.RunState) -> Response:
    run, steps = state.run, sorted(state.steps.values(), key=lambda step: step.index)
    left = len(steps) - _MOST_STEPS
    body = (
        '<p><a href="../">all runs</a></p>\n'
        + _table(
            ("", ""),
            (
                ("job", _text(run.job)),
                ("location", _text(run.location)),
                ("status", _text(run.status)),
                (
                    "why",
                    _text(": ".join(filter(None, (run.reason, run.message or run.queued_reason)))),
                ),
                ("created", _time(run.created_at)),
                ("started", _time(run.started_at)),
                ("ended", _time(run.ended_at)),
            ),
        )
        + "<h2>Steps</h2>\n"
        + _table(
            (
                "step",
                "status",
                "reason",
                "attempt",
                "running",
                "user code",
                "ended",
                "logs",
                "outputs",
            ),
            (_step_cells(run.id, step) for step in steps[:_MOST_STEPS]),
        )
        + (f"<p>and {left} more</p>\n" if left > 0 else "")
        + "".join(map(_error, steps[:_MOST_STEPS]))
    )
    return _page(f"run {run.id}", body)


def _location_cells(record: ports.LocationRecord) -> tuple[str, ...]:
    is_serving = bool(record.url) and record.snapshot is not None
    state = "ready" if is_serving else "still loading"
    if record.failure is not None:
        state = f"cannot be loaded: {record.failure.reason}: {record.failure.message}"
    jobs = ", ".join(job.name for job in record.snapshot.jobs) if record.snapshot else ""
    return _text(record.ref), _text(state), _text(jobs)


def _run_cells(run: model.Run) -> tuple[str, ...]:
    link = f'<a href="runs/{_text(run.id)}">{_text(run.id)}</a>'
    return link, _text(run.job), _text(run.location), _text(run.status), _time(run.created_at)


def _step_cells(run_id: model.RunId, step: model.Step) -> tuple[str, ...]:
    attempt = step.newest
    moments = attempt.moments if attempt else model.Moments()
    api, key = f"../api/v1/runs/{run_id}", urllib.parse.quote(step.key, safe="")
    logs = outputs = ""
    if attempt is not None:
        streams = ("stdout", "stderr")
        logs = " ".join(_link(f"{api}/logs/{key}/{attempt.number}/{s}", s) for s in streams)
    if attempt is not None and attempt.outcome is not None:
        outputs = " ".join(_output(f"{api}/outputs/{key}", o) for o in attempt.outcome.outputs)
    return (
        _text(step.key),
        _text(step.status),
        _text(step.reason or step.waiting_reason),
        str(attempt.number) if attempt else "",
        _time(moments.running_at),
        _time(moments.user_code_at),
        _time(attempt.outcome.at if attempt and attempt.outcome else None),
        logs,
        outputs,
    )


def _output(address: str, output: wire_attempt.ProducedOutput) -> str:
    path = f"{address}/{urllib.parse.quote(output.name, safe='')}"
    if output.mapping_key is None:
        return _link(path, output.name)
    query = urllib.parse.urlencode({"mapping_key": output.mapping_key})
    return _link(f"{path}?{query}", f"{output.name}[{output.mapping_key}]")


def _error(step: model.Step) -> str:
    """Return what its newest attempt died of, with the user's traceback."""
    outcome = step.newest.outcome if step.newest else None
    if outcome is None or not outcome.reason:
        return ""
    stack = outcome.error.stack if outcome.error else ""
    return (
        f"<h3>{_text(step.key)}: {_text(outcome.reason)}</h3>\n"
        f"<p>{_text(outcome.message)}</p>\n" + (f"<pre>{_text(stack)}</pre>\n" if stack else "")
    )


def _link(address: str, text: str) -> str:
    return f'<a href="{_text(address)}">{_text(text)}</a>'


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = "".join(f"<th>{name}</th>" for name in heads)
    lines = ["".join(f"<td>{cell}</td>" for cell in row) for row in rows]
    body = "\n".join(f"<tr>{line}</tr>" for line in lines)
    return f"<table><tr>{head}</tr>\n{body}</table>\n" if lines else "<p>none</p>\n"


def _time(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}" if moment else ""


def _text(value: object) -> str:
    """Return *value* as HTML text or an attribute's: whatever a user's code has called something is shown, never obeyed."""
    return html.escape(str(value)[:_LONGEST_TEXT], quote=True)


def _not_found(message: str) -> Response:
    return _page("not found", f'<p>{_text(message)}</p>\n<p><a href="../">all runs</a></p>', 404)


def _page(title: str, body: str, status: int = 200) -> Response:
    content = _PAGE.substitute(title=_text(title), body=body).encode("utf-8", "replace")
    headers = {"Content-Security-Policy": _POLICY}
    return HTMLResponse(content, status_code=status, headers=headers)
