"""People: the body of the page for a tab, a search and a page; one's own tokens and second factor in Settings."""

from __future__ import annotations

import time
from typing import Any

from dash import Dash, Input, Output
from flask_babel import gettext as _

from callbacks import requires
from components import ids, own_tokens, people, second_factor, states
from components.sentences import sentence
from security.identity import Identity, current_identity
from security.permissions import ROLES, allowed
from services import vigie
from storage.errors import StorageError


def _failed(error: StorageError) -> Any:
    return states.failed(_("The list cannot be read"), sentence(str(error)), _("It comes back with the database."))


def body(ask: Any) -> Any:
    """What the open tab shows."""
    ask = ask if isinstance(ask, dict) else {}
    tab, search, number = ask.get("tab"), str(ask.get("search") or "")[:64].strip(), ask.get("page")
    number = number if isinstance(number, int) and 1 <= number <= 1_000_000 else 1
    try:
        if tab == "roles":
            return people.matrix(ROLES)
        if tab == "tokens":
            return _tokens(search)
        return _sessions(search, number) if tab == "sessions" else _users(search, number)
    except StorageError as error:
        return _failed(error)


def _users(search: str, number: int) -> Any:
    accounts, me = vigie().accounts, current_identity()
    found, total = accounts.people.page(search, (number - 1) * people.ROWS, people.ROWS)
    waits = accounts.lockouts.waits(user.name for user in found)
    counts = accounts.sessions.counts(user.id for user in found)
    mine = me.id if me is not None and me.kind == "user" else 0
    return [people.users_table(found, waits, counts, time.time(), mine), *people.pager(number, total)]


def _tokens(search: str) -> Any:
    if not allowed("tokens:manage"):
        return states.refused()
    wanted = search.casefold()
    found = [
        token for token in vigie().accounts.tokens.list()
        if wanted in token.owner.casefold() or wanted in token.name.casefold()
    ]
    return people.panel(own_tokens.tokens_table(found, time.time(), everybody=True))


def _sessions(search: str, number: int) -> Any:
    me = current_identity()
    found, total = vigie().accounts.sessions.page(
        search=search, offset=(number - 1) * people.ROWS, limit=people.ROWS
    )
    return [people.sessions_table(found, time.time(), me.session if me else None), *people.pager(number, total)]


def _person() -> Identity | None:
    identity = current_identity()
    return identity if identity is not None and identity.kind == "user" else None


def my_tokens(_changed: Any) -> Any:
    """The list of one's own tokens."""
    person = _person()
    if person is None:
        return states.refused()
    try:
        found = vigie().accounts.tokens.list(person.id)
    except StorageError as error:
        return _failed(error)
    return own_tokens.tokens_table(found, time.time(), everybody=False)


def my_factor(_changed: Any) -> Any:
    """What the card of the second factor says."""
    person, accounts = _person(), vigie().accounts
    try:
        user = accounts.people.by_id(person.id) if person is not None else None
        return second_factor.state(user, accounts.factors.left(user.id)) if user is not None else states.refused()
    except StorageError as error:
        return _failed(error)


def register(app: Dash) -> None:
    """Registers the callbacks."""
    app.callback(Output(ids.PEOPLE_BODY, "children"), Input(ids.PEOPLE_ASK, "data"))(requires("users:manage")(body))
    mine = requires("dashboard:view")
    app.callback(Output(ids.SETTINGS_TOKENS, "children"), Input(ids.SETTINGS_TOKENS_ASK, "data"))(mine(my_tokens))
    app.callback(Output(ids.SETTINGS_FACTOR, "children"), Input(ids.SETTINGS_FACTOR_ASK, "data"))(mine(my_factor))
