"""Alerts: what is wrong now, what was, by which rules, and what is kept quiet."""

from __future__ import annotations

from typing import Any

from dash import register_page
from flask_babel import gettext as _

from components import alerts_page, states, timebar
from components.chartspecs import WINDOWS
from security.permissions import admitted
from services import vigie


def title() -> str:
    """The document's title."""
    return f"{_('Alerts')} – Vigie"


register_page(__name__, path="/alerts", title=title, order=4)


def layout(tab: str = "", window: str = "", **query: Any) -> Any:
    """The page as the address asks for it: ``?tab=history``, ``?alert=ID``, ``?tab=rules&rule=ID``."""
    if not admitted("alerts:view", "/alerts"):
        return states.refused()
    start, end = timebar.zoom_of(query.get("from"), query.get("to"))
    hostname = str(vigie().latest.snapshot("cpu").get("hostname", ""))
    return alerts_page.page(tab, window if window in WINDOWS else alerts_page.WINDOW, start, end, hostname)
