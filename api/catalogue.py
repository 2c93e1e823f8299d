"""``/api/metrics/catalogue``: every metric with a history, once, with labels and values: to search in."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from flask import Response, request
from flask_openapi3.blueprint import APIBlueprint
from pydantic import BaseModel, Field

from api.wire import raw_json
from metrics.metric import Metric, rate_of
from metrics.series import SeriesInfo
from security.permissions import requires
from services import vigie


class CatalogueMetric(BaseModel):
    """A metric and what its series are told apart by."""

    name: str
    help: str = ""
    unit: str = ""
    source: str = Field("", description="The collector it comes from; empty when none of this machine's")
    count: int = Field(description="Series")
    labels: dict[str, list[str]] = Field(default_factory=dict, description="Label -> its values")
    total: str | None = Field(None, description="The counter that this is the rate of")
    gone: bool = Field(False, description="None of its series reports now: there is only history")


class CatalogueAnswer(BaseModel):
    metrics: list[CatalogueMetric]


def catalogue(
    kept: Iterable[SeriesInfo], newest: Iterable[SeriesInfo], reporting: Iterable[str], sources: Mapping[str, str],
) -> list[dict[str, Any]]:
    """The catalogue as JSON; what is empty or false is left out of an entry.

    Args:
        kept: series with a history.
        newest: series with a newest value, counters among them.
        reporting: names of the metrics that report now.
        sources: metric name -> its collector.
    """
    found: dict[str, dict[str, Any]] = {}
    values: dict[str, dict[str, dict[str, None]]] = {}
    for info in kept:
        entry = found.setdefault(info.name, {
            "name": info.name, "help": info.help, "unit": info.unit, "source": sources.get(info.name, ""), "count": 0,
        })
        entry["count"] += 1
        for label, value in info.labels:
            values.setdefault(info.name, {}).setdefault(label, {})[value] = None
    totals = {rate_of(Metric(i.name, "counter", i.unit, i.help)).name: i.name for i in newest if i.kind == "counter"}
    now = set(reporting)
    for name, entry in found.items():
        if name in values:
            entry["labels"] = {label: sorted(known, key=_order) for label, known in sorted(values[name].items())}
        if name in totals:
            entry["total"] = totals[name]
        if name not in now:
            entry["gone"] = True
    return [
        {key: value for key, value in found[name].items() if value != ""} for name in sorted(found)
    ]


def _order(value: str) -> tuple[int, int, str]:
    """Numbers by their size, then words."""
    return (0, int(value), value) if value.isascii() and value.isdecimal() and len(value) < 16 else (1, 0, value)


def register(bp: APIBlueprint) -> None:
    """Adds the route."""

    @bp.get("/metrics/catalogue", summary="Which metrics there are, to search in", responses={200: CatalogueAnswer})
    @requires("metrics:read")
    def metrics_catalogue() -> Response:
        """Answers 304 to a browser that has it already."""
        services = vigie()
        found = catalogue(
            services.query.series(), services.latest.infos(), {info.name for info, _ in services.latest.present()},
            services.metric_sources,
        )
        body = orjson.dumps({"metrics": found})
        response = raw_json(body)
        response.set_etag(hashlib.blake2b(body, digest_size=12).hexdigest(), weak=True)
        return response.make_conditional(request)  # type: ignore[return-value]  # it returns the response it is given
