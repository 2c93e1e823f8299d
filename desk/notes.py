"""Notes that people put on a moment or a span of time, for everybody to see on every chart."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from desk.tables import notes
from desk.views import Person, nothing
from metrics.flat import iso
from storage.database import Database

MOST_TEXT = 500
LONGEST = 366 * 86400.0
"""Seconds of a note's span at most; so those that reach into a window are found by their start."""
MOST_LISTED = 500
EARLIEST, LATEST = 0.0, 4_102_444_800.0
"""1970 and 2100."""


@dataclass(frozen=True, slots=True)
class Note:
    """One note. Times are epoch seconds; ``end`` is ``start`` for a moment."""

    id: int
    start: float
    end: float
    text: str
    author_id: int
    author: str
    created: float
    changed: float | None

    def editable_by(self, who: Person) -> bool:
        """True when ``who`` may change or delete it: its author, or who manages people."""
        return self.author_id == who.id or who.manages


class NoteMissing(Exception):
    """There is no such note (any more)."""


class NoteNotYours(Exception):
    """The note may be read and not changed."""


class BadNote(ValueError):
    """A note cannot be kept: ``field`` is ``text``, ``start`` or ``end``; the message says what is allowed."""

    def __init__(self, field: str, allowed: str) -> None:
        super().__init__(allowed)
        self.field = field


def clean_text(text: str) -> str:
    """``text`` without blanks around it; line breaks stay, tabs are blanks.

    Raises:
        BadNote: it is empty, too long, or holds what cannot be printed.
    """
    text = "\n".join(line.rstrip() for line in re.split(r"\r\n?|\n", text.replace("\t", " "))).strip()
    if not 1 <= len(text) <= MOST_TEXT:
        raise BadNote("text", f"a note has 1 to {MOST_TEXT} characters")
    if not text.replace("\n", "").isprintable():
        raise BadNote("text", "has letters, digits and signs")
    return text


def check_span(start: float, end: float) -> None:
    """Lets a span of time pass.

    Raises:
        BadNote: it is none.
    """
    if not EARLIEST <= start <= LATEST:
        raise BadNote("start", "a time lies between 1970 and 2100")
    if not end >= start:  # which also refuses what is no number
        raise BadNote("end", "must not lie before the start")
    if end - start > LONGEST:
        raise BadNote("end", f"a note spans {LONGEST / 86400:.0f} days at most")


class Notes:
    """The notes of everybody, in the ``state`` database. Every method may raise StorageError when that is away.
    ``record`` is told of every change."""

    def __init__(
        self, database: Database, now: Callable[[], float] = time.time, record: Callable[..., None] = nothing,
    ) -> None:
        self._database, self._now, self._record = database, now, record
        self.changes = 0
        """How often a note was added, changed or deleted since the start: who has seen this number misses none."""

    def add(self, who: Person, start: float, end: float, text: str) -> Note:
        """A new note of ``who``.

        Raises:
            BadNote: see `clean_text` and `check_span`.
        """
        text = clean_text(text)
        check_span(start, end)
        now = round(self._now(), 3)
        with self._database.write() as connection:
            key = connection.execute(sa.insert(notes).values(
                start=start, end=end, text=text, author_id=who.id, author=who.name, created=now,
            )).inserted_primary_key
        self.changes += 1
        made = Note(key[0] if key else 0, start, end, text, who.id, who.name, now, None)
        self._record("note.add", f"note {made.id}", after=_about(made))
        return made

    def change(
        self, note_id: int, who: Person, *, start: float | None = None, end: float | None = None,
        text: str | None = None,
    ) -> Note:
        """Changes what is given.

        Raises:
            NoteMissing, NoteNotYours, BadNote: as they say.
        """
        if text is not None:
            text = clean_text(text)
        with self._database.write() as connection:
            kept = self._mine(connection, note_id, who)
            first, last = kept.start if start is None else start, kept.end if end is None else end
            check_span(first, last)
            made = Note(
                note_id, first, last, kept.text if text is None else text, kept.author_id, kept.author, kept.created,
                round(self._now(), 3),
            )
            connection.execute(sa.update(notes).where(notes.c.id == note_id).values(
                start=made.start, end=made.end, text=made.text, changed=made.changed,
            ))
        self.changes += 1
        self._record("note.change", f"note {note_id}", before=_about(kept), after=_about(made))
        return made

    def delete(self, note_id: int, who: Person) -> None:
        """Deletes a note.

        Raises:
            NoteMissing, NoteNotYours: as they say.
        """
        with self._database.write() as connection:
            kept = self._mine(connection, note_id, who)
            connection.execute(sa.delete(notes).where(notes.c.id == note_id))
        self.changes += 1
        self._record("note.delete", f"note {note_id}", before=_about(kept))

    def between(self, start: float, end: float, limit: int = MOST_LISTED) -> list[Note]:
        """The notes that reach into ``start <= t <= end``, newest first, ``limit`` at most."""
        query = (
            sa.select(notes)
            .where(notes.c.start <= end, notes.c.start >= start - LONGEST, notes.c.end >= start)
            .order_by(notes.c.start.desc(), notes.c.id.desc()).limit(limit)
        )
        with self._database.read() as connection:
            return [_note(row) for row in connection.execute(query)]

    def _mine(self, connection: Connection, note_id: int, who: Person) -> Note:
        row = connection.execute(sa.select(notes).where(notes.c.id == note_id)).first()
        if row is None:
            raise NoteMissing
        note = _note(row)
        if not note.editable_by(who):
            raise NoteNotYours
        return note


def _about(note: Note) -> dict[str, object]:
    """What the audit trail keeps of a note."""
    return {"text": note.text, "start": iso(note.start), "end": iso(note.end), "author": note.author}


def _note(row: Row[Any]) -> Note:
    return Note(row.id, row.start, row.end, row.text, row.author_id, row.author, row.created, row.changed)
