"""The rows of the audit trail: appended one after another, whoever appends; retention alone removes, the oldest."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from metrics.flat import iso
from security.audit.entry import START, Entry, chained, value
from security.audit.seal import Anchor, Seal
from security.audit.tables import audit, audit_cut
from storage.database import Database

CHECKPOINT = "audit.retention"
"""Action of the row that retention leaves: what it removed, signed."""
MOST_REMOVED = 20_000
"""Rows removed in one transaction: others wait for it."""
DAY = 86400.0
_LOCK = 0x61756469
"""Key of the PostgreSQL advisory lock that lets one process append at a time ("audi")."""


@dataclass(frozen=True, slots=True)
class Head:
    """The newest row; 0 and `START` when there is none."""

    number: int
    hash: str
    held: bool = True
    """False when what the anchor knows is no longer in the table: somebody changed or cut off rows."""


@dataclass(frozen=True, slots=True)
class Outdated:
    """Rows that retention removes: so many, up to row ``upto``, written from ``oldest`` to ``newest`` (epoch
    seconds)."""

    rows: int
    first: int = 0
    upto: int = 0
    oldest: float = 0.0
    newest: float = 0.0


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Row ``number``, left by retention: rows up to ``upto``, whose hash was ``hash``, are removed. ``good`` is False
    when this installation did not sign it."""

    number: int
    upto: int
    hash: str
    good: bool


def head(connection: Connection) -> Head:
    row = connection.execute(sa.select(audit.c.id, audit.c.hash).order_by(audit.c.id.desc()).limit(1)).first()
    return Head(row.id, row.hash) if row else Head(0, START)


def serialised(connection: Connection) -> None:
    """Waits until nobody else appends. In SQLite the transaction itself is that (BEGIN IMMEDIATE)."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def extend(connection: Connection, entries: Sequence[Entry]) -> Head:
    """Appends ``entries`` in a transaction that is `serialised`."""
    newest = head(connection)
    number, previous = newest.number, newest.hash
    rows = []
    for entry in entries:
        number += 1
        values = asdict(entry)
        hashed = chained(previous, number, values)
        rows.append({"id": number, **values, "previous": previous, "hash": hashed})
        previous = hashed
    if rows:
        connection.execute(sa.insert(audit), rows)
    return Head(number, previous)


def append(database: Database, entries: Sequence[Entry], seal: Seal, anchor: Anchor | None = None) -> Head:
    """Appends ``entries`` and looks whether what ``anchor`` knows is still there.

    Raises:
        StorageError: the database is away; nothing was appended.
    """
    with database.write() as connection:
        serialised(connection)
        held = holds(connection, seal, anchor)
        newest = extend(connection, entries)
    return Head(newest.number, newest.hash, held)


def holds(connection: Connection, seal: Seal, anchor: Anchor | None) -> bool:
    """Whether the row that ``anchor`` knows is in the table as it was, or retention has removed it since."""
    if anchor is None:
        return True
    if not anchor.good:
        return False
    found = connection.scalar(sa.select(audit.c.hash).where(audit.c.id == anchor.number))
    if found is None:
        told = checkpoint(connection, seal)
        return told is not None and told.good and told.upto >= anchor.number
    return bool(found == anchor.hash)


def checkpoint(connection: Connection, seal: Seal) -> Checkpoint | None:
    """What the newest row of retention says; None when there is none."""
    query = sa.select(audit.c.id, audit.c.after).where(audit.c.action == CHECKPOINT)
    row = connection.execute(query.order_by(audit.c.id.desc()).limit(1)).first()
    if row is None:
        return None
    try:
        told = json.loads(row.after or "")
        upto, hashed, signature = int(told["to"]), str(told["hash"]), told["signature"]
    except (ValueError, KeyError, TypeError):
        return Checkpoint(row.id, 0, "", good=False)
    return Checkpoint(row.id, upto, hashed, seal.signed("checkpoint", upto, hashed, signature))


def outdated(connection: Connection, before: float, most: int | None = None) -> Outdated:
    """What retention removes when it keeps what is newer than ``before`` (epoch seconds): rows of the old end only, up
    to the first that is newer."""
    first = connection.execute(sa.select(audit.c.id, audit.c.at).order_by(audit.c.id).limit(1)).first()
    if first is None or first.at >= before:
        return Outdated(0)
    # From the old end on, by number and not by the index of times: most often the first few rows tell.
    kept = connection.scalar(sa.select(audit.c.id).where(audit.c.at + 0 >= before).order_by(audit.c.id).limit(1))
    upto = head(connection).number if kept is None else kept - 1
    if most is not None:
        upto = min(upto, first.id + most - 1)
    newest = connection.scalar(sa.select(audit.c.at).where(audit.c.id == upto))
    return Outdated(upto - first.id + 1, first.id, upto, first.at, newest or first.at)


def remove(
    database: Database, now: float, days: float, seal: Seal, anchor: Anchor | None = None,
) -> tuple[Outdated, Head | None]:
    """Removes rows older than ``days`` and leaves a signed row about it, in one transaction; at most `MOST_REMOVED`.

    Raises:
        StorageError: the database is away; nothing was removed.
    """
    with database.write() as connection:
        serialised(connection)
        gone = outdated(connection, now - days * DAY, MOST_REMOVED)
        if not gone.rows:
            return gone, None
        held = holds(connection, seal, anchor)
        hashed = connection.scalar(sa.select(audit.c.hash).where(audit.c.id == gone.upto)) or ""
        about = {
            "rows": gone.rows, "from": gone.first, "to": gone.upto, "oldest": iso(gone.oldest),
            "newest": iso(gone.newest),
            "days": days, "hash": hashed, "signature": seal.sign("checkpoint", gone.upto, hashed),
        }
        entry = Entry(round(now, 3), CHECKPOINT, f"1-{gone.upto}", after=value(about), count=gone.rows)
        newest = extend(connection, [entry])
        connection.execute(sa.update(audit_cut).where(audit_cut.c.id == 1).values(upto=gone.upto))
        connection.execute(sa.delete(audit).where(audit.c.id <= gone.upto))
    return gone, Head(newest.number, newest.hash, held)
