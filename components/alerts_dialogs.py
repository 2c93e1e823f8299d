"""The dialogs of the Alerts page; its scripts fill and read them."""

from __future__ import annotations

from typing import Any

from dash import html
from flask_babel import gettext as _

from components import dialogs, ids
from components.alerts_history import text
from components.attrs import attrs
from components.still import still
from components.svg import Svg
from security.permissions import allowed


def _button(words: str, css: str = "", **named: Any) -> html.Button:
    return html.Button(words, type="button", className=f"button {css}".strip(), **attrs(**named))


def dialogs_of_page() -> list[html.Dialog]:
    """Those that the person who looks may use, closed."""
    found = [_sure()]
    if allowed("alerts:acknowledge"):
        found.append(_acknowledge())
    if allowed("alerts:silence"):
        found.append(_silence())
    return found


def _sure() -> html.Dialog:
    """Asks once more before something that nothing brings back."""
    return dialogs.dialog(
        ids.ALERTS_SURE, _("Are you sure?"), [html.P("", className="al-sure-words")],
        [_button(_("Cancel"), "button-quiet", data_close="1"), _button("", "button-danger", data_al_sure="1")],
    )


def _acknowledge() -> html.Dialog:
    return dialogs.dialog(
        ids.ALERTS_ACKNOWLEDGE, _("Acknowledge"),
        [still(html.Form(
            dialogs.field(_("Note"), Svg("textarea", attrs={
                "name": "note", "className": "field", "rows": 3, "maxLength": 500,
                "placeholder": _("What you know, and what you do about it"),
            })),
        ))],
        [_button(_("Cancel"), "button-quiet", data_close="1"),
         _button(_("Acknowledge"), "button-primary", data_al_acknowledge="1")],
        aside=" ",
    )


def _days() -> list[tuple[str, str]]:
    return [
        ("mon", _("Mon")), ("tue", _("Tue")), ("wed", _("Wed")), ("thu", _("Thu")), ("fri", _("Fri")),
        ("sat", _("Sat")), ("sun", _("Sun")),
    ]


def _silence() -> html.Dialog:
    weekly = html.Div(
        [
            html.Fieldset(
                [html.Label([
                    Svg("input", attrs={"type": "checkbox", "name": "days", "value": day}), html.Span(words),
                ]) for day, words in _days()],
                className="choice al-days", **attrs(aria_label=_("Days")),
            ),
            html.Div([text("from_time", _("From"), "time"), text("to_time", _("To"), "time")], className="field-pair"),
        ],
        className="al-weekly", hidden=True,
    )
    once = html.Div(
        [
            html.Div([text("start", _("From"), "datetime-local")], className="al-start"),
            dialogs.choice("span", _("For how long"), [
                ("3600", _("1 h")), ("14400", _("4 h")), ("86400", _("1 d")), ("604800", _("1 week")),
                ("until", _("until …")),
            ], "3600"),
            html.Div([text("end", _("Until"), "datetime-local")], className="al-until", hidden=True),
        ],
        className="al-once",
    )
    form = still(html.Form(
        [
            html.Div(dialogs.choice("again", _("When"), [("once", _("Once")), ("weekly", _("Every week"))], "once"),
                     className="al-again"),
            once, weekly,
            dialogs.choice("reach", _("Which alerts"), [
                ("one", _("This alert")), ("rule", _("This rule")), ("own", _("Matchers")),
            ], "own"),
            html.Div(
                dialogs.field(_("Matchers"), Svg("input", attrs={
                    "name": "matchers", "className": "field mono", "spellCheck": "false", "autoComplete": "off",
                    "maxLength": 1000, "placeholder": '{severity="warning"}',
                }), hint=_("Labels of the series, and rule, type, severity, category, server, metric, series; "
                           "= != =~ !~ as in Prometheus.")),
            ),
            html.P("", className="al-preview", role="status"),
            dialogs.field(_("Why"), Svg("input", attrs={
                "name": "comment", "className": "field", "maxLength": 500, "autoComplete": "off",
            })),
            html.P("", className="field-hint al-zone"),
        ],
        className="al-silence-form",
    ))
    return dialogs.dialog(
        ids.ALERTS_SILENCE, _("Silence"), [form],
        [_button(_("Cancel"), "button-quiet", data_close="1"),
         _button(_("Silence"), "button-primary", data_al_save_silence="1")],
        aside=_("It still fires and is listed, but nobody is told."),
    )
