"""The chrome-less page of an embed link: its charts or its overview, a line below, and no way on."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from html import escape
from typing import Any

from dash import dcc, html
from flask_babel import gettext as _
from werkzeug.exceptions import Gone

from components import alert_words, cards, embeds, icons, ids, monitoring, overview, panels, timebar, vitals
from components.attrs import attrs
from components.chartspecs import DEFAULT_WINDOW, Tab
from components.sentences import sentence
from components.shell import LIVE_SECONDS
from components.still import still
from components.view_rules import named_spec
from desk.views import ViewMissing
from live.summary import SPARK_SECONDS, spark_points, summarise
from security import embed_guard
from security.embeds import Embed
from services import vigie

PAGE = "embed"
"""``data-page`` of the page's root."""


def scope_of(embed: Embed) -> embeds.Scope:
    """What the link gives.

    Raises:
        Gone: it shows a saved view that is no longer there, or no longer for its maker.
        StorageError: the database is away.
    """
    try:
        return embeds.scope_of(embed, vigie().views)
    except ViewMissing:
        raise Gone(_("What this link showed is no longer there.")) from None


def frame(embed: Embed) -> html.Div:
    """The whole page of a link. Raises as `scope_of`."""
    scope = scope_of(embed)
    fixed = embed.target.fixed
    live = [] if fixed else [
        dcc.Store(id=ids.LIVE_FRAME), dcc.Store(id=ids.LIVE_WANT),
        dcc.Interval(id=ids.LIVE_POLL, interval=LIVE_SECONDS * 1000, disabled=True),
    ]
    return html.Div(
        [
            html.Main([html.H1(embed.title, className="visually-hidden"), _content(scope)], id="main"),
            _foot(embed),
            html.Div(id=ids.TOASTS, className="toasts", **attrs(aria_live="polite")),
            *live,
        ],
        className=f"embed embed-{embed.target.kind}",
    )


def _content(scope: embeds.Scope) -> Any:
    target = scope.target
    if target.kind == "overview":
        return _overview()
    specs = [spec for chart in scope.charts if scope.spec(chart) and (spec := named_spec(chart))]
    services = vigie()
    if target.kind == "monitoring":
        tab: Tab = "gpu" if target.what == "gpu" else "system"
        body: Any = monitoring.tab_body(
            tab, services.latest, services.sources(), holds=lambda chart: scope.spec(chart) is not None,
        )
    elif target.kind == "chart":
        body = html.Div(
            [panels.chart_panel(replace(spec, title=embeds.title_of(target))) for spec in specs], className="embed-one",
        )
    else:
        body = html.Div([panels.chart_panel(spec) for spec in specs], className="charts")
    start, end = ((round(at * 1000) if at is not None else None) for at in (target.start, target.end))
    return timebar.timed_page(
        PAGE, "", [body], window=target.window or DEFAULT_WINDOW, start=start, end=end, fixed=target.fixed,
    )


def _overview() -> html.Div:
    """State, gauges and sources. Processes and events stay inside: they name people and what they do. Alerts are
    counted, not told."""
    services, now = vigie(), time.time()
    summary, firing = alert_words.with_alerts(summarise(
        services.latest, services.sources(), services.parts(), services.events, services.latest.limits,
    ), services.alerts)
    selection = services.query.select(summary.spark_keys, now - SPARK_SECONDS, now, points=60)
    points = spark_points(selection.series, summary.at or now)
    return html.Div(
        [
            html.Div(still(overview.state_panel(summary, now, firing, details=False)), id=ids.OVERVIEW_STATE),
            still(overview.away_panel()),
            html.Div(vitals.gauge_cards(summary, points), id=ids.OVERVIEW_GAUGES, className="page"),
            cards.card(
                _("Sources"),
                html.Div(still(overview.sources_panel(summary, now)), id=ids.OVERVIEW_SOURCES),
                icon="lightning-charge",
            ),
            *(
                html.Div(id=absent, hidden=True)
                for absent in (ids.OVERVIEW_BUSY, ids.OVERVIEW_EVENTS, ids.OVERVIEW_MODELS)
            ),
            dcc.Interval(id=ids.OVERVIEW_TICK, interval=5_000),
            dcc.Store(id=ids.OVERVIEW_LIVE),
            dcc.Store(id=ids.OVERVIEW_DRAWN),
        ],
        className="page",
    )


def _foot(embed: Embed) -> html.Footer:
    """Whose values these are, and that they are live, or of when."""
    services, target = vigie(), embed.target
    told = sentence(services.simulated) if services.simulated else ""
    span = attrs(data_from=f"{(target.start or 0) * 1000:.0f}", data_to=f"{(target.end or 0) * 1000:.0f}")
    state: list[Any] = [html.Span("", className="embed-span num", **span)] if target.fixed else [
        html.Span(
            [html.Span(className="live-dot"), html.Span(_("Connecting"), className="live-words")],
            id=ids.SHELL_LIVE, className="live live-wait", role="status",
        ),
        html.Time("", id=ids.SHELL_CLOCK, className="clock", title=_("Time of the newest values")),
    ]
    return html.Footer(
        [
            html.Span(
                [icons.mark(18), html.Span(str(services.latest.snapshot("cpu").get("hostname", "")) or "Vigie")],
                className="embed-where",
            ),
            *([html.Span(_("Simulated"), className="embed-simulated", title=told)] if told else []),
            html.Span(state, className="embed-when"),
        ],
        className="embed-foot",
    )


def prefix(base: str) -> str:
    """What the page's scripts put before every request: the link itself."""
    return f"{base}embed/{embed_guard.token()}/"


def config(text: str, base: str) -> str:
    """Dash's configuration element with the link as the prefix of requests; files keep their addresses."""
    found = re.search(r">(\{.*\})<", text, re.DOTALL)
    if found is None:
        raise ValueError("Dash's configuration is not where it was")
    made = json.loads(found[1])
    made["requests_pathname_prefix"] = prefix(base)
    return text.replace(found[1], json.dumps(made, separators=(",", ":")).replace("</", "<\\/"))


def attributes(embed: Embed) -> str:
    """Attributes of the document's root by which scripts and style sheets know the link's page."""
    return f' data-embed="{escape(embed.target.kind)}"'
