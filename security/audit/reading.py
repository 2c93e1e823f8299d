"""Reading the trail: newest first, a page at a time, by who, what, result, time and text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from security.audit.entry import word
from security.audit.store import Outdated
from security.audit.tables import audit
from storage.database import Database
from storage.errors import StorageError

SPAN = 50_000
"""Rows that one page looks at when it searches a text: the answer comes soon, and the next page goes on."""
SLACK = 2000
"""Rows by which time and place in the chain may differ: several processes append, and clocks are set."""
BATCH = 1000


@dataclass(frozen=True, slots=True)
class Filter:
    """What to show; empty means all. ``action`` is one, or what begins it (``user`` for ``user.role``); times are epoch
    seconds; ``text`` is looked for in who, target, address, request and values."""

    who: str = ""
    action: str = ""
    result: str = ""
    start: float | None = None
    end: float | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One row. ``before`` and ``after`` are values again."""

    id: int
    at: float
    action: str
    target: str
    kind: str
    who: str
    who_id: int | None
    address: str
    agent: str
    request: str
    result: str
    count: int
    before: Any
    after: Any
    hash: str


@dataclass(frozen=True, slots=True)
class Page:
    """Rows, newest first. ``next`` is where the next page begins, None at the end; ``searched`` is the time of the
    oldest row that was looked at when a text was searched and not enough was found."""

    rows: list[Row]
    next: int | None
    searched: float | None = None


def page(database: Database, wanted: Filter, before: int | None = None, limit: int = 50) -> Page:
    """The newest ``limit`` rows whose number lies below ``before``.

    Raises:
        StorageError: the database is away.
    """
    with database.read() as connection:
        low, high = _between(connection, wanted, before)
        floor = max(low, high - SPAN) if wanted.text else low
        query = _where(connection, wanted, floor, high).order_by(audit.c.id.desc()).limit(limit + 1)
        found = [_row(row) for row in connection.execute(query)]
        if len(found) > limit:
            return Page(found[:limit], found[limit - 1].id)
        if floor <= low:
            return Page(found, None)
        searched = connection.scalar(sa.select(audit.c.at).where(audit.c.id == floor))
        return Page(found, floor, searched)


def everything(database: Database, wanted: Filter) -> Iterator[Row]:
    """Every row that fits, newest first, a batch at a time; for exports."""
    with database.read() as connection:
        low, high = _between(connection, wanted, None)
    while True:
        with database.read() as connection:
            query = _where(connection, wanted, low, high).order_by(audit.c.id.desc()).limit(BATCH)
            rows = [_row(row) for row in connection.execute(query)]
        yield from rows
        if len(rows) < BATCH:
            return
        high = rows[-1].id


def kept(database: Database) -> Outdated:
    """How many rows there are, from which number and time to which.

    Raises:
        StorageError: the database is away.
    """
    columns = sa.select(audit.c.id, audit.c.at)
    with database.read() as connection:
        first = connection.execute(columns.order_by(audit.c.id).limit(1)).first()
        last = connection.execute(columns.order_by(audit.c.id.desc()).limit(1)).first()
    if first is None or last is None:
        return Outdated(0)
    return Outdated(last.id - first.id + 1, first.id, last.id, first.at, last.at)


def _between(connection: Connection, wanted: Filter, before: int | None) -> tuple[int, int]:
    """Numbers between which rows of that time lie, both excluded: a search by number needs no sorting."""
    # Asked one by one: SQLite walks the whole table for both at once.
    first, last = (connection.scalar(sa.select(end(audit.c.id))) for end in (sa.func.min, sa.func.max))
    low, high = (first or 1) - 1, (last or 0) + 1
    if wanted.start is not None:
        found = connection.scalar(
            sa.select(audit.c.id).where(audit.c.at >= wanted.start).order_by(audit.c.at).limit(1)
        )
        low = max(low, found - SLACK) if found is not None else high - 1
    if wanted.end is not None:
        found = connection.scalar(
            sa.select(audit.c.id).where(audit.c.at <= wanted.end).order_by(audit.c.at.desc()).limit(1)
        )
        high = min(high, found + SLACK) if found is not None else low + 1
    return low, min(high, before) if before is not None else high


def names(database: Database, most: int = 300) -> list[str]:
    """Who appears in the trail; nobody while the database is away."""
    try:
        with database.read() as connection:
            return _different(connection, "who", most)
    except StorageError:
        return []


def _different(connection: Connection, column: str, most: int) -> list[str]:
    # From each value to the next one by the index: a DISTINCT would read a million rows for a dozen names.
    first = sa.select(sa.func.min(audit.c[column]).label("value")).cte("different", recursive=True)
    following = sa.select(sa.func.min(audit.c[column])).where(audit.c[column] > first.c.value).scalar_subquery()
    each = first.union_all(sa.select(following).where(first.c.value.is_not(None)))
    query = sa.select(each.c.value).where(each.c.value.is_not(None)).limit(most)
    return [row.value for row in connection.execute(query) if row.value]


def _where(connection: Connection, wanted: Filter, low: int, high: int) -> sa.Select[Any]:
    query = sa.select(audit).where(audit.c.id > low, audit.c.id < high)
    if wanted.who:
        query = query.where(audit.c.who == word(wanted.who))
    if wanted.action:
        group = f"{wanted.action}."
        query = query.where(audit.c.action.in_([
            action for action in _different(connection, "action", 1000)
            if action == wanted.action or action.startswith(group)
        ]))
    if wanted.result:
        query = query.where(audit.c.result == word(wanted.result))
    if wanted.start is not None:
        query = query.where(audit.c.at >= wanted.start)
    if wanted.end is not None:
        query = query.where(audit.c.at <= wanted.end)
    for part in word(wanted.text).split()[:8]:
        query = query.where(sa.or_(*(
            audit.c[name].icontains(part, autoescape=True)
            for name in ("who", "action", "target", "address", "request", "before", "after")
        )))
    return query


def _row(row: Any) -> Row:
    return Row(
        row.id, row.at, row.action, row.target, row.kind, row.who, row.who_id, row.address, row.agent, row.request,
        row.result, row.count, _value(row.before), _value(row.after), row.hash,
    )


def _value(text: str | None) -> Any:
    if text is None:
        return None
    try:
        return json.loads(text)
    except ValueError:  # somebody changed it: verification says so, and it is shown as it is
        return text
