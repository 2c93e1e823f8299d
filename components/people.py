"""The page of people: who may sign in and how, what roles may, everybody's tokens and sign-ins."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence, Set
from typing import Any

from dash import dcc, html
from flask_babel import gettext as _

from components import formats, icons, ids, states
from components.attrs import attrs
from components.people_dialogs import add_dialog, manage_dialog, revoke_dialog
from components.settings import ORDER, device, permission_words
from components.shell import role_words
from components.still import still
from components.svg import Svg
from security.people import User
from security.sessions import Session

TABS = ("people", "roles", "tokens", "sessions")
ROWS = 50


def tab_words(tab: str) -> str:
    """The name of a tab."""
    return {
        "people": _("People"), "roles": _("Roles"), "tokens": _("API tokens"), "sessions": _("Sign-ins"),
    }[tab]


def method_words(source: str) -> str:
    """A door in words."""
    return {"oidc": _("OpenID Connect"), "header": _("proxy")}.get(source, _("password"))


def page(tab: str) -> html.Div:
    """The page with ``tab`` open; its body comes by callback."""
    tabs = html.Div(
        [
            html.Button(
                tab_words(name), type="button", className="tab", role="tab",
                **attrs(data_people_tab=name, aria_selected="true" if name == tab else "false"),
            )
            for name in TABS
        ],
        className="tabs", role="tablist", **attrs(aria_label=_("What is shown")),
    )
    search = Svg("input", attrs={
        "type": "search", "className": "field people-search", "placeholder": _("Search by name"), "maxLength": 64,
        "aria-label": _("Search by name"), "spellCheck": "false", "autoComplete": "off",
    })
    add = html.Button(
        [icons.icon("plus-lg"), html.Span(_("Add a person"))], type="button", className="button button-primary",
        **attrs(data_people_add="1"),
    )
    return html.Div(
        [
            html.H1(_("People")),
            html.Div([tabs, html.Div([search, add], className="people-tools")], className="toolbar people-bar"),
            html.Div(states.loading("260px"), id=ids.PEOPLE_BODY),
            add_dialog(), manage_dialog(), revoke_dialog(),
            dcc.Store(id=ids.PEOPLE_ASK, data={"tab": tab, "search": "", "page": 1, "n": 0}),
        ],
        className="page people", **attrs(
            data_people_shown=tab, data_words_ended=_("That sign-in has ended."),
        ),
    )


def _state(user: User, wait: float) -> list[Any]:
    """What is to be said of an account, as tags."""
    tags = []
    if user.disabled:
        tags.append(html.Span(_("closed"), className="tag"))
    if wait > 0:
        words = _("waits %(minutes)s min after wrong passwords", minutes=max(1, round(wait / 60)))
        tags.append(html.Span(words, className="tag tag-warning"))
    if user.must_change:
        tags.append(html.Span(_("one-time password"), className="tag"))
    if user.second_factor:
        tags.append(html.Span(_("second factor"), className="tag tag-accent"))
    return tags or [html.Span(_("open"), className="muted")]


def users_table(
    users: Sequence[User], waits: Mapping[str, float], sessions: Mapping[int, int], now: float, me: int,
) -> Any:
    """People, each with a button that opens what can be done."""
    if not users:
        return _nobody()
    heads = [_("Name"), _("Role"), _("Signs in by"), _("State"), _("Sign-ins now"), _("Last sign-in"), ""]

    def row(user: User) -> html.Tr:
        told = json.dumps({
            "id": user.id, "name": user.name, "role": user.role, "source": user.source, "disabled": user.disabled,
            "factor": user.second_factor, "me": user.id == me,
            "sessions": sessions.get(user.id, 0),
        })
        cells: list[Any] = [
            [user.name, *([" ", html.Span(_("you"), className="tag tag-accent")] if user.id == me else [])],
            role_words(user.role), method_words(user.source), html.Div(_state(user, waits.get(user.name, 0)),
                                                                       className="tags"),
            formats.number(sessions.get(user.id, 0)),
            formats.moment(user.last_login, now) if user.last_login else _("never"),
            html.Div(html.Button(
                _("Manage"), type="button", className="button button-small",
                **attrs(data_person=told, aria_label=_("Manage %(name)s", name=user.name)),
            ), className="embed-buttons"),
        ]
        return _row(cells, heads, over=user.disabled)

    return _table(heads, [row(user) for user in users], "people-list")


def matrix(roles: Mapping[str, Set[str]]) -> html.Section:
    """Permissions down, roles across: who may what, in words."""
    def cell(role: str, permission: str) -> html.Td:
        may = permission in roles[role]
        mark = [icons.icon("check-circle-fill"), html.Span(_("yes"), className="visually-hidden")] if may else [
            html.Span("–", **attrs(aria_hidden="true")), html.Span(_("no"), className="visually-hidden"),
        ]
        return html.Td(mark, className="matrix-may" if may else "matrix-not")

    known = [p for p in ORDER if any(p in may for may in roles.values())]
    rest = sorted(set().union(*roles.values()) - set(known))
    rows = [
        html.Tr([
            html.Th([permission_words(p), html.Div(html.Code(p), className="muted")], scope="row"),
            *(cell(role, p) for role in roles),
        ])
        for p in (*known, *rest)
    ]
    head = html.Tr([html.Th(_("May")), *(html.Th(role_words(role), scope="col") for role in roles)])
    return html.Section(
        [
            html.P(_("Every page, every request and every change asks for one of these permissions. A token has those "
                     "that were chosen for it, and no more than its owner."), className="field-hint"),
            still(html.Table([html.Thead(head), html.Tbody(rows)], className="plain-table people-matrix")),
        ],
        className="panel",
    )


def sessions_table(rows: Sequence[Session], now: float, here: int | None) -> Any:
    """Everybody's sign-ins, the last used first."""
    if not rows:
        return _nobody()
    heads = [_("Who"), _("Device"), _("By"), _("Address"), _("Since"), _("Last used"), ""]

    def row(one: Session) -> html.Tr:
        mine = [" ", html.Span(_("this one"), className="tag tag-accent")] if one.id == here else []
        cells: list[Any] = [
            one.name, [device(one.user_agent), *mine], method_words(one.method), one.address or "?",
            formats.moment(one.created, now), formats.moment(one.last_seen, now),
            html.Div(html.Button(
                _("End"), type="button", className="button button-small button-danger",
                **attrs(data_session_end=str(one.id), aria_label=_("End a sign-in of %(name)s", name=one.name)),
            ), className="embed-buttons"),
        ]
        return _row(cells, heads)

    return _table(heads, [row(one) for one in rows], "people-sessions")


