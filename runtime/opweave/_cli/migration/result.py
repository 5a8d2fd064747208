"""What came of a file: its new text, what was renamed in it, and what a person must look at."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Migrated:
    """A file as it would be.

    Attributes:
        text: The whole new text.
        renamed: How often each kind of thing was renamed: ``imports``, ``names``, ``tags``, ...
        findings: Line, from 1, and what is left to do there.
        path: New name of the file; empty means its own.
    """

    text: str
    renamed: Counter[str] = field(default_factory=Counter)
    findings: list[tuple[int, str]] = field(default_factory=list)
    path: str = ""

    def find(self, line: int, what: str) -> None:
        """Tell that *line* needs a person, once."""
        if (line, what) not in self.findings:
            self.findings.append((line, what))
