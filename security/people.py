"""Rows of the people who may sign in."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from security import audit
from security.errors import N_, PasswordRefused, Refused
from security.names import login_of, name_of, sought
from security.passwords import check_new_password, hash_password, outdated, verify_password
from security.permissions import ROLES
from security.sessions import digest
from security.tables import login_sessions, recovery_codes, users
from storage.database import Database
from storage.errors import StorageError

SOURCES = ("local", "oidc", "header")
"""Doors: a password kept here, OpenID Connect, or the header of a trusted proxy. An account has one."""
THEMES = ("", "dark", "light")


@dataclass(frozen=True, slots=True)
class User:
    """One person. Times are epoch seconds; ``last_login`` is None before the first sign-in."""

    id: int
    name: str
    role: str
    language: str
    theme: str
    timezone: str
    disabled: bool
    created: float
    last_login: float | None
    source: str = "local"
    must_change: bool = False
    """The password was given by somebody else: it is good for choosing a new one only."""
    second_factor: bool = False


def _user(row: Row[Any]) -> User:
    return User(
        row.id, row.name, row.role, row.language, row.theme, row.timezone, bool(row.disabled), row.created,
        row.last_login, row.source, bool(row.must_change), bool(row.totp),
    )


class People:
    """Reads and writes the people. ``changed`` is called after each write (it empties the caches).

    Every method may raise StorageError when the database is away.
    """

    def __init__(self, database: Database, now: Callable[[], float], changed: Callable[[], None]) -> None:
        self._database, self._now, self._changed = database, now, changed

    def any(self) -> bool:
        """True when somebody can sign in at all."""
        with self._database.read() as connection:
            return connection.scalar(sa.select(users.c.id).limit(1)) is not None

    def list(self) -> list[User]:
        """Everybody, by name."""
        with self._database.read() as connection:
            return [_user(row) for row in connection.execute(sa.select(users).order_by(users.c.login))]

    def get(self, name: str) -> User:
        """The person called ``name``, in whatever case.

        Raises:
            Refused: there is none.
        """
        with self._database.read() as connection:
            return _user(self._row(connection, name))

    def by_id(self, user_id: int) -> User | None:
        """The person of row ``user_id``; None when there is none."""
        with self._database.read() as connection:
            row = connection.execute(sa.select(users).where(users.c.id == user_id)).first()
        return _user(row) if row is not None else None

    def page(self, search: str = "", offset: int = 0, limit: int = 50) -> tuple[builtins.list[User], int]:
        """Those whose name holds ``search``, by name, and how many they are."""
        where = users.c.login.contains(login_of(sought(search)), autoescape=True) if search else sa.true()
        with self._database.read() as connection:
            total = connection.scalar(sa.select(sa.func.count()).select_from(users).where(where)) or 0
            rows = connection.execute(
                sa.select(users).where(where).order_by(users.c.login).offset(offset).limit(limit)
            )
            return [_user(row) for row in rows], total

    def right_password(self, user_id: int, password: str) -> bool:
        """True when it is this person's: asked before what matters most."""
        with self._database.read() as connection:
            row = connection.execute(sa.select(users.c.password, users.c.source).where(users.c.id == user_id)).first()
        return verify_password(row.password if row else None, password) and row is not None and row.source == "local"

    def fingerprint(self, user_id: int) -> str:
        """Changes whenever the password or the door does: what began before is worth nothing then."""
        with self._database.read() as connection:
            row = connection.execute(
                sa.select(users.c.password, users.c.source, users.c.totp, users.c.disabled).where(users.c.id == user_id)
            ).first()
        return digest("\n".join(map(str, row)))[:16] if row is not None else ""

    def of_subject(self, source: str, subject: str, name: str) -> User | None:
        """The person that another door vouches for: by what that door calls them, else by name, if an administrator has
        said that this account is that door's. The first time the subject is kept.

        Raises:
            Refused: the account of that name is another door's, or another subject's.
        """
        with self._database.write() as connection:
            row = None
            if subject:
                bound = sa.select(users).where(users.c.source == source, users.c.subject == subject)
                row = connection.execute(bound).first()
            if row is None:
                row = self._find(connection, name)
                if row is None:
                    return None
                if row.source != source or (row.subject and row.subject != subject):
                    raise Refused(
                        N_("There is an account %(name)s that signs in another way. An administrator can change that."),
                        name=row.name,
                    )
                self._set(connection, row.id, subject=subject)
        return _user(row)

    def known(self, name: str) -> str:
        """The name as it is kept, when it is somebody's; else empty, also while the database is away."""
        try:
            return self.get(name).name
        except (Refused, StorageError):
            return ""

    def add(
        self, name: str, password: str | None, role: str, *, must_change: bool = False, source: str = "local",
        subject: str = "",
    ) -> User:
        """A new person. Without ``password`` they cannot sign in by one, only as ``source`` says.

        Raises:
            Refused: the name is taken or no good, the role unknown; PasswordRefused: the password is no good.
        """
        found = name_of(name)
        if found is None:
            raise Refused(N_("A user name has 1 to 64 letters, digits or . _ - + @ and no spaces."))
        name = found
        _check_role(role)
        _check_source(source)
        if password is not None:
            check_new_password(password, name)
        values = {
            "name": name, "login": login_of(name), "password": "" if password is None else hash_password(password),
            "role": role, "must_change": must_change, "source": source, "subject": subject,
        }
        try:
            with self._database.write() as connection:
                key = connection.execute(sa.insert(users).values(**values, created=self._now())).inserted_primary_key
        except sa.exc.IntegrityError:
            raise Refused(N_("There is already a user %(name)s."), name=name) from None
        self._changed()
        audit.record("user.add", name, after={"role": role, "source": source})
        return User(key[0] if key else 0, name, role, "", "", "", False, self._now(), None, source, must_change)

    def verify(self, name: str, password: str) -> User | None:
        """The person whose name and password these are; None when either is wrong or the account is disabled.

        Takes as long for a name that does not exist.
        """
        with self._database.read() as connection:
            row = self._find(connection, name)
        if not verify_password(row.password if row else None, password) or row is None or row.disabled:
            return None
        if row.source != "local":
            return None
        if outdated(row.password):
            with self._database.write() as connection:
                self._set(connection, row.id, password=hash_password(password))
        return _user(row)

    def set_password(self, name: str, password: str, *, must_change: bool = False) -> User:
        """Gives a person a new password and ends all their sign-ins; ``must_change``: they choose another one at the
        next.

        Raises:
            Refused: there is no such person, or they have no password here; PasswordRefused: the password is no good.
        """
        check_new_password(password, name)
        hashed = hash_password(password)
        with self._database.write() as connection:
            row = self._row(connection, name)
            if row.source != "local":
                raise Refused(N_("%(name)s does not sign in with a password of Vigie’s."), name=row.name)
            self._set(connection, row.id, password=hashed, must_change=must_change)
            connection.execute(sa.delete(login_sessions).where(login_sessions.c.user_id == row.id))
        self._changed()
        audit.record("user.password", row.name, after={"must_change": must_change})
        return self.get(name)

    def change_password(self, user_id: int, old: str, new: str, keep_session: int | None) -> bool:
        """Replaces ``old`` by ``new`` and ends every sign-in but ``keep_session``; False when ``old`` is wrong.

        Raises:
            PasswordRefused: the new password is no good.
        """
        with self._database.read() as connection:
            row = connection.execute(sa.select(users).where(users.c.id == user_id)).first()
        if not verify_password(row.password if row else None, old) or row is None:
            return False
        check_new_password(new, row.name)
        if verify_password(row.password, new):
            raise PasswordRefused(N_("This is the password that you have: choose another one."))
        hashed = hash_password(new)
        others = login_sessions.c.user_id == user_id
        if keep_session is not None:
            others &= login_sessions.c.id != keep_session
        with self._database.write() as connection:
            self._set(connection, user_id, password=hashed, must_change=False)
            connection.execute(sa.delete(login_sessions).where(others))
        self._changed()
        audit.record("user.password", row.name)
        return True

    def choose_password(self, user_id: int, new: str) -> bool:
        """The password of one's own in place of one that somebody else gave; False when none is due.

        Raises:
            PasswordRefused: it is no good, or the same.
        """
        with self._database.read() as connection:
            row = connection.execute(sa.select(users).where(users.c.id == user_id)).first()
        if row is None or not row.must_change:
            return False
        check_new_password(new, row.name)
        if verify_password(row.password, new):
            raise PasswordRefused(N_("This is the password that you have: choose another one."))
        hashed = hash_password(new)
        with self._database.write() as connection:
            due = (users.c.id == user_id) & users.c.must_change.is_(sa.true()) & (users.c.password == row.password)
            done = connection.execute(sa.update(users).where(due).values(password=hashed, must_change=False)).rowcount
        self._changed()
        if done:
            audit.record("user.password", row.name)
        return bool(done)

    def set_role(self, name: str, role: str) -> User:
        """Gives a person another role, at once.

        Raises:
            Refused: there is no such person or role, or nobody would be left to administer.
        """
        _check_role(role)
        with self._database.write() as connection:
            row = self._row(connection, name)
            if role != "admin":
                self._not_the_last_admin(connection, row)
            self._set(connection, row.id, role=role)
        self._changed()
        audit.record("user.role", row.name, before={"role": row.role}, after={"role": role})
        return self.get(name)

    def set_disabled(self, name: str, disabled: bool) -> User:
        """Closes an account and ends its sign-ins, or opens it again.

        Raises:
            Refused: there is no such person, or nobody would be left to administer.
        """
        with self._database.write() as connection:
            row = self._row(connection, name)
            if disabled:
                self._not_the_last_admin(connection, row)
                connection.execute(sa.delete(login_sessions).where(login_sessions.c.user_id == row.id))
            self._set(connection, row.id, disabled=disabled)
        self._changed()
        audit.record("user.disable" if disabled else "user.enable", row.name)
        return self.get(name)

    def set_source(self, name: str, source: str) -> User:
        """Gives a person another door and ends their sign-ins. To a password of Vigie's one comes by `set_password`.

        Raises:
            Refused: there is no such person or door, or nobody would be left to administer with a password.
        """
        _check_source(source)
        with self._database.write() as connection:
            row = self._row(connection, name)
            if row.source != source:
                if source != "local":
                    self._not_the_last_admin(connection, row, with_password=True)
                self._set(
                    connection, row.id, source=source, subject="", password="", totp="", totp_new="", must_change=False
                )
                connection.execute(sa.delete(login_sessions).where(login_sessions.c.user_id == row.id))
                connection.execute(sa.delete(recovery_codes).where(recovery_codes.c.user_id == row.id))
        self._changed()
        if row.source != source:
            audit.record("user.source", row.name, before={"source": row.source}, after={"source": source})
        return self.get(name)

    def set_profile(
        self, user_id: int, *, language: str | None = None, theme: str | None = None, timezone: str | None = None
    ) -> None:
        """Keeps a person's own choices; None leaves one as it is. The caller checks language and time zone.

        Raises:
            Refused: there is no such theme.
        """
        if theme is not None and theme not in THEMES:
            raise Refused(N_("There is no theme %(theme)s."), theme=theme)
        values = {"language": language, "theme": theme, "timezone": timezone}
        values = {key: value[:64] for key, value in values.items() if value is not None}
        if not values:
            return
        with self._database.write() as connection:
            row = connection.execute(sa.select(users).where(users.c.id == user_id)).first()
            self._set(connection, user_id, **values)
        self._changed()
        if row is not None:
            audit.record("user.profile", row.name, before={name: getattr(row, name) for name in values}, after=values)

    @staticmethod
    def _find(connection: Connection, name: str) -> Row[Any] | None:
        if name_of(name) is None:
            return None  # nobody's name, and PostgreSQL cannot be asked about every text
        return connection.execute(sa.select(users).where(users.c.login == login_of(name))).first()

    def _row(self, connection: Connection, name: str) -> Row[Any]:
        row = self._find(connection, name)
        if row is None:
            raise Refused(N_("There is no user %(name)s."), name=name)
        return row

    @staticmethod
    def _set(connection: Connection, user_id: int, **values: object) -> None:
        connection.execute(sa.update(users).where(users.c.id == user_id).values(**values))

    @staticmethod
    def _not_the_last_admin(connection: Connection, row: Row[Any], *, with_password: bool = False) -> None:
        # One admin who needs no provider must be left: else nobody comes in while that is away.
        local = users.c.source == "local" if with_password or row.source == "local" else sa.true()
        others = sa.select(sa.func.count()).select_from(users).where(
            users.c.role == "admin", users.c.disabled.is_(sa.false()), users.c.id != row.id, local
        )
        if row.role == "admin" and not row.disabled and not connection.scalar(others):
            raise Refused(
                N_("%(name)s is the only admin with a password: make another one first.") if row.source == "local" else
                N_("%(name)s is the only admin: make another one first."), name=row.name,
            )


def _check_role(role: str) -> None:
    if role not in ROLES:
        raise Refused(N_("There is no role %(role)s; there are %(roles)s."), role=role, roles=", ".join(ROLES))


def _check_source(source: str) -> None:
    if source not in SOURCES:
        raise Refused(N_("There is no such way to sign in."))
