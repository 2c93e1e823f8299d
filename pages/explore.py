"""Explore: any metrics of any source, drawn as asked, under one another on one axis of time."""

from __future__ import annotations

from typing import Any

from dash import html, register_page
from flask_babel import gettext as _

from components import explore, ids, states, timebar
from components.chartspecs import WINDOWS
from components.drawings import parse
from components.explore_edits import read
from security.permissions import allowed
from services import vigie

WINDOW = "1h"
"""The window that the address does not name."""


def title() -> str:
    """The document's title."""
    return f"{_('Explore')} – Vigie"


register_page(__name__, path="/explore", title=title, order=2)


def layout(q: str = "", window: str = "", **query: Any) -> Any:
    """The page as the address asks for it: ``?q=DRAWING;DRAWING&window=1h&from=MS&to=MS`` (`components.drawings`)."""
    if not (allowed("dashboard:view") and allowed("metrics:read")):
        return states.refused()
    find = vigie().query.series
    drawings, wrong = read(q, lambda selector: find([selector]))
    placed = [(slot, drawing.text) for slot, drawing in enumerate(drawings)]
    start, end = timebar.zoom_of(query.get("from"), query.get("to"))
    span = window if window in WINDOWS else WINDOW
    names = {info.name for info in find()}
    return timebar.timed_page(
        "explore", "/explore",
        [
            html.H1(_("Explore"), className="visually-hidden"),
            timebar.toolbar(
                html.Div(
                    [explore.search_box(), explore.view_button() if allowed("views:edit") else None],
                    className="explore-tools",
                ),
                span, start is not None,
            ),
            html.Div(explore.said(wrong), id=ids.EXPLORE_SAID),
            html.Div(explore.slots(placed, lambda text: explore.block(parse(text), find)), className="explore-charts"),
            explore.start(names),
            *explore.stores(),
        ],
        window=span, start=start, end=end, base=WINDOW, class_name="explore has-charts" if placed else "explore",
        list=[list(pair) for pair in placed],
    )
