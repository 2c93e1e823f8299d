"""Models: tiles, grid and table every two seconds, the request log by filter, the objective over the charts' window."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, get_args

from dash import Dash, Input, Output, Patch, State, ctx, no_update
from flask_babel import gettext as _

from callbacks import requires
from callbacks.model_view import may_act, named, shown_model, unread, window_of
from components import ids, model_charts, model_page, model_proxies, model_requests, models_page
from components.formats import duration
from components.links import href
from components.still import still, stilled
from components.timebar import zoom_of
from metrics.flat import iso
from security.audit.entry import word
from services import vigie
from serving.requests import reading
from serving.requests.reading import Filter
from serving.requests.table import Request
from storage.errors import StorageError

ROWS = 25
LATE = 2.0
"""Seconds that a request may have ended before the tick in which it is counted."""


def now(_tick: Any) -> tuple[Any, Any, Any]:
    """What the page shows of now."""
    services = vigie()
    rows = services.serving.rows()
    return (
        still(models_page.tiles(rows)),
        [still(one_) for one_ in models_page.body(
            rows, services.sources(), services.serving.silence(), time.time(), **may_act(),
        )],
        stilled(models_page.servers_panel(services.serving.servers())),
    )


def one(_tick: Any, view: Any) -> tuple[Any, Any]:
    """What a model's page shows of now; of one that is gone, that it is."""
    row = shown_model(view)
    if row is None:
        return no_update, no_update
    return still(model_page.head(row, **may_act())), still(model_page.tiles(row))


def objective(_tick: Any, span: Any, view: Any) -> Any:
    """How a model stands to its objective, over the window of the charts."""
    server, name = named(view)
    services = vigie()
    row = services.serving.row(server, name) if name else None
    if row is None:
        return still(model_page.objective_card(None, "")) if name else no_update
    start, end = window_of(span)
    try:
        found = services.serving.standing(row, start, end)
    except StorageError as error:
        return unread(error)
    return still(model_page.objective_card(found, _("over %(time)s", time=duration(end - start))))


def charts(_tick: Any, shown: Any, view: Any) -> tuple[Any, Any]:
    """The charts of a page, when there are others than those that are shown: a first request brings some."""
    server, name = named(view)
    infos = vigie().query.series()
    groups = model_charts.of_model(model_charts.Source.of(server, name, infos)) if name else model_charts.of_all(infos)
    there = model_charts.signature(groups)
    if not groups or there == shown:
        return no_update, no_update
    return model_page.chart_groups(groups), there


def requests(
    model: Any, error: Any, slow: Any, text: Any, cell: Any, _more: Any, _tick: Any, server: Any, before: Any,
    newest: Any,
) -> tuple[Any, ...]:
    """Requests by filter, where the next begin, whether there are any, the file, what cell was chosen, and the newest.
    A look whether there are newer ones that finds none changes nothing."""
    wanted = filter_of(model, error, slow, text, cell, server)
    older = ctx.triggered_id == ids.MODELS_MORE
    begin = before if older and isinstance(before, int) else None
    services = vigie()
    try:
        found = reading.page(services.serving.log.database, wanted, ROWS, begin)
    except StorageError as problem:
        return unread(problem), None, True, no_update, no_update, None
    first = found.requests[0].id if found.requests and begin is None else 0
    if ctx.triggered_id == ids.MODELS_LOG_TICK and first == newest:
        return (no_update,) * 6
    rows = model_requests.rows([told(one_) for one_ in found.requests], time.time())
    filtered = any((wanted.error, wanted.text, wanted.above, wanted.start))
    drawn: Any = rows if rows else model_requests.nothing(
        filtered=filtered, proxied=bool(services.serving.proxies()),
    )
    if older:
        drawn = Patch()
        drawn.extend(rows)
    address = href("/api/v1/models/requests/export", **query_of(wanted))
    return drawn, found.more, found.more is None, model_requests.export_link(address), _cell_words(cell), (
        no_update if older else first
    )


