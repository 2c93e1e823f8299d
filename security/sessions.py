"""Rows of the sign-ins: one per browser or program, ended by deleting it. The cookie holds only a random secret."""

from __future__ import annotations

import builtins
import hashlib
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from security import audit
from security.identity import Identity
from security.names import sought
from security.tables import login_sessions, refresh_tokens, users
from storage.database import Database

Kind = Literal["browser", "api"]
REFRESH_SECONDS = 7 * 86400.0
"""How long a program may stay away between two refreshes (spec 3)."""
TOUCH_SECONDS = 60.0
"""``last_seen`` is written at most this often."""


def digest(secret: str) -> str:
    """What is kept of a random secret. Plain SHA-256: 256 random bits cannot be guessed back, unlike a password."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def new_secret(prefix: str = "") -> str:
    """256 random bits, safe in URLs and headers."""
    return prefix + secrets.token_urlsafe(32)


@dataclass(frozen=True, slots=True)
class Session:
    """One sign-in, as its owner sees it. Times are epoch seconds."""

    id: int
    user_id: int
    kind: Kind
    created: float
    last_seen: float
    expires: float
    remember: bool
    address: str
    user_agent: str
    method: str = "password"
    """``password``, ``oidc`` or ``header``: how it began."""
    name: str = ""
    """Whose it is; told by `Sessions.page` alone."""


def _session(row: Row[Any]) -> Session:
    return Session(
        row.id, row.user_id, row.kind, row.created, row.last_seen, row.expires, bool(row.remember), row.address,
        row.user_agent, row.method,
    )


class Sessions:
    """Opens, lists and ends sign-ins.

    ``idle`` and ``remember`` are lifetimes in seconds, set from the settings. Every method may raise StorageError when
    the database is away.
    """

    def __init__(self, database: Database, now: Callable[[], float], changed: Callable[[], None]) -> None:
        self._database, self._now, self._changed = database, now, changed
        self.idle, self.remember = 12 * 3600.0, 30 * 86400.0

    def expiry(self, kind: str, remember: bool, created: float, seen: float) -> float:
        """When a sign-in ends: "remember me" counts from the sign-in, the others from the last use."""
        if kind == "api":
            return seen + REFRESH_SECONDS
        return created + self.remember if remember else seen + self.idle

    def open(
        self, user_id: int, *, kind: Kind = "browser", remember: bool = False, address: str = "", user_agent: str = "",
        method: str = "password",
    ) -> tuple[str, int]:
        """A new sign-in: its secret (told once) and its row."""
        now, secret = self._now(), new_secret()
        with self._database.write() as connection:
            key = connection.execute(sa.insert(login_sessions).values(
                secret=digest(secret), user_id=user_id, kind=kind, created=now, last_seen=now,
                expires=self.expiry(kind, remember, now, now), remember=remember,
                address=_printable(address, 64), user_agent=_printable(user_agent, 256), method=method,
            )).inserted_primary_key
            connection.execute(sa.update(users).where(users.c.id == user_id).values(last_login=now))
            name = self._name(connection, user_id)
        number = key[0] if key else 0
        who = Identity("user", user_id, name, "", frozenset())
        about = {"session": number, "kind": kind, "remember": remember, "method": method}
        audit.record("session.open", name, after=about, who=who)
        return secret, number

    def touch(self, session_id: int, expires: float) -> None:
        """Keeps that a sign-in was used now, and when it ends if it is not used again."""
        with self._database.write() as connection:
            connection.execute(
                sa.update(login_sessions).where(login_sessions.c.id == session_id)
                .values(last_seen=self._now(), expires=expires)
            )

    def list(self, user_id: int) -> list[Session]:
        """A person's sign-ins, the last used first."""
        mine = (login_sessions.c.user_id == user_id) & (login_sessions.c.expires > self._now())
        with self._database.read() as connection:
            rows = connection.execute(sa.select(login_sessions).where(mine).order_by(login_sessions.c.last_seen.desc()))
            return [_session(row) for row in rows]

    def page(self, *, user_id: int | None = None, search: str = "", offset: int = 0, limit: int = 50) -> tuple[
        builtins.list[Session], int
    ]:
        """Everybody's sign-ins, or one person's, the last used first, and how many there are in all."""
        where = login_sessions.c.expires > self._now()
        if user_id is not None:
            where &= login_sessions.c.user_id == user_id
        search = sought(search)
        if search:
            where &= users.c.login.contains(search.casefold(), autoescape=True) | (
                login_sessions.c.address.contains(search, autoescape=True)
            )
        query = sa.select(login_sessions, users.c.name.label("name")).join(users).where(where)
        with self._database.read() as connection:
            total = connection.scalar(sa.select(sa.func.count()).select_from(query.subquery())) or 0
            rows = connection.execute(
                query.order_by(login_sessions.c.last_seen.desc(), login_sessions.c.id).offset(offset).limit(limit)
            )
            return [replace(_session(row), name=row.name) for row in rows], total

    def owner(self, session_id: int) -> int | None:
        """Whose sign-in a row is; None when it is gone."""
        with self._database.read() as connection:
            return connection.scalar(sa.select(login_sessions.c.user_id).where(login_sessions.c.id == session_id))

    def counts(self, user_ids: Iterable[int]) -> dict[int, int]:
        """How many sign-ins each of these people has now."""
        query = (
            sa.select(login_sessions.c.user_id, sa.func.count()).group_by(login_sessions.c.user_id)
            .where(login_sessions.c.user_id.in_(builtins.list(user_ids)), login_sessions.c.expires > self._now())
        )
        with self._database.read() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def end(self, session_id: int, user_id: int) -> bool:
        """Ends one sign-in of ``user_id``; False when it is not theirs or is gone already."""
        mine = (login_sessions.c.id == session_id) & (login_sessions.c.user_id == user_id)
        return self._end(mine, user_id, {"session": session_id}) > 0

    def end_all(self, user_id: int, keep: int | None = None) -> int:
        """Ends all sign-ins of ``user_id`` but ``keep``; returns how many."""
        where = login_sessions.c.user_id == user_id
        return self._end(where if keep is None else where & (login_sessions.c.id != keep), user_id, {"session": "all"})

    def _end(self, where: sa.ColumnElement[bool], user_id: int, what: dict[str, object]) -> int:
        with self._database.write() as connection:
            ended = int(connection.execute(sa.delete(login_sessions).where(where)).rowcount)
            name = self._name(connection, user_id)
        self._changed()
        if ended:
            audit.record("session.close", name, before={**what, "ended": ended})
        return ended

    @staticmethod
    def _name(connection: Connection, user_id: int) -> str:
        return connection.scalar(sa.select(users.c.name).where(users.c.id == user_id)) or ""

    # Refresh tokens: each is good once and gives the next; all those of one sign-in are one family.

    def new_refresh_token(self, session_id: int) -> str:
        """A refresh token for the sign-in ``session_id``."""
        with self._database.write() as connection:
            return self._insert_refresh(connection, session_id)

    def rotate(self, token: str) -> tuple[str, Session] | None:
        """Takes a refresh token for the next one; None when it is not good.

        A token that was used before was stolen from the program or by it: the whole sign-in ends (RFC 9700, 4.14.2).
        """
        now, result, stolen = self._now(), None, False
        with self._database.write() as connection:
            claimed = connection.execute(
                sa.update(refresh_tokens).values(used=now)
                .where(refresh_tokens.c.secret == digest(token), refresh_tokens.c.used.is_(None))
            ).rowcount
            row = connection.execute(
                sa.select(login_sessions, users.c.disabled).join(refresh_tokens).join(users)
                .where(refresh_tokens.c.secret == digest(token))
            ).first()
            stolen = row is not None and not claimed
            if row is not None and stolen:
                connection.execute(sa.delete(login_sessions).where(login_sessions.c.id == row.id))
            elif row is not None and row.expires > now and not row.disabled:
                expires = self.expiry("api", False, row.created, now)
                connection.execute(
                    sa.update(login_sessions).where(login_sessions.c.id == row.id)
                    .values(last_seen=now, expires=expires)
                )
                result = self._insert_refresh(connection, row.id), _session(row)
        if stolen and row is not None:
            self._changed()
            audit.record("session.stolen", f"session {row.id}", result="refused")
        return result

    def end_by_refresh_token(self, token: str) -> None:
        """Ends the sign-in that ``token`` belongs to, used or not; an unknown one is ignored."""
        family = sa.select(login_sessions.c.id, login_sessions.c.user_id).join(refresh_tokens)
        with self._database.read() as connection:
            row = connection.execute(family.where(refresh_tokens.c.secret == digest(token))).first()
        if row is not None:
            self.end(row.id, row.user_id)

    def _insert_refresh(self, connection: Connection, session_id: int) -> str:
        token = new_secret("vgr_")
        connection.execute(
            sa.insert(refresh_tokens).values(secret=digest(token), session_id=session_id, created=self._now())
        )
        return token

    def prune(self) -> None:
        """Removes sign-ins that have expired, and refresh tokens used too long ago to be of use to a thief."""
        now = self._now()
        with self._database.write() as connection:
            connection.execute(sa.delete(login_sessions).where(login_sessions.c.expires <= now))
            connection.execute(sa.delete(refresh_tokens).where(refresh_tokens.c.used < now - REFRESH_SECONDS))


def _printable(text: str, most: int) -> str:
    """``text`` cut to ``most`` characters, without what a terminal or PostgreSQL would choke on."""
    return "".join(c for c in text if c.isprintable())[:most]
