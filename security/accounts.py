"""The accounts of one app: people, their sign-ins, API tokens, and who a credential stands for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
import structlog

from security.apitokens import ApiTokens, api_token, select_tokens
from security.cache import Cache
from security.errors import CodeNeeded, CodeWrong, PasswordRefused, PasswordToChange
from security.factors import SecondFactors
from security.identity import Identity
from security.lockout import Lockouts
from security.passwords import random_password
from security.people import People, User
from security.permissions import ROLES
from security.sessions import TOUCH_SECONDS, Kind, Sessions, digest
from security.tables import api_tokens, login_sessions, users
from storage.database import Database
from storage.errors import StorageError

log = structlog.get_logger(__name__)

CHECK_SECONDS = 3.0


@dataclass(slots=True)
class _Held:
    """An identity in the cache, with what decides how long it is one."""

    identity: Identity
    expires: float | None
    seen: float | None
    session: tuple[str, bool, float] | None = None
    """Kind, remember and created of the sign-in; None for an API token."""


class Accounts:
    """People, sessions and tokens over one database of the room ``state``.

    A credential is looked up at most every two seconds; while the database is away, one that was good a quarter of
    an hour ago stays good, so that the screens of an outage stay open. Making it opens nothing.
    """

    def __init__(self, database: Database, now: Callable[[], float] = time.time) -> None:
        self.database, self.now = database, now
        self._cache: Cache[_Held] = Cache(now)
        self._asking, self._ask_at, self._problem = threading.Lock(), 0.0, ""
        forget = self._cache.clear
        self.people = People(database, now, forget)
        self.sessions = Sessions(database, now, forget)
        self.tokens = ApiTokens(database, now, forget)
        self.factors = SecondFactors(database, now, forget)
        self.lockouts = Lockouts(database, now)

    def problem(self) -> str:
        """Why the accounts cannot be read now, for the screen; empty when they can. Asks every few seconds at most."""
        now = time.monotonic()
        if now >= self._ask_at and self._asking.acquire(blocking=False):
            try:
                self.people.any()
                self._problem = ""
            except StorageError as error:
                self._problem = str(error)
            finally:
                self._ask_at = time.monotonic() + CHECK_SECONDS
                self._asking.release()
        return self._problem

    def prune(self) -> None:
        """Removes what has expired."""
        try:
            self.sessions.prune()
        except StorageError as error:
            log.warning("expired sign-ins were not removed", error=str(error))

    def ensure_first_admin(self, password: str | None) -> str | None:
        """Makes ``admin`` when there is nobody, with ``password`` (of VIGIE_ADMIN_PASSWORD) or a random one.

        Returns the random password, to be printed once; None when there is nothing to print.

        Raises:
            PasswordRefused: the given password is no good. StorageError: the database is away.
        """
        if self.people.any():
            return None
        made = None if password else random_password()
        try:
            self.people.add("admin", password or made or "", "admin")
        except PasswordRefused as refused:
            raise PasswordRefused("VIGIE_ADMIN_PASSWORD cannot be used: %(reason)s", reason=refused) from None
        return made

    def sign_in(
        self, name: str, password: str, *, code: str = "", kind: Kind = "browser", remember: bool = False,
        address: str = "", user_agent: str = "",
    ) -> tuple[User, str, int] | None:
        """Checks a name and password, and the code where the account asks for one, and opens a session: user, session
        secret, session row. None when name or password is wrong.

        Raises:
            CodeNeeded: the password is right, and a code is missing. CodeWrong: it is not right. PasswordToChange: all
            is right, but the password must be changed first.
        """
        user = self.people.verify(name, password)
        if user is None:
            return None
        if user.second_factor:
            if not code.strip():
                raise CodeNeeded(user.id)
            if not self.factors.check(user.id, code):
                raise CodeWrong
        if user.must_change:
            raise PasswordToChange(user.id)
        secret, session_id = self.sessions.open(
            user.id, kind=kind, remember=remember, address=address, user_agent=user_agent
        )
        return user, secret, session_id

    def of_session(self, secret: str) -> Identity | None:
        """Who a session secret (from a cookie) stands for; None when it has ended.

        Raises:
            StorageError: the database is away and the secret was not seen lately.
        """
        kept = digest(secret)
        return self._resolve(("session", kept), lambda: self._load_session(login_sessions.c.secret == kept), "browser")

    def of_access(self, session_id: int, user_id: int) -> Identity | None:
        """Who an access token stands for, by the session it names; None when that has ended. Raises as `of_session`."""
        held = self._resolve(("row", session_id), lambda: self._load_session(login_sessions.c.id == session_id), "api")
        return held if held is not None and held.id == user_id else None

    def of_token(self, secret: str) -> Identity | None:
        """Who an API token stands for; None when unknown, expired or revoked. Raises as `of_session`."""
        kept = digest(secret)
        return self._resolve(("token", kept), lambda: self._load_token(api_tokens.c.secret == kept))

    def valid(self, identity: Identity) -> bool:
        """True while ``identity`` is still signed in and its account open: what a long-lived socket asks.

        Cheap enough to ask every few seconds. While the database is away it says what was known last.
        """
        try:
            if identity.kind == "token":
                token = api_tokens.c.id == identity.id
                key = ("valid token", identity.id)
                return self._resolve(key, lambda: self._load_token(token), touch=False) is not None
            session = login_sessions.c.id == identity.session
            key = ("valid session", identity.session or 0)
            return self._resolve(key, lambda: self._load_session(session), touch=False) is not None
        except StorageError:
            return False

    def _resolve(
        self, key: Hashable, load: Callable[[], _Held | None], kind: Kind | None = None, *, touch: bool = True
    ) -> Identity | None:
        held, now = self._cache.get(key, load), self.now()
        if held is None or (held.expires is not None and held.expires <= now):
            return None
        if kind is not None and (held.session is None or held.session[0] != kind):
            return None  # a cookie's session is none of a program's, and the other way round
        if touch and (held.seen is None or not 0 <= now - held.seen < TOUCH_SECONDS):
            self._touch(held, now)
        return held.identity

    def _touch(self, held: _Held, now: float) -> None:
        held.seen = now
        try:
            if held.session is None:
                self.tokens.touch(held.identity.id)
                return
            kind, remember, created = held.session
            if kind == "browser":
                held.expires = self.sessions.expiry(kind, remember, created, now)
            if held.identity.session is not None and held.expires is not None:
                self.sessions.touch(held.identity.session, held.expires)
        except StorageError as error:
            log.warning("the last use of a sign-in was not kept", error=str(error))

    def _load_session(self, where: sa.ColumnElement[bool]) -> _Held | None:
        query = sa.select(
            login_sessions.c.id.label("session"), login_sessions.c.kind, login_sessions.c.created,
            login_sessions.c.last_seen, login_sessions.c.expires, login_sessions.c.remember, login_sessions.c.method,
            users.c.id, users.c.name, users.c.role, users.c.language, users.c.theme, users.c.timezone,
        ).join(users).where(where, users.c.disabled.is_(sa.false()))
        with self.database.read() as connection:
            row: Any = connection.execute(query).first()
        if row is None:
            return None
        identity = Identity(
            "user", row.id, row.name, row.role, ROLES.get(row.role, frozenset()), row.language, row.theme, row.timezone,
            row.session, method=row.method,
        )
        return _Held(identity, row.expires, row.last_seen, (row.kind, bool(row.remember), row.created))

    def _load_token(self, where: sa.ColumnElement[bool]) -> _Held | None:
        with self.database.read() as connection:
            row: Any = connection.execute(select_tokens().where(where, api_tokens.c.revoked.is_(None))).first()
        if row is None:
            return None
        token = api_token(row)
        if not token.worth:
            return None
        name = f"{token.owner}/{token.name}" if token.owner else token.name
        identity = Identity("token", token.id, name, "", token.worth, owner=token.owner_id)
        return _Held(identity, token.expires, token.last_used)
