"""The explorer: the search box, the places for charts, what an empty page offers, what is wrong with an address."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from typing import Any

from dash import dcc, html
from flask_babel import gettext as _

from components import explore_row, icons, ids, panels, words
from components.attrs import attrs
from components.drawings import MOST_CHARTS, Drawing, parse_all, spec_of, title_of
from components.explore_edits import Placed, Wrong
from components.explore_row import Facts
from components.explore_selectors import take_apart
from components.still import Still, still
from components.svg import Svg
from metrics.series import SeriesInfo

SOURCES = ("cpu", "memory", "disk", "network", "sensors", "nvidia", "pressure", "processes", "serving", "vigie")
Find = Callable[[Sequence[str]], Sequence[SeriesInfo]]
"""The series that selectors mean: `storage.query.Query.series`."""
MOST_NAMES = 40
"""Names of metrics that a chart's filter reads values of."""
FEW_LINES, MANY_LINES = 4, 9


def search_box() -> html.Div:
    """The box and the list that opens below it; the script fills the list."""
    said = {
        "one": _("1 series"), "many": _("{count} series"), "gone": _("no longer reports"), "total": _("rate of"),
        "nothing": _("No metric has this in its name, its help or its labels."),
        "more": _("{count} more: keep typing"), "draw": _("Draw"), "other": _("Other sources"),
        "found": _("{count} metrics"), "waiting": _("The list of metrics is on its way."),
        "into": _("Into {chart}"), "against": _("Compare {chart} with"), "away": _("The list of metrics did not come."),
        "keys": _("Enter adds a chart, Shift+Enter adds to the last one"), "values": _("Find a value"),
        "all": _("{count} values: all"), "some": _("{some} of {count}"), "hidden": _("{count} more values: find them"),
        "units": _units(), "sources": {name: words.source(name) for name in SOURCES},
    }
    return html.Div(
        [
            icons.icon("search"),
            html.Button(
                "", type="button", className="explore-into", hidden=True, title=_("Add a chart of its own instead"),
            ),
            Svg("input", attrs={
                "type": "text", "className": "explore-input", "role": "combobox", "data-search": "1",
                "id": ids.EXPLORE_SEARCH,
                "placeholder": _("Search metrics, labels, meanings"), "autoComplete": "off", "spellCheck": "false",
                "autoCapitalize": "off", "enterKeyHint": "done", "aria-expanded": "false", "aria-autocomplete": "list",
                "aria-controls": ids.EXPLORE_OPTIONS, "aria-label": _("Search metrics by name, help or label"),
            }),
            html.Kbd("/", className="explore-slash", **attrs(aria_hidden="true")),
            html.Div([], id=ids.EXPLORE_OPTIONS, className="explore-options", role="listbox", hidden=True,
                     **attrs(aria_label=_("Metrics"))),
            html.Span("", className="visually-hidden explore-count", role="status"),
        ],
        className="explore-search", **attrs(data_words=json.dumps(said, ensure_ascii=False)),
    )


def _units() -> dict[str, str]:
    return {
        "bytes": _("bytes"), "bytes_per_second": _("bytes/s"), "per_second": _("per second"), "seconds": _("seconds"),
        "ratio": "%", "celsius": "°C", "watts": "W", "hertz": "Hz", "rpm": _("rpm"), "info": _("info"),
    }


def view_button() -> html.Button:
    """Opens the dialog that keeps all charts of the page as a view."""
    return html.Button(
        [icons.icon("bookmark-plus"), html.Span(_("Save as view"))], type="button", className="explore-save",
        title=_("Save as view"), **attrs(data_save_view="1", aria_label=_("Save as view")),
    )


def facts_of(find: Find, drawing: Drawing) -> Facts:
    """What is known of a drawing's series. Labels are those of its metrics whatever the filter: one can widen it."""
    meant = find(drawing.selectors)
    names = [name for s in drawing.selectors for name in _names(s)]
    wide = [*meant, *(find(names) if names else [])]
    labels = {label for info in wide for label, _value in info.labels}
    return Facts(tuple(sorted(labels)), tuple(dict.fromkeys(info.name for info in wide))[:MOST_NAMES], len(meant))


def _names(selector: str) -> list[str]:
    """The metric of a selector; of a counter also its rate, which is what has a history."""
    parts = take_apart(selector)
    name = parts.name if parts is not None else ""
    if not name.endswith("_total"):
        return [name] if name else []
    stem = name.removesuffix("_total")
    return [name, f"{stem}_per_second", stem.removesuffix("_seconds") + "_ratio"]


def labels_of(find: Find, selector: str) -> set[str]:
    """Names of the labels that the metric of a selector has."""
    meant = find(_names(selector) or [selector])
    return {label for info in meant for label, _value in info.labels}


