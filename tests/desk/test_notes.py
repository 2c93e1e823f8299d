"""Notes over a real SQLite and a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from desk.notes import (
    LONGEST,
    MOST_LISTED,
    MOST_TEXT,
    BadNote,
    NoteMissing,
    NoteNotYours,
    Notes,
    check_span,
    clean_text,
)
from desk.views import Person
from storage.database import Database
from storage.errors import StorageError
from tests.support import create_database

ANN, BOB, ADA = Person(1, "ann"), Person(2, "bob"), Person(3, "ada", manages=True)
DAY = 86400.0
AT = 1_800_000_000.0


class Clock:
    at = AT

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def notes(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Notes]:
    url = None
    if request.param == "postgres":
        url = create_database(request.getfixturevalue("postgres_url"), f"notes_{uuid4().hex[:8]}")
    database = Database("state", tmp_path, url)
    yield Notes(database, clock)
    database.close()


def test_a_note_comes_back_as_it_was_given(notes: Notes, clock: Clock) -> None:
    made = notes.add(ANN, AT - 60.25, AT - 30.5, "  Fan replaced \r\nby\tJo’s team – 8 °C less  \n")
    assert notes.between(AT - 100, AT) == [made]
    assert (made.start, made.end, made.author_id, made.author) == (AT - 60.25, AT - 30.5, 1, "ann")
    assert made.text == "Fan replaced\nby Jo’s team – 8 °C less"
    assert (made.created, made.changed) == (clock.at, None)


def test_what_reaches_into_the_window_is_found_newest_first(notes: Notes) -> None:
    before = notes.add(ANN, 1000, 1000, "before")
    across = notes.add(ANN, 1500, 2500, "across the start")
    inside = notes.add(BOB, 2200, 2200, "inside")
    over = notes.add(BOB, 900, 9000, "over all of it")
    late = notes.add(BOB, 3001, 3001, "after")
    found = notes.between(2000, 3000)
    assert [n.id for n in found] == [inside.id, across.id, over.id]
    assert [n.id for n in notes.between(2500, 2500)] == [across.id, over.id]
    assert [n.id for n in notes.between(0, 1e10)] == [late.id, inside.id, across.id, before.id, over.id]
    assert notes.between(9001, 1e9) == []


def test_the_longest_span_is_still_found_at_its_end(notes: Notes) -> None:
    made = notes.add(ANN, AT, AT + LONGEST, "a year and a day")
    assert notes.between(AT + LONGEST - 1, AT + LONGEST) == [made]


def test_of_many_the_newest_are_listed(notes: Notes) -> None:
    with notes._database.write() as connection:
        from desk.tables import notes as table

        connection.execute(sa.insert(table), [
            {"start": AT + i, "end": AT + i, "text": str(i), "author_id": 1, "author": "ann", "created": AT}
            for i in range(MOST_LISTED + 20)
        ])
    found = notes.between(AT, AT + DAY)
    assert len(found) == MOST_LISTED
    assert (found[0].text, found[-1].text) == (str(MOST_LISTED + 19), "20")


def test_the_index_is_used(tmp_path: Path) -> None:
    with Database("state", tmp_path).read() as connection:
        plan = connection.exec_driver_sql(
            'EXPLAIN QUERY PLAN SELECT * FROM notes WHERE start <= 5 AND start >= 1 AND "end" >= 2 ORDER BY start DESC'
        ).all()
    assert "ix_notes_start" in str(plan)


def test_a_note_is_changed_by_its_author_or_who_manages_people(notes: Notes, clock: Clock) -> None:
    made = notes.add(ANN, AT, AT, "first")
    clock.at += 5
    changed = notes.change(made.id, ANN, text="second", end=AT + 10)
    assert (changed.text, changed.start, changed.end, changed.changed) == ("second", AT, AT + 10, clock.at)
    with pytest.raises(NoteNotYours):
        notes.change(made.id, BOB, text="mine now")
    with pytest.raises(NoteNotYours):
        notes.delete(made.id, BOB)
    assert notes.change(made.id, ADA, text="by the administrator").author == "ann"
    assert notes.between(AT, AT)[0].text == "by the administrator"
    notes.delete(made.id, ADA)
    assert notes.between(AT, AT) == []
    for again in (lambda: notes.delete(made.id, ANN), lambda: notes.change(made.id, ANN, text="x")):
        with pytest.raises(NoteMissing):
            again()


def test_a_program_is_not_the_person_of_the_same_number(notes: Notes) -> None:
    made = notes.add(Person(-1, "deploy"), AT, AT, "deployed 1.2")
    with pytest.raises(NoteNotYours):
        notes.change(made.id, ANN, text="x")
    notes.delete(made.id, Person(-1, "deploy"))


@pytest.mark.parametrize(("start", "end", "text", "field"), [
    (AT, AT - 1, "x", "end"), (AT, AT + LONGEST + 1, "x", "end"), (-1, AT, "x", "start"), (1e12, 1e12, "x", "start"),
    (float("nan"), AT, "x", "start"), (AT, AT, "", "text"), (AT, AT, " \n ", "text"),
    (AT, AT, "x" * (MOST_TEXT + 1), "text"), (AT, AT, "a\x00b", "text"), (AT, AT, "a\ud800b", "text"),
    (AT, AT, "a\x1b[31mb", "text"), (AT, AT, "a\u202eb", "text"),
])
def test_what_is_no_note_is_not_kept(notes: Notes, start: float, end: float, text: str, field: str) -> None:
    with pytest.raises(BadNote) as refused:
        notes.add(ANN, start, end, text)
    assert refused.value.field == field
    kept = notes.add(ANN, AT, AT, "kept")
    with pytest.raises(BadNote):
        notes.change(kept.id, ANN, start=start, end=end, text=text)
    assert notes.between(0, AT + DAY) == [kept]


def test_each_change_is_counted(notes: Notes) -> None:
    made = notes.add(ANN, AT, AT, "x")
    notes.change(made.id, ANN, text="y")
    notes.delete(made.id, ANN)
    assert notes.changes == 3
    with pytest.raises(NoteMissing):
        notes.delete(made.id, ANN)
    assert notes.changes == 3


def test_a_store_that_is_away_is_told_in_a_sentence(tmp_path: Path) -> None:
    away = Notes(Database("state", tmp_path / "no" / "such" / "folder"))
    for use in (lambda: away.between(0, 1), lambda: away.add(ANN, 0, 0, "x"), lambda: away.delete(1, ANN)):
        with pytest.raises(StorageError, match="cannot be opened"):
            use()


@given(st.text(max_size=700))
def test_text_is_clean_or_refused(text: str) -> None:
    try:
        cleaned = clean_text(text)
    except BadNote:
        return
    assert 1 <= len(cleaned) <= MOST_TEXT and cleaned == cleaned.strip() and "\r" not in cleaned
    assert clean_text(cleaned) == cleaned
    cleaned.encode()


@given(st.floats(), st.floats())
def test_a_span_that_passes_is_one(start: float, end: float) -> None:
    try:
        check_span(start, end)
    except BadNote:
        return
    assert 0 <= start <= end <= start + LONGEST
