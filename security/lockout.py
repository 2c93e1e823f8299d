"""Slows down who guesses at one name from many addresses. Rows in the database: a restart forgets nothing, and the
shell can unlock.

The count is of names, whether they are somebody's or not: a name that is slowed down tells nothing about who exists.
It grows by failures alone and is forgotten after an hour without one. Ten in a row cost nothing; from then on each
failure doubles the wait, up to `LONGEST`. An attempt during the wait is refused unread and does not prolong it.
Source: OWASP ASVS 4.0.3, 2.2.1 (no more than 100 failed attempts an hour at one account).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable

import sqlalchemy as sa

from security.names import login_of
from security.sessions import digest
from security.tables import lockouts
from storage.database import Database

FREE = 10
"""Failures that cost no wait."""
FIRST = 60.0
LONGEST = 900.0
"""Seconds of the first and of the longest wait: whoever guesses from afar keeps nobody out for longer."""
FORGET = 3600.0
"""Seconds after the last failure when all are forgotten."""


def key_of(name: str) -> str:
    """What is kept of a name: a digest, for somebody types a password into the name field one day."""
    return digest(login_of(name))[:32]


def _mark_of(name: str) -> str:
    return digest(f"forgiven\n{login_of(name)}")[:32]


def wait_after(failed: int) -> float:
    """Seconds that so many failures cost."""
    return 0.0 if failed < FREE else min(FIRST * 2.0 ** min(failed - FREE, 16), LONGEST)


class Lockouts:
    """Counts failures per name. Every method may raise StorageError when the database is away."""

    def __init__(self, database: Database, now: Callable[[], float]) -> None:
        self._database, self._now = database, now

    def wait(self, name: str) -> float:
        """Seconds until the next attempt at ``name`` counts; 0 when it may be made now."""
        return self.waits([name]).get(name, 0.0)

    def waits(self, names: Iterable[str]) -> dict[str, float]:
        """Seconds for each of ``names`` that has to wait."""
        keys, now = {key_of(name): name for name in names}, self._now()
        query = sa.select(lockouts.c.key, lockouts.c.until).where(
            lockouts.c.key.in_(list(keys)), lockouts.c.until > now, lockouts.c.until <= now + LONGEST
        )
        with self._database.read() as connection:
            return {keys[row.key]: row.until - now for row in connection.execute(query)}

    def failed(self, name: str) -> float:
        """Counts a failure; returns the seconds that ``name`` has to wait now."""
        try:
            return self._count(key_of(name), self._now())
        except sa.exc.IntegrityError:
            return 0.0  # another process counted the first failure in the same moment

    def _count(self, key: str, now: float) -> float:
        with self._database.write() as connection:
            connection.execute(sa.delete(lockouts).where(lockouts.c.last < now - FORGET))
            row = connection.execute(
                sa.update(lockouts).where(lockouts.c.key == key)
                .values(failed=lockouts.c.failed + 1, last=now).returning(lockouts.c.failed)
            ).first()
            count = row.failed if row else 1
            wait = wait_after(count)
            if row is None:
                connection.execute(sa.insert(lockouts).values(key=key, failed=1, last=now, until=0.0))
            elif wait:
                connection.execute(sa.update(lockouts).where(lockouts.c.key == key).values(until=now + wait))
        return wait

    def mark(self, name: str) -> str:
        """Changes when somebody says that ``name`` may try again (`forgive`): what was counted under another mark, in
        whatever process, counts no more."""
        with self._database.read() as connection:
            at = connection.scalar(sa.select(lockouts.c.last).where(lockouts.c.key == _mark_of(name)))
        return "" if at is None else str(at)

    def forgive(self, name: str) -> None:
        """Lets ``name`` try again at once, from everywhere."""
        mark = _mark_of(name)
        # An integrity error: another process has just done the same.
        with contextlib.suppress(sa.exc.IntegrityError), self._database.write() as connection:
            connection.execute(sa.delete(lockouts).where(lockouts.c.key.in_((key_of(name), mark))))
            connection.execute(sa.insert(lockouts).values(key=mark, failed=0, last=self._now(), until=0.0))

    def clear(self, name: str) -> bool:
        """Forgets the failures at ``name``; True when there were any."""
        with self._database.read() as connection:
            if connection.scalar(sa.select(lockouts.c.failed).where(lockouts.c.key == key_of(name))) is None:
                return False
        with self._database.write() as connection:
            return bool(connection.execute(sa.delete(lockouts).where(lockouts.c.key == key_of(name))).rowcount)
