"""The row of controls over a chart of the explorer; ``assets/explore.js`` sends what they ask for.

A control says with ``data-edit`` what it does, with ``data-value`` and ``data-label`` to what.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from dash import html
from flask_babel import gettext as _

from components import icons
from components.attrs import attrs
from components.drawings import Aggregate, Drawing, Kind, Span, shorten
from components.explore_selectors import take_apart
from components.still import Still, still
from components.svg import Svg, path

_GLYPHS: dict[Kind, str] = {
    "lines": "M1.5 10.5 5 6l3.5 3L14.5 3M1.5 14l4.5-2 4 .5L14.5 9",
    "area": "M1.5 14V9.5l4-4 4 3 5-5V14Z",
    "bars": "M2 14V9h2.5v5ZM6.7 14V3h2.5v11ZM11.5 14V6.5H14V14Z",
    "heat": "M2 2h3.5v3.5H2ZM6.2 6.2h3.5v3.5H6.2ZM10.5 2H14v3.5h-3.5ZM2 10.5h3.5V14H2ZM10.5 10.5H14V14h-3.5Z",
    "hist": "M1.5 14v-2h2.3v2ZM4.2 14V8.5h2.3V14ZM6.9 14V3h2.3v11ZM9.6 14V6.5h2.3V14ZM12.3 14v-3h2.3v3Z",
    "hours": "M2 3.5h12V14H2ZM2 6.5h12M6 6.5V14M10 6.5V14M2 10.2h12",
    "buckets": "M1.5 13.5h13M1.5 10h9M1.5 6.5h11M1.5 3h5",
    "quantiles": "M1.5 13 6 11.5l3.5.5 5-2M1.5 9.5 6 7l3.5 1 5-3M1.5 5.5 6 2.5 9.5 4l5-2.5",
    "shares": "M8 1.8a6.2 6.2 0 1 0 6.2 6.2H8ZM9.6 1.6V6.4h4.8A6.2 6.2 0 0 0 9.6 1.6Z",
}
"""One path each in a box of 16: what is in `_FILLED` is filled, the others are strokes."""
_FILLED = ("area", "bars", "heat", "hist", "shares")


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of the series that a drawing means."""

    labels: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    count: int = 0


def kind_words(kind: str) -> str:
    """What a kind of drawing is called."""
    return {
        "lines": _("Lines"), "area": _("Area, stacked"), "bars": _("Bars"), "heat": _("Heat map"),
        "hist": _("Histogram of values"), "hours": _("Hours by weekday"), "buckets": _("Latency buckets"),
        "quantiles": _("Percentiles of latency buckets"), "shares": _("Shares"),
    }[kind]


def aggregate_words(aggregate: str) -> str:
    """What is drawn of several series."""
    return {
        "": _("Each series"), "mean": _("Mean"), "sum": _("Sum"), "min": _("Minimum"), "max": _("Maximum"),
        "p95": _("95th percentile"),
    }[aggregate]


def span_words(span: str) -> str:
    """What a chart is compared with."""
    return {
        "": _("Compare with…"), "before": _("The window before"), "day": _("Yesterday"), "week": _("Last week"),
    }[span]


def kind_icon(kind: Kind) -> Svg:
    """The small picture of a kind."""
    return Svg(
        "svg", [path(_GLYPHS[kind])],
        {"className": "icon kind-filled" if kind in _FILLED else "icon kind-drawn", "viewBox": "0 0 16 16", "width": 16,
         "height": 16, "aria-hidden": "true"},
    )


def row(drawing: Drawing, title: str, facts: Facts) -> Still:
    """The controls of one chart."""
    labels = [label for label in facts.labels if label not in drawing.by]
    return still(html.Div(
        [
            html.Div(
                [
                    _kinds(drawing, facts),
                    _select("aggregate", _("Of several series"), [
                        (name, aggregate_words(name)) for name in get_args(Aggregate)
                    ], drawing.aggregate),
                    _by(drawing, [*drawing.by, *labels]) if drawing.aggregate and (labels or drawing.by) else None,
                    html.Button(
                        _("Rate"), type="button", className="explore-toggle", title=_("Change per second"),
                        **attrs(data_edit="rate", aria_pressed=str(drawing.rate).lower()),
                    ),
                    _compare(drawing),
                    _filter() if facts.labels else None,
                    html.Button(
                        [icons.icon("plus-lg", 12), html.Span(_("Metric"))], type="button", className="explore-toggle",
                        title=_("Add another metric to this chart"), **attrs(data_edit="metric"),
                    ),
                    html.Span(
                        name, className="explore-name mono", title=name,
                    ) if len(drawing.selectors) == 1 and (name := _names(drawing)[0]) else None,
                    _moves(title),
                ],
                className="explore-controls",
            ),
            _chips(drawing),
        ],
        className="explore-row", role="group", **attrs(aria_label=_("How %(chart)s is drawn", chart=title)),
    ))


