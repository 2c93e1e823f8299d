"""The second factor in Settings: its card, and the dialogs that turn it on and off."""

from __future__ import annotations

from typing import Any

from dash import dcc, html
from flask_babel import gettext as _
from flask_babel import ngettext

from components import cards, dialogs, icons, ids, states
from components.attrs import attrs
from components.still import still
from components.svg import Svg
from security.people import User


def card() -> html.Section:
    """The card; what it says comes by callback."""
    return cards.card(
        _("Second factor"),
        [html.Div(states.loading("90px"), id=ids.SETTINGS_FACTOR), dcc.Store(id=ids.SETTINGS_FACTOR_ASK)],
        icon="shield-check",
    )


def state(user: User, left: int) -> Any:
    """Whether it is on, and what can be done."""
    if user.source != "local":
        return html.P(_("You sign in elsewhere: a second factor is set up there."), className="field-hint")
    if not user.second_factor:
        return html.Div([
            html.P(_("Besides the password, a code that your telephone shows and that changes every 30 seconds. Who "
                     "learns your password cannot sign in with it alone.")),
            html.Button(_("Turn it on"), type="button", className="button", **attrs(data_factor="on")),
        ])
    few = "is-warning" if left <= 2 else ""
    return html.Div([
        html.P([icons.icon("check-circle-fill"), " ", html.Strong(_("It is on."))]),
        html.P(
            ngettext("%(num)s recovery code is left.", "%(num)s recovery codes are left.", left),
            className=f"field-hint {few}",
        ),
        html.Div([
            html.Button(_("New recovery codes"), type="button", className="button button-small",
                        **attrs(data_factor="codes")),
            html.Button(_("Turn it off"), type="button", className="button button-small button-danger",
                        **attrs(data_factor="off")),
        ], className="tags"),
    ])


def _password() -> html.Div:
    return dialogs.field(_("Your password"), Svg("input", attrs={
        "type": "password", "name": "password", "className": "field", "maxLength": 256,
        "autoComplete": "current-password",
    }))


def _code(hint: str = "") -> html.Div:
    return dialogs.field(_("Code"), Svg("input", attrs={
        "type": "text", "name": "code", "className": "field mono", "maxLength": 64, "autoComplete": "one-time-code",
        "autoCapitalize": "none", "spellCheck": "false",
    }), hint=hint)


def codes_part() -> html.Div:
    """Where recovery codes are shown once."""
    return html.Div(
        [
            html.P(_("Recovery codes, shown this once. Each signs you in one time when your telephone is lost: print "
                     "them, or keep them where you keep passwords.")),
            html.Pre("", className="recovery-codes"),
            html.Button(
                [icons.icon("copy"), html.Span(_("Copy"))], type="button", className="button button-small",
                **attrs(data_codes_copy="1"),
            ),
        ],
        className="factor-codes", hidden=True,
    )


def on_dialog() -> html.Dialog:
    """Turns it on: password, then a picture to scan and a code, then the recovery codes."""
    body = still(html.Div(
        [
            html.Form([_password()], className="factor-first"),
            html.Form(
                [
                    html.P(_("Scan this with the app on your telephone that makes such codes, or type the key there.")),
                    html.Div("", className="factor-picture"),
                    html.Code("", className="factor-key"),
                    _code(_("The six digits that the app shows now.")),
                ],
                className="factor-second", hidden=True,
            ),
            codes_part(),
        ],
        className="factor", **attrs(data_words_on=_("The second factor is on."), data_words_copied=_("Copied."),
                                    data_words_picture=_("QR code of the key")),
    ))
    return dialogs.dialog(
        ids.SETTINGS_FACTOR_ON, _("Turn on the second factor"), [body],
        [
            html.Button(_("Close"), type="button", className="button button-quiet", **attrs(data_close="1")),
            html.Button(_("Next"), type="button", className="button button-primary", **attrs(data_factor_next="1")),
        ],
    )


def off_dialog() -> html.Dialog:
    """Turns it off, or makes new recovery codes: password and code."""
    body = still(html.Div(
        [
            html.Form([_password(), _code(_("Of your telephone, or a recovery code."))], className="factor-first"),
            codes_part(),
        ],
        className="factor", **attrs(
            data_words_off=_("The second factor is off."), data_words_copied=_("Copied."),
            data_title_off=_("Turn off the second factor"), data_title_codes=_("New recovery codes"),
        ),
    ))
    return dialogs.dialog(
        ids.SETTINGS_FACTOR_OFF, _("Turn off the second factor"), [body],
        [
            html.Button(_("Close"), type="button", className="button button-quiet", **attrs(data_close="1")),
            html.Button(_("Go on"), type="button", className="button button-primary", **attrs(data_factor_go="1")),
        ],
    )
