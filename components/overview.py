"""The panels of the first screen, drawn from a `Summary`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dash import html
from flask_babel import gettext as _
from flask_babel import ngettext

from components import alert_words, cards, formats, gauges, icons, model_words, models_page, states, vitals, words
from components.alert_words import Line
from components.attrs import attrs
from components.links import href
from components.notice_words import severity as severity_words
from components.sentences import sentence
from components.still import still
from live.models import Model
from live.summary import TOP, Summary

STALE_SECONDS = 10.0
MOST_FIRING = 5
"""Alerts that the first screen lists."""


def headline(summary: Summary, now: float, firing: Sequence[Line] = ()) -> tuple[str, str, list[str]]:
    """(health class, sentence, further sentences): what the eye should meet first. ``now`` epoch seconds.

    Alerts that fire are told by themselves, below; what they say is not said twice.
    """
    if not summary.at:
        return "is-plain", _("The first values are on their way."), []
    if now - summary.at > STALE_SECONDS:
        text = _("No new values since %(time)s.", time=formats.moment(summary.at, now))
        return "is-critical", text, [_("Collection has stopped or cannot keep up; what you see below is old.")]
    problems = [words.reason(found) for found in summary.reasons if not alert_words.covers(firing, found)]
    worst = summary.health
    told = [line for line in firing if line.severity != "info"]
    if told:
        count = len(told)
        problems.insert(0, ngettext("%(count)s alert is firing.", "%(count)s alerts are firing.", count, count=count))
        css = alert_words.worst(told)
        worst = "CRITICAL" if css in ("error", "critical") or worst == "CRITICAL" else "WARNING"
    for source in summary.sources:
        if source.state == "failed":
            problems.append(
                _("%(source)s failed: %(error)s", source=words.source(source.name), error=sentence(source.message))
            )
            worst = "WARNING" if worst == "OK" else worst
    for part in summary.parts:
        if not part.ok:
            problems.append(sentence(part.message))
            worst = "WARNING" if worst == "OK" else worst
    if not problems:
        return "is-ok", _("All is well."), _aside(firing)
    return gauges.health_class(worst), problems[0], problems[1:]


def _aside(firing: Sequence[Line]) -> list[str]:
    """What fires though all is well: for information only."""
    if not firing:
        return []
    count = len(firing)
    return [ngettext(
        "%(count)s alert is there for information.", "%(count)s alerts are there for information.", count, count=count,
    )]


def _facts(summary: Summary, now: float) -> list[str]:
    found = []
    if summary.since and summary.health:
        found.append(_("in this state since %(time)s", time=formats.moment(summary.since, now)))
    if summary.uptime.value is not None:
        found.append(_("up for %(duration)s", duration=formats.duration(summary.uptime.value)))
    if summary.sources:
        answering = sum(1 for s in summary.sources if s.state == "ok")
        found.append(_("%(ok)s of %(all)s sources answer", ok=answering, all=len(summary.sources)))
    if summary.processes is not None:
        count = formats.number(summary.processes)
        found.append(ngettext("%(count)s process", "%(count)s processes", summary.processes, count=count))
    return found


def state_panel(summary: Summary, now: float, firing: Sequence[Line] = (), *, details: bool = True) -> html.Div:
    """The one big sentence, the alerts that fire, what else is wrong, and a line of facts. Without ``details`` the
    alerts are only counted."""
    css, first, more = headline(summary, now, firing)
    icon = {"is-ok": "check-circle-fill", "is-warning": "exclamation-triangle-fill",
            "is-critical": "exclamation-octagon-fill"}.get(css, "clock-history")
    return html.Div(
        [
            html.Span(icons.icon(icon, 36), className="verdict-icon"),
            html.Div(
                [
                    html.P(first, className="verdict-sentence", role="status"),
                    *([_firing(firing, now)] if firing and details else []),
                    *([html.Ul([html.Li(text) for text in more], className="verdict-more")] if more else []),
                    html.P(" · ".join(_facts(summary, now)), className="verdict-facts"),
                ],
            ),
        ],
        className=f"verdict {css}",
    )


def _firing(firing: Sequence[Line], now: float) -> html.Div:
    """The alerts that fire, the worst first, each with the way to it."""
    rows = [
        html.Li(
            html.A(
                [
                    html.Span(severity_words(line.severity), className="firing-severity"),
                    html.Span([html.Strong(line.name), " ", html.Span(line.text)], className="firing-text"),
                    html.Span(
                        [
                            *_state_of(line),
                            html.Time(formats.moment(line.since, now), dateTime=formats.iso(line.since)),
                        ],
                        className="firing-since num",
                    ),
                ],
                href=line.href, className="firing-link", **attrs(data_go="1"),
            ),
            className=alert_words.severity_class(line.severity),
        )
        for line in firing[:MOST_FIRING]
    ]
    left = len(firing) - len(rows)
    more = ngettext("and %(count)s more alert", "and %(count)s more alerts", left, count=left) if left else ""
    return html.Div([
        html.Ul(rows, className="firing"),
        *([html.P(html.A(more, href=href("/alerts"), **attrs(data_go="1")), className="firing-more")] if more else []),
    ])


def _state_of(line: Line) -> list[Any]:
    """Whether somebody cares, and whether it is told."""
    found: list[Any] = []
    if line.owner or line.acknowledged:
        found.append(html.Span(line.owner or _("acknowledged"), className="tag"))
    if line.muted:
        found.append(html.Span(_("muted"), className="tag"))
    return found


def away_panel() -> html.Div:
    """Stands in for the state while the page hears nothing from the server; the style sheet shows it."""
    return html.Div(
        [
            html.Span(icons.icon("exclamation-octagon-fill", 36), className="verdict-icon"),
            html.Div([
                html.P(_("No connection to Vigie."), className="verdict-sentence"),
                html.P(_("What you see is old. It becomes live again by itself."), className="verdict-facts"),
            ]),
        ],
        className="verdict verdict-away is-critical", role="status",
    )


def signatures(summary: Summary, now: float, models: Sequence[Model] = ()) -> dict[str, str]:
    """What each slow panel shows, in short: a panel whose signature stays the same need not be drawn again."""
    return {
        "models": repr([(one.server, one.name, one.engine, one.state, one.detail, model_words.traffic(one))
                        for one in models_page.in_use(models)]),
        "gauges": repr(vitals.signature(summary)),
        "sources": repr([(s.name, s.state, s.message, s.since) for s in summary.sources]),
        "events": repr([(e.at, e.kind) for e in summary.events]),
        "day": formats.day(now),
    }


def models_card(rows: Sequence[Model]) -> Any:
    """The status grid of models; None where there is none."""
    if not rows:
        return None
    return still(cards.card(
        _("Models"), models_page.grid(models_page.in_use(rows)), icon="boxes",
        aside=html.A(_("All models"), href=href("/models"), **attrs(data_go="1")),
    ))


def sources_panel(summary: Summary, now: float) -> html.Ul:
    """The state of each source: answers, no data with its reason, failed since when."""
    rows = []
    for source in summary.sources:
        css = {"ok": "is-ok", "failed": "is-critical"}.get(source.state, "is-plain")
        icon = {"ok": "check-circle-fill", "failed": "x-circle-fill"}.get(source.state, "dash-circle")
        more = []
        if source.state in ("no_data", "failed"):
            more.append(sentence(source.message))
        if source.state == "failed" and source.since:
            more.append(_("Since %(time)s.", time=formats.moment(source.since, now)))
        rows.append(html.Li(
            [
                html.Span(icons.icon(icon), className="row-icon"),
                html.Div([html.Span(words.source(source.name), className="row-name"),
                          *([html.P(" ".join(more), className="row-more")] if more else [])]),
                html.Span(words.source_state(source), className="row-state"),
            ],
            className=f"row-line {css}",
        ))
    return html.Ul(rows, className="rows")


def busy_panel(summary: Summary) -> html.Div:
    """The busiest processes now: by CPU, by memory, and those on a GPU."""
    source = summary.source("processes")
    if not summary.by_cpu and not summary.by_memory:
        if source is not None and source.state == "failed":
            return html.Div(states.failed(_("The process list cannot be read"), sentence(source.message)))
        if source is not None and source.state == "no_data":
            return html.Div(states.no_data(_("No process list"), sentence(source.message)))
        return html.Div(states.loading("180px"))
    lists = [
        _processes(
            _("CPU"),
            summary.by_cpu,
            "cpu_ratio",
            "ratio",
            highest=max(1.0, *(r["cpu_ratio"] for r in summary.by_cpu or [{"cpu_ratio": 0}])),
        ),
        _processes(
            _("Memory"),
            summary.by_memory,
            "memory_bytes",
            "bytes",
            highest=summary.memory_total.value or max(r["memory_bytes"] for r in summary.by_memory),
        ),
    ]
    if summary.on_gpu:
        totals = [g.memory_total.value for g in summary.gpus if g.memory_total.value]
        lists.append(
            _processes(_("GPU memory"), summary.on_gpu, "memory_bytes", "bytes", highest=max(totals, default=1.0))
        )
    return html.Div(lists, className="busy")


def _processes(title: str, rows: Sequence[dict[str, Any]], by: str, unit: str, highest: float) -> html.Div:
    def line(row: dict[str, Any] | None) -> html.Tr:
        if row is None:  # keeps the table's height
            return html.Tr([html.Td("\u00a0"), html.Td()], **attrs(aria_hidden="true"))
        value = row.get(by)
        share = 0.0 if value is None else max(0.0, min(1.0, float(value) / highest))
        about = " · ".join(str(x) for x in (row.get("pid"), row.get("user")) if x)
        return html.Tr(
            [
                html.Td(
                    [
                        html.Span(
                            row.get("name") or "?",
                            className="process-name",
                            title=str(row.get("command") or row.get("name") or ""),
                        ),
                        html.Span(about, className="process-about"),
                    ]
                ),
                html.Td(
                    [
                        html.Span(formats.human(value, unit), className="num"),
                        html.Span(html.Span(style={"width": f"{share * 100:.1f}%"}), className="bar"),
                    ],
                    className="process-value",
                ),
            ]
        )

    shown: list[dict[str, Any] | None] = [*rows[:TOP]]
    shown += [None] * (TOP - len(shown))
    return html.Div([html.H3(title), html.Table(html.Tbody([line(row) for row in shown]), className="top-table")])


def events_panel(summary: Summary, now: float) -> html.Div:
    """The last events, newest first."""
    if not summary.events:
        return html.Div(
            states.no_data(_("Nothing happened yet"), _("Starts, failures and changes of state are listed here."))
        )
    css = {"error": "is-critical", "warning": "is-warning"}
    icon = {"error": "x-circle-fill", "warning": "exclamation-triangle-fill"}
    return html.Div(html.Ul(
        [
            html.Li(
                [
                    html.Span(icons.icon(icon.get(e.severity, "info-circle")), className="row-icon"),
                    html.Div(words.event(e), className="row-text"),
                    html.Time(formats.moment(e.at, now), dateTime=formats.iso(e.at), className="row-state num"),
                ],
                className=f"row-line {css.get(e.severity, 'is-plain')}",
            )
            for e in summary.events
        ],
        className="rows",
    ))
