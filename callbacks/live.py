"""The live feed's way without a socket: the points that a socket would have brought, by polling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, no_update

from callbacks import embedded, requires
from components import ids
from services import vigie

MOST_KEYS = 400
BACK_SECONDS = 60.0
"""Missed points further back are not handed after: the page fetches its window again."""


def poll(_tick: int | None, keys: Sequence[str] | None, frame: dict[str, Any] | None) -> Any:
    """A frame ``{q: null, t, keys, v}`` with the newest values of ``keys``; ``back`` holds ``[t, v]`` of ticks missed.

    ``frame`` is the newest frame the page has. No update when there is no newer one.
    """
    latest = vigie().latest
    names = embedded.values_of([key for key in _listed(keys) if isinstance(key, str)][:MOST_KEYS])
    now = round(latest.at * 1000)
    last = frame.get("t") if isinstance(frame, dict) else None
    if now <= 0 or (isinstance(last, int | float) and last >= now):
        return no_update
    answer: dict[str, Any] = {"q": None, "t": now, "keys": names, "v": [latest.value(key) for key in names]}
    step = vigie().settings.step * 1000
    if names and isinstance(last, int | float) and 1.5 * step < now - last <= BACK_SECONDS * 1000:
        answer["back"] = _missed(names, last, now)
    return answer


def _listed(keys: Any) -> Sequence[Any]:
    return keys if isinstance(keys, list) else ()


def _missed(names: Sequence[str], last: float, now: float) -> list[list[Any]]:
    rows: dict[int, list[float | None]] = {}
    known = {key: place for place, key in enumerate(names) if vigie().latest.info(key) is not None}
    for one in vigie().query.select(list(known), last / 1000, now / 1000).series:
        place = known[one.info.key]
        for t, value in zip(one.t.tolist(), one.value.tolist(), strict=True):
            if last < t < now and value == value:
                rows.setdefault(t, [None] * len(names))[place] = value
    return [[t, rows[t]] for t in sorted(rows)]


def register(app: Dash) -> None:
    """Registers the polling callback, and the script that hands every frame to the page's parts."""
    app.callback(
        Output(ids.LIVE_FRAME, "data"),
        Input(ids.LIVE_POLL, "n_intervals"),
        State(ids.LIVE_WANT, "data"),
        State(ids.LIVE_FRAME, "data"),
        prevent_initial_call=True,
    )(requires("dashboard:view", embedded.EVERY)(poll))
    app.clientside_callback(ClientsideFunction("vigie", "frame"), Input(ids.LIVE_FRAME, "data"))
