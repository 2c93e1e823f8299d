"""Callbacks: one file per page, each with ``register(app)``.

Each one is registered as ``app.callback(Output(...), Input(...))(requires("dashboard:view")(refresh))``: the permission
is checked on every call, and a test walks ``app.callback_map`` for callbacks without one.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from security.permissions import requires_callback as requires

if TYPE_CHECKING:
    from dash import Dash

__all__ = ["PAGES", "register", "requires"]

PAGES = (
    "shell", "live", "charts", "overview", "monitoring", "explore", "embeds", "settings", "views", "moved", "audit",
    "configuration", "alerts", "people",
    "models", "model_bench", "model_files", "model_sums", "model_compare",
)
"""One file of this room each, in the order they are registered."""


def register(app: Dash) -> None:
    """Registers the callbacks of every page on ``app``."""
    for name in PAGES:
        import_module(f"callbacks.{name}").register(app)
