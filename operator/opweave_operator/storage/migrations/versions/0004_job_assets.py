"""Keep the selection of assets of declared jobs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Apply."""
    op.add_column("declared_jobs", sa.Column("assets", sa.String(4096)))
