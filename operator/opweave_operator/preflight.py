"""What `opweave dev` checks before it says anything: mistakes that need no long imports to be found.

Called by `cli`. What is right here can still go wrong later, when somebody else is faster.
"""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Iterator
from pathlib import Path

from opweave_operator.adapters.local import home_lock
from opweave_operator.errors import OperatorError
from opweave_operator.settings import LocalSettings


class NotStarted(OperatorError):
    """Something is in the way; the text says what, and what to do."""


@contextlib.contextmanager
def passed(local: LocalSettings) -> Iterator[None]:
    """Hold the home for as long as the block runs; it is entered only when nothing is known to be in the way.

    Raises:
        NotStarted: The home cannot be used, or the address cannot be listened on.
        HomeTaken: Another orchestrator uses the home.
    """
    with contextlib.ExitStack() as stack:
        _hold_home(stack, local.home)
        _try_address(local.host, local.port)
        yield


def address_taken(told: str) -> str:
    """Return the sentence about an address, of which the system *told*, that somebody else listens on."""
    return f"{told}; perhaps another `opweave dev` runs there: choose another port with --port"


def _hold_home(stack: contextlib.ExitStack, home: Path) -> None:
    try:
        stack.enter_context(home_lock.held(home))
    except OSError as error:
        raise NotStarted(
            f"the home {home} cannot be made or written ({error.strerror or error}); "
            "choose another with --home DIRECTORY or the variable OPWEAVE_HOME"
        ) from error


def _try_address(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            probe.listen(1)
    except OSError as error:
        told = f"cannot listen on {host}:{port}: {error.strerror or error}"
        if error.errno == errno.EADDRINUSE:
            raise NotStarted(address_taken(told)) from error
        raise NotStarted(f"{told}; choose an address with --host and --port") from error
