"""``/api/marks``: what happened, as charts mark it; ``/api/notes``: what people write on a moment."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, Literal

from flask import Response
from flask_babel import gettext as _
from flask_openapi3.blueprint import APIBlueprint
from pydantic import BaseModel, Field

from alerts.alert import Alert
from api.models import Closed, Parameters
from api.problems import Problem, described, field_problem, in_order
from api.wire import When, json_response
from components import words
from components.alert_words import said
from components.links import href
from components.sentences import sentence
from components.view_rules import person
from desk.notes import MOST_LISTED, MOST_TEXT, BadNote, Note, NoteMissing, NoteNotYours
from desk.views import Person
from live.events import Event
from security.permissions import allowed, requires
from services import vigie
from storage.errors import StorageError

Kind = Literal["note", "restart", "source", "store", "health", "config", "alert"]
KINDS: dict[str, Kind] = {
    "started": "restart", "stopped": "restart",
    "source_failed": "source", "source_ok": "source",
    "store_away": "store", "store_back": "store",
    "health_changed": "health",
    "settings_changed": "config",
}
"""Kind of an event -> kind of its mark. Events of other kinds are no marks."""


class MarksQuery(Parameters):
    start: When | None = Field(None, alias="from", description="Start of the window; absent: an hour before its end")
    end: When | None = Field(None, alias="to", description="End of the window; now when absent")
    kinds: list[Kind] = Field(default_factory=list, max_length=16, description="Only these; repeatable; absent: all")
    known: str | None = Field(
        None, max_length=64, description="The version of an earlier answer: 204 when nothing happened since",
    )


class Mark(BaseModel):
    """One thing that happened. Times are epoch milliseconds; ``end`` is ``at`` for a moment."""

    id: str
    at: int
    end: int
    open: bool = Field(False, description="It goes on: an alert that fires")
    kind: Kind
    severity: Literal["info", "warning", "error"]
    text: str = Field(description="In the asker's language; a note as it was written")
    author: str | None = Field(description="Of a note")
    note: int | None = Field(description="Id of a note")
    mine: bool
    editable: bool = Field(description="A note that the asker may change and delete")
    series: str | None = Field(None, description="Of an alert: what it watches")
    alert: str | None = Field(None, description="Id of an alert")


class MarksAnswer(BaseModel):
    """The newest marks of a window, newest first, 500 at most of notes, of events and of alerts."""

    version: str = Field(description="Changes with every new mark and every change of a note")
    data: list[Mark]
    more: bool = Field(description="There are older ones in the window")
    problems: list[str] | None = Field(None, description="Stores that could not be read; absent when all could")


class NewNote(Closed):
    start: When = Field(description="The moment, or the start of a span")
    end: When | None = Field(None, description="The end of a span; absent for a moment")
    text: str = Field(max_length=4 * MOST_TEXT, description=f"1 to {MOST_TEXT} characters")


class NoteChange(Closed):
    """What is to change; the rest stays."""

    start: When | None = None
    end: When | None = None
    text: str | None = Field(None, max_length=4 * MOST_TEXT)


class NotePath(Parameters):
    note: Annotated[int, Field(ge=1, le=2**31 - 1, description="Id of a note")]


def of_note(note: Note, who: Person) -> dict[str, Any]:
    """A note as a mark, for who asks."""
    return {
        "id": f"note-{note.id}", "at": round(note.start * 1000), "end": round(note.end * 1000), "kind": "note",
        "severity": "info", "text": note.text, "author": note.author, "note": note.id,
        "mine": note.author_id == who.id, "editable": note.editable_by(who),
    }


def of_event(event: Event) -> dict[str, Any]:
    """An event as a mark, in the viewer's language."""
    at = round(event.at * 1000)
    return {
        "id": f"{event.kind}-{at}", "at": at, "end": at, "kind": KINDS[event.kind], "severity": event.severity,
        "text": words.event(event), "author": None, "note": None, "mine": False, "editable": False,
    }


def of_alert(alert: Alert, now: float) -> dict[str, Any]:
    """An alert as a mark: from when it fired until it was over."""
    fired = alert.fired or alert.started
    over = max(alert.resolved or now, fired)
    return {
        "id": f"alert-{alert.uuid}", "at": round(fired * 1000), "end": round(over * 1000),
        "kind": "alert", "severity": "error" if alert.severity == "critical" else alert.severity,
        "text": f"{_(alert.name)}: {said(alert)}", "author": None, "note": None, "mine": False, "editable": False,
        "series": alert.series, "alert": alert.uuid, "open": alert.resolved is None,
    }


