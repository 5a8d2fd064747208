"""Give a forked process pipes as its standard output and error."""

from __future__ import annotations

import faulthandler
import os
import sys
from io import TextIOWrapper


def redirect_standard_streams(stdout: int, stderr: int) -> None:
    """Make the pipes *stdout* and *stderr* those of this process and of all that it starts; standard input is empty.

    Python's own streams are made anew, because they remember whether they were a file or a terminal; each line is sent as
    it is written, so that a crash loses none, and the traceback of a crash in C goes to standard error.
    """
    null = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((null, 0), (stdout, 1), (stderr, 2)):
        os.dup2(source, target)
        os.close(source)
    sys.stdout = sys.__stdout__ = _text_stream(1, sys.stdout)  # type: ignore[misc]  # the interpreter's own are Final
    sys.stderr = sys.__stderr__ = _text_stream(2, sys.stderr)  # type: ignore[misc]  # as above
    faulthandler.enable()


def _text_stream(descriptor: int, old: object) -> TextIOWrapper:
    encoding = getattr(old, "encoding", None) or "utf-8"
    return open(
        descriptor, "w", encoding=encoding, errors="backslashreplace", buffering=1, closefd=False
    )
