"""Load tests of models, each with its plan and its curve."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the table, found by time."""
    op.create_table(
        "model_benches",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("at", sa.Double, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False, server_default="") for name in (
            "by", "model", "server", "engine", "version", "quantisation", "note",
        )),
        sa.Column("context_size", sa.BigInteger),
        sa.Column("settings", sa.JSON, nullable=False),
        sa.Column("plan", sa.JSON, nullable=False),
        sa.Column("result", sa.JSON, nullable=False),
    )
    op.create_index("ix_model_benches_at", "model_benches", ["at"])
