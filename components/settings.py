"""The panels of a person's own settings."""

from __future__ import annotations

import zoneinfo
from collections.abc import Sequence, Set
from typing import Any

import dash_bootstrap_components as dbc
from dash import dcc, html
from flask_babel import gettext as _

from components import cards, formats, icons, ids
from components.attrs import attrs
from components.links import href
from components.shell import role_words
from components.svg import Svg
from security.sessions import Session

AUTO = "auto"
"""Value of a choice that is left to the browser or the system; kept as an empty one."""
LANGUAGES = {"en": "English", "fr": "Français"}
"""Each language in its own words."""
ORDER = (
    "dashboard:view", "metrics:read", "alerts:view", "config:view", "notes:write", "views:edit", "embeds:create",
    "logs:export", "alerts:acknowledge", "alerts:silence", "models:start", "models:stop", "config:edit", "alerts:edit",
    "users:manage", "servers:manage", "console:run", "tokens:manage", "embeds:manage", "audit:view",
)
"""Permissions as they are listed, from what everybody may to what few may."""
BROWSERS = (
    ("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"),
)
SYSTEMS = (
    ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"), ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)
"""Marks in a User-Agent, the telling ones first: Edge also says Chrome, and Chrome also says Safari."""


def permission_words(permission: str) -> str:
    """A permission in words."""
    return {
        "dashboard:view": _("see the pages"),
        "metrics:read": _("read the values by program"),
        "alerts:view": _("see alerts"),
        "config:view": _("see the configuration"),
        "notes:write": _("add notes"),
        "views:edit": _("save views"),
        "embeds:create": _("embed charts and pages"),
        "alerts:acknowledge": _("acknowledge alerts"),
        "alerts:silence": _("silence alerts"),
        "models:start": _("start models"),
        "models:stop": _("stop models"),
        "logs:export": _("export logs"),
        "config:edit": _("change the configuration"),
        "alerts:edit": _("edit alert rules"),
        "users:manage": _("manage people"),
        "servers:manage": _("manage servers"),
        "console:run": _("use the console"),
        "tokens:manage": _("manage API tokens"),
        "embeds:manage": _("see and revoke all embed links"),
        "audit:view": _("read the audit"),
    }.get(permission, permission)


def device(user_agent: str) -> str:
    """A browser's or program's name from its User-Agent: ``Firefox, Linux``."""
    name = next((name for mark, name in BROWSERS if mark in user_agent), "")
    if not name:
        return user_agent.split(" ")[0].split("/")[0] or _("unknown program")
    system = next((system for mark, system in SYSTEMS if mark in user_agent), "")
    return f"{name}, {system}" if system else name


def profile_card(name: str, role: str, permissions: Set[str]) -> html.Section:
    """Who the person is and what they may do."""
    ordered = [p for p in ORDER if p in permissions]
    return cards.card(
        _("Profile"),
        html.Dl(
            [
                html.Dt(_("Name")), html.Dd(name),
                html.Dt(_("Role")), html.Dd(role_words(role)),
                html.Dt(_("You may")),
                html.Dd(html.Ul([html.Li(permission_words(p), className="tag") for p in ordered], className="tags")),
            ],
            className="facts",
        ),
        icon="person-circle",
    )


def timezones() -> list[dict[str, str]]:
    """Options of the time zone: the browser's first, then all by name."""
    names = sorted(
        n
        for n in zoneinfo.available_timezones()
        if "/" in n and not n.startswith(("Etc/", "SystemV/", "posix", "right"))
    )
    return [{"value": AUTO, "label": _("The browser's time zone")}, {"value": "UTC", "label": "UTC"}] + [
        {"value": name, "label": name.replace("_", " ")} for name in names
    ]


def _labelled(words: str, control_id: str, control: Any, hint: str = "") -> html.Div:
    return html.Div(
        [
            html.Label(words, htmlFor=control_id, className="field-label"),
            control,
            html.P(hint, className="field-hint") if hint else None,
        ],
        className="field-row",
    )


def preferences_card(theme: str, language: str, timezone: str) -> html.Section:
    """Theme, language and time zone; each is kept as soon as it is chosen."""
    return cards.card(
        _("Look and language"),
        [
            _labelled(_("Theme"), ids.SETTINGS_THEME, dbc.Select(
                id=ids.SETTINGS_THEME, value=theme or AUTO, className="field",
                options=[{"value": AUTO, "label": _("As the system has it")}, {"value": "dark", "label": _("Dark")},
                         {"value": "light", "label": _("Light")}],
            )),
            _labelled(_("Language"), ids.SETTINGS_LANGUAGE, dbc.Select(
                id=ids.SETTINGS_LANGUAGE, value=language or AUTO, className="field",
                options=[{"value": AUTO, "label": _("The browser's language")},
                         *({"value": code, "label": name} for code, name in LANGUAGES.items())],
            )),
            _labelled(_("Time zone"), ids.SETTINGS_TIMEZONE, html.Div(dcc.Dropdown(
                id=ids.SETTINGS_TIMEZONE, value=timezone or AUTO, options=timezones(), clearable=False, searchable=True,
                optionHeight=36,
                labels={
                    "search": _("Search"), "clear_search": _("Clear the search"),
                    "no_options_found": _("Nothing found"),
                },
            ), className="field-dropdown"), _("Times on every page are shown in this zone.")),
        ],
        icon="circle-half",
    )


def _password(words: str, control_id: str, error_id: str, autocomplete: str) -> html.Div:
    return html.Div(
        [
            html.Label(words, htmlFor=control_id, className="field-label"),
            dbc.Input(
                id=control_id, type="password", value="", maxlength=256, autocomplete=autocomplete, className="field"
            ),
            html.P(id=error_id, className="field-error", role="alert"),
        ],
        className="field-row field-checked",
    )


def password_card(name: str) -> html.Section:
    """The form that changes the password."""
    return cards.card(
        _("Password"),
        html.Form(
            [
                Svg(
                    "input",
                    attrs={
                        "type": "text",
                        "name": "username",
                        "autoComplete": "username",
                        "defaultValue": name,
                        "readOnly": True,
                        "hidden": True,
                    },
                ),
                _password(
                    _("Current password"),
                    ids.SETTINGS_PASSWORD_CURRENT,
                    ids.SETTINGS_PASSWORD_CURRENT_ERROR,
                    "current-password",
                ),
                _password(
                    _("New password"), ids.SETTINGS_PASSWORD_NEW, ids.SETTINGS_PASSWORD_NEW_ERROR, "new-password"
                ),
                _password(
                    _("New password again"),
                    ids.SETTINGS_PASSWORD_REPEAT,
                    ids.SETTINGS_PASSWORD_REPEAT_ERROR,
                    "new-password",
                ),
                html.Button(
                    _("Change the password"),
                    id=ids.SETTINGS_PASSWORD_SAVE,
                    type="button",
                    className="button button-primary",
                ),
                html.P(_("Your other sign-ins end when the password changes."), className="field-hint"),
            ],
        ),
        icon="key",
    )


def sessions_list(sessions: Sequence[Session], here: int | None, now: float) -> html.Ul:
    """The person's sign-ins, each with a button that ends it; ``here`` is the row of the one in use."""
    def row(one: Session) -> html.Li:
        about = _("%(address)s · since %(created)s · last used %(seen)s", address=one.address or "?",
                  created=formats.moment(one.created, now), seen=formats.moment(one.last_seen, now))
        name: list[Any] = [html.Span(device(one.user_agent), className="row-name")]
        if one.id == here:
            name.append(html.Span(_("this one"), className="tag tag-accent"))
        return html.Li(
            [
                html.Span(icons.icon("terminal" if one.kind == "api" else "laptop"), className="row-icon"),
                html.Div([html.Div(name, className="row-names"), html.P(about, className="row-more")]),
                html.Button(
                    _("End"),
                    id=ids.session_end(str(one.id)),
                    n_clicks=0,
                    type="button",
                    className="button button-small",
                    **attrs(aria_label=_("End the sign-in of %(device)s", device=device(one.user_agent))),
                ),
            ],
            className="row-line is-plain row-centred",
        )

    return html.Ul([row(one) for one in sessions], className="rows")


def sessions_card(listed: Any) -> html.Section:
    """The person's sign-ins (``listed``: the list, or why there is none), and the way to end them all."""
    return cards.card(
        _("Where you are signed in"),
        [
            html.Div(listed, id=ids.SETTINGS_SESSIONS),
            dcc.ConfirmDialog(
                id=ids.SETTINGS_SESSIONS_CONFIRM,
                message=_("End every sign-in, this one included? You will have to sign in again."),
            ),
        ],
        icon="shield-lock",
        aside=html.Button(
            _("Sign out everywhere"), id=ids.SETTINGS_SESSIONS_END_ALL, type="button",
            className="button button-small button-danger",
        ),
    )


def embeds_card() -> html.Section:
    """The way to one's embed links."""
    return cards.card(
        _("Embed links"),
        html.P([
            _("What you show on other sites, without signing in:"), " ",
            dcc.Link(_("see and revoke your links"), href=href("/embeds")),
        ]),
        icon="code-slash",
    )
