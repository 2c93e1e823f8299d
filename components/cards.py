"""Cards: a panel with a heading, and the metric card of the first screen."""

from __future__ import annotations

from typing import Any

from dash import html

from components import formats, gauges, icons
from components.attrs import attrs
from live.summary import Reading


def card(
    title: str,
    children: Any,
    *,
    aside: Any = None,
    icon: str = "",
    className: str = "",  # noqa: N803 - as every Dash component calls it
    **more: Any,
) -> html.Section:
    """A panel with a heading; ``aside`` stands at the right end of it."""
    head: list[Any] = [html.H2([*([icons.icon(icon)] if icon else []), title], className="card-title")]
    if aside is not None:
        head.append(html.Div(aside, className="card-aside"))
    body = children if isinstance(children, list) else [children]
    return html.Section([html.Div(head, className="card-head"), *body], className=f"panel {className}".strip(), **more)


def live(reading: Reading) -> html.Span:
    """A value with its unit that the page's script keeps up to date."""
    return html.Span(
        formats.human(reading.value, reading.unit), className="num",
        **attrs(data_value=reading.key, data_unit=reading.unit, data_every=f"{reading.every:g}", data_whole="1"),
    )


def metric_card(
    title: str, body: Any, *, icon: str, detail: Any, spark: Any, judge: Reading | None = None,
) -> html.Section:
    """A gauge or numbers, a line of detail and a sparkline; colour and words tell the health.

    Args:
        title: what is measured.
        body: the gauge, or the numbers.
        icon: name of its icon.
        detail: one line below.
        spark: a sparkline.
        judge: the reading whose health is the card's, if any.
    """
    health, judged = judge.health if judge else None, attrs()
    if judge is not None and judge.limits is not None:
        limits = ",".join(f"{x:g}" for x in judge.limits)
        judged = attrs(data_judge=judge.key, data_every=f"{judge.every:g}", data_limits=limits)
    return html.Section(
        [
            html.Div(
                [html.H2([icons.icon(icon), title], className="card-title"),
                 html.Span(gauges.health_words(health), className="state-word")],
                className="card-head",
            ),
            html.Div(body, className="metric-body"),
            html.Div(detail, className="metric-detail"),
            spark,
        ],
        className=f"panel metric {gauges.health_class(health)}", **judged,
    )
