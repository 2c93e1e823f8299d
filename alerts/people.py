"""What each person has seen of the alerts on the page, and how they want to be told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from alerts.delivery_tables import deliveries, notified_people
from alerts.notices import Notice
from config.dashboard import SEVERITIES
from storage.database import Database
from storage.errors import StorageError

MOST_UNREAD = 99
"""Counted at most: a bell shows no more."""
MOST_LISTED = 20


@dataclass(frozen=True, slots=True)
class Choices:
    """How one person wants to be told in the page."""

    toasts: tuple[str, ...] = SEVERITIES
    """Severities that are shown as they happen."""
    browser: bool = False
    """By the browser, while the page is hidden."""


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the bell's panel."""

    id: int
    notice: Notice
    unread: bool


@dataclass(frozen=True, slots=True)
class Bell:
    """What a person's bell shows: the newest first."""

    unread: int
    items: Sequence[Item]
    newest: int
    """Id of the newest of all, 0 before the first."""


class NotifiedPeople:
    """The rows of everybody. Methods may raise StorageError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def bell(self, user: int, limit: int = MOST_LISTED) -> Bell:
        """What the bell of a person shows. Only beginnings are unread: an end needs nobody."""
        c = deliveries.c
        with self._database.read() as connection:
            seen = self._seen(connection, user)
            rows = connection.execute(
                sa.select(c.id, c.notice, c.kind).where(c.state == "page").order_by(c.id.desc()).limit(limit)
            ).all()
            fresh = sa.select(c.id).where(c.state == "page", c.kind == "firing", c.id > seen).limit(MOST_UNREAD + 1)
            unread = connection.scalar(sa.select(sa.func.count()).select_from(fresh.subquery()))
        items = [
            Item(row.id, Notice(**orjson.loads(row.notice)), row.id > seen and row.kind == "firing") for row in rows
        ]
        return Bell(unread or 0, items, rows[0].id if rows else 0)

    def read(self, user: int, upto: int) -> None:
        """A person has seen everything up to a delivery."""
        with self._database.write() as connection:
            newest = connection.scalar(sa.select(sa.func.max(deliveries.c.id)).where(deliveries.c.state == "page")) or 0
            upto = min(upto, newest)
            if upto > self._seen(connection, user):
                self._put(connection, user, seen=upto)

    def choices(self, user: int) -> Choices:
        """What a person has chosen; everything in the page and nothing by the browser before they have."""
        c = notified_people.c
        with self._database.read() as connection:
            row = connection.execute(sa.select(c.toasts, c.browser).where(c.user_id == user)).first()
        return Choices(tuple(row.toasts.split()), bool(row.browser)) if row else Choices()

    def choices_now(self, user: int) -> Choices:
        """As `choices`; the usual ones while the database is away."""
        try:
            return self.choices(user)
        except StorageError:
            return Choices()

    def choose(self, user: int, choices: Choices) -> None:
        """Keeps what a person has chosen."""
        toasts = " ".join(one for one in SEVERITIES if one in choices.toasts)
        with self._database.write() as connection:
            self._put(connection, user, toasts=toasts, browser=choices.browser)

    def _seen(self, connection: Connection, user: int) -> int:
        c = notified_people.c
        return connection.scalar(sa.select(c.seen).where(c.user_id == user)) or 0

    def _put(self, connection: Connection, user: int, **values: Any) -> None:
        # The dialect in use is there already; to name the other one would load it, 3 MB.
        dialect: Any = import_module(f"sqlalchemy.dialects.{connection.dialect.name}")
        made = dialect.insert(notified_people).values(user_id=user, **values)
        connection.execute(made.on_conflict_do_update(index_elements=["user_id"], set_=values))
