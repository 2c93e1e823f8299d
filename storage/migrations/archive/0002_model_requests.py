"""Requests that went through the measuring proxies."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the table, found by time, by model and by what the proxy calls a request."""
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "model_requests",
        sa.Column("id", big, primary_key=True),
        sa.Column("boot", sa.Text, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("request", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("ended", sa.Double, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False, server_default="") for name in (
            "proxy", "server", "engine", "model", "client", "path", "kind", "error", "message", "finish",
        )),
        sa.Column("stream", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("exact", sa.Boolean),
        sa.Column("status", sa.Integer),
        *(sa.Column(name, sa.Double) for name in (
            "queue", "ttft", "duration", "itl", "itl_max", "prefill", "decode", "joules",
        )),
        *(sa.Column(name, sa.BigInteger) for name in (
            "prompt_tokens", "cached_tokens", "output_tokens", "bytes_in", "bytes_out", "attempts",
        )),
        sa.Column("prompt", sa.Text),
        sa.Column("answer", sa.Text),
        sa.UniqueConstraint("boot", "seq"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_model_requests_ended", "model_requests", ["ended"])
    op.create_index("ix_model_requests_model", "model_requests", ["model", "ended"])
    op.create_index("ix_model_requests_request", "model_requests", ["request"])
