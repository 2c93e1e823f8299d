"""``/api/metrics``: newest values, history as rows or columns, and the list of series."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from api import models
from api.models import SECONDS, HistoryQuery
from api.problems import Problem, field_problem, in_order
from api.rows import FLAT_METRICS, TOTALS, at_times, binned, flat_columns, flat_rows, hold, keyed_rows, row_times
from api.wire import json_response, number, raw_json, rounded
from metrics.flat import iso
from metrics.series import Selection, Series, SeriesInfo, TimeArray
from security.permissions import requires
from services import vigie
from storage.errors import StoreUnavailable
from storage.selector import Selector, parse_selector

SERVER = 1
"""The id of this machine, so far the only one."""
DEFAULT_LAST = 300
COLUMN_DIGITS = 5
"""Significant digits in columns, which are made to be drawn."""


def check_server(server: int) -> None:
    """Lets known servers pass.

    Raises:
        Problem: 404, no such server.
    """
    if server != SERVER:
        raise Problem(404, f"There is no server {server}; this machine is server {SERVER}.")


def _newest_row() -> Response:
    latest = vigie().latest
    if not latest.at:
        raise Problem(503, "Nothing has been collected yet; the first values come within seconds.", Retry_After="1")
    return raw_json(latest.row_json())


def _current(selector: str) -> list[SeriesInfo]:
    """Series with a newest value that a selector asks for, counters included."""
    latest = vigie().latest
    exact = latest.info(selector)
    if exact is not None:
        return [exact]
    parsed = _parsed(selector)
    return [info for info in latest.infos() if parsed.matches(info)]


def _kept(selector: str) -> list[SeriesInfo]:
    """Series with a history that a selector asks for."""
    _parsed(selector)
    return vigie().query.series([selector])


def _parsed(selector: str) -> Selector:
    try:
        return parse_selector(selector)
    except ValueError as error:
        raise field_problem("metric", selector, str(error)) from None


def _by_given(selectors: list[str], find: Callable[[str], list[SeriesInfo]]) -> dict[str, str]:
    """Key in the answer -> series key. A selector that fits one series is its own key; one that fits several is
    answered by each series' key; one that fits none is there, and null."""
    keys: dict[str, str] = {}
    for selector in selectors:
        infos = find(selector)
        if len(infos) > 1:
            keys.update({info.key: info.key for info in infos})
        else:
            keys[selector] = infos[0].key if infos else selector
    return keys


def register(bp: APIBlueprint) -> None:
    """Adds the routes."""

    @bp.get("/metrics/latest", summary="Newest values", responses={200: models.LatestAnswer})
    @requires("metrics:read")
    def metrics_latest(query: models.LatestQuery) -> Response:
        check_server(query.server)
        if not query.metric:
            return _newest_row()
        latest = vigie().latest
        values = {given: number(latest.value(key)) for given, key in _by_given(query.metric, _current).items()}
        return json_response({"timestamp": iso(latest.at), **values})

    @bp.get("/metrics/current/<int:server>", summary="Newest values of a server", responses={200: models.FlatRow})
    @requires("metrics:read")
    def metrics_current(path: models.ServerPath) -> Response:
        check_server(path.server)
        return _newest_row()

    @bp.get("/metrics/history", summary="History", responses={200: models.HistoryAnswer})
    @requires("metrics:read")
    def metrics_history(query: HistoryQuery) -> Response:
        check_server(query.server)
        if query.last and query.start is not None:
            raise field_problem("last", query.last, "give last, or from and to, not both")
        if query.points:
            return json_response(_columns(query))
        data, problems = _rows(query)
        return json_response({"data": data, **_problems(problems)})

    @bp.get("/metrics/history/<int:server>", summary="History of a server, a bare list", responses={200: None})
    @requires("metrics:read")
    def metrics_history_of(path: models.ServerPath, query: models.ServerHistoryQuery) -> Response:
        check_server(path.server)
        end = query.end if query.end is not None else vigie().latest.at or time.time()
        asked = HistoryQuery.model_construct(
            start=query.start if query.start is not None else end - 3600, end=end, interval=query.interval or "1m",
            last=None, metric=[], server=path.server, points=None,
        )
        return json_response(_rows(asked)[0])

    @bp.get("/metrics/series", summary="Which series there are", responses={200: models.SeriesAnswer})
    @requires("metrics:read")
    def metrics_series(query: models.SeriesQuery) -> Response:
        services = vigie()
        infos = [*services.query.series(), *services.latest.infos()]
        if query.metric:
            infos = [info for selector in query.metric for info in (*_kept(selector), *_current(selector))]
        found = {info.key: info for info in infos}
        return json_response({"data": [
            {"series": key, "name": i.name, "labels": dict(i.labels), "unit": i.unit, "kind": i.kind, "help": i.help}
            for key, i in sorted(found.items())
        ]})


def _problems(sentences: list[str]) -> dict[str, list[str]]:
    return {"problems": sentences} if sentences else {}


