"""Configuration: what a running Vigie goes by, in forms; for who may not edit, to read."""

from __future__ import annotations

import time
from typing import Any

from dash import register_page
from flask_babel import gettext as _

from components import config_page, states
from components.links import href
from security.identity import current_identity
from security.permissions import admitted, allowed
from services import vigie


def title() -> str:
    """The document's title."""
    return f"{_('Configuration')} – Vigie"


register_page(__name__, path="/configuration", title=title, order=2)


def layout(tab: str = "", **_query: Any) -> Any:
    """The page at a tab: ``?tab=models``."""
    if not admitted("config:view", "/configuration"):
        return states.refused()
    identity = current_identity()
    return config_page.page(
        vigie().config, identity.name if identity else "", href("/configuration"), tab, time.time(),
        editable=allowed("config:edit"), proxies=vigie().serving.proxies(),
    )
