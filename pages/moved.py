"""What else moved? All series of a window, ranked by how far they departed from their own past."""

from __future__ import annotations

from typing import Any

from dash import register_page
from flask_babel import gettext as _

from components import moved, states, timebar
from components.view_rules import chart_spec
from security.permissions import allowed


def title() -> str:
    """The document's title."""
    return f"{_('What else moved?')} – Vigie"


register_page(__name__, path="/moved", title=title, order=9)


def layout(chart: str = "", part: str = "", **query: Any) -> Any:
    """The page as the address asks for it: ``?from=MS&to=MS&chart=ID``; ``part=fifth`` where nothing was zoomed."""
    if not (allowed("dashboard:view") and allowed("metrics:read")):
        return states.refused()
    start, end = timebar.zoom_of(query.get("from"), query.get("to"))
    spec = chart_spec(chart) if chart else None
    asked = {"from": start, "to": end, "chart": spec.id if spec else "", "part": part} if start is not None else None
    return moved.page(asked, str(spec.title) if spec else "")
