"""Overview: what changes slower than a tick comes by callback; numbers, arcs and lines move in the page's script."""

from __future__ import annotations

import time
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, no_update

from callbacks import embedded, requires
from components import alert_words, ids, overview, vitals
from components.still import still
from live.summary import SPARK_SECONDS, spark_points, summarise
from security.permissions import allowed
from services import vigie


def refresh(_tick: int | None, shown: dict[str, Any] | None) -> tuple[Any, ...]:
    """State, gauges, what all panels show now, busy processes, sources, events and models.

    ``shown`` is what the panels showed: those that show the same are left alone, the gauges to the page's script.
    """
    services, now = vigie(), time.time()
    summary, firing = alert_words.with_alerts(summarise(
        services.latest, services.sources(), services.parts(), services.events, services.latest.limits,
    ), services.alerts)
    summary = embedded.public(summary)
    models = services.serving.rows() if allowed("models:view") else []  # no embed link is
    showing, before = overview.signatures(summary, now, models), shown if isinstance(shown, dict) else {}
    gauges: Any = no_update
    if showing["gauges"] != before.get("gauges"):
        selection = services.query.select(summary.spark_keys, now - SPARK_SECONDS, now, points=60)
        gauges = vitals.gauge_cards(summary, spark_points(selection.series, summary.at or now))

    def same(panel: str) -> bool:  # times are told otherwise on another day
        return all(showing[name] == before.get(name) for name in (panel, "day"))

    return (
        still(overview.state_panel(summary, now, firing, details=allowed("alerts:view"))),
        gauges,
        no_update if showing == before else showing,
        still(overview.busy_panel(summary)),
        no_update if same("sources") else still(overview.sources_panel(summary, now)),
        no_update if same("events") else still(overview.events_panel(summary, now)),
        no_update if same("models") else overview.models_card(models),
    )


def register(app: Dash) -> None:
    """Registers this page's callbacks."""
    app.callback(
        Output(ids.OVERVIEW_STATE, "children"),
        Output(ids.OVERVIEW_GAUGES, "children"),
        Output(ids.OVERVIEW_LIVE, "data"),
        Output(ids.OVERVIEW_BUSY, "children"),
        Output(ids.OVERVIEW_SOURCES, "children"),
        Output(ids.OVERVIEW_EVENTS, "children"),
        Output(ids.OVERVIEW_MODELS, "children"),
        Input(ids.OVERVIEW_TICK, "n_intervals"),
        State(ids.OVERVIEW_LIVE, "data"),
        prevent_initial_call=True,
    )(requires("dashboard:view", ["overview"])(refresh))
    app.clientside_callback(
        ClientsideFunction("overview", "drawn"),
        Output(ids.OVERVIEW_DRAWN, "data"),
        Input(ids.OVERVIEW_GAUGES, "children"),
    )
