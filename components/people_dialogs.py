"""The dialogs of the page of people; ``assets/people.js`` fills them and acts."""

from __future__ import annotations

from typing import Any

from dash import html
from flask_babel import gettext as _

from components import dialogs, icons, ids
from components.attrs import attrs
from components.shell import role_words
from components.still import still
from components.svg import Svg
from security.permissions import ROLES


def select(name: str, options: list[tuple[str, str]], chosen: str) -> Svg:
    """A choice in a form of the page's script."""
    return Svg(
        "select", [Svg("option", words, {"value": value}) for value, words in options],
        {"name": name, "className": "field form-select", "defaultValue": chosen},
    )


def secret_row(words: str) -> html.Div:
    """Where a secret is shown once, with a button that copies it; the page's script fills and shows it."""
    return html.Div(
        [
            html.P(words, className="field-hint"),
            html.Div(
                [
                    Svg("input", attrs={
                        "type": "text", "readOnly": True, "className": "field mono", "name": "secret",
                        "aria-label": words, "spellCheck": "false", "autoComplete": "off",
                    }),
                    html.Button(
                        [icons.icon("copy"), html.Span(_("Copy"))], type="button", className="button",
                        **attrs(data_secret_copy="1"),
                    ),
                ],
                className="copy-row",
            ),
        ],
        className="secret-row", hidden=True, **attrs(data_words_copied=_("Copied.")),
    )


def _roles() -> list[tuple[str, str]]:
    return [(role, role_words(role)) for role in ROLES]


def _doors() -> list[tuple[str, str]]:
    return [
        ("local", _("a password of Vigie’s")), ("oidc", _("OpenID Connect")), ("header", _("the header of a proxy")),
    ]


def _button(words: str, css: str = "", **named: Any) -> html.Button:
    return html.Button(words, type="button", className=f"button {css}".strip(), **attrs(**named))


def add_dialog() -> html.Dialog:
    """A new person."""
    form = still(html.Form(
        [
            dialogs.field(_("User name"), Svg("input", attrs={
                "type": "text", "name": "name", "className": "field", "maxLength": 64, "required": True,
                "autoComplete": "off", "autoCapitalize": "none", "spellCheck": "false",
            })),
            html.Div(
                [
                    dialogs.field(_("Role"), select("role", _roles(), "viewer")),
                    dialogs.field(_("Signs in by"), select("source", _doors(), "local")),
                ],
                className="field-pair",
            ),
        ],
        className="people-form",
    ))
    made = still(secret_row(_("Give this password to them: it is shown this once, and good for choosing another one.")))
    return dialogs.dialog(
        ids.PEOPLE_ADD, _("Add a person"), [form, made],
        [
            _button(_("Close"), "button-quiet", data_close="1"),
            _button(
                _("Add"), "button-primary", data_people_make="1", data_words=_("%(name)s can sign in.", name="{name}"),
            ),
        ],
    )


def manage_dialog() -> html.Dialog:
    """What can be done with one account."""
    acts = [
        ("password", _("New one-time password"), _("Their password ends, and their sign-ins with it.")),
        ("unlock", _("Let them try again"), _("Wrong passwords are forgotten.")),
        ("factor", _("Take the second factor away"), _("For a lost telephone. Their sign-ins end.")),
        ("sessions", _("End all sign-ins"), _("They have to sign in again, everywhere.")),
        ("disable", _("Close the account"), _("Nobody signs in with it, its sign-ins end and its tokens sleep. What "
                                              "they made stays.")),
        ("enable", _("Open the account again"), _("They can sign in again, and their tokens wake up.")),
    ]
    body = still(html.Div(
        [
            html.Form(
                [
                    dialogs.field(_("Role"), select("role", _roles(), "viewer")),
                    dialogs.field(
                        _("Signs in by"), select("source", _doors(), "local"),
                        hint=_("Another way ends their sign-ins."),
                    ),
                ],
                className="field-pair people-form",
            ),
            secret_row(_("Give this password to them: it is shown this once, and good for choosing another one.")),
            html.Ul(
                [
                    html.Li(
                        [
                            html.P(about, className="field-hint"),
                            _button(words, "button-small" + (" button-danger" if name == "disable" else ""),
                                    data_person_act=name),
                        ],
                        className="people-act", **attrs(data_act=name),
                    )
                    for name, words, about in acts
                ],
                className="people-acts",
            ),
            html.P(_("This is your own account: Settings has your password and your sign-ins."),
                   className="field-hint people-own", hidden=True),
        ],
        className="people-manage", **attrs(
            data_words_saved=_("Saved."), data_words_done=_("Done."),
            data_words_sure=_("Press once more to do it."),
        ),
    ))
    return dialogs.dialog(
        ids.PEOPLE_MANAGE, _("Account"), [body],
        [
            _button(_("Close"), "button-quiet", data_close="1"),
            _button(_("Save"), "button-primary", data_person_save="1"),
        ],
        aside=" ",
    )


def revoke_dialog() -> html.Dialog:
    """Asks before a token is revoked."""
    return dialogs.dialog(
        ids.PEOPLE_REVOKE, _("Revoke this token?"),
        [
            html.P("", className="people-which"),
            html.P(_("Whatever uses it is refused from now on, for good."), className="field-hint"),
        ],
        [
            _button(_("Keep it"), "button-quiet", data_close="1"),
            _button(_("Revoke"), "button-danger", data_token_revoke_now="1", data_words=_("The token is revoked.")),
        ],
    )
