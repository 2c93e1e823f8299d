"""Deliveries of alerts, and what each person has seen and chosen."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the tables of notifications."""
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("transition_id", sa.Integer, nullable=False, comment="row of transitions"),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("alert_id", sa.Integer, nullable=False, comment="row of alerts"),
        sa.Column("kind", sa.Text, nullable=False, comment="firing or resolved"),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("group", sa.Text, nullable=False, comment="what may come in one message"),
        sa.Column("notice", sa.Text, nullable=False, comment="JSON: what is told"),
        sa.Column("state", sa.Text, nullable=False, comment="waiting, sending, sent, failed, muted; page for the page"),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("message", sa.Text, comment="key of the message it was tried in; sent along, and never changed"),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("first_tried", sa.Double),
        sa.Column("retry", sa.Double, nullable=False, server_default="0", comment="not before then"),
        sa.Column("claimed", sa.Double, comment="when it was taken to be sent"),
        sa.Column("done", sa.Double, comment="when it was sent, given up or left out"),
        sa.Column("status", sa.Integer, comment="of the newest answer"),
        sa.Column("answer", sa.Text, nullable=False, server_default="", comment="what the other side said"),
        sa.Column("error", sa.Text, nullable=False, server_default="", comment="why it was not taken"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_deliveries_once", "deliveries", ["transition_id", "channel"], unique=True)
    active = sa.text("state IN ('waiting', 'sending')")
    op.create_index("ix_deliveries_active", "deliveries", ["channel"], sqlite_where=active, postgresql_where=active)
    op.create_index("ix_deliveries_channel_done", "deliveries", ["channel", "done"])
    op.create_index("ix_deliveries_alert", "deliveries", ["alert_id", "channel"])
    op.create_index("ix_deliveries_created", "deliveries", ["created"])
    op.create_table(
        "notified_people",
        sa.Column("user_id", sa.Integer, primary_key=True, comment="row of users"),
        sa.Column("seen", sa.Integer, nullable=False, server_default="0", comment="newest delivery that was seen"),
        sa.Column("toasts", sa.Text, nullable=False, server_default="info warning error critical",
                  comment="severities that are shown as they happen"),
        sa.Column("browser", sa.Boolean, nullable=False, server_default=sa.false(),
                  comment="tell by the browser while the page is hidden"),
    )
