"""Tables of the alerts, in the ``state`` database. Times are epoch seconds, values in base units.

The indices that hold for some rows only (one open alert of a fingerprint, transitions that wait) stand in the migration
alone: naming them here would load PostgreSQL's dialect where SQLite is used.
"""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

rules = sa.Table(
    "alert_rules", metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("shipped", sa.Boolean, nullable=False, comment="body holds what was changed of a shipped rule"),
    sa.Column("body", sa.Text, nullable=False, comment="JSON"),
    sa.Column("changed", sa.Double, nullable=False),
    sa.Column("changed_by", sa.Text, nullable=False),
)

alerts = sa.Table(
    "alerts", metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("uuid", sa.Text, nullable=False, unique=True),
    sa.Column("fingerprint", sa.Text, nullable=False, comment="of rule, server and series"),
    sa.Column("rule", sa.Text, nullable=False, comment="id of the rule"),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("server", sa.Integer, nullable=False),
    sa.Column("series", sa.Text, nullable=False),
    sa.Column("metric", sa.Text, nullable=False),
    sa.Column("unit", sa.Text, nullable=False),
    sa.Column("labels", sa.Text, nullable=False, comment="JSON: those of the series and of the rule"),
    sa.Column("category", sa.Text, nullable=False),
    sa.Column("severity", sa.Text, nullable=False),
    sa.Column("comparison", sa.Text, nullable=False),
    sa.Column("message", sa.Text, nullable=False, comment="with its {places}"),
    sa.Column("state", sa.Text, nullable=False, comment="pending, firing or resolved"),
    sa.Column("reason", sa.Text, nullable=False, server_default="", comment="why it ended, when not by itself"),
    sa.Column("value", sa.Double, comment="the newest that was kept"),
    sa.Column("peak", sa.Double, comment="the worst"),
    sa.Column("threshold", sa.Double, nullable=False),
    sa.Column("started", sa.Double, nullable=False, comment="when the comparison began to hold"),
    sa.Column("fired", sa.Double),
    sa.Column("resolved", sa.Double),
    sa.Column("acknowledged", sa.Double),
    sa.Column("acknowledged_by", sa.Text, nullable=False, server_default=""),
    sa.Column("note", sa.Text, nullable=False, server_default=""),
    sa.Column("owner", sa.Text, nullable=False, server_default=""),
    sa.Column("flapping", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("muted", sa.Text, nullable=False, server_default="", comment="silence:ID, inhibited:RULE or empty"),
    sa.Column("told", sa.Boolean, nullable=False, server_default=sa.false(), comment="it fired unmuted"),
    sa.Index("ix_alerts_fired", "fired"),
    sa.Index("ix_alerts_resolved", "resolved"),
    sqlite_autoincrement=True,
)

transitions = sa.Table(
    "alert_transitions", metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("alert_id", sa.Integer, sa.ForeignKey("alerts.id", ondelete="CASCADE"), nullable=False),
    sa.Column("kind", sa.Text, nullable=False, comment="firing, unmuted, resolved, acknowledged or assigned"),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("value", sa.Double),
    sa.Column("muted", sa.Text, nullable=False, server_default="", comment="why nobody is told"),
    sa.Column("who", sa.Text, nullable=False, server_default=""),
    sa.Column("note", sa.Text, nullable=False, server_default=""),
    sa.Column("claimed", sa.Double, comment="when it was taken up to be told"),
    sa.UniqueConstraint("alert_id", "kind", "at", name="ux_alert_transitions_once"),
    sqlite_autoincrement=True,
)

silences = sa.Table(
    "alert_silences", metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False, comment="silence or maintenance"),
    sa.Column("matchers", sa.Text, nullable=False, comment="a selector over an alert's labels"),
    sa.Column("start", sa.Double, nullable=False),
    sa.Column("end", sa.Double, comment="absent: a maintenance window that comes again without end"),
    sa.Column("days", sa.Text, nullable=False, server_default="", comment="mon,tue: of a window that comes weekly"),
    sa.Column("from_time", sa.Text, nullable=False, server_default="", comment="HH:MM of such a window"),
    sa.Column("to_time", sa.Text, nullable=False, server_default="", comment="or of the day after"),
    sa.Column("timezone", sa.Text, nullable=False, server_default="UTC"),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("comment", sa.Text, nullable=False, server_default=""),
    sa.Column("created", sa.Double, nullable=False),
    sa.Column("ended_by", sa.Text, nullable=False, server_default="", comment="who ended it early"),
    sqlite_autoincrement=True,
)

inhibitions = sa.Table(
    "alert_inhibitions", metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("shipped", sa.Text, unique=True, comment="name of the shipped one that this changes"),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False, comment="a selector: alerts that mute"),
    sa.Column("target", sa.Text, nullable=False, comment="a selector: alerts that are muted"),
    sa.Column("equal", sa.Text, nullable=False, comment="labels that must be the same, with commas"),
    sa.Column("enabled", sa.Boolean, nullable=False, server_default=sa.true()),
    sqlite_autoincrement=True,
)

lease = sa.Table(
    "alert_lease", metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("since", sa.Double, nullable=False),
    sa.Column("expires", sa.Double, nullable=False),
)
