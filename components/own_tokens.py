"""API tokens: the list, one's own or everybody's, and the dialog that makes one."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Any

from dash import dcc, html
from flask_babel import gettext as _

from components import cards, dialogs, formats, icons, ids, states
from components.attrs import attrs
from components.people_dialogs import revoke_dialog, secret_row, select
from components.settings import ORDER, permission_words
from components.still import still
from components.svg import Svg
from security.apitokens import ApiToken


def state_words(token: ApiToken, now: float) -> str:
    """Whether it is good, and until when."""
    state = token.state(now)
    if state == "revoked":
        return _("revoked %(day)s", day=formats.moment(token.revoked or 0.0, now))
    if state == "asleep":
        return _("sleeps: its owner may none of it now")
    if state == "expired":
        return _("expired %(day)s", day=formats.moment(token.expires or 0.0, now))
    return _("until %(day)s", day=formats.moment(token.expires, now)) if token.expires else _("without end")


def tokens_table(tokens: Sequence[ApiToken], now: float, *, everybody: bool) -> Any:
    """The tokens; ``everybody`` adds whose they are."""
    if not tokens:
        return states.no_data(_("No tokens yet"), _("A program shows one instead of a password."))
    heads = [_("Name"), *([_("Of")] if everybody else []), _("May"), _("Good"), _("Last used"), ""]

    def row(token: ApiToken) -> html.Tr:
        good = token.state(now) in ("active", "asleep")
        may = [p for p in ORDER if p in token.permissions]
        lost = token.permissions - token.worth
        cells: list[Any] = [
            [token.name, html.Div(_("made %(day)s", day=formats.moment(token.created, now)), className="muted")],
            *([token.owner or html.Span(_("nobody (shell)"), className="muted")] if everybody else []),
            html.Div([
                html.Span(permission_words(p), className="tag is-lost" if p in lost else "tag") for p in may
            ], className="tags"),
            state_words(token, now),
            formats.moment(token.last_used, now) if token.last_used else _("never"),
            html.Div(html.Button(
                [icons.icon("slash-circle"), html.Span(_("Revoke"))], type="button",
                className="button button-small button-danger",
                **attrs(data_token_revoke=str(token.id), data_title=token.name,
                        aria_label=_("Revoke the token %(name)s", name=token.name)),
            ), className="embed-buttons") if good else "",
        ]
        return html.Tr(
            [
                html.Td(cell, className="embed-what" if i == 0 else "", **attrs(data_label=head) if head and i else {})
                for i, (cell, head) in enumerate(zip(cells, heads, strict=True))
            ],
            className="" if good else "is-over",
        )

    return still(html.Table(
        [html.Thead(html.Tr([html.Th(head) for head in heads])), html.Tbody([row(token) for token in tokens])],
        className="plain-table embed-list token-list",
    ))


def tokens_card() -> html.Section:
    """One's own tokens, in Settings; the list comes by callback."""
    return cards.card(
        _("API tokens"),
        [
            html.P(_("For programs of yours. A token may what you choose, and never more than you."),
                   className="field-hint"),
            html.Div(states.loading("60px"), id=ids.SETTINGS_TOKENS),
            dcc.Store(id=ids.SETTINGS_TOKENS_ASK),
            revoke_dialog(),
        ],
        icon="key",
        aside=html.Button(
            [icons.icon("plus-lg"), html.Span(_("New token"))], type="button", className="button button-small",
            **attrs(data_token_new="1"),
        ),
        className="settings-wide",
    )


def new_dialog(permissions: Set[str]) -> html.Dialog:
    """A new token: its name, what it may, how long."""
    days = [
        ("7", _("7 days")), ("30", _("30 days")), ("90", _("90 days")), ("365", _("a year")), ("", _("without end")),
    ]
    form = still(html.Form(
        [
            html.Div(
                [
                    dialogs.field(_("Name"), Svg("input", attrs={
                        "type": "text", "name": "name", "className": "field", "maxLength": 64, "required": True,
                        "autoComplete": "off", "spellCheck": "false", "placeholder": _("for example: notebook"),
                    })),
                    dialogs.field(_("Valid for"), select("days", days, "90")),
                ],
                className="field-pair",
            ),
            html.Fieldset(
                [
                    html.Legend(_("It may"), className="field-label"),
                    *(
                        html.Label([
                            Svg("input", attrs={
                                "type": "checkbox", "name": "permission", "value": p,
                                "defaultChecked": p == "metrics:read",
                            }),
                            html.Span([permission_words(p), " ", html.Code(p, className="muted")]),
                        ], className="check")
                        for p in ORDER if p in permissions
                    ),
                ],
                className="token-may",
            ),
        ],
        className="people-form",
    ))
    made = still(secret_row(_("This is the token. It is shown this once: put it where your program finds it.")))
    return dialogs.dialog(
        ids.SETTINGS_TOKENS_NEW, _("New token"), [form, made],
        [
            html.Button(_("Close"), type="button", className="button button-quiet", **attrs(data_close="1")),
            html.Button(
                _("Make the token"), type="button", className="button button-primary",
                **attrs(data_token_make="1", data_words=_("Choose what it may.")),
            ),
        ],
    )
