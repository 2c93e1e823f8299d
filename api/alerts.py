"""``/api/alerts``: what is wrong now, what was, and what people say of it."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask_babel import gettext as _
from flask_openapi3.blueprint import APIBlueprint

from alerts.alert import Alert
from alerts.history import Filter
from alerts.service import as_json
from api.alert_answers import answered
from api.alert_models import (
    Acknowledgement,
    AlertAnswer,
    AlertFact,
    AlertHistoryAnswer,
    AlertPath,
    AlertsAnswer,
    AlertsQuery,
    Assignment,
    HistoryOfAlerts,
    ServerAlert,
)
from api.models import ServerPath
from api.problems import described, in_order
from api.wire import json_response, number
from components.alert_words import said
from components.view_rules import person
from metrics.flat import iso
from security.audit import record
from security.permissions import requires
from services import vigie

SHORT = {"HIGH_CPU": "cpu", "HIGH_MEMORY": "ram", "DISK_FULL": "disk", "GPU_MEMORY_FULL": "gpu_memory"}
"""Types as ``spec/2`` calls them."""


def of_alert(alert: Alert) -> dict[str, Any]:
    """An alert as `AlertFact`, for who asks."""
    found = as_json(alert) | {"message": said(alert), "name": _(alert.name)}
    for name in ("value", "peak", "threshold"):
        found[name] = number(found[name])
    return found


def of_server(alert: Alert) -> dict[str, Any]:
    """An alert as `ServerAlert`."""
    factor = 100.0 if alert.unit == "ratio" else 1.0
    return {
        "id": alert.uuid, "server_id": alert.server,
        "type": SHORT.get(alert.type, alert.type.lower() or alert.rule), "severity": alert.severity,
        "message": said(alert), "value": None if alert.value is None else number(alert.value * factor),
        "threshold": number(alert.threshold * factor), "resolved": False,
        "created_at": iso(alert.fired or alert.started), "resolved_at": None, "labels": dict(alert.labels),
    }


def wanted(query: HistoryOfAlerts) -> Filter:
    """The filter that a query means.

    Raises:
        Problem: 400, the window ends before it starts.
    """
    in_order(query.start, query.end)
    return Filter(
        query.state or "", query.severity, query.rule, query.type, query.category, query.server, query.owner or "",
        query.acknowledged, query.muted, query.text or "", query.start, query.end,
    )


MISSING: dict[str | int, Any] = {404: described("There is no such alert, or it is over")}


def register(bp: APIBlueprint) -> None:
    """Adds the routes."""

    @bp.get("/alerts", summary="What is wrong now, the worst first", responses={200: AlertsAnswer})
    @requires("alerts:view")
    def alerts_active(query: AlertsQuery) -> Response:
        alerts = vigie().alerts
        version = alerts.changes
        found = [of_alert(one) for one in alerts.active(query.server) if query.pending or one.state == "firing"]
        return json_response({"version": version, "data": found})

    @bp.get("/alerts/<int:server>", summary="Active alerts of a server", responses={
        200: {"description": "A list of alerts", "content": {"application/json": {"schema": {
            "type": "array", "items": ServerAlert.model_json_schema(),
        }}}},
    })
    @requires("alerts:view")
    def alerts_of_server(path: ServerPath) -> Response:
        firing = [one for one in vigie().alerts.active(path.server) if one.state == "firing"]
        return json_response([of_server(one) for one in firing])

    @bp.get("/alerts/history", summary="Alerts that fired, newest first", responses={200: AlertHistoryAnswer})
    @requires("alerts:view")
    def alerts_history(query: HistoryOfAlerts) -> Response:
        page = vigie().alerts.history(wanted(query), query.limit, query.before)
        return json_response({
            "data": [of_alert(one) for one in page.alerts], "more": page.more, "count": page.count,
            "mean_seconds_to_acknowledge": number(page.to_acknowledge),
            "mean_seconds_to_resolve": number(page.to_resolve), "firing_seconds": number(page.firing_seconds),
            "by_severity": page.by_severity,
            "most_frequent": None if page.frequent is None else {
                "rule": page.frequent[0], "name": _(page.frequent[1]), "count": page.frequent[2],
            },
        })

    @bp.get("/alerts/one/<alert>", summary="An alert and what became of it", responses={
        200: AlertAnswer, **MISSING,
    })
    @requires("alerts:view")
    def alerts_one(path: AlertPath) -> Response:
        alerts = vigie().alerts
        with answered():
            story = alerts.story(path.alert)
            found = of_alert(alerts.get(path.alert))
        return json_response(found | {"story": [
            {"kind": one["kind"], "at": round(one["at"] * 1000), "value": number(one["value"]), "muted": one["muted"],
             "who": one["who"], "note": one["note"]} for one in story
        ]})

    @bp.post("/alerts/one/<alert>/acknowledge", summary="Take an alert up", responses={
        200: AlertFact, **MISSING,
    })
    @requires("alerts:acknowledge")
    def alerts_acknowledge(path: AlertPath, body: Acknowledgement) -> Response:
        with answered():
            alert = vigie().alerts.acknowledge(path.alert, person().name, body.note)
        record("alert.acknowledge", f"{alert.rule} {alert.series}", after={"alert": alert.uuid, "note": alert.note})
        return json_response(of_alert(alert))

    @bp.post("/alerts/one/<alert>/assign", summary="Give an alert an owner", responses={
        200: AlertFact, **MISSING,
    })
    @requires("alerts:acknowledge")
    def alerts_assign(path: AlertPath, body: Assignment) -> Response:
        alerts = vigie().alerts
        with answered():
            before = alerts.get(path.alert).owner
            alert = alerts.assign(path.alert, body.owner, person().name, body.note)
        record("alert.assign", f"{alert.rule} {alert.series}", before={"owner": before}, after={"owner": alert.owner})
        return json_response(of_alert(alert))