def pager(page_number: int, total: int) -> list[Any]:
    """Back and on, when there is more than one page."""
    pages = max(1, -(-total // ROWS))
    if pages == 1:
        return []

    def button(words: str, icon: str, to: int) -> html.Button:
        return html.Button(
            [icons.icon(icon), html.Span(words)], type="button", className="button button-small",
            disabled=not 1 <= to <= pages, **attrs(data_people_page=str(to)),
        )

    at = _("%(first)s to %(last)s of %(total)s", first=formats.number((page_number - 1) * ROWS + 1),
           last=formats.number(min(page_number * ROWS, total)), total=formats.number(total))
    return [html.Div(
        [button(_("Before"), "arrow-left", page_number - 1), html.Span(at, className="num"),
         button(_("Next"), "arrow-right", page_number + 1)],
        className="people-pager",
    )]


def panel(inside: Any) -> html.Section:
    """A plain panel."""
    return html.Section(inside, className="panel")


def _nobody() -> html.Div:
    return html.Div(states.no_data(_("Nothing found"), _("Nobody’s name holds what was typed.")), className="panel")


def _row(cells: Sequence[Any], heads: Sequence[str], *, over: bool = False) -> html.Tr:
    return html.Tr(
        [
            html.Td(cell, className="embed-what" if i == 0 else "", **attrs(data_label=head) if head and i else {})
            for i, (cell, head) in enumerate(zip(cells, heads, strict=True))
        ],
        className="is-over" if over else "",
    )


def _table(heads: Sequence[str], rows: Sequence[html.Tr], name: str) -> html.Section:
    return html.Section(still(html.Table(
        [html.Thead(html.Tr([html.Th(head) for head in heads])), html.Tbody(list(rows))],
        className=f"plain-table embed-list {name}",
    )), className="panel")


