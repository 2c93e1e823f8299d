"""``/api/models``, sums: memory, energy, hours unused, capacity, and two sets of requests side by side."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from analysis.capacity import FEWEST
from analysis.compare import MEASURES, QUANTILES, Side, rows
from api.problems import described, field_problem, in_order
from api.serving import HOUR, NOT_FOUND, found_model
from api.serving_models import ModelQuery
from api.serving_sums_models import (
    CapacityAnswer,
    CompareAnswer,
    CompareQuery,
    EnergyAnswer,
    EnergyQuery,
    IdleAnswer,
    MemoryAnswer,
    Window,
)
from api.wire import json_response
from live.host_memory import Host
from live.models import Card
from metrics.flat import iso
from security.permissions import check, requires
from services import vigie

DAY = 86_400.0
MOST = 366 * DAY
"""The longest window that is reckoned up."""


def window(start: float | None, end: float | None, usual: float, names: tuple[str, str] = ("from", "to"),
           ) -> tuple[float, float]:
    """A window, epoch seconds; ``usual`` seconds long where no start is given.

    Raises:
        Problem: 400, it ends before it begins, or is longer than `MOST`.
    """
    last = time.time() if end is None else end
    first = last - usual if start is None else start
    in_order(first, last, names)
    if last - first > MOST:
        raise field_problem(names[0], iso(first), f"lies at most 366 days before {names[1]}, which is {iso(last)}")
    return first, last


def memory_row(one: Card | Host) -> dict[str, Any]:
    """Memory, as `MemoryRow`."""
    return {
        "used": one.used, "total": one.total, "free": None if one.total is None else max(one.total - one.used, 0.0),
        "others": one.others,
        "models": [{"server": server, "model": model, "bytes": size} for server, model, size in one.models],
    }


def side_row(model: str, server: str, start: float, end: float, found: Side) -> dict[str, Any]:
    """A side, as `SideRow`."""
    return {
        "model": model, "server": server, "from": iso(start), "to": iso(end), "requests": found.requests,
        "failed": found.failed, "client_did": found.client_did,
        "prompt_tokens": found.prompt_tokens, "output_tokens": found.output_tokens,
        **{measure: {f"p{share * 100:g}": found.quantile(measure, share) for share in QUANTILES}
           for measure in MEASURES},
        "joules_per_token": found.joules_per_token, "finish": dict(found.finish), "cut": found.cut,
    }


def register(bp: APIBlueprint) -> None:
    """Adds the routes."""

    @bp.get("/models/memory", summary="The memory of GPUs and of the machine, by model",
            responses={200: MemoryAnswer})
    @requires("models:view")
    def models_memory() -> Response:
        serving = vigie().serving
        host = serving.host()
        return json_response({
            "gpus": [{"gpu": card.gpu, "name": card.name, **memory_row(card)} for card in serving.cards()],
            "host": None if host is None else memory_row(host),
        })

    @bp.get("/models/energy", summary="What requests cost in energy and money, by model or client",
            responses={200: EnergyAnswer, 403: described("By client only with requests:view")})
    @requires("models:view")
    def models_energy(query: EnergyQuery) -> Response:
        if query.by == "client":
            check("requests:view")
        start, end = window(query.start, query.end, DAY)
        services = vigie()
        price = services.config.current.models.energy
        found = services.serving.spent(query.by, start, end)
        whole = sum(one.joules for one in found)
        return json_response({
            "from": iso(start), "to": iso(end), "power": services.serving.power(),
            "price_per_kwh": price.price_per_kwh, "currency": price.currency,
            "data": [{
                "name": one.name, "requests": one.requests, "tokens": one.tokens, "joules": one.joules,
                "joules_per_token": one.joules_per_token, "wh_per_1000": one.wh_per_1000,
                "cost_per_1000": one.cost_per_1000(price.price_per_kwh),
                "share": one.joules / whole if whole else None,
            } for one in found],
        })

    @bp.get("/models/idle", summary="Hours that models lay in memory, and were used", responses={200: IdleAnswer})
    @requires("models:view")
    def models_idle(query: Window) -> Response:
        start, end = window(query.start, query.end, DAY)
        return json_response({
            "from": iso(start), "to": iso(end),
            "data": [
                {"server": one.server, "model": one.model, "loaded_hours": one.loaded_hours,
                 "used_hours": one.used_hours, "idle_hours": one.idle_hours}
                for one in vigie().serving.idle(start, end)
            ],
        })

    @bp.get("/models/capacity", summary="How many more requests a model can take before its objective breaks",
            responses={200: CapacityAnswer, **NOT_FOUND})
    @requires("models:view")
    def models_capacity(query: ModelQuery) -> Response:
        room = vigie().serving.room(found_model(query.server, query.model))
        answer = dict.fromkeys(CapacityAnswer.model_fields) | {"minutes_needed": FEWEST, "points_needed": FEWEST}
        if room is not None:
            answer |= {"now": room.now, "limit": room.limit, "minutes": room.minutes, "points": room.pieces,
                       "requests_per_point": room.each}
            if (found := room.capacity) is not None:
                answer |= {
                    "more": room.more, "rate": found.rate, "low": found.low, "high": found.high,
                    "measured": found.measured, "beyond": found.beyond, "by": room.by,
                }
        return json_response(answer)

    @bp.get("/models/compare", summary="A model's requests beside another's, or those of another time",
            responses={200: CompareAnswer})
    @requires("requests:view")
    def models_compare(query: CompareQuery) -> Response:
        start, end = window(query.start, query.end, HOUR)
        other_start, other_end = window(
            start if query.other_from is None else query.other_from, end if query.other_to is None else query.other_to,
            HOUR, ("other_from", "other_to"),
        )
        model = query.other_model or query.model
        server = query.other_server or (query.server if not query.other_model else "")
        serving = vigie().serving
        first = serving.compared(query.server, query.model, start, end)
        second = serving.compared(server, model, other_start, other_end)
        return json_response({
            "first": side_row(query.model, query.server, start, end, first),
            "second": side_row(model, server, other_start, other_end, second),
            "rows": [asdict(row) for row in rows(first, second)],
        })
