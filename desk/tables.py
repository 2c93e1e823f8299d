"""Tables of saved views and notes, in the ``state`` database. Times are epoch seconds."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

views = sa.Table(
    "views", metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("owner_id", sa.Integer, nullable=False, index=True, comment="row of users"),
    sa.Column("owner", sa.Text, nullable=False, comment="the owner's name when it was saved"),
    sa.Column("shared", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("pinned", sa.Boolean, nullable=False, server_default=sa.false(), comment="shown on the overview"),
    sa.Column("body", sa.Text, nullable=False, comment="JSON: charts, window, zoom"),
    sa.Column("created", sa.Double, nullable=False),
    sa.Column("changed", sa.Double, nullable=False),
    sqlite_autoincrement=True,
)

notes = sa.Table(
    "notes", metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("start", sa.Double, nullable=False, index=True),
    sa.Column("end", sa.Double, nullable=False, comment="the same as start for a moment"),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("author_id", sa.Integer, nullable=False, comment="row of users; below 0 that of a program's token"),
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("created", sa.Double, nullable=False),
    sa.Column("changed", sa.Double),
    sqlite_autoincrement=True,
)
