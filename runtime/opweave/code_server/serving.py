"""The server's own process: the HTTP server is up from the first moment, the main thread loads the user's code."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from opweave.code_server.location_state import LocationState
from opweave.code_server.output_tail import OutputTail
from opweave.code_server.server import CodeServer

if TYPE_CHECKING:
    from opweave.code_server.main import ServerOptions


def serve(
    options: ServerOptions,
    listener: socket.socket,
    tail: OutputTail,
    console: int,
    on_ready: Callable[[], None],
) -> NoReturn:
    """Load what *options* name and answer until SIGTERM.

    The code is imported in the main thread, as programs expect (signal handlers, event loops); the server's threads
    answer meanwhile.

    Args:
        options: Of the command line.
        listener: Listens already.
        tail: Of what this process prints; its guardian fills it.
        console: The guardian's standard error, for what is not the code's own output.
        on_ready: Called when the location serves.
    """
    _take_over_signals()
    version = str(getattr(sys.modules["opweave"], "__version__", ""))
    state = LocationState(version, tail.text)
    server = CodeServer(listener, state, options.token, options.worker)
    threading.Thread(target=server.serve_forever, name="opweave-server", daemon=True).start()
    _watch_the_time(options, state)
    state.load(options.pointer)
    if state.is_ready:
        on_ready()
    else:
        _tell(state, console)
    while True:
        signal.pause()


def _take_over_signals() -> None:
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, _end)
    signal.signal(signal.SIGTERM, _end)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _end(number: int, frame: FrameType | None) -> None:
    """End at once: a plan that is being made is asked for again elsewhere."""
    os._exit(0)


def _watch_the_time(options: ServerOptions, state: LocationState) -> None:
    loader = threading.get_ident()
    timer = threading.Timer(
        options.load_timeout_seconds,
        lambda: state.fail_if_loading(
            options.load_timeout_seconds, loader, options.pointer.directory
        ),
    )
    timer.daemon = True
    timer.start()


def _tell(state: LocationState, console: int) -> None:
    """Show the failure in the log too; what the code printed is there already."""
    failure = state.health().failure
    if failure is not None:
        text = f"opweave: {failure.reason}: {failure.message}\n{failure.traceback}"
        os.write(console, text.encode("utf-8", "replace"))
