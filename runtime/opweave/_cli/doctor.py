"""``opweave doctor``: look at all that must be in place, and say of each what is wrong and how to mend it."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from importlib import metadata
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from opweave._cli import queries, style
from opweave._cli.failures import CommandFailed, NotFound, Unreachable
from opweave._cli.server import ServerOptions, server_options
from opweave._cli.version import installed_version

if TYPE_CHECKING:
    from opweave._cli.graphql import Client

EXIT_SOMETHING_WRONG = 1
CHECKS_GROUP = "opweave.checks"
"""Entry points of functions without parameters that yield ``(is_good, text)``: the operator's package looks at the database."""
CRDS = ("codelocations", "instances", "jobs", "schedules", "sensors")
API_VERSION = "v1alpha1"
KUBECTL_SECONDS = 30
_MARKS = {True: ("✓", "SUCCESS"), False: ("✗", "FAILURE")}


class Finding(NamedTuple):
    """One thing that was looked at."""

    is_good: bool
    text: str


@click.command("doctor")
@server_options
def doctor(options: ServerOptions) -> None:
    """Look at the server, its code locations, the database of this machine and, through kubectl, the cluster.

    Exits with 1 when something is wrong.
    """
    is_well = True
    for finding in _findings(options):
        mark, status = _MARKS[finding.is_good]
        click.echo(f"{style.status(mark, status)} {style.safe(finding.text)}")
        is_well = is_well and finding.is_good
    if not is_well:
        click.get_current_context().exit(EXIT_SOMETHING_WRONG)


def _findings(options: ServerOptions) -> Iterator[Finding]:
    yield Finding(True, f"opweave {installed_version()} on this machine")
    if options.is_on_cluster():
        yield from cluster_findings(options.context)
    try:
        with options.connect() as client:
            yield from server_findings(client, options)
    except (Unreachable, NotFound) as error:
        yield Finding(False, f"web: {error.message}")
    if options.url is None and not options.is_on_cluster():
        yield from _other_findings()


def server_findings(client: Client, options: ServerOptions) -> Iterator[Finding]:
    """Yield what the server at *client* is like."""
    began = time.monotonic()
    try:
        found = client.execute(queries.VERSION)
    except CommandFailed as error:
        yield Finding(False, f"web: {error.message}")
        return
    took = f"{(time.monotonic() - began) * 1000:.0f} ms"
    instance = found["instance"]
    yield Finding(
        True,
        f"web reachable: {client.url}, opweave {found['version']}, {instance['databaseKind']}, "
        f"{instance['queueLength']} runs queued ({took})",
    )
    if found["version"] != installed_version():
        yield Finding(
            False,
            f"the server has opweave {found['version']}, this program {installed_version()}: "
            "install the same version, or answers may be lacking",
        )
    yield from _probes(client)
    locations = client.execute(queries.LOCATIONS, {"namespace": options.namespace})["locations"]
    yield from map(_of_location, locations)
    if not locations:
        yield Finding(False, "no code location: nothing can be launched; see `opweave dev --help`")


def _probes(client: Client) -> Iterator[Finding]:
    ready, why_not = client.probe("/readyz")
    if ready == http.client.OK:
        yield Finding(True, "web ready: its database answers")
    else:
        yield Finding(False, f"web not ready ({ready}): {why_not[:500]}")
    # A report without a token must be refused by ingest itself: whoever else answers stands in the way of steps.
    path = "/ingest/v1/runs/doctor/steps/doctor/attempts/1/start"
    status, reply = client.probe(path, method="POST")
    if status == http.client.UNAUTHORIZED:
        yield Finding(True, "ingest reachable, and refuses who has no token")
    else:
        yield Finding(
            False,
            f"ingest answered {status} where it must refuse with 401: {reply[:200]}; "
            "a proxy between here and the server may not pass /ingest on",
        )


def _of_location(location: dict[str, Any]) -> Finding:
    name = f"code location {location['namespace']}/{location['name']}"
    failure = location["loadFailure"]
    if failure:
        return Finding(False, f"{name}: {failure['reason']}: {failure['message']}")
    if not location["isServing"]:
        return Finding(False, f"{name} is still loading")
    return Finding(True, f"{name}: {len(location['jobs'])} jobs")


def cluster_findings(context: str | None) -> Iterator[Finding]:
    """Yield what kubectl tells of the cluster: which one, the kinds, the instances."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        yield Finding(False, "kubectl is not on the PATH")
        return
    ask = _asker([kubectl, *(["--context", context] if context else [])])
    name = context or ask("config", "current-context")[1].strip()
    yield Finding(bool(name), f"kubectl context {name or 'not set; choose with --context'}")
    known = ask("get", "customresourcedefinitions", "-o", "json", *_crd_names())
    yield from _of_crds(*known)
    code, text = ask("get", "instances.opweave.dev", "--all-namespaces", "-o", "json")
    if code == 0:
        yield from map(_of_instance, json.loads(text)["items"])


def _asker(command: list[str]) -> Callable[..., tuple[int, str]]:
    def ask(*arguments: str) -> tuple[int, str]:
        try:
            done = subprocess.run(  # noqa: S603  # the user's kubectl, without a shell
                [*command, *arguments],
                capture_output=True,
                text=True,
                check=False,
                timeout=KUBECTL_SECONDS,
                env=os.environ,
            )
        except subprocess.TimeoutExpired:
            return 124, f"kubectl gave no answer in {KUBECTL_SECONDS} s"
        return done.returncode, done.stdout if done.returncode == 0 else done.stderr

    return ask


def _crd_names() -> list[str]:
    return [f"{plural}.opweave.dev" for plural in CRDS]


def _of_crds(code: int, text: str) -> Iterator[Finding]:
    if code != 0:
        lines = text.strip().splitlines()
        yield Finding(
            False, f"kinds: {'; '.join(lines)[:500]}; apply crds/, or install the chart with them"
        )
        return
    old = [
        item["metadata"]["name"]
        for item in json.loads(text)["items"]
        if not any(v["name"] == API_VERSION and v["served"] for v in item["spec"]["versions"])
    ]
    if old:
        yield Finding(
            False, f"kinds that do not serve {API_VERSION}: {', '.join(old)}; apply crds/"
        )
    else:
        yield Finding(True, f"the {len(CRDS)} kinds of opweave.dev/{API_VERSION}")


def _of_instance(item: dict[str, Any]) -> Finding:
    place = f"{item['metadata']['namespace']}/{item['metadata']['name']}"
    conditions = item.get("status", {}).get("conditions", [])
    ready = next((c for c in conditions if c["type"] == "Ready"), None)
    if ready is None:
        return Finding(False, f"Instance {place}: no controller has looked at it")
    text = f"Instance {place}: {ready['reason']} {ready.get('message', '')}".rstrip()
    return Finding(ready["status"] == "True", text)


def _other_findings() -> Iterator[Finding]:
    """Yield what other packages look at on this machine."""
    for point in metadata.entry_points(group=CHECKS_GROUP):
        try:
            yield from (Finding(*found) for found in point.load()())
        except Exception as error:  # noqa: BLE001  # one broken check must not hide the others
            yield Finding(False, f"the check {point.name} failed: {type(error).__name__}: {error}")
