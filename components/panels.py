"""The frame of a chart, and the controls of the page that holds charts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dash import dcc, html
from flask_babel import gettext as _

from components import chart_menu, ids, states
from components.attrs import attrs
from components.chartspecs import GROUPS, TABS, ChartSpec
from components.drawings import PREFIX, as_drawing

NO_LEGEND = ("heatmap", "strip", "bars", "hours", "buckets", "shares")
LEGEND_ROW = 24
"""Pixels of a row of the legend; reserved, so that nothing moves when it fills."""


def chart_panel(spec: ChartSpec, lines: int = 1) -> html.Section:
    """An empty panel of the chart's final size; the page's script fills it when it comes into sight.

    ``lines`` is how many the chart will have: the legend gets two rows for many.
    """
    rows = 0 if spec.kind in NO_LEGEND else 1 if lines <= 4 else 2
    body = {"height": f"{spec.height}px"}
    return html.Section(
        [
            html.Div(
                [
                    html.H3(str(spec.title), className="card-title"),
                    html.Span("", className="chart-note", role="status"),
                    html.Button(
                        "Σ", type="button", className="chart-sigma", title=_("Statistics"),
                        **attrs(
                            data_stats="1", aria_expanded="false",
                            aria_label=_("Statistics of %(chart)s", chart=spec.title),
                        ),
                    ) if spec.kind != "bars" else None,
                    chart_menu.button(str(spec.title)),
                ],
                className="card-head chart-head",
            ),
            html.Div(
                [], className="chart-legend", role="group", style={"minHeight": f"{rows * LEGEND_ROW}px"},
                **attrs(aria_label=_("Lines of %(chart)s: choose one to see it alone", chart=spec.title)),
            ) if rows else None,
            html.Div(
                [
                    html.Div(id=ids.chart(ids.CHART_SLOT, spec.id), className="chart-plot"),
                    html.Div(
                        states.loading(body["height"]), id=ids.chart(ids.CHART_STATE, spec.id), className="chart-cover",
                    ),
                ],
                className="chart-body", style=body,
            ),
            html.Div([], className="chart-stats", hidden=True) if spec.kind != "bars" else None,
            html.P("", id=f"chart-text-{spec.id}", className="chart-text visually-hidden"),
            dcc.Store(id=ids.chart(ids.CHART_WANT, spec.id)),
            dcc.Store(id=ids.chart(ids.CHART_DATA, spec.id)),
        ],
        className=f"panel chart chart-{spec.kind}", role="figure",
        **attrs(
            data_chart=spec.id, data_kind=spec.kind, data_drawing=_drawing(spec), data_state="loading",
            aria_label=str(spec.title), aria_describedby=f"chart-text-{spec.id}",
        ),
    )


def _drawing(spec: ChartSpec) -> str | None:
    """The text to open the chart with in Explore; None where it cannot be one."""
    if spec.kind == "bars" or spec.id.startswith(PREFIX) or not spec.lines:
        return None
    return as_drawing(spec).text


def missing_panel(spec_titles: Iterable[str], reason: str, hint: str = "") -> html.Section:
    """One quiet panel in place of charts whose source this machine does not have."""
    return html.Section(
        states.no_data(" · ".join(spec_titles), reason, hint), className="panel chart chart-missing",
    )


def chart_group(group: str, panels: Iterable[Any], title: str = "", aside: Any = None) -> html.Section:
    """Charts of one kind under their heading."""
    return html.Section(
        [
            html.Div(
                [html.H2(title or str(GROUPS[group]), className="group-title"), aside], className="group-head",
            ),
            html.Div(list(panels), className=f"charts charts-{group}"),
        ],
        className="chart-group",
    )


def tab_words(tab: str) -> str:
    """What a tab is called."""
    return {"system": _("System"), "gpu": _("GPU"), "processes": _("Processes")}[tab]


def tabs(tab: str) -> html.Div:
    """The tabs of Monitoring."""
    return html.Div(
        [
            html.Button(
                tab_words(name), type="button", className="tab", role="tab", id=f"tab-{name}",
                **attrs(data_tab=name, aria_selected=str(name == tab).lower(), aria_controls=f"panel-{name}"),
            )
            for name in TABS
        ],
        className="tabs", role="tablist", **attrs(aria_label=_("What to watch")),
    )


def tab_panel(name: str, shown: str, children: Any) -> html.Div:
    """The content of a tab, hidden unless it is the one shown; what is not there yet comes when it is opened."""
    return html.Div(
        [
            dcc.Store(id=ids.monitoring_tab(ids.MONITORING_OPEN, name)),
            html.Div(children, id=ids.monitoring_tab(ids.MONITORING_BODY, name)),
        ],
        className="tab-panel", role="tabpanel", id=f"panel-{name}", hidden=None if name == shown else True,
        **attrs(aria_labelledby=f"tab-{name}"),
    )


def gpu_head(gpu: Mapping[str, Any]) -> html.Span:
    """Driver and identity of a GPU, beside its name."""
    parts = [_("driver %(version)s", version=gpu["driver"]) if gpu.get("driver") else "", str(gpu.get("uuid") or "")]
    return html.Span(" · ".join(part for part in parts if part), className="group-aside mono")
