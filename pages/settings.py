"""Settings: a person's own."""

from __future__ import annotations

from typing import Any

from dash import html, register_page
from flask_babel import gettext as _

from components import bell, own_tokens, second_factor, settings, states
from security.identity import current_identity
from security.permissions import allowed
from services import vigie


def title() -> str:
    """The document's title."""
    return f"{_('Settings')} – Vigie"


register_page(__name__, path="/settings", title=title, order=2)


def layout(**_query: Any) -> Any:
    """Profile, look and language, password, sign-ins."""
    identity = current_identity()
    if identity is None or not allowed("dashboard:view"):
        return states.refused()
    return html.Div(
        [
            html.H1(_("Settings")),
            html.Div(
                [
                    settings.preferences_card(identity.theme, identity.language, identity.timezone),
                    *([bell.choices_card(vigie().notified.choices_now(identity.id).toasts)]
                      if allowed("alerts:view") else []),
                    settings.profile_card(identity.name, identity.role, identity.permissions),
                    *([settings.password_card(identity.name)] if identity.method == "password" else []),
                    settings.sessions_card(states.loading("140px")),
                    second_factor.card(),
                    *([settings.embeds_card()] if allowed("embeds:create") else []),
                    own_tokens.tokens_card(),
                ],
                className="settings",
            ),
            own_tokens.new_dialog(identity.permissions), second_factor.on_dialog(), second_factor.off_dialog(),
        ],
        className="page",
    )
