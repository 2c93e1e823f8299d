"""Overview: is my box all right?"""

from __future__ import annotations

import time
from typing import Any

from dash import dcc, html, register_page
from flask_babel import gettext as _

from components import alert_words, cards, ids, overview, states, timebar, view_page, vitals
from components.chartspecs import WINDOWS, window_of
from components.links import href
from components.still import still
from components.view_rules import person
from live.summary import SPARK_SECONDS, spark_points, summarise
from security.permissions import allowed
from services import vigie


def title() -> str:
    """The document's title."""
    return f"{_('Overview')} – Vigie"


register_page(__name__, path="/", title=title, order=0)


def layout(window: str = "", **query: Any) -> Any:
    """The page with its first values in it, and below the gauges the views that are pinned: the query string is theirs
    (``?window=1h&from=MS&to=MS``)."""
    if not allowed("dashboard:view"):
        return states.refused()
    services, now = vigie(), time.time()
    summary, firing = alert_words.with_alerts(summarise(
        services.latest, services.sources(), services.parts(), services.events, services.latest.limits,
    ), services.alerts)
    selection = services.query.select(summary.spark_keys, now - SPARK_SECONDS, now, points=60)
    points = spark_points(selection.series, summary.at or now)
    models = services.serving.rows() if allowed("models:view") else []
    pinned = services.views.pinned(person())
    base = pinned[0].body.window if pinned else window_of(services.config.current.ui.charts_history_minutes)
    span = window if window in WINDOWS else base
    start, end = timebar.zoom_of(query.get("from"), query.get("to"))
    children = [
        html.H1(_("Overview"), className="visually-hidden"),
        html.Div(still(overview.state_panel(summary, now, firing)), id=ids.OVERVIEW_STATE),
        still(overview.away_panel()),
        html.Div(vitals.gauge_cards(summary, points), id=ids.OVERVIEW_GAUGES, className="page"),
        html.Div(overview.models_card(models), id=ids.OVERVIEW_MODELS),
        *(view_page.pinned_sections(pinned, span, start is not None) if pinned else []),
        html.Div(
            [
                cards.card(
                    _("Busiest now"),
                    html.Div(still(overview.busy_panel(summary)), id=ids.OVERVIEW_BUSY),
                    icon="activity",
                    aside=dcc.Link(_("All processes"), href=href("/monitoring", tab="processes")),
                    className="panel-wide",
                ),
                cards.card(
                    _("Sources"),
                    html.Div(still(overview.sources_panel(summary, now)), id=ids.OVERVIEW_SOURCES),
                    icon="lightning-charge",
                ),
                cards.card(
                    _("Last events"),
                    html.Div(still(overview.events_panel(summary, now)), id=ids.OVERVIEW_EVENTS),
                    icon="bell",
                ),
            ],
            className="overview-lower",
        ),
        dcc.Interval(id=ids.OVERVIEW_TICK, interval=5_000),
        dcc.Store(id=ids.OVERVIEW_LIVE, data=overview.signatures(summary, now, models)),
        dcc.Store(id=ids.OVERVIEW_DRAWN),
    ]
    if not pinned:
        return html.Div(children, className="page")
    return timebar.timed_page("overview", "/", children, window=span, start=start, end=end, base=base)
