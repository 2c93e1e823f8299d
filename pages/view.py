"""One saved view."""

from __future__ import annotations

import re
from typing import Any

from dash import register_page
from flask_babel import gettext as _

from components import states, timebar, view_page, views
from components.chartspecs import WINDOWS
from components.sentences import sentence
from components.view_rules import person
from desk.views import Away, View, ViewMissing
from pages.missing import note_missing
from security.permissions import allowed
from services import vigie


def _view(view_id: str) -> View:
    """The view of a path.

    Raises:
        ViewMissing: there is none that who looks may see; Away: the database is.
    """
    if not re.fullmatch(r"[1-9]\d{0,8}", view_id):
        raise ViewMissing
    return vigie().views.get(int(view_id), person())


def title(view_id: str = "") -> str:
    """The document's title: the view's name."""
    try:
        return f"{_view(view_id).name} – Vigie" if allowed("dashboard:view") else "Vigie"
    except (ViewMissing, Away):
        return f"{_('View')} – Vigie"


register_page(__name__, path_template="/views/<view_id>", title=title)


def layout(view_id: str = "", window: str = "", **query: Any) -> Any:
    """The view's charts, with the window or the span that the address names, else as it was saved."""
    if not allowed("dashboard:view"):
        return states.refused()
    try:
        view = _view(view_id)
    except ViewMissing:
        note_missing()
        return view_page.missing_page()
    except Away as error:
        return views.away(sentence(str(error)))
    start, end = timebar.zoom_of(query.get("from"), query.get("to"))
    if start is None and not window:
        start, end = view.body.start, view.body.end
    return view_page.view_page(
        view, person(), editable=allowed("views:edit"), window=window if window in WINDOWS else view.body.window,
        start=start, end=end,
    )
