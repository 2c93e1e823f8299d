"""Models: every model of every server, what it does, and what went through the proxies."""

from __future__ import annotations

import time
from typing import Any

from dash import dcc, html, register_page
from flask_babel import gettext as _

from components import (
    ids,
    model_charts,
    model_dialogs,
    model_energy,
    model_files,
    model_memory,
    model_page,
    model_proxies,
    model_requests,
    models_page,
    states,
    timebar,
)
from components.chartspecs import WINDOWS, window_of
from components.still import still, stilled
from security.permissions import admitted, allowed
from services import vigie


def title() -> str:
    """The document's title."""
    return f"{_('Models')} – Vigie"


register_page(__name__, path="/models", title=title, order=2)


def layout(window: str = "", **query: Any) -> Any:
    """The page with its values in it; the query string is that of its charts, and of the request log's model."""
    if not admitted("models:view", "/models"):
        return states.refused()
    services = vigie()
    rows = services.serving.rows()
    start, end = timebar.zoom_of(query.get("from"), query.get("to"))
    base = window_of(services.config.current.ui.charts_history_minutes)
    span = window if window in WINDOWS else base
    charts = model_charts.of_all(services.query.series())
    given = {name: value for name, value in query.items() if isinstance(value, str)}
    return timebar.timed_page(
        "models", "/models",
        [
            html.H1(_("Models"), className="visually-hidden"),
            html.Div(still(models_page.tiles(rows)), id=ids.MODELS_TILES),
            html.Div([still(one) for one in models_page.body(
                rows, services.sources(), services.serving.silence(), time.time(),
                may_start=allowed("models:start"), may_stop=allowed("models:stop"),
            )], id=ids.MODELS_TABLE, className="page"),
            html.Div(model_memory.panel(services.serving.cards(), services.serving.host()), id=ids.MODELS_MEMORY),
            timebar.toolbar(html.H2(_("Over time"), className="group-title"), span, start is not None),
            html.Div(model_page.chart_groups(charts), id=ids.MODELS_CHARTS),
            dcc.Store(id=ids.MODELS_CHARTED, data=model_charts.signature(charts)),
            dcc.Interval(id=ids.MODELS_CHARTS_TICK, interval=10_000),
            html.Div(stilled(model_proxies.proxies(services.serving.proxy_strips())), id=ids.MODELS_PROXIES),
            *([model_requests.panel(sorted({row.name for row in rows}), given)] if allowed("requests:view") else []),
            model_energy.panel(clients=allowed("requests:view")),
            model_files.panel(may_define=allowed("models:define")),
            html.Div(stilled(models_page.servers_panel(services.serving.servers())), id=ids.MODELS_SERVERS),
            *model_dialogs.all_of(may_define=allowed("models:define")),
            dcc.Interval(id=ids.MODELS_TICK, interval=2_000), dcc.Interval(id=ids.MODELS_SLOW_TICK, interval=60_000),
        ],
        window=span, start=start, end=end, base=base, class_name="models",
    )