def _window(query: HistoryQuery) -> tuple[float, float, int | None]:
    """(start, end, rows to keep), times in epoch seconds."""
    services = vigie()
    newest = services.latest.at or time.time()
    end = query.end if query.end is not None else newest
    last = query.last
    if query.start is not None:
        in_order(query.start, end)
        return query.start, end, None
    if query.end is not None and last is None:
        return end - 3600, end, None
    last = last or DEFAULT_LAST
    every = SECONDS[query.interval] if query.interval else services.settings.step
    # One more interval than asked: the newest is only begun.
    return end - last * every, end, last


def _select(selectors: list[str], start: float, end: float, points: int | None = None) -> Selection:
    for selector in selectors:
        _parsed(selector)
    found = vigie().query.select(selectors, start, end, points)
    if found.problems and not found.series:
        raise StoreUnavailable(" ".join(found.problems))
    return found


def _selected(selectors: list[str], query: HistoryQuery) -> tuple[Selection, TimeArray]:
    """What was asked for and the times of its rows; goes further back when ``last`` rows were not collected at the
    pace of the ring's step (missed ticks, a slower interval)."""
    start, end, keep = _window(query)
    services = vigie()
    oldest = (services.latest.at or end) - services.settings.capacity * services.settings.step
    if keep is not None and not query.interval and end > oldest:
        start = max(start, oldest)  # rows are ticks: those that the ring still has
    # A series that is read less often has its value at a row's time from a sample before the first row.
    before = max((hold(info) for selector in selectors for info in _kept(selector)), default=0.0)
    while True:
        found = _select(selectors, max(start - before, oldest) if start >= oldest else start, end)
        t = row_times(found.series)
        raw = found.step <= services.settings.step
        t = t[np.searchsorted(t, 1000 * (start if raw else start // found.step * found.step)):]
        if keep is None or query.interval or len(t) >= keep or start <= oldest:
            break
        start = max(oldest, end - 4 * (end - start))
    if keep is not None and not query.interval:
        t = t[-keep:]
    if len(t) > models.MOST_ROWS and not query.interval:
        raise Problem(400, f"That is {len(t)} rows, and {models.MOST_ROWS} is the most: ask for an interval or points.")
    return found, t


def _rows(query: HistoryQuery) -> tuple[list[dict[str, Any]], list[str]]:
    services = vigie()
    if query.metric:
        keys = _by_given(query.metric, _kept)
        found, t = _selected(list(dict.fromkeys(query.metric)), query)
        by_key = {one.info.key: one for one in found.series}
        columns = {
            given: at_times(by_key[key], t) if key in by_key else np.full(len(t), np.nan)
            for given, key in keys.items()
        }
    else:
        found, t = _selected(list(FLAT_METRICS), query)
        row = services.latest.row()
        series = _with_rates_until_now(found, query)
        columns = flat_columns(series, t, services.latest.limits, {key: row.get(key) for key in TOTALS})
    if query.interval:
        columns, t = binned(columns, t, SECONDS[query.interval])
        if query.last:
            columns, t = {key: column[-query.last:] for key, column in columns.items()}, t[-query.last:]
    rows = keyed_rows(columns, t) if query.metric else flat_rows(columns, t, query.server)
    return rows, found.problems


def _with_rates_until_now(found: Selection, query: HistoryQuery) -> list[Series]:
    """The series of a window, the rates of counters up to now: past totals are counted back from the newest."""
    newest = vigie().latest.at
    if query.end is None or query.end >= newest or not found.series:
        return found.series
    rates = tuple(TOTALS.values())
    start = min(one.t[0] for one in found.series) / 1000
    until_now = _select(list(rates), start, newest).series if start <= newest else []
    return [one for one in found.series if one.info.name not in rates] + until_now


def _columns(query: HistoryQuery) -> dict[str, Any]:
    if query.interval:
        raise field_problem("points", query.points, "give points or interval, not both")
    if not query.metric:
        raise field_problem("metric", None, "columns need at least one metric")
    start, end, _ = _window(query)
    found = _select(list(dict.fromkeys(query.metric)), start, end, query.points)
    # Series of one source tick together: their times are sent once, which halves the answer.
    axes: dict[bytes, int] = {}
    times: list[TimeArray] = []
    columns = []
    for one in found.series:
        axis = axes.setdefault(one.t.tobytes(), len(times))
        if axis == len(times):
            times.append(one.t)
        columns.append(_column(one, axis, query.extremes))
    return {"data": columns, "times": times, **_problems(found.problems)}


def _column(one: Series, axis: int, extremes: bool) -> dict[str, Any]:
    column: dict[str, Any] = {
        "metric": one.info.key, "unit": one.info.unit, "step": one.step, "time": axis,
        "value": rounded(one.value, COLUMN_DIGITS),
    }
    if extremes and one.low is not None and one.high is not None:
        column |= {"low": rounded(one.low, COLUMN_DIGITS), "high": rounded(one.high, COLUMN_DIGITS)}
    return column