def block(drawing: Drawing, find: Find) -> html.Div:
    """A chart under its controls."""
    title, facts = title_of(drawing), facts_of(find, drawing)
    lines = MANY_LINES if not drawing.aggregate and facts.count > FEW_LINES else len(drawing.selectors)
    return html.Div(
        [
            html.Button(
                icons.icon("pencil"), type="button", className="explore-pencil",
                **attrs(
                    data_pencil="1", aria_expanded="false", aria_label=_("Change how %(chart)s is drawn", chart=title),
                ),
            ),
            explore_row.row(drawing, title, facts),
            panels.chart_panel(spec_of(drawing), lines),
        ],
        className="explore-block", **attrs(
            data_text=drawing.text, data_title=title, data_names=json.dumps(facts.names),
            data_chosen=json.dumps(explore_row.chosen_of(drawing), ensure_ascii=False),
        ),
    )


def slots(placed: Placed, fill: Callable[[str], Any]) -> list[html.Div]:
    """All places for charts, those of ``placed`` filled; ``fill`` gives the content for a drawing's text."""
    texts = dict(placed)
    return [
        html.Div(fill(texts[n]) if n in texts else [], id=ids.explore_slot(n), className="explore-slot",
                 **attrs(data_slot=str(n)))
        for n in range(MOST_CHARTS)
    ]


def stores() -> list[Any]:
    """What the page's script and the server say to each other."""
    return [dcc.Store(id=ids.EXPLORE_ASK), dcc.Store(id=ids.EXPLORE_STATE), dcc.Store(id=ids.EXPLORE_STATED)]


def said(wrong: Sequence[Wrong]) -> list[Any]:
    """What of an address cannot be drawn, and what could."""
    if not wrong:
        return []
    return [html.Div(
        [
            icons.icon("exclamation-triangle"),
            html.Div([
                html.P(_("A part of this address cannot be drawn; the rest is."), className="state-title"),
                html.Ul([html.Li([html.Code(part.part[:200]), html.Span(f" {part.why}")]) for part in wrong]),
            ]),
        ],
        className="explore-wrong", role="alert",
    )]


def _starts() -> list[tuple[str, str, str, str]]:
    """Suggestions: (icon, title, what one sees, drawings)."""
    return [
        ("cpu", _("CPU by core"), _("Every core as a row of colour"), "cpu_core_usage_ratio!heat"),
        ("activity", _("Where CPU time goes"), _("User, system, waiting: stacked"), "cpu_mode_ratio!area"),
        ("memory", _("Memory beside CPU"), _("Two units, two axes, one chart"), "memory_used_bytes,cpu_usage_ratio"),
        ("gpu-card", _("GPUs"), _("Use, power and temperature under one another"),
         "gpu_usage_ratio;gpu_power_watts;gpu_temperature_celsius"),
        ("hdd-network", _("Network"), _("Each interface, in and out"),
         "network_receive_bytes_per_second,network_transmit_bytes_per_second"),
        ("device-hdd", _("Disks"), _("What is read and written"),
         "disk_read_bytes_per_second,disk_write_bytes_per_second"),
        ("thermometer-half", _("Temperatures"), _("Every sensor"), "sensor_temperature_celsius"),
        ("clock-history", _("Now and before"), _("CPU use against the window before"), "cpu_usage_ratio!before"),
        ("table", _("The usual week"), _("CPU use by hour and weekday"), "cpu_usage_ratio!hours"),
        ("speedometer2", _("Spread of CPU use"), _("How often each level is reached"), "cpu_core_usage_ratio!hist"),
        ("lightning-charge", _("Pressure"), _("How long something had to wait"), "pressure_some_ratio!area"),
        ("eye", _("Vigie itself"), _("What the lookout costs"), "vigie_cpu_ratio,vigie_memory_bytes"),
    ]


def start(names: Collection[str]) -> Still:
    """What an empty page offers: sets of charts that this machine can draw, one click each."""
    cards = []
    for icon, title, hint, text in _starts():
        drawings = [d for d in parse_all(text) if all(selector in names for selector in d.selectors)]
        if drawings:
            cards.append(html.Button(
                [
                    html.Span(icons.icon(icon, 18), className="start-icon"),
                    html.Span([html.Strong(title), html.Span(hint, className="start-hint")], className="start-words"),
                ],
                type="button", className="start-card", **attrs(data_start=";".join(d.text for d in drawings)),
            ))
    return still(html.Section(
        [
            html.H2(_("What do you want to look at?"), className="start-title"),
            html.P(
                _("Search above for any metric by its name, its meaning or a label; or begin with one of these. "
                  "Every chart can be changed, and whoever has this page's address sees the same."),
                className="start-lead",
            ),
            html.Div(cards, className="start-cards"),
        ],
        className="explore-start",
    ))
