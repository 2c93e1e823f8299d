"""Alert rules: their list (``assets/alerts_rules.js`` fills it), the editor of one (``assets/alerts_editor.js``)."""

from __future__ import annotations

from typing import Any

from dash import html
from flask_babel import gettext as _

from components import config_words, icons, threshold
from components.alerts_history import choice, text
from components.alerts_page_words import categories
from components.attrs import attrs
from components.notice_words import severity
from components.still import still
from components.svg import Svg
from config.dashboard import SEVERITIES, AlertThresholds
from security.permissions import allowed


def panel() -> list[Any]:
    """The panel: the list, or the editor in its place."""
    return [
        html.Div(
            [
                still(html.Div(
                    [
                        html.P(_("What Vigie watches, and when that is an alert."), className="page-lead"),
                        html.Button(
                            [icons.icon("plus-lg"), _("New rule")], type="button",
                            className="button button-primary button-small", **attrs(data_al_new="1"),
                        ) if allowed("alerts:edit") else None,
                    ],
                    className="al-rules-head",
                )),
                html.Div([], className="al-rules"),
            ],
            className="al-rules-list",
        ),
        html.Div(_editor(), className="al-editor", hidden=True),
    ]


def _row(*fields: Any) -> html.Div:
    return html.Div(list(fields), className="al-form-row")


def _part(title: str, *children: Any) -> html.Fieldset:
    return html.Fieldset([html.Legend(title), *children], className="al-part")


def _error(field: str) -> html.P:
    return html.P("", className="al-error", role="alert", **attrs(data_error=field))


def _seconds(name: str, label: str, hint: str = "") -> html.Label:
    """A number of seconds, in the unit that is chosen beside it."""
    return html.Label(
        [
            html.Span(label, className="field-label"),
            html.Span(
                [
                    Svg("input", attrs={"type": "number", "name": name, "className": "field", "min": 0, "step": "any"}),
                    Svg("select", [
                        Svg("option", words, {"value": value})
                        for value, words in (("1", _("s")), ("60", _("min")), ("3600", _("h")))
                    ], {"name": f"{name}_unit", "className": "field", "aria-label": _("Unit"), "defaultValue": "1"}),
                ],
                className="al-amount",
            ),
            *([html.Span(hint, className="field-hint")] if hint else []),
        ],
        className="al-field",
    )


def _editor() -> Any:
    return [still(html.Div(
        [
            html.Button([icons.icon("arrow-left"), _("All rules")], type="button", className="button button-small",
                        **attrs(data_al_back="1")),
            html.H2("", className="al-editor-title"),
            html.P("", className="al-editor-state"),
        ],
        className="al-editor-head",
    )), html.Div([_form(), html.Div(
        [
            html.Div([threshold.editor(), still(html.Div([], className="al-seen"))], className="panel al-try"),
        ],
        className="al-aside",
    )], className="al-editor-body")]


def _form() -> Any:
    names = [field.alias or "" for field in AlertThresholds.model_fields.values()]
    of_config = [
        (name, _("configuration: %(name)s", name=config_words.last(f"monitoring.alertThresholds.{name}")))
        for name in names
    ]
    return still(html.Form(
        html.Fieldset(
            [
                text("name", _("Name"), maxLength=100), _error("name"),
                _part(
                    _("What is watched"),
                    html.Div([], className="al-selectors"), _error("selectors"),
                    html.Div(
                        [
                            Svg("input", attrs={
                                "type": "search", "className": "field al-search", "placeholder": _("Search a metric"),
                                "role": "combobox", "aria-expanded": "false", "aria-autocomplete": "list",
                                "aria-controls": "al-options", "autoComplete": "off", "spellCheck": "false",
                                "aria-label": _("Search a metric"),
                            }),
                            html.Div([], className="al-options", role="listbox", hidden=True),
                        ],
                        className="al-search-box",
                    ),
                    _row(
                        choice("function", _("Compared is"), [
                            ("last", _("the newest value")), ("mean", _("the mean over")),
                            ("min", _("the lowest over")), ("max", _("the highest over")),
                            ("increase", _("the growth over")),
                        ]),
                        _seconds("window_seconds", _("Window")),
                    ),
                    _error("function"), _error("window_seconds"),
                ),
                _part(
                    _("When it is an alert"),
                    _row(
                        choice("comparison", _("Comparison"), [
                            (">", _("above")), (">=", _("at or above")), ("<", _("below")), ("<=", _("at or below")),
                            ("==", _("equal to")), ("!=", _("other than")),
                        ]),
                        html.Label(
                            [
                                html.Span(_("Threshold"), className="field-label"),
                                html.Span(
                                    [
                                        Svg("input", attrs={"type": "number", "name": "threshold", "step": "any",
                                                            "className": "field"}),
                                        html.Span("", className="al-unit"),
                                    ],
                                    className="al-amount",
                                ),
                            ],
                            className="al-field",
                        ),
                        choice("threshold_from", _("Taken from"), [("", _("this rule")), *of_config]),
                    ),
                    html.P("", className="field-hint al-from"), _error("threshold"), _error("threshold_from"),
                    _error("factor"),
                    _row(
                        _seconds("for_seconds", _("Held for"), _("how long it must hold before it fires")),
                        choice("severity", _("Severity"), [(code, severity(code)) for code in SEVERITIES]),
                    ),
                    _error("for_seconds"), _error("severity"),
                ),
                _part(
                    _("When it is over"),
                    _row(
                        html.Label(
                            [
                                html.Span(_("Distance from the threshold"), className="field-label"),
                                html.Span(
                                    [Svg("input", attrs={"type": "number", "name": "margin", "step": "any", "min": 0,
                                                         "max": 90, "className": "field"}),
                                     html.Span("%", className="al-unit-fixed")],
                                    className="al-amount",
                                ),
                            ],
                            className="al-field",
                        ),
                        _seconds("resolve_seconds", _("Held for")),
                    ),
                    _error("margin"), _error("resolve_threshold"), _error("resolve_seconds"),
                    _row(
                        choice("no_data", _("No values count as"), [
                            ("ok", _("well")), ("keep", _("as before")), ("alert", _("an alert")),
                        ]),
                        _seconds("no_data_seconds", _("after")),
                    ),
                    _error("no_data"), _error("no_data_seconds"),
                ),
                _part(
                    _("How it is told"),
                    choice("category", _("Kind"), list(categories().items())), _error("category"),
                    html.Label(
                        [html.Span(_("Message"), className="field-label"),
                         Svg("textarea", attrs={"name": "message", "className": "field", "rows": 2, "maxLength": 500}),
                         html.Span(_("May name {value} {limit} {name} {server} and any {label}"),
                                   className="field-hint")],
                        className="al-field",
                    ),
                    _error("message"),
                    text("labels", _("Labels"), placeholder="team=ops, room=2", spellCheck="false"), _error("labels"),
                ),
                _error("id"), _error(""),
            ],
            className="al-fields", disabled=not allowed("alerts:edit"),
        ),
        className="panel al-form", noValidate="noValidate",
    ))
