"""Which server a command talks to, and the options by which people choose it.

The address is, in this order: ``--url``, ``OPWEAVE_URL``, the cluster when the command is ``kubectl opweave`` or options
of kubectl are given, a server on this machine.
"""

from __future__ import annotations

import contextlib
import functools
import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from opweave._cli import program

if TYPE_CHECKING:
    from opweave._cli.graphql import Client

LOCAL_URL = "http://127.0.0.1:3000"

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """Where the server is, as the user said it.

    Attributes:
        namespace: Of code locations and declared jobs; None means any.
        server_namespace: Where opweave itself is installed; None means that it is looked for.
    """

    url: str | None = None
    context: str | None = None
    namespace: str | None = None
    server_namespace: str | None = None

    @contextlib.contextmanager
    def connect(self) -> Iterator[Client]:
        """Yield a client; what had to be started for it ends with the block.

        Raises:
            Unreachable: There is no way to the server; the text says what was tried.
        """
        # Here, for every command has these options and HTTP with TLS takes long to import.
        from opweave._cli import port_forward
        from opweave._cli.graphql import Client

        with contextlib.ExitStack() as stack:
            url = self.url
            if self.is_on_cluster():
                url = stack.enter_context(
                    port_forward.forwarded(context=self.context, namespace=self.server_namespace)
                )
            client = Client(url or LOCAL_URL, is_temporary=self.is_on_cluster())
            stack.callback(client.close)
            yield client

    def is_on_cluster(self) -> bool:
        """Return whether the server is to be reached through kubectl."""
        if self.url is not None:
            return False
        if program.is_kubectl_plugin() or self.context or self.server_namespace:
            return True
        # A namespace alone is also a filter on a server that is near.
        return bool(self.namespace and _has_kubeconfig() and not _listens_locally())


_CHOICES = (
    click.option("--url", envvar="OPWEAVE_URL", metavar="URL", help="Address of the server."),
    click.option(
        "--context",
        metavar="NAME",
        help="Context of the kubeconfig; the server is reached through kubectl.",
    ),
    click.option(
        "-n", "--namespace", metavar="NAME", help="Namespace of the code location or declared job."
    ),
    click.option(
        "--server-namespace",
        envvar="OPWEAVE_SERVER_NAMESPACE",
        metavar="NAME",
        help="Namespace in which opweave is installed; it is looked for when not given.",
    ),
)
_NAMES = ("url", "context", "namespace", "server_namespace")


def choices(command: Command) -> Command:
    """Give *command* the options that choose a server; the program itself has them too, before the subcommand."""
    for choice in reversed(_CHOICES):
        command = choice(command)
    return command


def server_options(command: Command) -> Command:
    """Give *command* the options that choose a server; it gets them as its first argument, a `ServerOptions`."""

    @functools.wraps(command)
    def with_options(
        *args: Any,  # what click passes on: of any type
        **kwargs: Any,  # the same
    ) -> Any:
        options = chosen(click.get_current_context())
        others = {name: value for name, value in kwargs.items() if name not in _NAMES}
        return command(options, *args, **others)

    return choices(with_options)  # type: ignore[return-value]  # a decorator keeps the callable's kind, not its signature


def chosen(context: click.Context) -> ServerOptions:
    """Return what stands after the subcommand, else before it, else in the environment."""
    return ServerOptions(**{name: _chosen(context, name) for name in _NAMES})


def _chosen(context: click.Context, name: str) -> str | None:
    levels = (context, context.find_root())
    for level in levels:
        if level.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            return level.params[name] or None
    return next((level.params[name] for level in levels if level.params.get(name)), None)


def _has_kubeconfig() -> bool:
    return bool(os.environ.get("KUBECONFIG")) or (Path.home() / ".kube" / "config").exists()


def _listens_locally() -> bool:
    try:
        with socket.create_connection(("127.0.0.1", 3000), timeout=0.5):
            return True
    except OSError:
        return False
