"""Settings: preferences are kept as soon as they are chosen; the password and the sign-ins change on a button."""

from __future__ import annotations

import time
import zoneinfo
from collections.abc import Container
from typing import Any

from dash import ALL, ClientsideFunction, Dash, Input, Output, State, ctx, no_update, set_props
from flask_babel import gettext as _

from callbacks import requires
from components import ids, settings, states
from components.links import href
from components.sentences import sentence
from components.shell import toast
from components.theme import THEMES
from security import signin
from security.errors import PasswordRefused, Refused, SignInBlocked, SignInRefused, WrongPassword
from security.identity import Identity, current_identity
from services import vigie
from storage.errors import StorageError

NO_ERRORS = ("", "", "")


def _person() -> Identity:
    identity = current_identity()
    if identity is None or identity.kind != "user":
        raise SignInRefused
    return identity


def _kept(choice: str | None) -> str:
    """A choice as the account keeps it: empty for what is left to the browser."""
    return "" if choice in (None, settings.AUTO) else str(choice)


def _say(words: str, kind: str = "ok") -> None:
    set_props(ids.TOASTS, {"children": toast(words, kind)})


def _not_kept(error: StorageError) -> None:
    _say(_("Not saved: %(reason)s", reason=sentence(str(error))), "error")


# Dash calls these also when the page is put in, `prevent_initial_call` or not: what is kept already is left alone.


def _save(name: str, choice: str, known: Container[str]) -> bool:
    """Keeps a choice in the account's field ``name``; False when it is kept already, unknown, or cannot be kept."""
    person = _person()
    if choice == getattr(person, name) or (choice and choice not in known):
        return False
    try:
        vigie().accounts.people.set_profile(person.id, **{name: choice})
    except StorageError as error:
        _not_kept(error)
        return False
    return True


def save_theme(theme: str | None) -> Any:
    """Keeps the theme. Returns the theme to show; the empty one is the system's."""
    theme = _kept(theme)
    if not _save("theme", theme, THEMES):
        return no_update
    _say(_("Saved."))
    return {"theme": theme}


def save_language(language: str | None) -> Any:
    """Keeps the language and loads the page anew in it. Returns the address to go to."""
    return href("/settings") if _save("language", _kept(language), settings.LANGUAGES) else no_update


def save_timezone(timezone: str | None) -> Any:
    """Keeps the time zone and loads the page anew in it. Returns the address to go to."""
    return href("/settings") if _save("timezone", _kept(timezone), zoneinfo.available_timezones()) else no_update


def change_password(
    clicks: int | None, submits: int | None, current: str | None, new: str | None, repeat: str | None,
) -> tuple[Any, ...]:
    """Changes the password. Returns the three fields (emptied only on success) and their three errors."""
    kept = (no_update, no_update, no_update)
    if not clicks and not submits:
        return (*kept, *kept)
    current, new, repeat = (given if isinstance(given, str) else "" for given in (current, new, repeat))
    missing = tuple("" if given else _("Please fill this in.") for given in (current, new, repeat))
    if any(missing):
        return (*kept, *missing)
    if new != repeat:
        return (*kept, "", "", _("This is not the same as the new password."))
    try:
        signin.change_password(current, new)
    except (WrongPassword, SignInBlocked) as error:
        return (*kept, error.text(), "", "")
    except PasswordRefused as error:
        return (*kept, "", error.text(), "")
    except Refused as error:
        return (*kept, error.text(), "", "")
    except StorageError as error:
        _not_kept(error)
        return (*kept, *NO_ERRORS)
    _say(_("The password is changed. Your other sign-ins have ended."))
    return ("", "", "", *NO_ERRORS)


def sessions(_path: str | None, ended: list[int | None]) -> Any:
    """The list of sign-ins, after ending the one whose button was pressed."""
    person, services = _person(), vigie()
    pressed = ctx.triggered_id
    try:
        wanted = str(pressed["session"]) if isinstance(pressed, dict) and any(ended) else ""
        if wanted.isdecimal() and len(wanted) < 18:
            services.accounts.sessions.end(int(wanted), person.id)
            _say(_("That sign-in has ended."))
        rows = services.accounts.sessions.list(person.id)
    except StorageError as error:
        return states.failed(_("The list cannot be read"), sentence(str(error)), _("It comes back with the database."))
    return settings.sessions_list(rows, person.session, time.time())


def end_all(confirmed: int | None) -> Any:
    """Ends every sign-in, this one too. Returns the address to go to."""
    if not confirmed:
        return no_update
    try:
        signin.sign_out_everywhere()
    except StorageError as error:
        _not_kept(error)
        return no_update
    return href("/login") + "?out"


def register(app: Dash) -> None:
    """Registers this page's callbacks."""
    mine = requires("dashboard:view")
    app.callback(
        Output(ids.SHELL_THEME_SHOWN, "data"), Input(ids.SETTINGS_THEME, "value"), prevent_initial_call=True,
    )(mine(save_theme))
    app.clientside_callback(
        ClientsideFunction("shell", "show"), Input(ids.SHELL_THEME_SHOWN, "data"), prevent_initial_call=True,
    )
    for name, save in ((ids.SETTINGS_LANGUAGE, save_language), (ids.SETTINGS_TIMEZONE, save_timezone)):
        app.callback(
            Output(ids.RELOAD, "href", allow_duplicate=True), Input(name, "value"), prevent_initial_call=True,
        )(mine(save))
    app.callback(
        *(Output(field, "value") for field in (
            ids.SETTINGS_PASSWORD_CURRENT, ids.SETTINGS_PASSWORD_NEW, ids.SETTINGS_PASSWORD_REPEAT,
        )),
        *(Output(field, "children") for field in (
            ids.SETTINGS_PASSWORD_CURRENT_ERROR, ids.SETTINGS_PASSWORD_NEW_ERROR, ids.SETTINGS_PASSWORD_REPEAT_ERROR,
        )),
        Input(ids.SETTINGS_PASSWORD_SAVE, "n_clicks"),
        Input(ids.SETTINGS_PASSWORD_REPEAT, "n_submit"),
        State(ids.SETTINGS_PASSWORD_CURRENT, "value"),
        State(ids.SETTINGS_PASSWORD_NEW, "value"),
        State(ids.SETTINGS_PASSWORD_REPEAT, "value"),
        prevent_initial_call=True,
    )(mine(change_password))
    app.callback(
        Output(ids.SETTINGS_SESSIONS, "children"),
        Input(ids.SETTINGS_SESSIONS_END_ALL, "id"),
        Input(ids.session_end(ALL), "n_clicks"),
    )(mine(sessions))
    app.clientside_callback(
        ClientsideFunction("shell", "ask"),
        Output(ids.SETTINGS_SESSIONS_CONFIRM, "displayed"), Input(ids.SETTINGS_SESSIONS_END_ALL, "n_clicks"),
        prevent_initial_call=True,
    )
    app.callback(
        Output(ids.RELOAD, "href", allow_duplicate=True), Input(ids.SETTINGS_SESSIONS_CONFIRM, "submit_n_clicks"),
        prevent_initial_call=True,
    )(mine(end_all))
