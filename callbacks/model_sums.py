"""What models hold and cost: memory every two seconds, energy and hours unused by the minute, capacity every five."""

from __future__ import annotations

import time
from typing import Any

from dash import Dash, Input, Output, State, no_update

from callbacks import requires
from callbacks.model_view import shown_model, unread, window_of
from components import ids, model_energy, model_memory, model_room
from security.permissions import allowed
from services import vigie
from storage.errors import StorageError


def memory(_tick: Any) -> Any:
    """The bars of memory, drawn anew."""
    serving = vigie().serving
    return model_memory.panel(serving.cards(), serving.host())


def energy(by: Any, window: Any, span: Any, _tick: Any) -> Any:
    """Energy by model or client, and hours unused, over the window that was chosen."""
    whose = "client" if by == "client" and allowed("requests:view") else "model"
    seconds = model_energy.SECONDS.get(window) if isinstance(window, str) else None
    if window == model_energy.CHARTS:
        start, end = window_of(span)
    else:
        end = time.time()
        start = end - (seconds or model_energy.SECONDS[model_energy.DAY])
    services = vigie()
    price = services.config.current.models.energy
    try:
        found = services.serving.spent(whose, start, end)
        idle = services.serving.idle(start, end)
    except StorageError as error:
        return unread(error)
    return model_energy.body(
        found, idle, services.serving.rows(), by=whose, price=price.price_per_kwh, currency=price.currency,
        power=services.serving.power(), may_stop=allowed("models:stop"),
    )


def room(_tick: Any, view: Any) -> Any:
    """What the model of the page can take."""
    found = shown_model(view)
    if found is None:
        return no_update
    try:
        return model_room.card(vigie().serving.room(found))
    except StorageError as error:
        return unread(error)


def register(app: Dash) -> None:
    """Registers the callbacks of the panels."""
    view = requires("models:view")
    app.callback(
        Output(ids.MODELS_MEMORY, "children"), Input(ids.MODELS_TICK, "n_intervals"), prevent_initial_call=True,
    )(view(memory))
    app.callback(
        Output(ids.MODELS_ENERGY, "children"), Input(ids.MODELS_ENERGY_BY, "value"),
        Input(ids.MODELS_ENERGY_WINDOW, "value"), Input(ids.MODELS_SPAN, "data"),
        Input(ids.MODELS_SLOW_TICK, "n_intervals"),
    )(view(energy))
    app.callback(
        Output(ids.MODELS_ROOM, "children"), Input(ids.MODELS_ROOM_TICK, "n_intervals"), State(ids.TIME_VIEW, "data"),
    )(view(room))
