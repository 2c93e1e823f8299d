"""The audit trail: who did what."""

from __future__ import annotations

from typing import Any

from dash import register_page
from flask_babel import gettext as _

from components import audit, states
from security.audit.reading import names
from security.permissions import admitted
from services import vigie


def title() -> str:
    """The document's title."""
    return f"{_('Audit trail')} – Vigie"


register_page(__name__, path="/audit", title=title, order=8)


def layout(**query: Any) -> Any:
    """The page with the filter of its address; its rows come by callback."""
    if not admitted("audit:view", "/audit"):
        return states.refused()
    return audit.page(
        names(vigie().audit.database), {name: given for name, given in query.items() if isinstance(given, str)},
    )
