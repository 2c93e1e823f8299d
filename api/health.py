"""``/api/health``: open to all, in full to those who may read metrics."""

from __future__ import annotations

import time
from typing import Any

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from api.models import HealthAnswer
from api.wire import json_response
from metrics.flat import iso
from metrics.status import PartStatus, SourceStatus
from security.permissions import allowed
from services import vigie

LOOPS = frozenset({"scheduler", "roller"})
"""Parts that are loops: without them nothing is collected or kept, so the answer is 503."""


def overall(sources: list[SourceStatus], parts: list[PartStatus]) -> str:
    """``down`` when a loop has stopped, ``degraded`` when a store is away or a source fails, else ``ok``."""
    if any(not part.ok and part.name in LOOPS for part in parts):
        return "down"
    failed = any(not part.ok for part in parts) or any(source.state == "failed" for source in sources)
    return "degraded" if failed else "ok"


def register(bp: APIBlueprint) -> None:
    """Adds the route."""

    @bp.get("/health", summary="State of Vigie itself", responses={200: HealthAnswer, 503: HealthAnswer})
    def health() -> Response:
        services = vigie()
        sources, parts = services.sources(), services.parts()
        status = overall(sources, parts)
        body: dict[str, Any] = {"status": status}
        if allowed("metrics:read"):
            latest = services.latest
            body |= {
                "health": latest.health,
                "version": services.version,
                "uptime_seconds": round(time.time() - services.started, 1),
                "updated_at": iso(latest.at) if latest.at else None,
                "simulated": services.simulated or None,
                "parts": [{"name": p.name, "ok": p.ok, "message": p.message, "detail": p.detail} for p in parts],
                "sources": [
                    {"name": s.name, "state": s.state, "message": s.message, "since": iso(s.since) if s.since else None,
                     "duration_seconds": round(s.duration, 6)}
                    for s in sources
                ],
            }
        response = json_response(body, 503 if status == "down" else 200)
        response.headers["Cache-Control"] = "no-store"
        return response
