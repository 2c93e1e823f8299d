"""Alerts that were: filters, sums, and a table that ``assets/alerts_history.js`` fills."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dash import html
from flask_babel import gettext as _

from components import icons
from components.alerts_page_words import categories
from components.attrs import attrs
from components.notice_words import severity
from components.still import still
from components.svg import Svg
from config.dashboard import SEVERITIES


def choice(name: str, label: str, options: Sequence[tuple[str, str]], chosen: str = "") -> html.Label:
    """A labelled choice of one."""
    return html.Label(
        [
            html.Span(label, className="field-label"),
            Svg("select", [Svg("option", words, {"value": value}) for value, words in options],
                {"name": name, "className": "field", "defaultValue": chosen}),
        ],
        className="al-field",
    )


def text(name: str, label: str, kind: str = "text", **more: Any) -> html.Label:
    """A labelled field."""
    return html.Label(
        [html.Span(label, className="field-label"),
         Svg("input", attrs={"type": kind, "name": name, "className": "field", "autoComplete": "off", **more})],
        className="al-field",
    )


def panel() -> list[Any]:
    """The panel."""
    every = ("", _("All"))
    return [
        still(html.Form(
            [
                choice("severity", _("Severity"), [every, *((code, severity(code)) for code in reversed(SEVERITIES))]),
                choice("category", _("Kind"), [every, *categories().items()]),
                choice("rule", _("Rule"), [every]),
                choice("server", _("Server"), [every]),
                choice("span", _("Time"), [
                    ("1", _("Last 24 h")), ("7", _("Last 7 days")), ("30", _("Last 30 days")), ("", _("All")),
                    ("own", _("From … to …")),
                ], "7"),
                html.Div([text("from", _("From"), "datetime-local"), text("to", _("To"), "datetime-local")],
                         className="al-own", hidden=True),
                text("text", _("Text"), "search", maxLength=200, placeholder=_("Name, series, note, owner")),
                html.A([icons.icon("download"), html.Span(_("CSV"))], href="#", className="button button-small al-csv",
                       **attrs(download="", aria_label=_("Export as CSV"))),
            ],
            className="panel al-filters", **attrs(aria_label=_("Filter")),
        )),
        html.Div([], className="al-sums", role="status"),
        html.Div([], className="al-history"),
        still(html.Div(
            html.Button(_("Older"), type="button", className="button", **attrs(data_al_older="1")), className="al-foot",
            hidden=True,
        )),
    ]
