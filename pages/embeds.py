"""Embed links: what of Vigie is shown on other sites. One's own; for administrators, everybody's."""

from __future__ import annotations

from typing import Any

from dash import dcc, html, register_page
from flask_babel import gettext as _

from components import embed_list, ids, states
from security.permissions import admitted, allowed


def title() -> str:
    """The document's title."""
    return f"{_('Embed links')} – Vigie"


register_page(__name__, path="/embeds", title=title, order=5)


def layout(**_query: Any) -> Any:
    """The page; its list comes by callback."""
    if not admitted("embeds:create", "/embeds"):
        return states.refused()
    lead = _("Everybody's links.") if allowed("embeds:manage") else _("The links that you made.")
    return html.Div(
        [
            html.Div([
                html.H1(_("Embed links")),
                html.P([lead, " ", _("Whoever has one sees that chart or page without signing in.")],
                       className="page-lead"),
            ]),
            html.Div(states.loading("180px"), id=ids.EMBEDS_LIST),
            embed_list.revoke_dialog(),
            dcc.Store(id=ids.EMBEDS_ASK),
        ],
        className="page embeds",
    )
