"""The audit page: rows by filter, older ones, what is kept, and the button that verifies."""

from __future__ import annotations

import time
from datetime import date, datetime, timedelta
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, Patch, State, ctx, no_update
from flask_babel import get_timezone
from flask_babel import gettext as _

from callbacks import requires
from components import audit as parts
from components import formats, ids, states
from components.links import href
from components.sentences import sentence
from metrics.flat import iso
from security import audit
from security.audit import reading
from security.audit.entry import word
from security.audit.reading import Filter
from services import vigie
from storage.errors import StorageError

ROWS = 50


def wanted(who: Any, action: Any, result: Any, start: Any, end: Any, text: Any) -> Filter:
    """The filter as it was given; what is no date is none."""
    return Filter(_text(who), _text(action), _text(result), _day(start), _day(end, 1), _text(text))


def _text(given: Any) -> str:
    return word(given.strip()) if isinstance(given, str) and given != parts.ALL else ""


def _day(given: Any, more: int = 0) -> float | None:
    """The start of a day in the reader's zone, or of the one after, a millisecond before."""
    try:
        day = date.fromisoformat(given) + timedelta(days=more)
    except (ValueError, TypeError, OverflowError):
        return None
    at = datetime(day.year, day.month, day.day, tzinfo=get_timezone()).timestamp()
    return at - 0.001 if more else at


def rows(
    who: Any, action: Any, result: Any, start: Any, end: Any, text: Any, _more: Any, before: Any,
) -> tuple[Any, Any, Any, Any, Any]:
    """Rows, where the next ones begin, whether there are any, how far a search went, and where the file is."""
    chosen, trail = wanted(who, action, result, start, end, text), vigie().audit
    older = ctx.triggered_id == ids.AUDIT_MORE
    begin = before if older and isinstance(before, int) else None
    try:
        if not older:
            trail.flush()
        found = reading.page(trail.database, chosen, begin, ROWS)
    except StorageError as error:
        if older:
            return no_update, no_update, no_update, sentence(str(error)), no_update
        failed = states.failed(_("The trail cannot be read"), sentence(str(error)),
                               _("It comes back with the database."))
        return failed, None, True, "", no_update
    now = time.time()
    drawn = parts.rows(found.rows, now)
    searched = "" if found.searched is None else _(
        "Searched back to %(time)s.", time=formats.moment(found.searched, now)
    )
    if older:
        appended = Patch()
        appended.extend(drawn)
        return appended, found.next, found.next is None, searched, no_update
    if not drawn and found.next is None:
        return [parts.nothing()], None, True, "", _files(chosen)
    return drawn, found.next, found.next is None, searched, _files(chosen)


def _files(chosen: Filter) -> list[Any]:
    query = {
        "who": chosen.who, "action": chosen.action, "result": chosen.result, "text": chosen.text,
        "from": None if chosen.start is None else iso(chosen.start),
        "to": None if chosen.end is None else iso(chosen.end),
    }
    return parts.export_links(
        href("/api/v1/audit/export", format="csv", **query), href("/api/v1/audit/export", format="json", **query),
    )


def facts(_verified: Any) -> Any:
    """What is kept, and what is removed next."""
    trail = vigie().audit
    try:
        return parts.facts(
            reading.kept(trail.database), trail.days, trail.outdated(), time.time(), sentence(trail.problem())
        )
    except StorageError as error:
        return states.failed(_("The trail cannot be read"), sentence(str(error)))


def verify(_clicks: Any) -> Any:
    """Recomputes the chain; recorded itself."""
    try:
        found = vigie().audit.verify()
    except StorageError as error:
        return states.failed(_("The trail cannot be read"), sentence(str(error)))
    audit.record("audit.verify", f"rows {found.first} to {found.last}", result="ok" if found.ok else "failed",
                 after={"why": found.why, "row": found.row} if found.why else None)
    return parts.verified(found)


def register(app: Dash) -> None:
    """Registers this page's callbacks."""
    chosen = [Input(name, "value") for name in (
        ids.AUDIT_WHO, ids.AUDIT_ACTION, ids.AUDIT_RESULT, ids.AUDIT_FROM, ids.AUDIT_TO, ids.AUDIT_TEXT,
    )]
    app.callback(
        Output(ids.AUDIT_ROWS, "children"), Output(ids.AUDIT_NEXT, "data"), Output(ids.AUDIT_MORE, "hidden"),
        Output(ids.AUDIT_SEARCHED, "children"), Output(ids.AUDIT_EXPORT, "children"),
        *chosen, Input(ids.AUDIT_MORE, "n_clicks"), State(ids.AUDIT_NEXT, "data"),
    )(requires("audit:view")(rows))
    app.clientside_callback(ClientsideFunction("vigie", "audited"), *chosen)
    app.callback(Output(ids.AUDIT_FACTS, "children"), Input(ids.AUDIT_VERIFIED, "children"))(
        requires("audit:view")(facts)
    )
    app.callback(
        Output(ids.AUDIT_VERIFIED, "children"), Input(ids.AUDIT_VERIFY, "n_clicks"),
        running=[(Output(ids.AUDIT_VERIFY, "disabled"), True, False)],
        prevent_initial_call=True,  # one that answered no_update would hold back the facts, which wait for it
    )(requires("audit:view")(verify))
