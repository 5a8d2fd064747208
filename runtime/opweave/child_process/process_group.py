"""A forked process that leads its own group, and dies with the process that watches over it."""

from __future__ import annotations

import fcntl
import os
import select
import signal


def lead_group(lifeline: int) -> None:
    """Lead an own process group, which the kernel kills as a whole when the watching process dies.

    A pipe's end raises a signal of one's choice on Linux (fcntl(2), F_SETSIG). Unlike ``prctl(PR_SET_PDEATHSIG)`` it needs
    no ctypes, reaches the whole group, and does not depend on which thread has forked.

    Args:
        lifeline: Read end of a pipe whose other end only the watching process holds and never writes to.
    """
    os.setpgid(0, 0)
    if hasattr(fcntl, "F_SETSIG"):
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, -os.getpgrp())
        fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)
    poll = select.poll()
    poll.register(lifeline, select.POLLIN)
    if poll.poll(0):  # it died before the kernel was asked
        os._exit(1)
