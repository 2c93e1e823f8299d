"""What a panel shows in place of values: loading, no data, failed. Stale values stay, with a word beside them."""

from __future__ import annotations

from typing import Any

from dash import html
from flask_babel import gettext as _

from components import icons


def loading(height: str = "160px") -> html.Div:
    """A quiet skeleton as tall as what will stand there."""
    return html.Div(
        html.Span(_("Loading"), className="visually-hidden"),
        className="state state-loading", style={"minHeight": height}, role="status",
    )


def _panel(kind: str, icon: str, title: str, lines: list[Any], role: str = "note") -> html.Div:
    return html.Div(
        [
            html.Span(icons.icon(icon), className="state-icon"),
            html.Div([html.P(title, className="state-title"), *[html.P(line) for line in lines if line]]),
        ],
        className=f"state state-{kind}", role=role,
    )


def no_data(title: str, reason: str, hint: str = "") -> html.Div:
    """Nothing is there, and that is no failure: why, and what to do if it should be there."""
    return _panel("no-data", "dash-circle", title, [reason, hint])


def failed(title: str, what: str, how: str = "") -> html.Div:
    """Something broke: what, and how to mend it."""
    return _panel("failed", "exclamation-triangle", title, [what, how], role="alert")


def refused() -> html.Div:
    """The signed-in person may not see this page."""
    return html.Div(
        [
            html.H1(_("Not for your role")),
            _panel("failed", "shield-lock", _("Your role does not allow this page."),
                   [_("Ask an administrator for the permission, or go back to the overview.")]),
        ],
        className="page page-narrow",
    )
