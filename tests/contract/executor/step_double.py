"""Stands in for the runtime in a step's process: what it does is told by the step's key, and it reports to nobody.

Standard library only, in one file: it becomes ``opweave.py`` on the worker's PYTHONPATH, in place of the real package.
"""

import os
import signal
import sys
from pathlib import Path

TERMINATION_LOG = Path(os.environ.get("OPWEAVE_TERMINATION_LOG") or "/dev/termination-log")


def main() -> None:
    """Act as the step's key says: ``succeeds``, ``exits_N``, ``tells``, ``waits``, ``resists``."""
    name = os.environ["OPWEAVE_STEP_KEY"].rpartition(".")[2]
    if name.startswith("exits_"):
        sys.exit(int(name.removeprefix("exits_")))
    if name == "tells":
        TERMINATION_LOG.write_text(os.environ["OPWEAVE_RUN_ID"] + " was here")
        sys.exit(1)
    if name == "resists":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print("resisting", flush=True)  # noqa: T201  # a step's output
    elif name == "waits":
        # A handler is needed: the first process of a container ignores signals by default.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    while name in ("waits", "resists"):
        signal.pause()


if __name__ == "__main__":
    main()
