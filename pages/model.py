"""One model: now, over time, its objective, its requests."""

from __future__ import annotations

import time
from typing import Any

from dash import dcc, html, register_page
from flask_babel import gettext as _

from components import (
    ids,
    model_bench,
    model_charts,
    model_compare,
    model_dialogs,
    model_page,
    model_requests,
    states,
    timebar,
)
from components.chartspecs import WINDOWS, window_of
from components.links import href
from components.still import still
from pages.missing import note_missing
from security.permissions import admitted, allowed
from services import vigie


def title(model: str = "", **_query: Any) -> str:
    """The document's title: the model's name."""
    return f"{model or _('Model')} – Vigie" if isinstance(model, str) else "Vigie"


register_page(__name__, path="/models/one", title=title)


def layout(server: Any = "", model: Any = "", window: str = "", **query: Any) -> Any:
    """The page of the model that the address names."""
    if not admitted("models:view", "/models/one"):
        return states.refused()
    services = vigie()
    named = isinstance(server, str) and isinstance(model, str)
    infos = services.query.series() if named else []
    row = services.serving.row(server, model) if named else None
    source = model_charts.Source.of(server, model, infos)
    if row is None and source.infos:
        # It is gone, and its past is not.
        row = model_page.gone(server, model)
    if row is None:
        note_missing()
        return _missing()
    charts = model_charts.of_model(model_charts.Source.of(row.server, row.name, infos))
    start, end = timebar.zoom_of(query.get("from"), query.get("to"))
    base = window_of(services.config.current.ui.charts_history_minutes)
    span = window if window in WINDOWS else base
    may = {"may_start": allowed("models:start"), "may_stop": allowed("models:stop")}
    now = time.time()
    facts, define = model_page.facts(row, now), allowed("models:define")
    process = model_dialogs.process_panel(row.process, may_define=define, may_see_output=allowed("requests:view"))
    return timebar.timed_page(
        "model", "/models/one",
        [
            html.Div(still(model_page.head(row, **may)), id=ids.MODELS_HEAD),
            html.Div(still(model_page.tiles(row)), id=ids.MODELS_NOW),
            html.Div(states.loading("120px"), id=ids.MODELS_OBJECTIVE),
            html.Div(states.loading("120px"), id=ids.MODELS_ROOM),
            timebar.toolbar(html.H2(_("Over time"), className="group-title"), span, start is not None),
            html.Div(model_page.chart_groups(charts) or html.Div(states.no_data(
                _("No history yet"), _("Nothing was recorded of this model so far."),
            ), className="panel"), id=ids.MODELS_CHARTS),
            dcc.Store(id=ids.MODELS_CHARTED, data=model_charts.signature(charts)),
            *([model_compare.panel(row, services.serving.rows(), {
                name: value for name, value in query.items() if isinstance(value, str)
            })] if allowed("requests:view") else []),
            *([model_requests.panel([], {"model": row.name, "server": row.server}, one=True)]
              if allowed("requests:view") else []),
            model_bench.panel(row.name, row.server, may_start=allowed("models:start")),
            *([still(facts)] if facts is not None else []),
            *([process] if process is not None else []),
            *(model_dialogs.all_of(may_define=define) if process is not None else []),
            dcc.Interval(id=ids.MODELS_ONE_TICK, interval=2_000),
            dcc.Interval(id=ids.MODELS_CHARTS_TICK, interval=10_000),
            dcc.Interval(id=ids.MODELS_ROOM_TICK, interval=300_000),
            dcc.Store(id=ids.MODELS_SPAN),
        ],
        window=span, start=start, end=end, base=base, class_name="models model", server=row.server, model=row.name,
    )


def _missing() -> html.Div:
    return html.Div(
        [
            html.P("404", className="error-code"),
            html.H1(_("There is no such model")),
            html.P(_("No server tells of it, and nothing is kept of it.")),
            html.P(html.A(_("All models"), href=href("/models"))),
        ],
        className="page page-narrow error-page",
    )
