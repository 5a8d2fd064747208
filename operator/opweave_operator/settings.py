"""Settings of the operator's processes, read once when they start.

What people change while it runs stands in the ``Instance`` object; here is only what a process must know before it can
read that.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SERVICE_ACCOUNT_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


STOCK_IMAGE = "ghcr.io/opweave/runtime:0.1.0"
ALL_INTERFACES = "0.0.0.0"  # noqa: S104  # the default of a server in a pod


class SettingsError(ValueError):
    """A setting cannot be used; the text names the variable, its value and what is expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorSettings:
    """Settings of controller and web on a cluster.

    Attributes:
        namespace: The operator's own; the Instance that it serves is there.
        instance: Name of that Instance.
        watch_namespaces: Where code locations and jobs are served; empty means everywhere.
        database_url: SQLite on the instance's volume by default: nothing to set up.
        data_directory: The instance's volume: artifacts, logs and the SQLite file.
        api_url: Where step pods reach the web role.
        stock_image: Image with the runtime, for sources that bring none.
        http_host: All interfaces by default: pods and probes come from other addresses.
    """

    namespace: str
    instance: str = "default"
    watch_namespaces: tuple[str, ...] = ()
    database_url: str = "sqlite:////var/lib/opweave/opweave.db"
    data_directory: Path = Path("/var/lib/opweave")
    api_url: str = ""
    stock_image: str = STOCK_IMAGE
    http_host: str = ALL_INTERFACES
    http_port: int = 3000
    path_prefix: str = ""
    runs_controller: bool = True
    runs_web: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalSettings:
    """Settings of ``opweave dev``.

    Attributes:
        home: ``$OPWEAVE_HOME``: database, artifacts, logs, worker records.
        database_url: None means SQLite under *home*.
        files: Python files, each a code location.
        modules: Python modules, each a code location.
        attribute: Name of the definitions in the one file or module; None means its only ones.
        workspace: A ``workspace.yaml``.
        manifests: Files with custom resources.
        working_directory: Put on the import path of code locations; None means the current one.
    """

    home: Path
    host: str = "127.0.0.1"
    port: int = 3000
    database_url: str | None = None
    files: tuple[Path, ...] = ()
    modules: tuple[str, ...] = ()
    attribute: str | None = None
    workspace: Path | None = None
    manifests: tuple[Path, ...] = ()
    working_directory: Path | None = None


def from_environment(environment: Mapping[str, str] = os.environ) -> OperatorSettings:
    """Return the settings of a process on a cluster, from ``OPWEAVE_*`` variables.

    Raises:
        SettingsError: A value cannot be used, or the own namespace cannot be found out.
    """
    namespace = environment.get("OPWEAVE_NAMESPACE") or _own_namespace()
    data_directory = Path(environment.get("OPWEAVE_DATA_DIR") or "/var/lib/opweave")
    roles = _roles(environment.get("OPWEAVE_ROLES") or "controller,web")
    return OperatorSettings(
        namespace=namespace,
        instance=environment.get("OPWEAVE_INSTANCE") or "default",
        watch_namespaces=_names(environment.get("OPWEAVE_WATCH_NAMESPACES", "")),
        database_url=environment.get("OPWEAVE_DATABASE_URL")
        or f"sqlite:///{data_directory / 'opweave.db'}",
        data_directory=data_directory,
        api_url=environment.get("OPWEAVE_API_URL") or f"http://opweave-web.{namespace}.svc",
        stock_image=environment.get("OPWEAVE_STOCK_IMAGE") or STOCK_IMAGE,
        http_host=environment.get("OPWEAVE_HTTP_HOST") or ALL_INTERFACES,
        http_port=_port(environment.get("OPWEAVE_HTTP_PORT") or "3000"),
        path_prefix=environment.get("OPWEAVE_PATH_PREFIX", ""),
        runs_controller="controller" in roles,
        runs_web="web" in roles,
    )


def _own_namespace() -> str:
    if SERVICE_ACCOUNT_NAMESPACE.is_file():
        return SERVICE_ACCOUNT_NAMESPACE.read_text().strip()
    raise SettingsError(
        "OPWEAVE_NAMESPACE is not set, and this process does not run in a pod; set it"
    )


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _roles(text: str) -> tuple[str, ...]:
    roles = _names(text)
    if not roles or set(roles) - {"controller", "web"}:
        raise SettingsError(
            f"OPWEAVE_ROLES is {text!r}; expected controller, web or both with a comma"
        )
    return roles


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise SettingsError(f"OPWEAVE_HTTP_PORT is {text!r}; expected a number from 1 to 65535")
    return int(text)