def version() -> str:
    """What `MarksAnswer.version` is now."""
    services = vigie()
    return f"{services.started:.0f}-{services.events.count}-{services.notes.changes}-{services.alerts.changes}"


def marks(start: float, end: float, kinds: Sequence[str] = ()) -> dict[str, Any]:
    """The marks between two times, epoch seconds, as `MarksAnswer`."""
    services, who, problems = vigie(), person(), []
    answer: dict[str, Any] = {"version": version()}
    found: dict[str, dict[str, Any]] = {}
    more = False
    if not kinds or set(kinds) - {"note", "alert"}:
        events = services.events.recent(MOST_LISTED, start, end)
        more = len(events) == MOST_LISTED
        for event in events:
            if event.kind in KINDS and (not kinds or KINDS[event.kind] in kinds):
                made = of_event(event)
                found[made["id"]] = made
    if allowed("alerts:view") and (not kinds or "alert" in kinds):
        try:
            alerts = services.alerts.between(start, end, MOST_LISTED)
            more = more or len(alerts) == MOST_LISTED
            now = time.time()
            found |= {f"alert-{alert.uuid}": of_alert(alert, now) for alert in alerts}
        except StorageError as error:
            problems += [told] if (told := sentence(str(error))) not in problems else []
    if not kinds or "note" in kinds:
        try:
            notes = services.notes.between(start, end)
            more = more or len(notes) == MOST_LISTED
            found |= {f"note-{note.id}": of_note(note, who) for note in notes}
        except StorageError as error:
            problems += [told] if (told := sentence(str(error))) not in problems else []
    answer |= {"data": sorted(found.values(), key=lambda mark: -mark["at"]), "more": more}
    return answer | ({"problems": problems} if problems else {})


@contextmanager
def _answered() -> Iterator[None]:
    """What the store refuses, as the answers of these routes.

    Raises:
        Problem: 400, 403 or 404.
    """
    try:
        yield
    except BadNote as error:
        raise field_problem(error.field, None, str(error)) from None
    except NoteMissing:
        raise Problem(404, _("There is no such note: it may have been deleted.")) from None
    except NoteNotYours:
        raise Problem(403, _("Only who wrote this note, or an administrator, may change it.")) from None


MISSING: dict[str | int, Any] = {404: described("There is no such note")}


def register(bp: APIBlueprint) -> None:
    """Adds the routes."""

    @bp.get("/marks", summary="What happened in a window: notes, restarts, failures", responses={
        200: MarksAnswer, 204: None,
    })
    @requires("metrics:read")
    def marks_list(query: MarksQuery) -> Response:
        if query.known is not None and query.known == version():
            return Response(status=204)
        end = time.time() + 1 if query.end is None else query.end
        start = end - 3600 if query.start is None else query.start
        in_order(start, end)
        return json_response(marks(start, end, query.kinds))

    @bp.post("/notes", summary="Put a note on a moment or a span", responses={201: Mark})
    @requires("notes:write")
    def notes_add(body: NewNote) -> Response:
        who = person()
        with _answered():
            note = vigie().notes.add(who, body.start, body.start if body.end is None else body.end, body.text)
        response = json_response(of_note(note, who), 201)
        response.headers["Location"] = href(f"/api/notes/{note.id}")
        return response

    @bp.put("/notes/<int:note>", summary="Change a note", responses={200: Mark, **MISSING})
    @requires("notes:write")
    def notes_change(path: NotePath, body: NoteChange) -> Response:
        who = person()
        if not body.model_fields_set:
            raise field_problem("body", None, "give at least one of start, end, text")
        with _answered():
            note = vigie().notes.change(path.note, who, start=body.start, end=body.end, text=body.text)
        return json_response(of_note(note, who))

    @bp.delete("/notes/<int:note>", summary="Delete a note", responses={204: None, **MISSING})
    @requires("notes:write")
    def notes_delete(path: NotePath) -> Response:
        with _answered():
            vigie().notes.delete(path.note, person())
        return Response(status=204)
