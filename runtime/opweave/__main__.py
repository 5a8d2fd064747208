"""``python -m opweave``: the two processes that images start, and the command line.

A step must not pay for the command line, so its name is looked at before anything is imported.
"""

from __future__ import annotations

import sys


def main() -> int:
    """Run what the first argument names; return the exit code."""
    command, arguments = (sys.argv[1] if len(sys.argv) > 1 else ""), sys.argv[2:]
    if command == "step":
        from opweave.step_process.main import main as step

        return step(arguments)
    if command == "code-server":
        from opweave.code_server.main import main as code_server

        return code_server(arguments)
    from opweave.cli import main as cli

    cli()
    return 0


if __name__ == "__main__":
    sys.exit(main())
