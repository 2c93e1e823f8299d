"""The frame around every page: navigation, top bar, banners, toasts, and the stores that the live feed fills."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import dash_bootstrap_components as dbc
from dash import dcc, html
from flask_babel import gettext as _

from components import (
    bell,
    chart_menu,
    chart_table,
    embed_dialog,
    export_dialog,
    formats,
    icons,
    ids,
    keys_help,
    notes,
    view_dialog,
)
from components.attrs import attrs
from components.links import href
from components.sentences import sentence
from components.svg import Svg
from components.words import part_words
from metrics.status import PartStatus
from security.permissions import allowed

LIVE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks, as far as the frame shows it."""

    name: str
    role: str


def links() -> list[tuple[str, str, str]]:
    """Navigation: (path, words, icon)."""
    return [
        ("/", _("Overview"), "speedometer2"),
        ("/monitoring", _("Monitoring"), "graph-up"),
        *([("/models", _("Models"), "boxes")] if allowed("models:view") else []),
        ("/explore", _("Explore"), "search"),
        ("/views", _("Views"), "collection"),
        *([("/alerts", _("Alerts"), "bell")] if allowed("alerts:view") else []),
        *office(),
        ("/settings", _("Settings"), "gear"),
    ]


def office() -> list[tuple[str, str, str]]:
    """What the navigation holds for who may; on a phone it stands in the account's menu."""
    places = [
        ("config:view", "/configuration", _("Configuration"), "sliders"),
        ("users:manage", "/people", _("People"), "people"),
        ("audit:view", "/audit", _("Audit"), "journal-check"),
    ]
    return [(path, words, icon) for permission, path, words, icon in places if allowed(permission)]


def role_words(role: str) -> str:
    """A role in words."""
    return {"viewer": _("viewer"), "operator": _("operator"), "admin": _("administrator")}.get(role, role)


def parts_state(parts: Sequence[PartStatus]) -> list[Any]:
    """The chip in the top bar when a loop or store is away, and nothing when all are there."""
    away = [part for part in parts if not part.ok]
    if not away:
        return []
    return [html.Details(
        [
            html.Summary(
                [icons.icon("exclamation-triangle-fill"), html.Span(_("Degraded"))], className="chip chip-warning",
            ),
            html.Ul(
                [html.Li([html.Strong(part_words(p.name)), html.P(sentence(p.message))]) for p in away],
                className="menu-panel parts-list",
            ),
        ],
        className="menu",
    )]


def _nav() -> html.Nav:
    admins = [path for path, _words, _icon in office()]
    return html.Nav(
        [
            dcc.Link([icons.mark(28), html.Span("Vigie", className="brand-name")], href=href("/"), className="brand"),
            html.Div(
                [
                    dbc.NavLink(
                        [icons.icon(icon, 18), html.Span(words)], href=href(path),
                        active="exact" if path == "/" else "partial",
                        className="rail-link rail-office" if path in admins else "rail-link",
                    )
                    for path, words, icon in links()
                ],
                className="rail-links",
            ),
        ],
        className="rail", **attrs(aria_label=_("Main")),
    )


def _user_menu(viewer: Viewer, csrf: str) -> html.Details:
    return html.Details(
        [
            html.Summary(
                [icons.icon("person-circle", 18), html.Span(viewer.name, className="user-name")],
                className="topbar-button", **attrs(aria_label=_("Account of %(name)s", name=viewer.name)),
            ),
            html.Div(
                [
                    html.P([html.Strong(viewer.name), html.Span(role_words(viewer.role))], className="menu-head"),
                    *(
                        dcc.Link([icons.icon(icon), words], href=href(path), className="menu-item menu-office")
                        for path, words, icon in office()
                    ),
                    dcc.Link([icons.icon("gear"), _("Settings")], href=href("/settings"), className="menu-item"),
                    *([dcc.Link(
                        [icons.icon("code-slash"), _("Embed links")], href=href("/embeds"), className="menu-item",
                    )] if allowed("embeds:create") else []),
                    html.Form(
                        [
                            Svg("input", attrs={"type": "hidden", "name": "csrf_token", "defaultValue": csrf}),
                            html.Button(
                                [icons.icon("box-arrow-right"), _("Sign out")], type="submit", className="menu-item",
                            ),
                        ],
                        action=href("/logout"), method="post",
                    ),
                ],
                className="menu-panel",
            ),
        ],
        className="menu",
    )