def _kinds(drawing: Drawing, facts: Facts) -> html.Div:
    def button(kind: Kind) -> html.Button:
        chosen = kind == drawing.kind
        lacking = kind in ("buckets", "quantiles") and not chosen and "le" not in facts.labels
        title = kind_words(kind) + (": " + _("these series have no buckets") if lacking else "")
        return html.Button(
            kind_icon(kind), type="button", className="explore-kind", role="radio", title=title, disabled=lacking,
            tabIndex="0" if chosen else "-1",
            **attrs(data_edit="kind", data_value=kind, aria_checked=str(chosen).lower(), aria_label=title),
        )

    return html.Div(
        [button(kind) for kind in get_args(Kind)], className="explore-kinds", role="radiogroup",
        **attrs(aria_label=_("Drawn as")),
    )


def _select(edit: str, label: str, options: Iterable[tuple[str, str]], chosen: str) -> html.Label:
    return html.Label(
        [
            html.Span(label, className="visually-hidden"),
            Svg(
                "select", [Svg("option", words, {"value": value}) for value, words in options],
                {"className": "explore-select" + (" is-set" if chosen else ""), "data-edit": edit, "title": label,
                 "defaultValue": chosen},
            ),
        ],
    )


def _by(drawing: Drawing, labels: Sequence[str]) -> html.Div:
    return html.Div(
        [
            html.Span(_("by"), className="explore-word"),
            *[
                html.Button(
                    label, type="button", className="explore-toggle mono",
                    **attrs(data_edit="by", data_value=label, aria_pressed=str(label in drawing.by).lower()),
                )
                for label in labels
            ],
        ],
        className="explore-by", role="group", **attrs(aria_label=_("By label")),
    )


def _compare(drawing: Drawing) -> html.Label:
    options = [(span, span_words(span)) for span in get_args(Span)]
    if drawing.versus:
        options.append(("versus", shorten(drawing.versus)))
    options.append(("other", _("Another series…")))
    return _select("compare", _("Compare"), options, "versus" if drawing.versus else drawing.span)


def _filter() -> html.Details:
    """Its panel is filled by the script, from the catalogue, when it is opened."""
    return html.Details(
        [
            html.Summary(
                [icons.icon("funnel", 12), html.Span(_("Filter"))], className="explore-toggle",
                title=_("Only some of the series"),
            ),
            html.Div([], className="explore-pop", **attrs(data_filter_panel="1")),
        ],
        className="explore-filter",
    )


def _moves(title: str) -> html.Div:
    items = [
        ("up", "arrow-up", _("Move up")), ("down", "arrow-down", _("Move down")),
        ("duplicate", "copy", _("Duplicate, drawn in another way")), ("remove", "x-lg", _("Remove")),
    ]
    return html.Div(
        [
            html.Button(
                icons.icon(icon, 14), type="button", className="explore-move", title=words,
                **attrs(data_edit=edit, aria_label=f"{words}: {title}"),
            )
            for edit, icon, words in items
        ],
        className="explore-moves",
    )


def filters_of(drawing: Drawing) -> dict[tuple[str, str], str]:
    """What the selectors of a drawing ask of labels: (label, operator) -> value, for a reader."""
    found: dict[tuple[str, str], str] = {}
    for selector in drawing.selectors:
        parts = take_apart(selector)
        for matcher in parts.matchers if parts else ():
            values = matcher.values
            op, value = (matcher.op, matcher.value) if values is None else ("=", " | ".join(v or '""' for v in values))
            found.setdefault((matcher.label, op), value)
    return found


def chosen_of(drawing: Drawing) -> dict[str, list[str]]:
    """Label -> its values that are ticked."""
    found: dict[str, list[str]] = {}
    for selector in drawing.selectors:
        parts = take_apart(selector)
        for matcher in parts.matchers if parts else ():
            for value in matcher.values or ():
                if value not in found.setdefault(matcher.label, []):
                    found[matcher.label].append(value)
    return found


def _chips(drawing: Drawing) -> html.Div | None:
    """The metrics of a chart with several, and its filters, each with a way to take it off."""
    chips = []
    if len(drawing.selectors) > 1:
        named = zip(drawing.selectors, _names(drawing), strict=True)
        chips += [_chip(name, "drop", name, value=selector) for selector, name in named]
    chips += [
        _chip(f"{label} {op} {value}", "unfilter", label, label=label)
        for (label, op), value in filters_of(drawing).items()
    ]
    return html.Div(chips, className="explore-chips") if chips else None


def _names(drawing: Drawing) -> list[str]:
    """The selectors, by the name alone where that is enough: their filters have chips of their own."""
    names = [parts.name if (parts := take_apart(s)) and parts.name else shorten(s) for s in drawing.selectors]
    return [
        shorten(s) if names.count(name) > 1 else name for s, name in zip(drawing.selectors, names, strict=True)
    ]


def _chip(words: str, edit: str, what: str, **data: Any) -> html.Span:
    return html.Span(
        [
            html.Span(words, className="mono"),
            html.Button(
                icons.icon("x-lg", 10), type="button", className="explore-unchip",
                **attrs(data_edit=edit, aria_label=_("Take off %(what)s", what=what)),
                **{f"data-{name}": value for name, value in data.items()},
            ),
        ],
        className="explore-chip",
    )
