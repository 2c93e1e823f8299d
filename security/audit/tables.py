"""Tables of the audit trail, in the ``state`` database. Triggers refuse to change or remove a row (migration 0006)."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

audit = sa.Table(
    "audit", metadata,
    sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False, comment="place in the chain, from 1"),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("target", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False, comment="user, token, embed, anonymous, shell or system"),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("who_id", sa.BigInteger),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("agent", sa.Text, nullable=False),
    sa.Column("request", sa.Text, nullable=False),
    sa.Column("result", sa.Text, nullable=False, comment="ok, refused or failed"),
    sa.Column("count", sa.BigInteger, nullable=False, comment="how many times, when a flood is one row"),
    sa.Column("before", sa.Text, comment="JSON"),
    sa.Column("after", sa.Text, comment="JSON"),
    sa.Column("previous", sa.Text, nullable=False, comment="hash of the row before"),
    sa.Column("hash", sa.Text, nullable=False, comment="SHA-256 over previous and this row's canonical JSON"),
)

audit_cut = sa.Table(
    "audit_cut", metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("upto", sa.BigInteger, nullable=False, comment="rows up to this one may be removed by retention"),
)
