"""The keys that every page understands, in a dialog; ``assets/keys.js`` acts on them."""

from __future__ import annotations

from typing import Any

from dash import html
from flask_babel import gettext as _

from components import icons, ids
from components.attrs import attrs
from components.dialogs import dialog

Keys = list[tuple[tuple[str, ...], str]]


def groups() -> list[tuple[str, Keys]]:
    """Keys by what they are for: (heading, [(keys, words)]). Keys of one row that are joined by ``+`` are one."""
    return [
        (_("Through time"), [
            (("←", "→"), _("A quarter of the window earlier, later")),
            (("Shift ←", "Shift →"), _("A whole window earlier, later")),
            (("+", "-"), _("Zoom in, zoom out")),
            (("0", "Backspace"), _("Back to what was shown before")),
            (("L",), _("Back to live")),
            (("1", "…", "7"), _("Window: 5 minutes to 30 days")),
        ]),
        (_("Over a chart"), [
            ((_("drag"),), _("Zoom into a span of time")),
            ((_("double click"),), _("Back to what was shown before")),
            ((f"Ctrl {_('wheel')}",), _("Zoom around the pointer")),
            ((f"Shift {_('drag')}", _("wheel sideways")), _("Move through time")),
        ]),
        (_("Everywhere"), [
            (("/",), _("Search")),
            (("G O", "G M", "G E", "G V", "G S"), _("Go to Overview, Monitoring, Explore, Views, Settings")),
            (("?",), _("This list")),
        ]),
    ]


def button() -> html.Button:
    """The button in the top bar; a phone has no keys and does not show it."""
    return html.Button(
        icons.icon("question-circle", 18), type="button", className="topbar-button keys-button", title=_("Keys"),
        **attrs(data_keys_help="1", aria_haspopup="dialog", aria_label=_("Keys and gestures")),
    )


def keys_dialog() -> html.Dialog:
    """The list itself, closed."""
    return dialog(
        ids.KEYS_HELP, _("Keys and gestures"), [_group(heading, keys) for heading, keys in groups()],
        [html.Button(_("Close"), type="button", className="button", **attrs(data_close="1"))],
    )


def _group(heading: str, keys: Keys) -> html.Section:
    return html.Section(
        [
            html.H3(heading, className="keys-heading"),
            html.Dl([html.Div([html.Dt(_caps(names)), html.Dd(words)], className="keys-row") for names, words in keys]),
        ],
        className="keys-group",
    )


def _caps(names: tuple[str, ...]) -> list[Any]:
    parts: list[Any] = []
    for name in names:
        parts.append(html.Span("…", className="keys-to") if name == "…" else html.Span(
            [html.Kbd(key) for key in name.split(" ")] if " " in name and not name.islower() else html.Kbd(name),
            className="keys-one",
        ))
    return parts