def _topbar(viewer: Viewer, hostname: str, now: float, parts: Sequence[PartStatus], csrf: str) -> html.Header:
    return html.Header(
        [
            html.Div(
                [
                    html.Span(icons.mark(24), className="topbar-mark"),
                    html.Span(hostname, className="server-name", title=_("The server you see")),
                    html.Time(
                        formats.clock(now) if now else "", id=ids.SHELL_CLOCK, className="clock",
                        title=_("Time of the newest values"),
                    ),
                ],
                className="topbar-where",
            ),
            html.Div(
                [
                    html.Div(parts_state(parts), id=ids.SHELL_PARTS, className="topbar-slot"),
                    export_dialog.jobs_menu(),
                    *([bell.bell()] if allowed("alerts:view") else []),
                    html.Span(
                        [html.Span(className="live-dot"), html.Span(_("Connecting"), className="live-words")],
                        id=ids.SHELL_LIVE, className="live live-wait", role="status",
                    ),
                    html.Button(
                        [html.Span(icons.icon("moon-stars", 18), className="only-light"),
                         html.Span(icons.icon("sun", 18), className="only-dark")],
                        id=ids.SHELL_THEME, className="topbar-button", type="button", title=_("Dark or light"),
                        **attrs(aria_label=_("Switch between dark and light")),
                    ),
                    *([embed_dialog.page_button()] if allowed("embeds:create") else []),
                    keys_help.button(),
                    _user_menu(viewer, csrf),
                ],
                className="topbar-tools",
            ),
        ],
        className="topbar",
    )


def shell(
    page: Any, viewer: Viewer, *, hostname: str, now: float, parts: Sequence[PartStatus], simulated: str, csrf: str,
    embed_days: float = 365,
) -> html.Div:
    """The frame around ``page``.

    Args:
        page: what the page container holds.
        viewer: who is signed in.
        hostname: name of the machine that is shown.
        now: epoch seconds of the newest values; 0 before the first.
        parts: state of loops and stores.
        simulated: words for a banner when the values come from no real machine, or empty.
        csrf: token for the sign-out form.
        embed_days: how long an embed link may last.
    """
    banner = html.Div(
        [icons.icon("info-circle"), html.Span(sentence(simulated))], className="banner", role="note",
    ) if simulated else None
    return html.Div(
        [
            html.A(_("Skip to content"), href="#main", className="skip"),
            _nav(),
            html.Div(
                [
                    _topbar(viewer, hostname, now, parts, csrf),
                    *([banner] if banner else []),
                    html.Main(page, id="main", tabIndex="-1"),
                ],
                className="shell-body",
            ),
            html.Div(id=ids.TOASTS, className="toasts", **attrs(aria_live="polite")),
            *([bell.toasts()] if allowed("alerts:view") else []),
            chart_menu.menu(),
            *([notes.parts()] if allowed("metrics:read") else []),
            *([notes.note_dialog()] if allowed("notes:write") else []),
            *([view_dialog.add_dialog()] if allowed("views:edit") else []),
            chart_table.table_dialog(),
            *([embed_dialog.dialog(embed_days)] if allowed("embeds:create") else []),
            export_dialog.export_dialog(),
            keys_help.keys_dialog(),
            dcc.Store(id=ids.LIVE_FRAME),
            dcc.Store(id=ids.LIVE_WANT),
            dcc.Interval(id=ids.LIVE_POLL, interval=LIVE_SECONDS * 1000, disabled=True),
            dcc.Interval(id=ids.SHELL_PARTS_TICK, interval=10_000),
            dcc.Store(id=ids.SHELL_THEME_CHOSEN),
            dcc.Store(id=ids.SHELL_THEME_SAVED),
            dcc.Store(id=ids.SHELL_THEME_SHOWN),
            dcc.Location(id=ids.RELOAD, refresh=True),
        ],
        className="shell",
    )


def toast(words: str, kind: str = "ok") -> html.Div:
    """A short word of success (``ok``) or failure (``error``); it leaves by itself."""
    icon = "check-circle-fill" if kind == "ok" else "exclamation-octagon-fill"
    return html.Div(
        [icons.icon(icon), html.Span(words)],
        className=f"toast-note toast-{kind}",
        role="status" if kind == "ok" else "alert",
    )
