"""The lease: of all that share a database, one evaluates."""

from __future__ import annotations

import time
from collections.abc import Callable

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from alerts import tables
from storage.database import Database
from storage.errors import StorageError

NAME = "engine"
SECONDS = 15.0
"""How long a lease holds that is not renewed."""
RENEW = 5.0
RELEASED = 0.0
"""When a lease expires that was given back."""


class Lease:
    """One contender for the lease. Used by one thread.

    ``holder`` names it for good: one that was killed has its lease again at once. While the database is away, who held
    the lease goes on; nobody else can take it, for a contender claims only after it has seen the database for as long
    as a lease holds.
    """

    def __init__(
        self, database: Database, holder: str, seconds: float = SECONDS,
        monotonic: Callable[[], float] = time.monotonic, clock: Callable[[], float] | None = None,
    ) -> None:
        self._database, self._holder, self._seconds, self._monotonic = database, holder, seconds, monotonic
        self._clock = clock
        self._there_since: float | None = None
        self._asked = -1e9
        self.held = False
        """Whether this one evaluates."""
        self.away = ""
        """Why the database could not be asked; empty when it could."""

    def keep(self) -> bool:
        """Renews or claims when that is due; whether it is held. Never raises: while the database is away, it stays as
        it was."""
        now = self._monotonic()
        if now - self._asked < self._seconds * RENEW / SECONDS * (1 if self.held else 0.4):
            return self.held
        self._asked = now
        try:
            with self._database.write() as connection:
                self.held = self.take(connection, now)
            self.away = ""
        except StorageError as error:
            self._there_since, self.away = None, str(error)
        return self.held

    def take(self, connection: Connection, now: float) -> bool:
        """Renews or claims the lease in a transaction."""
        at = self._time(connection)
        expires = at + self._seconds
        table = tables.lease
        renewed = connection.execute(
            sa.update(table).where(table.c.name == NAME, table.c.holder == self._holder).values(expires=expires)
        ).rowcount
        if renewed:
            return True
        if self._there_since is None:
            self._there_since = now
        row = connection.execute(sa.select(table).where(table.c.name == NAME)).first()
        if row is None:
            return self._first(connection, at, expires)
        seen = self._database.is_sqlite or now - self._there_since >= self._seconds
        if row.expires >= at or (row.expires > RELEASED and not seen):
            return False
        return bool(connection.execute(
            sa.update(table).where(table.c.name == NAME, table.c.holder == row.holder, table.c.expires == row.expires)
            .values(holder=self._holder, since=at, expires=expires)
        ).rowcount)

    def fence(self, connection: Connection) -> bool:
        """In a transaction that writes: whether the lease is still held, and holds to its end."""
        table = tables.lease
        query = sa.select(table.c.holder).where(table.c.name == NAME)
        if not self._database.is_sqlite:
            query = query.with_for_update()
        self.held = connection.scalar(query) == self._holder
        return self.held

    def release(self) -> None:
        """Lets another one claim it at once."""
        if not self.held:
            return
        self.held = False
        try:
            with self._database.write() as connection:
                connection.execute(sa.update(tables.lease).where(
                    tables.lease.c.name == NAME, tables.lease.c.holder == self._holder,
                ).values(expires=RELEASED))
        except StorageError:
            return  # it expires by itself

    def _first(self, connection: Connection, at: float, expires: float) -> bool:
        values = {"name": NAME, "holder": self._holder, "since": at, "expires": expires}
        try:
            with connection.begin_nested():
                connection.execute(sa.insert(tables.lease).values(values))
        except sa.exc.IntegrityError:
            return False  # another one was first
        return True

    def _time(self, connection: Connection) -> float:
        """The database's clock: those of the contenders may differ."""
        if self._clock is not None:
            return self._clock()
        if self._database.is_sqlite:
            return time.time()
        return float(connection.scalar(sa.text("SELECT EXTRACT(EPOCH FROM clock_timestamp())")) or 0.0)
