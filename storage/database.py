"""SQL engines, their migrations, and the one place where a database's errors become sentences."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine, make_url

from storage.errors import StorageError, StoreUnavailable

Room = Literal["archive", "state"]
FILES: dict[Room, str] = {"archive": "archive.db", "state": "vigie.db"}
"""SQLite files under the data folder; in PostgreSQL both rooms share one database."""
MIGRATIONS = Path(__file__).parent / "migrations"
CONNECT_SECONDS = 2
BUSY_SECONDS = 5
RETRY = (0.5, 1.0, 2.0, 5.0)
"""Seconds between attempts while PostgreSQL is away (the last one stays): no request may wait for each of them."""
_ALEMBIC = threading.Lock()
"""Alembic keeps what it works on in globals: two databases are not migrated at once in one process."""
_MIGRATION_LOCK = 0x76696769
"""Key of the PostgreSQL advisory lock that lets one process migrate at a time ("vigi")."""


class Database:
    """One room's tables: an engine, migrated before first use, whose errors are sentences.

    Nothing is opened before the first `read` or `write`, so an app starts while its database is away, and the
    tables are made once it is back. Make it after a fork, not before.
    """

    def __init__(self, room: Room, folder: Path, url: str | None = None) -> None:
        self.room: Room = room
        self.place = "PostgreSQL" if url else str(folder / FILES[room])
        self._file = None if url else folder / FILES[room]
        self.engine = _postgresql(url) if url else _sqlite(folder / FILES[room])
        self._migrated = False
        self._failures = 0
        self._retry_at = 0.0
        self._reason = ""
        self._lock = threading.Lock()

    @property
    def is_sqlite(self) -> bool:
        """True for a file, False for PostgreSQL."""
        return self._file is not None

    def migrate(self) -> None:
        """Brings the tables to the newest shape; done once, `read` and `write` call it by themselves.

        Raises:
            StoreUnavailable: the database is away, the disk full or the folder not writable.
            StorageError: the database was written by a newer Vigie, or is not a database.
        """
        with self._lock:
            if self._migrated:
                return
            with self._attempt():
                if self._file is not None:
                    # Made by us first, so that it is private from its first byte.
                    os.close(os.open(self._file, os.O_RDWR | os.O_CREAT, 0o600))
                migrate(self.engine, self.room)
            self._migrated = True

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A connection in a transaction that may write; commits at the end, rolls back on an error.

        In SQLite it is a ``BEGIN IMMEDIATE``: two writers wait for each other instead of failing half way.

        Raises:
            StoreUnavailable, StorageError: as `migrate`. Integrity errors come through as SQLAlchemy's.
        """
        self.migrate()
        with self._attempt(), self.engine.execution_options(vigie_write=True).begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one state of the database; errors as `write`."""
        self.migrate()
        with self._attempt(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def _attempt(self) -> Iterator[None]:
        """Translates errors; after one that means the server is away, fails at once until the next attempt is due."""
        if self._failures and time.monotonic() < self._retry_at:
            raise StoreUnavailable(self._reason)
        try:
            with translated(self.place):
                yield
        except StoreUnavailable as error:
            if not self.is_sqlite:
                self._retry_at = time.monotonic() + RETRY[min(self._failures, len(RETRY) - 1)]
                self._failures += 1
                self._reason = str(error)
            raise
        self._failures = 0

    def close(self) -> None:
        """Lets go of all connections; the next use opens new ones."""
        self.engine.dispose()


@contextmanager
def translated(place: str) -> Iterator[None]:
    """Turns errors of SQLAlchemy and of the file system into a StoreUnavailable or StorageError about ``place``."""
    try:
        yield
    except sa.exc.IntegrityError:
        raise
    except sa.exc.DBAPIError as error:
        raise _sentence(place, error) from error
    except sa.exc.TimeoutError as error:
        raise StoreUnavailable(f"{place} has no free connection.") from error
    except OSError as error:
        raise StoreUnavailable(f"{place} cannot be opened: {error.strerror or error}.") from error


def _sentence(place: str, error: sa.exc.DBAPIError) -> StorageError:
    text = " ".join(str(error.orig).split())
    low = text.lower()
    state = getattr(error.orig, "sqlstate", None) or ""
    if "disk is full" in low or state == "53100":
        return StoreUnavailable(f"{place} cannot grow: the disk is full.")
    if "readonly" in low or "read-only" in low or state == "25006":
        return StoreUnavailable(f"{place} is read-only.")
    if "unable to open" in low:
        return StoreUnavailable(f"{place} cannot be opened: the folder is missing or not readable.")
    if "malformed" in low or "not a database" in low:
        return StorageError(f"{place} is damaged and cannot be read; restore it, or move it away to start anew.")
    if "database is locked" in low:
        return StoreUnavailable(f"{place} is busy: another program holds its lock.")
    if isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError) or error.connection_invalidated:
        return StoreUnavailable(f"{place} is away: {_short(text)}")
    return StorageError(f"{place} refused a statement: {_short(text)}")


def _short(text: str) -> str:
    """The last, most telling part of a libpq message, without its list of attempts."""
    text = text.split("Multiple connection attempts failed")[0].split(" Is the server running")[0].strip(" .")
    return f"{text[-200:]}."


def _sqlite(path: Path) -> Engine:
    engine = sa.create_engine(
        f"sqlite:///{path}", connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False}
    )

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        # The driver's own implicit BEGIN is a deferred one that fails when upgraded under load; see _begin.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            f"busy_timeout={BUSY_SECONDS * 1000}", "journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON",
            "journal_size_limit=8388608",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        write = connection.get_execution_options().get("vigie_write")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def _postgresql(url: str) -> Engine:
    return sa.create_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        pool_pre_ping=True, pool_size=4, max_overflow=12, pool_timeout=5,
        connect_args={
            "connect_timeout": CONNECT_SECONDS, "tcp_user_timeout": 5000, "application_name": "vigie",
            "keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3,
            "client_encoding": "utf8",  # a server made with the C locale would hand out bytes
        },
    )


def newest_revision(room: Room) -> str | None:
    """The revision of the newest migration script of ``room``, told from the file names; None without any."""
    return max((path.name.split("_")[0] for path in (MIGRATIONS / room).glob("[0-9]*_*.py")), default=None)


def migrate(engine: Engine, room: Room) -> None:
    """Runs the migrations of ``room`` that ``engine`` has not seen, in one transaction.

    Alembic is imported only when there is something to do: it costs memory that a monitor should not take.

    Raises:
        StorageError: the database is of a newer Vigie.
        sqlalchemy.exc.DBAPIError: as the driver says it (see `translated`).
    """
    newest, table = newest_revision(room), f"{room}_version"
    if newest is None or _stored_revision(engine, table, newest) == newest:
        return
    with _ALEMBIC, engine.execution_options(vigie_write=True).begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        config.set_main_option("version_locations", str(MIGRATIONS / room).replace("%", "%%"))
        config.set_main_option("path_separator", "newline")
        config.attributes.update(connection=connection, version_table=table)
        command.upgrade(config, "head")


def _stored_revision(engine: Engine, table: str, newest: str) -> str | None:
    with engine.connect() as connection:
        if not sa.inspect(connection).has_table(table):
            return None
        stored = connection.scalar(sa.text(f"SELECT version_num FROM {table}"))
    if stored is not None and stored > newest:
        raise StorageError(f"The database is of a newer Vigie (revision {stored}; this one knows {newest}).")
    return stored


def check_database(url: str) -> str:
    """Tries ``url`` at start. Returns "" when it works, or a warning sentence when the server cannot be reached.

    Raises:
        StorageError: the URL is malformed, or the server refuses its user, password or database.
    """
    try:
        engine = _postgresql(url)
        user, name = engine.url.username or "the default user", engine.url.database or "the default database"
    except (sa.exc.ArgumentError, ValueError):
        raise StorageError(
            "The database URL is malformed; it must look like postgresql://user:password@host/name."
        ) from None
    try:
        with engine.connect() as connection:
            connection.scalar(sa.text("SELECT 1"))
    except sa.exc.OperationalError as error:
        text = " ".join(str(error.orig).split())
        # libpq gives no code while connecting. A server that answers says FATAL; these answers pass by themselves.
        if "FATAL" in text and not any(word in text for word in ("starting up", "shutting down", "too many",
                                                                  "connection slots", "not yet accepting")):
            reason = text.split("FATAL:")[-1].strip(" .")
            raise StorageError(f"The database refuses {user} on {name}: {reason}.") from None
        if "no password supplied" in text:
            raise StorageError(f"The database asks {user} for a password and the URL has none.") from None
        host = engine.url.host or "its socket"
        return f"The database at {host} cannot be reached now; history is kept in the ring until it is back."
    except (sa.exc.ProgrammingError, UnicodeError) as error:
        # An option libpq does not know, for example postgresql://host/name?no_such_option=1.
        reason = str(getattr(error, "orig", error)).strip(" .\n")
        raise StorageError(f"The database URL is malformed: {reason}.") from None
    finally:
        engine.dispose()
    return ""
