"""People: who may sign in, and what they may."""

from __future__ import annotations

from typing import Any

from dash import register_page
from flask_babel import gettext as _

from components import people, states
from security.permissions import admitted


def title() -> str:
    """The document's title."""
    return f"{_('People')} – Vigie"


register_page(__name__, path="/people", title=title, order=7)


def layout(tab: Any = None, **_query: Any) -> Any:
    """The page; its body comes by callback."""
    if not admitted("users:manage", "/people"):
        return states.refused()
    return people.page(tab if tab in people.TABS else people.TABS[0])