def filter_of(model: Any, error: Any, slow: Any, text: Any, cell: Any, server: Any) -> Filter:
    """The filter as the page gives it; what makes no sense is left out."""
    def chosen(value: Any) -> str:
        return word(value) if isinstance(value, str) and value != model_requests.ALL else ""

    above = float(slow) if isinstance(slow, str) and slow.replace(".", "", 1).isdecimal() else None
    more: dict[str, Any] = {"above": above}
    if isinstance(cell, Mapping):
        first, last = zoom_of(cell.get("from"), cell.get("to"))
        low, high = (_seconds(cell.get(key)) for key in ("above", "upTo"))
        measure = cell.get("measure")
        measure = measure if measure in get_args(reading.Measure) else "duration"
        # A gap between tokens is counted when it happens, anything else when its request ends.
        until = "begun_before" if measure == "itl_max" else "end"
        more = {
            "start": None if first is None else first / 1000 - LATE, until: None if last is None else last / 1000,
            "above": low, "up_to": high, "measure": measure,
        }
    return Filter(model=chosen(model), server=chosen(server), error=chosen(error), text=chosen(text).strip(), **more)


def _seconds(value: Any) -> float | None:
    good = isinstance(value, int | float) and not isinstance(value, bool) and value == value and 0 <= value < 1e9
    return float(value) if good else None


def query_of(wanted: Filter) -> dict[str, Any]:
    """A filter as the API's query has it."""
    return {
        "model": wanted.model, "server": wanted.server, "error": wanted.error, "text": wanted.text,
        "from": None if wanted.start is None else iso(wanted.start),
        "to": None if wanted.end is None else iso(wanted.end),
        "begun_before": None if wanted.begun_before is None else iso(wanted.begun_before),
        "measure": wanted.measure if wanted.above is not None or wanted.up_to is not None else None,
        "above": wanted.above if wanted.above is None else f"{wanted.above:g}",
        "up_to": wanted.up_to if wanted.up_to is None else f"{wanted.up_to:g}",
    }


def told(one_: Request) -> dict[str, Any]:
    """A request for the rows."""
    return {**asdict(one_), "tokens_per_second": one_.tokens_per_second}


def _cell_words(cell: Any) -> Any:
    if not isinstance(cell, Mapping) or zoom_of(cell.get("from"), cell.get("to"))[0] is None:
        return ""
    return model_requests.cell_chip(word(str(cell.get("words") or _("Requests of the chosen cell"))))


def strips(_tick: Any) -> Any:
    """The proxies' health, drawn anew."""
    return stilled(model_proxies.proxies(vigie().serving.proxy_strips()))


def register(app: Dash) -> None:
    """Registers the callbacks of both pages."""
    view = requires("models:view")
    app.callback(
        Output(ids.MODELS_TILES, "children"), Output(ids.MODELS_TABLE, "children"),
        Output(ids.MODELS_SERVERS, "children"), Input(ids.MODELS_TICK, "n_intervals"), prevent_initial_call=True,
    )(view(now))
    app.callback(
        Output(ids.MODELS_PROXIES, "children"), Input(ids.MODELS_SLOW_TICK, "n_intervals"), prevent_initial_call=True,
    )(view(strips))
    app.callback(
        Output(ids.MODELS_HEAD, "children"), Output(ids.MODELS_NOW, "children"),
        Input(ids.MODELS_ONE_TICK, "n_intervals"), State(ids.TIME_VIEW, "data"), prevent_initial_call=True,
    )(view(one))
    app.callback(
        Output(ids.MODELS_CHARTS, "children"), Output(ids.MODELS_CHARTED, "data"),
        Input(ids.MODELS_CHARTS_TICK, "n_intervals"), State(ids.MODELS_CHARTED, "data"), State(ids.TIME_VIEW, "data"),
        prevent_initial_call=True,
    )(view(charts))
    app.callback(
        Output(ids.MODELS_OBJECTIVE, "children"), Input(ids.MODELS_CHARTS_TICK, "n_intervals"),
        Input(ids.MODELS_SPAN, "data"), State(ids.TIME_VIEW, "data"),
    )(view(objective))
    app.callback(
        Output(ids.MODELS_REQUESTS, "children"), Output(ids.MODELS_NEXT, "data"), Output(ids.MODELS_MORE, "hidden"),
        Output(ids.MODELS_EXPORT, "children"), Output(ids.MODELS_CELL_SAID, "children"),
        Output(ids.MODELS_NEWEST, "data"),
        Input(ids.MODELS_OF, "value"), Input(ids.MODELS_ERROR, "value"), Input(ids.MODELS_SLOW, "value"),
        Input(ids.MODELS_TEXT, "value"), Input(ids.MODELS_CELL, "data"), Input(ids.MODELS_MORE, "n_clicks"),
        Input(ids.MODELS_LOG_TICK, "n_intervals"), State(ids.MODELS_SERVER, "data"), State(ids.MODELS_NEXT, "data"),
        State(ids.MODELS_NEWEST, "data"),
    )(requires("requests:view")(requests))
