"""Rows of the API tokens: for programs, with permissions of their own, kept as a SHA-256 and shown once.

A token is somebody's, and then worth no more than its owner's account and role are at the moment; or nobody's, made in
the shell for an installation's own programs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from metrics.flat import iso
from security import audit
from security.errors import N_, Refused
from security.people import User
from security.permissions import PERMISSIONS, ROLES
from security.sessions import digest, new_secret
from security.tables import api_tokens, users
from storage.database import Database

PREFIX = "vgt_"
"""Lets a leaked token be recognised for what it is by people and by scanners."""
KEEP_SECONDS = 90 * 86400.0
"""How long a revoked or expired token is still listed."""
MOST = 50
"""Tokens that one person may have at a time."""


@dataclass(frozen=True, slots=True)
class ApiToken:
    """One token, without its secret. Times are epoch seconds; None means never."""

    id: int
    name: str
    permissions: frozenset[str]
    created: float
    created_by: str
    expires: float | None
    last_used: float | None
    revoked: float | None
    owner_id: int = 0
    owner: str = ""
    """Empty for a token that is nobody's."""
    owner_role: str = ""
    owner_disabled: bool = False

    @property
    def worth(self) -> frozenset[str]:
        """What it may do now: no more than its owner."""
        if not self.owner_id:
            return self.permissions
        return frozenset() if self.owner_disabled else self.permissions & ROLES.get(self.owner_role, frozenset())

    def state(self, now: float) -> str:
        """``active``, ``asleep`` (its owner's account is closed or may none of it), ``expired`` or ``revoked``."""
        if self.revoked is not None:
            return "revoked"
        if not self.worth:
            return "asleep"
        return "expired" if self.expires is not None and self.expires <= now else "active"


def select_tokens() -> sa.Select[Any]:
    """The tokens with what their owners are."""
    return sa.select(
        api_tokens, users.c.name.label("owner"), users.c.role.label("owner_role"),
        users.c.disabled.label("owner_disabled"),
    ).outerjoin(users, users.c.id == api_tokens.c.owner_id)


def api_token(row: Row[Any]) -> ApiToken:
    """The token of a row of `select_tokens`. One whose owner is gone is worth nothing."""
    return ApiToken(
        row.id, row.name, frozenset(row.permissions.split()), row.created, row.created_by, row.expires, row.last_used,
        row.revoked, row.owner_id, row.owner or "", row.owner_role or "", bool(row.owner_disabled),
    )


class ApiTokens:
    """Makes, lists and revokes tokens. Every method may raise StorageError when the database is away."""

    def __init__(self, database: Database, now: Callable[[], float], changed: Callable[[], None]) -> None:
        self._database, self._now, self._changed = database, now, changed

    def add(
        self, name: str, permissions: Iterable[str], *, days: float | None = None, created_by: str = "",
        owner: User | None = None,
    ) -> tuple[str, ApiToken]:
        """A new token: its secret, told once, and its row. Without ``days`` it never expires; without ``owner`` it is
        nobody's.

        Raises:
            Refused: the name is empty or taken, a permission is unknown, missing or not the owner's, or they have as
                many tokens as one may have.
        """
        name, wanted, now = name.strip(), frozenset(permissions), self._now()
        if not 1 <= len(name) <= 64 or not name.isprintable():
            raise Refused(N_("A token name has 1 to 64 printable characters."))
        unknown = wanted - PERMISSIONS
        if unknown or not wanted:
            raise Refused(
                N_("A token needs permissions out of: %(known)s."), known=", ".join(sorted(PERMISSIONS))
            )
        missing = wanted - ROLES.get(owner.role, frozenset()) if owner else frozenset()
        if missing:
            raise Refused(
                N_("A token may do no more than its owner, who lacks: %(missing)s."),
                missing=", ".join(sorted(missing)),
            )
        if days is not None and not 0 < days <= 36500:
            raise Refused(N_("A token lasts more than 0 and at most 36500 days."))
        secret, expires = new_secret(PREFIX), None if days is None else now + days * 86400
        try:
            with self._database.write() as connection:
                connection.execute(sa.delete(api_tokens).where(
                    (api_tokens.c.revoked < now - KEEP_SECONDS) | (api_tokens.c.expires < now - KEEP_SECONDS)
                ))
                if owner is not None:
                    self._not_too_many(connection, owner.id)
                key = connection.execute(sa.insert(api_tokens).values(
                    name=name, secret=digest(secret), permissions=" ".join(sorted(wanted)), created=now,
                    created_by=created_by, expires=expires, owner_id=owner.id if owner else 0,
                )).inserted_primary_key
        except sa.exc.IntegrityError:
            raise Refused(N_("There is already a token %(name)s."), name=name) from None
        self._changed()
        about = {
            "permissions": sorted(wanted), "expires": None if expires is None else iso(expires),
            "owner": owner.name if owner else None,
        }
        audit.record("token.add", name, after=about)
        whose = (owner.id, owner.name, owner.role, owner.disabled) if owner else (0, "", "", False)
        return secret, ApiToken(key[0] if key else 0, name, wanted, now, created_by, expires, None, None, *whose)

    @staticmethod
    def _not_too_many(connection: Connection, owner_id: int) -> None:
        mine = sa.select(sa.func.count()).select_from(api_tokens).where(
            api_tokens.c.owner_id == owner_id, api_tokens.c.revoked.is_(None)
        )
        if (connection.scalar(mine) or 0) >= MOST:
            raise Refused(N_("One may have %(most)s tokens: revoke one that is not needed any more."), most=MOST)

    def list(self, owner_id: int | None = None) -> list[ApiToken]:
        """All tokens, or one person's, by name; those revoked or expired long ago are gone."""
        query = select_tokens().order_by(api_tokens.c.name, api_tokens.c.id)
        if owner_id is not None:
            query = query.where(api_tokens.c.owner_id == owner_id)
        with self._database.read() as connection:
            return [api_token(row) for row in connection.execute(query)]

    def get(self, token_id: int) -> ApiToken | None:
        """The token of row ``token_id``; None when there is none."""
        with self._database.read() as connection:
            row = connection.execute(select_tokens().where(api_tokens.c.id == token_id)).first()
        return api_token(row) if row is not None else None

    def revoke(self, name: str, owner_id: int = 0) -> None:
        """Ends the token ``name`` of ``owner_id`` (0: nobody's) for good.

        Raises:
            Refused: there is no such token, or it is revoked already.
        """
        if not self._revoke((api_tokens.c.name == name) & (api_tokens.c.owner_id == owner_id)):
            raise Refused(N_("There is no token %(name)s that could be revoked."), name=name)
        audit.record("token.revoke", name)

    def revoke_row(self, token: ApiToken) -> bool:
        """Ends one token for good; False when it was revoked already."""
        ended = self._revoke(api_tokens.c.id == token.id)
        if ended:
            audit.record("token.revoke", token.name, before={"owner": token.owner or None})
        return ended

    def _revoke(self, where: sa.ColumnElement[bool]) -> bool:
        with self._database.write() as connection:
            ended = connection.execute(
                sa.update(api_tokens).where(where, api_tokens.c.revoked.is_(None)).values(revoked=self._now())
            ).rowcount
        self._changed()
        return bool(ended)

    def touch(self, token_id: int) -> None:
        """Keeps that a token was used now."""
        with self._database.write() as connection:
            connection.execute(sa.update(api_tokens).where(api_tokens.c.id == token_id).values(last_used=self._now()))
