"""What a path that is no page's shows, inside the frame."""

from __future__ import annotations

from typing import Any

from dash import dcc, html, register_page
from flask_babel import gettext as _

from components import icons
from components.links import href
from components.shell import links


def title() -> str:
    """The document's title."""
    return f"{_('Not found')} – Vigie"


register_page(__name__, path="/404", title=title)


def layout(**_query: Any) -> html.Div:
    """Says so, and where to go."""
    return html.Div(
        [
            html.P("404", className="error-code"),
            html.H1(_("There is no such page")),
            html.P(_("The address may be mistyped, or the page is gone. These are there:")),
            html.Ul(
                [html.Li(dcc.Link([icons.icon(icon, 18), words], href=href(path))) for path, words, icon in links()],
                className="error-links",
            ),
        ],
        className="page page-narrow error-page",
    )
