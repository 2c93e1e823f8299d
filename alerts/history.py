"""What was: alerts that fired, by filter and page, and how long it took to take them up and to end them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from alerts import tables
from alerts.alert import Alert, of_row
from storage.database import Database

MOST = 500


@dataclass(frozen=True, slots=True)
class Filter:
    """Which alerts; what is empty or None does not count. Times are epoch seconds of when they fired."""

    state: str = ""
    """firing or resolved."""
    severities: Sequence[str] = ()
    rules: Sequence[str] = ()
    types: Sequence[str] = ()
    categories: Sequence[str] = ()
    server: int | None = None
    owner: str = ""
    acknowledged: bool | None = None
    muted: bool | None = None
    text: str = ""
    """Part of a name, a series, a note or an owner."""
    start: float | None = None
    end: float | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A page of history, newest first, and what holds for all that the filter means."""

    alerts: list[Alert]
    more: int | None
    """What to give as ``before`` for the next page; None at the end."""
    count: int
    to_acknowledge: float | None
    """Mean seconds from firing to being taken up, of those that were."""
    to_resolve: float | None
    """Mean seconds from firing to the end, of those that ended."""
    firing_seconds: float
    by_severity: dict[str, int] = field(default_factory=dict)
    frequent: tuple[str, str, int] | None = None
    """The rule that fired most often: id, name, how often."""


def page(database: Database, wanted: Filter, now: float, limit: int = 50, before: int | None = None) -> Page:
    """One page; ``before`` is the row to go on from. Raises StorageError."""
    table, where = tables.alerts, _where(wanted)
    query = sa.select(table).where(*where).order_by(table.c.id.desc()).limit(limit + 1)
    if before is not None:
        query = query.where(table.c.id < before)
    lasted = sa.func.coalesce(table.c.resolved, now) - table.c.fired
    sums = sa.select(
        sa.func.count(), sa.func.avg(table.c.acknowledged - table.c.fired),
        sa.func.avg(table.c.resolved - table.c.fired), sa.func.coalesce(sa.func.sum(lasted), 0.0),
    ).where(*where)
    by_severity = sa.select(table.c.severity, sa.func.count()).where(*where).group_by(table.c.severity)
    often = sa.func.count()
    by_rule = (
        sa.select(table.c.rule, sa.func.max(table.c.name), often).where(*where).group_by(table.c.rule)
        .order_by(often.desc(), table.c.rule).limit(1)
    )
    with database.read() as connection:
        rows = connection.execute(query).all()
        count, to_acknowledge, to_resolve, seconds = connection.execute(sums).one()
        severities = {row[0]: int(row[1]) for row in connection.execute(by_severity)}
        frequent = connection.execute(by_rule).first()
    return Page(
        [of_row(row) for row in rows[:limit]], rows[limit - 1].id if len(rows) > limit else None, int(count),
        to_acknowledge, to_resolve, float(seconds), severities,
        None if frequent is None else (frequent[0], frequent[1], int(frequent[2])),
    )


def _where(wanted: Filter) -> list[Any]:
    columns = tables.alerts.c
    found: list[Any] = [columns.fired.is_not(None)]
    if wanted.state:
        found.append(columns.state == wanted.state)
    for column, values in (
        (columns.severity, wanted.severities), (columns.rule, wanted.rules), (columns.type, wanted.types),
        (columns.category, wanted.categories),
    ):
        if values:
            found.append(column.in_(list(values)))
    if wanted.server is not None:
        found.append(columns.server == wanted.server)
    if wanted.owner:
        found.append(columns.owner == wanted.owner)
    if wanted.acknowledged is not None:
        found.append(columns.acknowledged.is_not(None) if wanted.acknowledged else columns.acknowledged.is_(None))
    if wanted.muted is not None:
        found.append(columns.muted != "" if wanted.muted else columns.muted == "")
    if wanted.text:
        parts = (columns.name, columns.series, columns.note, columns.owner, columns.rule)
        found.append(sa.or_(*(column.icontains(wanted.text, autoescape=True) for column in parts)))
    if wanted.start is not None:
        found.append(columns.fired >= wanted.start)
    if wanted.end is not None:
        found.append(columns.fired <= wanted.end)
    return found
