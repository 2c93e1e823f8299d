"""``/api/models``: models, what can be done with them, and the requests that went to them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from itertools import chain, islice
from typing import Any

from flask import Response
from flask_babel import gettext as _
from flask_openapi3.blueprint import APIBlueprint

from api.files import CSV, attachment, csv_parts
from api.problems import Problem, described, field_problem, in_order
from api.serving_models import (
    AttainmentRow,
    AutopsyAnswer,
    Done,
    ModelAction,
    ModelQuery,
    ModelRow,
    ModelsAnswer,
    ModelsQuery,
    ModelWindow,
    ObjectiveAnswer,
    ProxiesAnswer,
    RequestAnswer,
    RequestPath,
    RequestRow,
    RequestsAnswer,
    RequestsFilter,
    RequestsQuery,
)
from api.wire import json_response, number
from components import autopsy_words
from live.models import Model, Proxy
from metrics.flat import iso
from metrics.models import PROXY_NUMBERS
from security import audit
from security.permissions import allowed, check, requires
from services import vigie
from serving.acts import Action, CannotAct
from serving.requests import reading
from serving.requests.objectives import Attainment
from serving.requests.reading import Filter
from serving.requests.table import Request

HOUR = 3600.0
COLUMNS = tuple(RequestRow.model_fields)
NUMBERS = (*PROXY_NUMBERS, "p95")
COUNTS = frozenset(PROXY_NUMBERS) - {"uptime", "mean"}
"""Numbers of a proxy, and those that are whole."""
NOT_FOUND: dict[int | str, Any] = {
    404: described("There is no such model"), 409: described("Several servers have it: name one"),
}
NOT_DONE: dict[int | str, Any] = NOT_FOUND | {
    409: described("Several servers have it, or its state does not allow it"),
    502: described("The model server refused"), 503: described("The serving process does not answer"),
}
NO_REQUEST: dict[int | str, Any] = {404: described("There is no such request")}


def model_row(row: Model) -> dict[str, Any]:
    """A model, as `ModelRow`."""
    return {
        "model": row.name, "server": row.server, "engine": row.engine, "state": row.state or None, "detail": row.detail,
        "message": row.message, "url": row.url, "found": row.found,
        "numbers": {name: {"value": one.value, "how": one.how} for name, one in row.readings.items()},
        "facts": dict(row.facts), "process": None if row.process is None else _process(row.process),
    }


def _process(told: Mapping[str, Any]) -> dict[str, Any]:
    """What is told of a process. What it wrote may name who asked what: the last lines are for who may read its output.
    The words of its command hold no key, and whoever sees the configuration sees them there, too."""
    made = dict(told)
    if isinstance(made.get("exit"), Mapping) and not allowed("requests:view"):
        made["exit"] = {name: value for name, value in made["exit"].items() if name != "lines"}
    return made


def proxy_row(one: Proxy) -> dict[str, Any]:
    """A proxy, as `ProxyRow`."""
    known = one.state != "starting"
    numbers = {name: number(one.numbers.get(name)) for name in NUMBERS}
    return {
        "name": one.name, "address": one.address, "state": one.state, "message": one.message,
        "up": one.state != "down" if known else None, "healthy": one.state == "healthy" if known else None,
        **{name: int(value) if value is not None and name in COUNTS else value for name, value in numbers.items()},
        "upstreams": None if one.upstreams is None else [asdict(server) for server in one.upstreams],
    }


def request_row(one: Request) -> dict[str, Any]:
    """A request, as `RequestRow`."""
    return {**asdict(one), "at": iso(one.at), "ended": iso(one.ended), "tokens_per_second": one.tokens_per_second}


def wanted(query: RequestsFilter) -> Filter:
    """The filter for the log.

    Raises:
        Problem: 400, two of its bounds are the wrong way round.
    """
    in_order(query.start, query.end)
    if query.above is not None and query.up_to is not None and query.above > query.up_to:
        raise field_problem("above", query.above, f"lies below up_to, which is {query.up_to:g}")
    return Filter(**query.model_dump(exclude={"before", "limit"}))


def found_model(server: str, name: str) -> Model:
    """The model that is meant.

    Raises:
        Problem: 404, there is none; 409, several servers have it and none is named.
    """
    rows = [row for row in vigie().serving.rows() if row.name == name and server in ("", row.server)]
    if not rows:
        raise Problem(404, _("There is no model %(name)s.", name=name))
    if len(rows) > 1:
        names = ", ".join(sorted(row.server for row in rows))
        raise Problem(409, _("Several servers have %(name)s: name one of %(servers)s.", name=name, servers=names))
    return rows[0]


def target_of(row: Model) -> str:
    """A model as the audit trail names it."""
    return row.name if row.server == row.name else f"{row.server}/{row.name}"


def act(action: Action, body: ModelAction) -> Response:
    """Does it, records it, and says what was done."""
    row = found_model(body.server, body.model)
    target = target_of(row)
    try:
        vigie().serving.act(action, row)
    except CannotAct as error:
        audit.record(f"model.{action}", target, result="failed", after={"error": str(error)})
        raise Problem(error.status, str(error)) from None
    audit.record(f"model.{action}", target)
    words = {
        "start": _("%(name)s is being started.", name=row.name), "stop": _("%(name)s is stopped.", name=row.name),
        "restart": _("%(name)s is being started again.", name=row.name),
        "load": _("%(name)s is being loaded.", name=row.name), "unload": _("%(name)s is unloaded.", name=row.name),
    }[action]
    return json_response({"message": words})


def attainment_row(found: Attainment) -> dict[str, Any]:
    """A window's attainment, as `AttainmentRow`."""
    return {name: getattr(found, name) for name in AttainmentRow.model_fields}


