"""The second factor: a code that changes every 30 seconds (TOTP, RFC 6238), and recovery codes for a lost telephone."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection, Row

from config.secret import Cipher
from security import audit
from security.errors import N_, Refused
from security.passwords import ALPHABET
from security.sessions import digest
from security.tables import login_sessions, recovery_codes, users
from storage.database import Database

log = structlog.get_logger(__name__)

STEP = 30
DRIFT = 1
"""Steps that a telephone's clock may be off."""
CODES = 10
ISSUER = "Vigie"


@dataclass(frozen=True, slots=True)
class Setup:
    """A key that is not confirmed yet: as text to type, as an address, and as a picture to scan (inline SVG)."""

    key: str
    uri: str
    svg: str


class SecondFactors:
    """Keys and recovery codes of people. Every method may raise StorageError when the database is away."""

    cipher: Cipher | None = None
    """Of the installation; without one (in the shell) a factor can be taken away only."""

    def __init__(self, database: Database, now: Callable[[], float], changed: Callable[[], None]) -> None:
        self._database, self._now, self._changed = database, now, changed

    def begin(self, user_id: int) -> Setup:
        """A new key, worth nothing until `confirm`.

        Raises:
            Refused: the factor is on already.
        """
        import pyotp

        key = pyotp.random_base32()
        with self._database.write() as connection:
            row = self._row(connection, user_id)
            if row.totp:
                raise Refused(N_("The second factor is on already: turn it off first."))
            self._set(connection, user_id, totp_new=self._cipher().encrypt(key))
        uri = pyotp.TOTP(key).provisioning_uri(name=row.name, issuer_name=ISSUER)
        return Setup(key, uri, _picture(uri))

    def confirm(self, user_id: int, code: str, keep_session: int | None = None) -> list[str]:
        """Turns the factor on when ``code`` is of the new key, and ends the person's other sign-ins. Returns the
        recovery codes, told once.

        Raises:
            Refused: the code is not right, or no key was begun.
        """
        with self._database.write() as connection:
            row = self._row(connection, user_id)
            key = self._decrypted(row.totp_new)
            step = self._step_of(key, code) if key else None
            if step is None:
                raise Refused(N_("The code is not right. Is the clock of your telephone right?"))
            self._set(connection, user_id, totp=row.totp_new, totp_new="", totp_used=step)
            codes = self._fresh_codes(connection, user_id)
            others = login_sessions.c.user_id == user_id
            if keep_session is not None:
                others &= login_sessions.c.id != keep_session
            connection.execute(sa.delete(login_sessions).where(others))
        self._changed()
        audit.record("totp.on", row.name)
        return codes

    def check(self, user_id: int, code: str) -> bool:
        """True when ``code`` is the person's at this moment, or one of their recovery codes. Each is good once."""
        with self._database.write() as connection:
            row = self._row(connection, user_id)
            key = self._decrypted(row.totp)
            step = self._step_of(key, code) if key else None
            if step is not None:
                later = users.c.totp_used.is_(None) | (users.c.totp_used < step)
                return bool(connection.execute(
                    sa.update(users).where(users.c.id == user_id, later).values(totp_used=step)
                ).rowcount)
            typed = "".join(code.split()).replace("-", "").casefold()
            used = connection.execute(sa.delete(recovery_codes).where(
                recovery_codes.c.user_id == user_id, recovery_codes.c.secret == digest(typed)
            )).rowcount
        if used:
            audit.record("totp.recovery", row.name, after={"left": self.left(user_id)})
        return bool(used)

    def left(self, user_id: int) -> int:
        """How many recovery codes are left."""
        query = sa.select(sa.func.count()).select_from(recovery_codes).where(recovery_codes.c.user_id == user_id)
        with self._database.read() as connection:
            return connection.scalar(query) or 0

    def new_codes(self, user_id: int) -> list[str]:
        """New recovery codes; the old ones are worth nothing any more."""
        with self._database.write() as connection:
            name = self._row(connection, user_id).name
            codes = self._fresh_codes(connection, user_id)
        audit.record("totp.codes", name)
        return codes

    def off(self, user_id: int, *, reset: bool = False) -> bool:
        """Takes the factor away; False when there was none. With ``reset`` (by an administrator) all sign-ins end."""
        with self._database.write() as connection:
            row = self._row(connection, user_id)
            self._set(connection, user_id, totp="", totp_new="", totp_used=None)
            connection.execute(sa.delete(recovery_codes).where(recovery_codes.c.user_id == user_id))
            if reset and row.totp:
                connection.execute(sa.delete(login_sessions).where(login_sessions.c.user_id == user_id))
        self._changed()
        if row.totp:
            audit.record("totp.reset" if reset else "totp.off", row.name)
        return bool(row.totp)

    def _cipher(self) -> Cipher:
        if self.cipher is None:
            raise Refused(N_("The second factor is set up in Settings only."))
        return self.cipher

    def _decrypted(self, kept: str) -> str:
        try:
            return self._cipher().decrypt(kept) if kept else ""
        except ValueError:
            # Another installation's key: only a recovery code or an administrator helps.
            log.error("a second factor cannot be read with the keys of this installation")
            return ""

    def _step_of(self, key: str, code: str) -> int | None:
        """The time step whose code this is; None when it is none of those that may be."""
        import pyotp

        typed = "".join(code.split())
        if not (typed.isascii() and typed.isdigit() and len(typed) == 6):
            return None
        now, totp = int(self._now() // STEP), pyotp.TOTP(key)
        steps = [s for s in range(now - DRIFT, now + DRIFT + 1) if hmac.compare_digest(totp.generate_otp(s), typed)]
        return max(steps, default=None)

    def _fresh_codes(self, connection: Connection, user_id: int) -> list[str]:
        connection.execute(sa.delete(recovery_codes).where(recovery_codes.c.user_id == user_id))
        codes = ["-".join("".join(secrets.choice(ALPHABET) for _ in range(5)) for _ in range(3)) for _ in range(CODES)]
        connection.execute(
            sa.insert(recovery_codes), [{"user_id": user_id, "secret": digest(c.replace("-", ""))} for c in codes]
        )
        return codes

    @staticmethod
    def _row(connection: Connection, user_id: int) -> Row[Any]:
        row = connection.execute(sa.select(users).where(users.c.id == user_id)).first()
        if row is None:
            raise Refused(N_("There is no such user."))
        return row

    @staticmethod
    def _set(connection: Connection, user_id: int, **values: object) -> None:
        connection.execute(sa.update(users).where(users.c.id == user_id).values(**values))


def _picture(uri: str) -> str:
    """The QR code as an SVG element, dark on light in every theme: a camera wants it so."""
    import segno

    return segno.make(uri, error="m").svg_inline(border=4, dark="#000", light="#fff", omitsize=True)
