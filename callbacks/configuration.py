"""Configuration: the list of versions and the word about the file, drawn anew when a version came."""

from __future__ import annotations

import time
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output

from callbacks import requires
from components import config_backup, ids
from security.permissions import allowed
from services import vigie


def refresh(_changed: Any) -> tuple[Any, Any]:
    """The versions, and the banner about a file that was refused."""
    store, editable = vigie().config, allowed("config:edit")
    return (
        config_backup.listed(store.versions(), store.version.number, time.time(), editable=editable),
        config_backup.file_state(store, editable=editable),
    )


def register(app: Dash) -> None:
    """Registers this page's callbacks."""
    app.callback(
        Output(ids.CONFIGURATION_VERSIONS, "children"), Output(ids.CONFIGURATION_FILE, "children"),
        Input(ids.CONFIGURATION_CHANGED, "data"), prevent_initial_call=True,
    )(requires("config:view")(refresh))
    app.clientside_callback(
        ClientsideFunction("configuration", "enter"), Output(ids.CONFIGURATION_ENTERED, "data"),
        Input(ids.CONFIGURATION_VIEW, "data"),
    )
