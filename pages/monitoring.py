"""Monitoring: every chart of this machine, live and over time; tabs System, GPU and Processes."""

from __future__ import annotations

from typing import Any

from dash import html, register_page
from flask_babel import gettext as _

from components import monitoring, panels, states, timebar
from components.chartspecs import TABS, WINDOWS, window_of
from security.permissions import allowed
from services import vigie


def title() -> str:
    """The document's title."""
    return f"{_('Monitoring')} – Vigie"


register_page(__name__, path="/monitoring", title=title, order=1)


def layout(tab: str = "", window: str = "", **query: Any) -> Any:
    """The page as the address asks for it: ``?tab=gpu&window=1h&from=MS&to=MS``; what it cannot read is left out."""
    if not allowed("dashboard:view"):
        return states.refused()
    services = vigie()
    shown = tab if tab in TABS else TABS[0]
    start, end = timebar.zoom_of(query.get("from"), query.get("to"))
    base = window_of(services.config.current.ui.charts_history_minutes)
    span = window if window in WINDOWS else base
    body = monitoring.tab_body(shown, services.latest, services.sources())
    page = timebar.timed_page(
        "monitoring", "/monitoring",
        [
            html.H1(_("Monitoring"), className="visually-hidden"),
            timebar.toolbar(panels.tabs(shown), span, start is not None),
            *[panels.tab_panel(name, shown, body if name == shown else None) for name in TABS],
        ],
        window=span, start=start, end=end, base=base, class_name="monitoring", tab=shown,
    )
    setattr(page, "data-shown", shown)
    return page
