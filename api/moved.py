"""``/api/analysis/moved``: all series ranked by how far they departed, in a window, from their own past."""

from __future__ import annotations

import time
from typing import Any

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from pydantic import BaseModel, Field

from analysis.departure import FALSE_ALARMS
from analysis.moved import Direction, Moved, Reason, search
from analysis.moved_plan import Kept, NoWindowError
from api.models import Parameters
from api.problems import field_problem
from api.wire import When, json_response, number
from components import moved_words
from metrics.flat import iso
from security.permissions import requires
from services import vigie


class MovedQuery(Parameters):
    start: When | None = Field(None, alias="from", description="Start of the window")
    end: When | None = Field(None, alias="to", description="End of the window; now when not given")
    limit: int = Field(50, ge=1, le=10_000, description="Series in the answer, the most suspicious first")
    source: str | None = Field(None, description="Only series of this collector", max_length=64)
    direction: Direction | None = Field(None, description="Only series that went this way")


class MovedSeries(BaseModel):
    """A series and what it did."""

    series: str
    name: str = Field(description="In words")
    unit: str
    source: str
    score: float = Field(description="0 to 100; 50 and more stands out")
    direction: Direction
    reason: Reason = Field(description="What tells it: its level, its step, its roughness, its peak, its dip, presence")
    swings: float = Field(description="Its distance from its usual; 1 is the farthest it ever went in its past")
    now: float | None
    low: float | None = Field(description="The range of the same in its past")
    high: float | None
    sentence: str
    alike: str | None = Field(None, description="The series before it in the ranking that it moved together with")


class MovedBaseline(BaseModel):
    start: str = Field(alias="from")
    end: str = Field(alias="to")
    windows: int = Field(description="Of the same length, without overlap")
    resolution: Kept


class MovedAnswer(BaseModel):
    window: dict[str, str]
    baseline: MovedBaseline
    looked_at: int
    left_out: dict[str, int] = Field(description="Series that could not be judged, by reason")
    stand_out: int
    seconds: float
    false_alarms: float = Field(description="Share of searches of pure noise in which anything stands out")
    data: list[MovedSeries]


def register(bp: APIBlueprint) -> None:
    """Adds the route."""

    @bp.get("/analysis/moved", summary="What else moved in a window", responses={200: MovedAnswer})
    @requires("metrics:read")
    def analysis_moved(query: MovedQuery) -> Response:
        """Compares each series with its own past; docs/what-else-moved.md says how."""
        services = vigie()
        now = services.latest.at or time.time()
        end = now if query.end is None else query.end
        if query.start is None:
            raise field_problem("from", None, "the start of the window is missing")
        if end <= query.start:
            raise field_problem("from", iso(query.start), f"lies before to, which is {iso(end)}")
        began = time.perf_counter()
        try:
            found = search(services.query, services.query.series(), query.start, end, now)
        except NoWindowError as error:
            raise field_problem("from", iso(query.start), ". ".join(moved_words.lack(error))) from None
        return json_response(_answer(found, query, time.perf_counter() - began))


def _answer(found: Moved, query: MovedQuery, seconds: float) -> dict[str, Any]:
    plan, sources = found.plan, vigie().metric_sources
    alike = {other: found.moves[group[0]].info.key for group in found.groups for other in group[1:]}
    wanted = [
        (place, move) for place, move in enumerate(found.moves)
        if query.source in (None, sources.get(move.info.name, "")) and query.direction in (None, move.direction)
    ]
    return {
        "window": {"from": iso(plan.start), "to": iso(plan.end)},
        "baseline": {
            "from": iso(max(plan.past, found.past)), "to": iso(plan.start), "windows": found.windows,
            "resolution": plan.source,
        },
        "looked_at": len(found.moves),
        "left_out": {"short_past": found.short_past, "few_values": found.few_values},
        "stand_out": found.apart, "seconds": round(seconds, 4), "false_alarms": FALSE_ALARMS,
        "data": [
            {
                "series": move.info.key, "name": moved_words.name(move.info), "unit": move.info.unit,
                "source": sources.get(move.info.name, ""), "score": round(move.score, 1),
                "direction": move.direction, "reason": move.reason, "swings": number(move.swings, 3),
                "now": number(move.now), "low": number(move.low), "high": number(move.high),
                "sentence": moved_words.sentence(move, moved_words.name(move.info)),
                **({"alike": alike[place]} if place in alike else {}),
            }
            for place, move in wanted[:query.limit]
        ],
    }
