"""People: how they sign in, a second factor, tokens of their own, and what slows down who guesses passwords."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

USERS = (
    sa.Column("source", sa.Text, nullable=False, server_default="local"),
    sa.Column("subject", sa.Text, nullable=False, server_default=""),
    sa.Column("must_change", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("totp", sa.Text, nullable=False, server_default=""),
    sa.Column("totp_new", sa.Text, nullable=False, server_default=""),
    sa.Column("totp_used", sa.BigInteger),
)


def upgrade() -> None:
    """Adds the columns and tables."""
    for column in USERS:
        op.add_column("users", column)
    op.create_index("ix_users_subject", "users", ["subject"])
    op.add_column("login_sessions", sa.Column("method", sa.Text, nullable=False, server_default="password"))
    op.add_column("api_tokens", sa.Column("owner_id", sa.Integer, nullable=False, server_default="0"))
    op.drop_index("ix_api_tokens_name", "api_tokens")
    op.create_index(
        "ix_api_tokens_name", "api_tokens", ["owner_id", "name"], unique=True,
        sqlite_where=sa.text("revoked IS NULL"), postgresql_where=sa.text("revoked IS NULL"),
    )
    op.create_table(
        "recovery_codes",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("user_id", sa.Integer, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("secret", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_recovery_codes_user_id", "recovery_codes", ["user_id"])
    op.create_table(
        "lockouts",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("failed", sa.Integer, nullable=False),
        sa.Column("last", sa.Double, nullable=False),
        sa.Column("until", sa.Double, nullable=False),
    )
    op.create_index("ix_lockouts_last", "lockouts", ["last"])
