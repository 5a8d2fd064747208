"""What can go wrong while a cluster is provided.

TestbedError
├── Unavailable      this machine cannot give a cluster: skip the cluster tests, with the reason
└── CommandFailed    a program that should have worked did not
"""

from collections.abc import Sequence


class TestbedError(Exception):
    """The root of this package's errors; the message is meant for a person."""

    __test__ = False  # pytest must not collect it by its name


class Unavailable(TestbedError):
    """No provider can give a cluster on this machine.

    Attributes:
        reason: One sentence or several, each naming what is missing and how to get it.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class CommandFailed(TestbedError):
    """A command ended with a status other than 0."""

    def __init__(self, command: Sequence[str], status: int, output: str) -> None:
        tail = "\n".join(output.strip().splitlines()[-30:])
        super().__init__(f"{' '.join(command)} ended with status {status}:\n{tail}")
        self.status = status
        self.output = output
