"""The frame around every page: state of the parts, the theme, and the start of the live feed."""

from __future__ import annotations

from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, no_update

from callbacks import requires
from components import ids, shell
from security.identity import current_identity
from services import vigie
from storage.errors import StorageError


def parts(_tick: int | None) -> Any:
    """The chip that says which store or loop is away."""
    return shell.parts_state(vigie().parts())


def save_theme(theme: str | None) -> Any:
    """Keeps the theme with the account; the page has already changed. A store that is away only costs the keeping:
    the browser remembers too."""
    identity = current_identity()
    if identity is not None and identity.kind == "user" and theme in ("dark", "light") and theme != identity.theme:
        try:
            vigie().accounts.people.set_profile(identity.id, theme=theme)
        except StorageError:
            return no_update
    return no_update


def register(app: Dash) -> None:
    """Registers the frame's callbacks."""
    app.callback(
        Output(ids.SHELL_PARTS, "children"), Input(ids.SHELL_PARTS_TICK, "n_intervals"), prevent_initial_call=True,
    )(requires("dashboard:view")(parts))
    app.callback(
        Output(ids.SHELL_THEME_SAVED, "data"), Input(ids.SHELL_THEME_CHOSEN, "data"), prevent_initial_call=True,
    )(requires("dashboard:view")(save_theme))
    app.clientside_callback(
        ClientsideFunction("shell", "theme"),
        Output(ids.SHELL_THEME_CHOSEN, "data"), Input(ids.SHELL_THEME, "n_clicks"), prevent_initial_call=True,
    )
