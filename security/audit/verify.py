"""Whether the chain holds: every row recomputed, from the oldest that is kept to the newest."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from security.audit.entry import FIELDS, START, chained
from security.audit.seal import Seal
from security.audit.store import checkpoint
from security.audit.tables import audit
from security.errors import N_, Refused
from storage.database import Database

BATCH = 2000

Why = Literal["", "changed", "unlinked", "missing", "start", "checkpoint", "truncated", "replaced", "anchor"]

WORDS: dict[str, str] = {
    "changed": N_("Row %(row)s was changed after it was written."),
    "unlinked": N_("Row %(row)s does not follow the row before it: one of the two was changed, put in or moved."),
    "missing": N_("Rows are missing before row %(row)s."),
    "start": N_("The trail begins with row %(row)s, and no signed row of retention says that it may: "
                "older rows were removed."),
    "checkpoint": N_("Row %(row)s, which says what retention removed, does not carry this installation's signature, "
                     "or does not fit what is left."),
    "truncated": N_("The trail ends before row %(row)s, which was there: the newest rows were cut off."),
    "replaced": N_("Row %(row)s is another one than the anchor in the data folder knows: rows were written anew."),
    "anchor": N_("The anchor in the data folder was changed, or another installation signed it."),
}
"""A sentence per way to tamper; "" is a chain that holds."""


@dataclass(frozen=True, slots=True)
class Verified:
    """The outcome. ``row`` is the first bad one; `text` the sentence about it in the reader's language."""

    ok: bool
    rows: int
    first: int
    last: int
    hash: str
    """Of the newest row: to be compared with one noted elsewhere."""
    seconds: float
    why: Why = ""
    row: int | None = None
    anchored: bool = True
    """False when there is no anchor, so that rows cut off at the end are not seen."""

    def problem(self) -> str:
        """The sentence in English; empty when the chain holds."""
        return str(Refused(WORDS[self.why], row=self.row)) if self.why else ""

    def text(self) -> str:
        """The sentence in the language of the request in hand."""
        return Refused(WORDS[self.why], row=self.row).text() if self.why else ""


def verify(database: Database, seal: Seal, upon: Callable[[int], None] = lambda _rows: None) -> Verified:
    """Reads every row of one state of the table and recomputes its hash; ``upon`` is told how many are done.

    Raises:
        StorageError: the database is away.
    """
    began = time.perf_counter()
    # Before the rows: what is appended meanwhile is newer than the anchor, never older.
    anchor = seal.anchor()
    rows = first = last = 0
    previous, why, bad, held = START, "", None, anchor is None
    with database.read() as connection:
        for row in _rows(connection):
            number, stored = row["id"], row["hash"]
            if not rows:
                first = number
                why, bad = _beginning(connection, seal, number, row["previous"])
            elif number != last + 1:
                why, bad = "missing", number
            elif row["previous"] != previous:
                why, bad = "unlinked", number
            if not why and chained(row["previous"], number, row) != stored:
                why, bad = "changed", number
            if why:
                break
            rows, last, previous = rows + 1, number, stored
            if anchor is not None and number == anchor.number:
                held = stored == anchor.hash
            if rows % BATCH == 0:
                upon(rows)
    if not why and anchor is not None and not anchor.good:
        why = "anchor"
    elif not why and not held and anchor is not None:
        if anchor.number > last:
            why, bad = "truncated", anchor.number
        elif anchor.number >= first:
            why, bad = "replaced", anchor.number
    return Verified(
        not why, rows, first, last, previous, time.perf_counter() - began, why,  # type: ignore[arg-type]
        bad, anchored=anchor is not None,
    )


def _rows(connection: Connection) -> Iterator[Mapping[str, Any]]:
    """Every row, by number, a batch at a time."""
    columns = (audit.c.id, audit.c.previous, audit.c.hash, *(audit.c[name] for name in FIELDS))
    last = None
    while True:
        query = sa.select(*columns).order_by(audit.c.id).limit(BATCH)
        batch = connection.execute(query if last is None else query.where(audit.c.id > last)).all()
        names = tuple(column.key for column in columns)
        for row in batch:
            yield dict(zip(names, row, strict=True))
        if len(batch) < BATCH:
            return
        last = batch[-1].id


def _beginning(connection: Connection, seal: Seal, number: int, previous: str) -> tuple[str, int | None]:
    """Why the oldest row that is there must not be the first; empty when it may."""
    if number == 1:
        return ("", None) if previous == START else ("unlinked", 1)
    told = checkpoint(connection, seal)
    if told is None:
        return "start", number
    if not told.good or told.upto + 1 != number or told.hash != previous:
        return "checkpoint", told.number
    return "", None
