"""``/api/alerts/past``: the values that a rule is judged by, to draw a threshold over; history of alerts as a file."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from flask import Response
from flask_babel import gettext as _
from flask_openapi3.blueprint import APIBlueprint
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from alerts.alert import Alert
from alerts.history import MOST, Filter
from analysis.backtest import Samples
from api.alert_answers import answered
from api.alert_models import HistoryOfAlerts
from api.alert_rule_models import BacktestQuery
from api.alert_rules import MISSING, candidate, window
from api.alerts import wanted
from api.files import CSV, attachment, csv_parts
from api.problems import described
from api.wire import json_response, number, rounded
from components.alert_words import said
from metrics.flat import iso
from security.audit import record
from security.permissions import requires
from services import vigie

DRAWN = 12
"""Series that are drawn: those that come nearest to the limit, or went furthest beyond it."""
MOST_POINTS = 600
DIGITS = 5
COLUMNS = (
    "fired", "resolved", "seconds", "severity", "rule", "name", "type", "category", "server", "series", "value", "peak",
    "threshold", "unit", "acknowledged", "acknowledged_by", "owner", "note", "flapping", "muted", "reason", "message",
)


class PastQuery(BacktestQuery):
    points: int = Field(400, ge=20, le=MOST_POINTS, description="Places along the time, each with a low and a high")


class PastSeries(BaseModel):
    series: str
    low: list[float | None]
    high: list[float | None]


class PastAnswer(BaseModel):
    """Values of a rule's function on a regular grid: place i stands for ``start + i * every`` and what follows it."""

    start: int = Field(description="Epoch milliseconds")
    every: float = Field(description="Milliseconds between two places")
    unit: str
    limit: float = Field(description="The threshold of the rule as given")
    resolve_limit: float
    series: list[PastSeries] = Field(description="The worst first")
    count: int = Field(description="Series that the rule watches")


def drawn(samples: Samples, start: float, end: float, points: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Lowest and highest value of each of ``points`` places between two times; NaN where there is none."""
    low, high = np.full(points, np.inf), np.full(points, -np.inf)
    places = ((samples.t - start) / (end - start) * points).astype(np.int64)
    least = samples.value if samples.low is None else samples.low
    most = samples.value if samples.high is None else samples.high
    known = np.isfinite(samples.value) & (places >= 0) & (places < points)
    np.minimum.at(low, places[known], least[known])
    np.maximum.at(high, places[known], most[known])
    empty = ~np.isfinite(low)
    low[empty] = high[empty] = np.nan
    if samples.step is not None and samples.step.size and (step := float(samples.step.max())) > (end - start) / points:
        low, high = (_held(column, round(step / (end - start) * points)) for column in (low, high))
    return low, high


def _held(column: NDArray[Any], places: int) -> NDArray[Any]:
    """A value of a step that is wider than a place stands until the next."""
    at = np.maximum.accumulate(np.where(np.isfinite(column), np.arange(column.size), -1))
    return np.where((at >= 0) & (np.arange(column.size) - at <= places), column[at], np.nan)


def _row(alert: Alert) -> list[Any]:
    fired = alert.fired or alert.started
    lasted = None if alert.resolved is None else round(alert.resolved - fired, 1)
    return [
        iso(fired), _time(alert.resolved), lasted, alert.severity, alert.rule, _(alert.name), alert.type,
        alert.category, alert.server, alert.series, number(alert.value), number(alert.peak), number(alert.threshold),
        alert.unit, _time(alert.acknowledged), alert.acknowledged_by, alert.owner, alert.note,
        "yes" if alert.flapping else "", alert.muted, alert.reason, said(alert),
    ]


def _time(at: float | None) -> str:
    return "" if at is None else iso(at)


def _everything(chosen: Filter) -> Iterator[Alert]:
    """All alerts of a filter, page by page."""
    alerts, before = vigie().alerts, None
    while True:
        page = alerts.history(chosen, MOST, before)
        yield from page.alerts
        before = page.more
        if before is None:
            return


def register(bp: APIBlueprint) -> None:
    """Adds the routes."""

    @bp.get("/alerts/past", summary="The values that a rule is judged by", responses={200: PastAnswer, **MISSING})
    @requires("alerts:view")
    def rules_past(query: PastQuery) -> Response:
        """Of the rule ``rule`` with the changes given, or of one made of what is given alone."""
        alerts = vigie().alerts
        start, end = window(query)
        with answered():
            rule, _today = candidate(query)
            found = alerts.backtest(rule, start, end)
        infos, columns = found.past.infos, [drawn(one, start, end, query.points) for one in found.past.samples]
        rising = rule.rising or rule.comparison in ("==", "!=")

        def badness(place: int) -> float:
            side = columns[place][1] if rising else -columns[place][0]
            return -float(np.nanmax(side)) if np.isfinite(side).any() else np.inf

        order = sorted(range(len(infos)), key=lambda place: (badness(place), infos[place].key))
        return json_response({
            "start": round(start * 1000), "every": (end - start) * 1000 / query.points,
            "unit": infos[0].unit if infos else "", "limit": number(found.limit),
            "resolve_limit": number(alerts.limits_of(rule)[1]), "count": len(infos) + found.past.left_out,
            "series": [
                {"series": infos[i].key, "low": rounded(columns[i][0], DIGITS), "high": rounded(columns[i][1], DIGITS)}
                for i in order[:DRAWN]
            ],
        })

    @bp.get("/alerts/history/file", summary="Alerts that fired, as CSV", responses={
        200: {"description": "The file", "content": {"text/csv": {}}}, 400: described("A filter that is none"),
    })
    @requires("alerts:view")
    def alerts_history_file(query: HistoryOfAlerts) -> Response:
        chosen = wanted(query)
        name = f"vigie-alerts-{time.strftime('%Y-%m-%d', time.gmtime())}.csv"
        # Whole, for the sentences need the request; bounded by what is kept.
        whole = b"".join(csv_parts(COLUMNS, map(_row, _everything(chosen))))
        record("alert.export", name)
        return attachment(whole, name, CSV)
