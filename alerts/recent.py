"""What became of alerts last: the newest transitions that began or ended one."""

from __future__ import annotations

import sqlalchemy as sa

from alerts import tables
from alerts.alert import Transition, of_row
from storage.database import Database

SHOWN = ("firing", "resolved")


def happened(database: Database, limit: int) -> list[Transition]:
    """The newest, newest first. Raises StorageError."""
    kept, rows = tables.alerts, tables.transitions
    query = (
        sa.select(kept, rows.c.kind.label("became"), rows.c.at.label("happened"), rows.c.muted.label("untold"))
        .join(kept, kept.c.id == rows.c.alert_id).where(rows.c.kind.in_(SHOWN)).order_by(rows.c.id.desc()).limit(limit)
    )
    found = []
    with database.read() as connection:
        for row in connection.execute(query):
            values = dict(row._mapping)
            kind, at, muted = (values.pop(name) for name in ("became", "happened", "untold"))
            found.append(Transition(of_row(values), kind, at, muted))
    return found


def fired(database: Database, since: float) -> dict[str, tuple[float, int]]:
    """When each rule fired last, and how often since a time. Raises StorageError."""
    table = tables.alerts
    often = sa.func.sum(sa.case((table.c.fired >= since, 1), else_=0))
    query = sa.select(table.c.rule, sa.func.max(table.c.fired), often).where(table.c.fired.is_not(None))
    with database.read() as connection:
        return {row[0]: (float(row[1]), int(row[2])) for row in connection.execute(query.group_by(table.c.rule))}
