"""``POST /api/logs/client``: what goes wrong in somebody's browser, in the log."""

from __future__ import annotations

import json
import re
from typing import Any, Literal

import structlog
from flask import Flask, Response, request
from flask_babel import gettext as _
from flask_openapi3.blueprint import APIBlueprint
from pydantic import Field, JsonValue
from werkzeug.exceptions import RequestEntityTooLarge

from api.models import Closed
from api.problems import Problem, described
from security.context import security
from security.identity import current_identity
from security.permissions import requires

log = structlog.get_logger(__name__)

PATH = "/api/logs/client"
MOST_BYTES = 16 * 1024
MOST_MESSAGE, MOST_PAGE, MOST_DATA = 2000, 500, 8000
MASKED = (
    (re.compile(r"/embed/[^/?#\s]+"), "/embed/***"),
    (re.compile(r"\bvg[tr]_[A-Za-z0-9_-]+"), "***"),
    (re.compile(r"\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"), "***"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9+/=._~-]{8,}"), r"\1 ***"),
    (re.compile(
        r"(?i)((?:password|passwd|secret|token|api[_-]?key|csrf\w*|cookie|authorization)"
        r"[\"']?\s*[=:]\s*[\"']?)[^\"'\s&,;}]+"
    ), r"\1***"),
    (re.compile(r"//[^/@\s:]+:[^/@\s]+@"), "//***@"),
)
"""What must not be in a log, wherever it is in what a browser sends."""


class ClientLog(Closed):
    """What went wrong. ``error`` is the error itself (its stack, say), ``data`` whatever else helps."""

    message: str = Field(min_length=1, max_length=MOST_MESSAGE, examples=["x is not a function"])
    level: Literal["debug", "info", "warn", "error"] = "info"
    page: str = Field("", max_length=MOST_PAGE, description="Path of the page", examples=["/monitoring?tab=gpu"])
    data: JsonValue = None
    error: JsonValue = None


def masked(text: str, most: int) -> str:
    """``text`` without secrets and control characters, cut to ``most``."""
    for pattern, instead in MASKED:
        text = pattern.sub(instead, text)
    text = "".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in text)
    return text if len(text) <= most else text[:most - 1] + "…"


def _words(value: Any) -> str | None:
    if value is None:
        return None
    return masked(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), MOST_DATA)


def register(bp: APIBlueprint) -> None:
    """Adds the route."""

    @bp.post("/logs/client", summary="Tell what went wrong in a browser", responses={
        204: None, 413: described(f"More than {MOST_BYTES} bytes"), 429: described("Too many in a minute"),
    })
    @requires("dashboard:view")
    def logs_client(body: ClientLog) -> Response:
        identity = current_identity()
        if identity is None or identity.kind != "user":
            raise Problem(403, _("Only a signed-in person's browser tells what went wrong in it."))
        wait = security().reports.hit((identity.session, identity.id))
        if wait:
            raise Problem(429, _("This browser has told enough for now."), Retry_After=str(wait))
        write = {"debug": log.debug, "info": log.info, "warn": log.warning, "error": log.error}[body.level]
        more = {name: _words(getattr(body, name)) for name in ("data", "error") if getattr(body, name) is not None}
        write(
            "browser", message=masked(body.message, MOST_MESSAGE), page=masked(body.page, MOST_PAGE),
            who=identity.name, agent=masked(request.user_agent.string, 160), **more,
        )
        return Response(status=204)


def init_app(server: Flask) -> None:
    """Bounds what is read of a report, before it is; one that does not say how long it is, is not read."""

    @server.before_request
    def bound() -> None:
        if request.path == PATH and request.method == "POST" and (
            request.content_length is None or request.content_length > MOST_BYTES
        ):
            raise RequestEntityTooLarge