def register(bp: APIBlueprint) -> None:
    """Adds the routes."""

    @bp.get("/models", summary="Models and model servers, as they are now", responses={200: ModelsAnswer})
    @requires("models:view")
    def models_list(query: ModelsQuery) -> Response:
        serving = vigie().serving
        rows = [
            row for row in serving.rows()
            if query.server in ("", row.server) and query.state in ("", row.state)
        ]
        return json_response({
            "data": [model_row(row) for row in rows], "servers": [asdict(one) for one in serving.servers()],
        })

    @bp.get("/models/proxies", summary="Measuring proxies that are on, as they are now, and what they pass on to",
            responses={200: ProxiesAnswer})
    @requires("models:view")
    def models_proxies() -> Response:
        return json_response({"data": [proxy_row(one) for one in vigie().serving.proxies()]})

    @bp.get("/models/one", summary="One model, as it is now", responses={200: ModelRow, **NOT_FOUND})
    @requires("models:view")
    def models_one(query: ModelQuery) -> Response:
        return json_response(model_row(found_model(query.server, query.model)))

    @bp.get("/models/objective", summary="How a model stands to its objective",
            responses={200: ObjectiveAnswer, **NOT_FOUND})
    @requires("models:view")
    def models_objective(query: ModelWindow) -> Response:
        row = found_model(query.server, query.model)
        end = time.time() if query.end is None else query.end
        start = end - HOUR if query.start is None else query.start
        in_order(start, end)
        found = vigie().serving.standing(row, start, end)
        if found is None:
            return json_response(dict.fromkeys(ObjectiveAnswer.model_fields))
        return json_response({
            "objective": found.objective.model_dump(by_alias=True), "window": attainment_row(found.window),
            "hour": attainment_row(found.hour), "period": attainment_row(found.period), "burn": found.burn,
            "budget_left": found.budget_left,
        })

    @bp.post("/models/start", summary="Start a model process", responses={200: Done, **NOT_DONE})
    @requires("models:start")
    def models_start(body: ModelAction) -> Response:
        return act("start", body)

    @bp.post("/models/restart", summary="Stop a model process and start it again",
             responses={200: Done, 403: described("It needs models:stop and models:start"), **NOT_DONE})
    @requires("models:stop")
    def models_restart(body: ModelAction) -> Response:
        check("models:start")
        return act("restart", body)

    @bp.post("/models/stop", summary="Stop a model process", responses={200: Done, **NOT_DONE})
    @requires("models:stop")
    def models_stop(body: ModelAction) -> Response:
        return act("stop", body)

    @bp.post("/models/load", summary="Have a model server load a model",
             responses={200: Done, **NOT_DONE})
    @requires("models:start")
    def models_load(body: ModelAction) -> Response:
        return act("load", body)

    @bp.post("/models/unload", summary="Have a model server unload a model",
             responses={200: Done, **NOT_DONE})
    @requires("models:stop")
    def models_unload(body: ModelAction) -> Response:
        return act("unload", body)

    @bp.get("/models/requests", summary="Requests that went through the proxies, newest first",
            responses={200: RequestsAnswer})
    @requires("requests:view")
    def models_requests(query: RequestsQuery) -> Response:
        found = reading.page(vigie().serving.log.database, wanted(query), query.limit, query.before)
        return json_response({
            "data": [request_row(one) for one in found.requests], "next": found.more, "count": found.count,
            "failed": found.failed,
        })

    @bp.get("/models/requests/<int:request>", summary="One request, with its texts where these are kept",
            responses={200: RequestAnswer, **NO_REQUEST})
    @requires("requests:view")
    def models_request(path: RequestPath) -> Response:
        database, found = vigie().serving.log.database, _found(path.request)
        prompt, answer = reading.text_of(database, path.request)
        if prompt is not None or answer is not None:
            audit.record("model.text_read", found.request)
        return json_response({**request_row(found), "prompt": prompt, "answer": answer})

    @bp.get("/models/requests/<int:request>/autopsy", summary="Why was this answer slow?",
            responses={200: AutopsyAnswer, **NO_REQUEST})
    @requires("requests:view")
    def models_request_autopsy(path: RequestPath) -> Response:
        found = _found(path.request)
        told = vigie().serving.autopsy(found)
        return json_response({
            "headline": autopsy_words.headline(told.findings, slow=told.slow, known=told.usual.count,
                                               seconds=found.duration),
            "slow": told.slow, "others": told.others, "usual": asdict(told.usual), "looked_at": told.looked_at,
            "findings": [
                {"code": one.code, "sentence": autopsy_words.sentence(one), "weight": one.weight,
                 "facts": dict(one.facts)} for one in told.findings
            ],
            "moment_head": _("The moment"),
            "moment": [
                {"code": one.code, "name": autopsy_words.name(one), "now": autopsy_words.value(one),
                 "usual": autopsy_words.usual(one), "value": one.now, "usual_value": one.usual, "unit": one.unit}
                for one in told.moment
            ],
        })

    @bp.get("/models/requests/export", summary="Requests as a CSV file", responses={
        200: {"description": "The file", "content": {"text/csv": {}}},
    })
    @requires("requests:view")
    def models_requests_export(query: RequestsFilter) -> Response:
        rows = reading.everything(vigie().serving.log.database, wanted(query))
        begun = list(islice(rows, 1))  # a database that is away is an answer of its own, not a file that breaks off
        name = f"vigie-requests-{time.strftime('%Y-%m-%d', time.gmtime())}.csv"
        audit.record("model.requests_export", name, after=query.model_dump(exclude_defaults=True, by_alias=True))
        return attachment(csv_parts(COLUMNS, map(_values, chain(begun, rows))), name, CSV)


def _found(number: int) -> Request:
    """Raises Problem: 404, there is no request of that number."""
    found = reading.one(vigie().serving.log.database, number)
    if found is None:
        raise Problem(404, _("There is no such request, or it is not kept any more."))
    return found


def _values(one: Request) -> list[Any]:
    told = request_row(one)
    return [told[name] for name in COLUMNS]
