"""Saved views, notes, and embed links."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the tables of the analyst's desk."""
    op.create_table(
        "views",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("owner_id", sa.Integer, nullable=False, comment="row of users"),
        sa.Column("owner", sa.Text, nullable=False, comment="the owner's name when it was saved"),
        sa.Column("shared", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("pinned", sa.Boolean, nullable=False, server_default=sa.false(), comment="shown on the overview"),
        sa.Column("body", sa.Text, nullable=False, comment="JSON: charts, window, zoom"),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("changed", sa.Double, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_views_owner_id", "views", ["owner_id"])
    op.create_table(
        "notes",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("start", sa.Double, nullable=False),
        sa.Column("end", sa.Double, nullable=False, comment="the same as start for a moment"),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("author_id", sa.Integer, nullable=False, comment="row of users; 0 for a program"),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("changed", sa.Double),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_notes_start", "notes", ["start"])
    op.create_table(
        "embeds",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("target", sa.Text, nullable=False, comment="JSON: page or chart, window or zoom, theme"),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("site", sa.Text, nullable=False, comment="origin that may frame it; * for any"),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("owner_id", sa.Integer, nullable=False, comment="row of users; minus that of api_tokens"),
        sa.Column("expires", sa.Double, nullable=False),
        sa.Column("revoked", sa.Double),
        sa.Column("revoked_by", sa.Text),
        sa.Column("last_used", sa.Double),
        sa.Column("uses", sa.Integer, nullable=False, server_default="0"),
        sa.Column("refused", sa.Integer, nullable=False, server_default="0",
                  comment="requests for what it does not give"),
        sqlite_autoincrement=True,
    )
