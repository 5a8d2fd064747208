"""The clock of the machine, for the `ports.Clock` that everything else holds."""

from __future__ import annotations

from datetime import UTC, datetime


class SystemClock:
    """The present by this machine's clock."""

    def now(self) -> datetime:
        """Return the present as an aware UTC datetime."""
        return datetime.now(UTC)
