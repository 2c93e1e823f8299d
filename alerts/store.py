"""Alerts and their transitions in SQL. What the engine writes waits in memory while the database is away."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from alerts import tables
from alerts.alert import Alert, Kind, Transition, of_row, values_of
from storage.database import Database

MOST_WAITING = 5000
"""Changes that wait for a database that is away."""
UNTOLD: frozenset[Kind] = frozenset({"acknowledged", "assigned"})
"""Transitions that no channel tells."""
KEPT_DAYS = 730.0
LONGEST_MARK = 30 * 86400.0
"""Seconds before a window in which those are looked for that reach into it."""


class LeaseLost(Exception):
    """Another one evaluates now: nothing was written."""


class Store:
    """The rows. Methods raise StorageError when the database is away; `put` only keeps in memory."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: deque[tuple[Alert, Transition | None]] = deque()
        self.lost = 0
        """Changes that found no room while the database was away."""

    @property
    def waiting(self) -> int:
        """Changes that are not written yet."""
        return len(self._waiting)

    def put(self, alert: Alert, transition: Transition | None = None) -> None:
        """Has an alert written, with what became of it. The newest of those without a transition is enough."""
        if transition is None:
            for place, (kept, made) in enumerate(self._waiting):
                if kept.uuid == alert.uuid and made is None:
                    self._waiting[place] = (alert, None)
                    return
        if len(self._waiting) >= MOST_WAITING:
            self._waiting.popleft()
            self.lost += 1
        self._waiting.append((alert, transition))

    def discard(self) -> None:
        """Forgets what waits: another one evaluates now."""
        self.lost += len(self._waiting)
        self._waiting.clear()

    def flush(self, fence: Callable[[Connection], bool]) -> dict[str, int]:
        """Writes what waits in one transaction; the row numbers of the alerts in it, by uuid.

        Raises:
            LeaseLost: ``fence`` says so.
        """
        batch = list(self._waiting)
        if not batch:
            return {}
        with self._database.write() as connection:
            if not fence(connection):
                raise LeaseLost
            numbers = self._numbers(connection, {alert.uuid for alert, _ in batch})
            for alert, transition in batch:
                self._write(connection, alert, transition, numbers)
        for _ in batch:
            self._waiting.popleft()
        return numbers

    def _numbers(self, connection: Connection, uuids: Iterable[str]) -> dict[str, int]:
        table, wanted = tables.alerts, list(uuids)
        found: dict[str, int] = {}
        for start in range(0, len(wanted), 500):
            query = sa.select(table.c.uuid, table.c.id).where(table.c.uuid.in_(wanted[start:start + 500]))
            found |= {row.uuid: row.id for row in connection.execute(query)}
        return found

    def _write(
        self, connection: Connection, alert: Alert, transition: Transition | None, numbers: dict[str, int],
    ) -> None:
        table, number = tables.alerts, numbers.get(alert.uuid)
        if alert.state == "resolved" and alert.fired is None:  # it never fired: nothing to keep
            connection.execute(sa.delete(table).where(table.c.uuid == alert.uuid, table.c.fired.is_(None)))
            numbers.pop(alert.uuid, None)
            return
        if number is None:
            made = connection.execute(sa.insert(table).values(uuid=alert.uuid, **values_of(alert)))
            number = numbers[alert.uuid] = int(made.inserted_primary_key[0])  # type: ignore[index]
        else:
            connection.execute(sa.update(table).where(table.c.id == number).values(values_of(alert)))
        if transition is not None:
            add_transition(connection, number, transition)

    # What there is

    def opened(self) -> list[Alert]:
        """Those that are pending or firing, oldest first."""
        query = sa.select(tables.alerts).where(tables.alerts.c.resolved.is_(None)).order_by(tables.alerts.c.id)
        with self._database.read() as connection:
            return [of_row(row) for row in connection.execute(query)]

    def fired_since(self, at: float) -> dict[str, list[float]]:
        """When alerts began to fire since ``at``, oldest first, by fingerprint."""
        table = tables.alerts
        query = sa.select(table.c.fingerprint, table.c.fired).where(table.c.fired >= at).order_by(table.c.fired)
        found: dict[str, list[float]] = {}
        with self._database.read() as connection:
            for row in connection.execute(query):
                found.setdefault(row.fingerprint, []).append(row.fired)
        return found

    def one(self, uuid: str) -> Alert | None:
        """The alert of a uuid."""
        with self._database.read() as connection:
            row = connection.execute(sa.select(tables.alerts).where(tables.alerts.c.uuid == uuid)).first()
        return of_row(row) if row is not None else None

    def said(self, uuids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """What people said of alerts, by uuid."""
        table = tables.alerts
        found: dict[str, dict[str, Any]] = {}
        with self._database.read() as connection:
            for start in range(0, len(uuids), 500):
                query = sa.select(
                    table.c.uuid, table.c.acknowledged, table.c.acknowledged_by, table.c.note, table.c.owner,
                ).where(table.c.uuid.in_(uuids[start:start + 500]))
                for row in connection.execute(query):
                    values = dict(row._mapping)
                    found[values.pop("uuid")] = values
        return found

    def between(self, start: float, end: float, limit: int = 500) -> list[Alert]:
        """Those that fired at some time in ``start <= t <= end``, newest first. Of those that are over, one that had
        fired for longer than `LONGEST_MARK` before the window is left out."""
        table = tables.alerts
        ended = sa.select(table).where(
            table.c.fired.between(start - LONGEST_MARK, end), table.c.resolved >= start,
        ).order_by(table.c.fired.desc()).limit(limit)
        still = sa.select(table).where(table.c.resolved.is_(None), table.c.fired <= end)
        with self._database.read() as connection:
            rows = [*connection.execute(ended), *connection.execute(still)]
        return sorted(map(of_row, rows), key=lambda alert: -(alert.fired or 0.0))[:limit]

    def transitions_of(self, alert_id: int) -> list[dict[str, Any]]:
        """What became of an alert, oldest first."""
        table = tables.transitions
        query = sa.select(table).where(table.c.alert_id == alert_id).order_by(table.c.at, table.c.id)
        with self._database.read() as connection:
            return [dict(row._mapping) for row in connection.execute(query)]

    # What people say

    def say(
        self, uuid: str, kind: Kind, at: float, who: str, words: str, values: Mapping[str, Any],
    ) -> Alert | None:
        """Writes what somebody says of an alert that is not over; None when there is none such."""
        table = tables.alerts
        with self._database.write() as connection:
            query = sa.select(table).where(table.c.uuid == uuid)
            row = connection.execute(query if self._database.is_sqlite else query.with_for_update()).first()
            if row is None or row.resolved is not None:
                return None
            connection.execute(sa.update(table).where(table.c.id == row.id).values(dict(values)))
            alert = replace(of_row(row), **values)
            add_transition(connection, row.id, Transition(alert, kind, at, who=who, note=words))
        return alert

    def prune(self, now: float) -> int:
        """Removes what was over long ago; how many."""
        with self._database.write() as connection:
            old = sa.select(tables.alerts.c.id).where(tables.alerts.c.resolved < now - KEPT_DAYS * 86400)
            connection.execute(sa.delete(tables.transitions).where(tables.transitions.c.alert_id.in_(old)))
            return connection.execute(
                sa.delete(tables.alerts).where(tables.alerts.c.resolved < now - KEPT_DAYS * 86400)
            ).rowcount


def add_transition(connection: Connection, alert_id: int, made: Transition) -> None:
    """One row, unless it is there already."""
    table = tables.transitions
    known = connection.scalar(sa.select(table.c.id).where(
        table.c.alert_id == alert_id, table.c.kind == made.kind, table.c.at == made.at,
    ))
    if known is None:
        connection.execute(sa.insert(table).values(
            alert_id=alert_id, kind=made.kind, at=made.at, value=made.alert.value, muted=made.muted, who=made.who,
            note=made.note, claimed=made.at if made.kind in UNTOLD else None,
        ))
