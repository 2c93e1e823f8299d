"""What models hold and cost: memory every two seconds, energy and hours unused by the minute, capacity every five."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from dash import Dash, Input, Output, State, no_update
from flask_babel import gettext as _

from callbacks import requires
from components import ids, model_energy, model_memory, model_room, states
from components.sentences import sentence
from components.timebar import zoom_of
from live.models import Model
from security.permissions import allowed
from services import vigie
from storage.errors import StorageError

MOST_SECONDS = 366 * 86_400.0


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


def shown_model(view: Any) -> Model | None:
    """The model that a page is of, also where no server tells of it now; None where it names none."""
    given = view if isinstance(view, Mapping) else {}
    server, name = given.get("server"), given.get("model")
    if not isinstance(server, str) or not isinstance(name, str) or not name:
        return None
    return vigie().serving.row(server, name) or Model(server, name, "", "stopped")


def window_of(span: Any) -> tuple[float, float]:
    """What the charts of a page show, epoch seconds; while they move along, up to now."""
    given = span if isinstance(span, Mapping) else {}
    first, last = zoom_of(given.get("from"), given.get("to"))
    if first is not None and last is not None:
        return first / 1000, min(last / 1000, first / 1000 + MOST_SECONDS)
    seconds, now = given.get("seconds"), time.time()
    wide = isinstance(seconds, int | float) and 0 < seconds <= MOST_SECONDS
    return now - (float(seconds) if wide else 300.0), now  # type: ignore[arg-type]


def unread(error: StorageError) -> Any:
    """The request log cannot be read."""
    return states.failed(_("The request log cannot be read"), sentence(str(error)),
                         _("It comes back with the database."))


def register(app: Dash) -> None:
    """Registers the callbacks of the panels."""
    view = requires("models:view")
    app.callback(
        Output(ids.MODELS_MEMORY, "children"), Input(ids.MODELS_TICK, "n_intervals"), prevent_initial_call=True,
    )(view(memory))
    app.callback(
        Output(ids.MODELS_ENERGY, "children"), Input(ids.MODELS_ENERGY_BY, "value"),
        Input(ids.MODELS_ENERGY_WINDOW, "value"), Input(ids.MODELS_ENERGY_SPAN, "data"),
        Input(ids.MODELS_SLOW_TICK, "n_intervals"),
    )(view(energy))
    app.callback(
        Output(ids.MODELS_ROOM, "children"), Input(ids.MODELS_ROOM_TICK, "n_intervals"), State(ids.TIME_VIEW, "data"),
    )(view(room))
