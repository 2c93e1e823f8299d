"""The list of saved views; with ``?kiosk`` the wall screen that shows them in turn."""

from __future__ import annotations

from typing import Any

from dash import register_page
from flask_babel import gettext as _

from components import states, view_page, views
from components.sentences import sentence
from components.view_rules import person
from desk.views import Away
from desk.wall import candidates, chosen_of, seconds_of
from security.permissions import allowed
from services import vigie


def title() -> str:
    """The document's title."""
    return f"{_('Views')} – Vigie"


register_page(__name__, path="/views", title=title, order=3)


def layout(**query: Any) -> Any:
    """The list; or, with ``?kiosk``, the wall screen: ``&every=SECONDS&views=1,3``."""
    if not allowed("dashboard:view"):
        return states.refused()
    services, who, editable = vigie(), person(), allowed("views:edit")
    try:
        if "kiosk" in query:
            chosen = chosen_of(query.get("views"))
            found = candidates(services.views, who, chosen)
            turn = view_page.Turn(found[0] if found else None, 0, 0, len(found))
            named = ",".join(map(str, chosen))
            return view_page.wall_page(turn, seconds_of(query.get("every")), named, services.version)
        content: Any = views.cards(services.views.visible(who), who, editable=editable)
    except Away as error:
        content = views.away(sentence(str(error)))
    return views.list_page(content, editable=editable)
