"""What one can do with a chart: the button in its head, and the one menu that opens beside it.

The menu is drawn once, in the frame; ``assets/chart_menu.js`` puts it beside the button that was pressed and sends
``vigie:chart-action`` with ``{action, id, chart}`` for the item that was chosen.
"""

from __future__ import annotations

from typing import Any

from dash import html
from flask_babel import gettext as _

from components import icons, ids
from components.attrs import attrs
from security.identity import embed_of
from security.permissions import allowed


def items() -> list[tuple[str, str, str, str]]:
    """Items in order: (action, words, icon, permission)."""
    return [
        ("explore", _("Open in Explore"), "search", "metrics:read"),
        ("moved", _("What else moved?"), "activity", "metrics:read"),
        ("table", _("Show as a table"), "table", "metrics:read"),
        ("alert", _("New alert rule"), "bell", "alerts:edit"),
        ("note", _("Add a note"), "chat-left-text", "notes:write"),
        ("view", _("Add to a view"), "bookmark-plus", "views:edit"),
        ("export", _("Export"), "download", "metrics:read"),
        ("embed", _("Embed"), "code-slash", "embeds:create"),
    ]


def button(chart: str) -> html.Button | None:
    """The button in a chart's head; ``chart`` is what the chart is called. None in an embedded page."""
    if embed_of() is not None:
        return None
    return html.Button(
        icons.icon("three-dots"), type="button", className="chart-more",
        **attrs(data_chart_menu="1", aria_haspopup="menu", aria_label=_("More for %(chart)s", chart=chart)),
    )


def menu() -> Any:
    """The menu itself, closed, with what the person who looks may do."""
    return html.Div(
        [
            html.Button(
                [icons.icon(icon), html.Span(words)], type="button", className="menu-item", role="menuitem",
                **attrs(data_action=action),
            )
            for action, words, icon, permission in items() if allowed(permission)
        ],
        id=ids.CHART_MENU, className="menu-panel chart-menu", role="menu", hidden=True,
    )
