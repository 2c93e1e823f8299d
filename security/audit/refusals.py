"""What the guard, a callback or the CSRF check refused, told from the answer: whoever refuses needs to say nothing."""

from __future__ import annotations

from flask import Flask, Response, g, request

from security.audit.trail import record
from security.problems import EMBED

REFUSED = {401: "access.refused", 403: "access.refused", 429: "access.limited"}
OWN = ("/login", "/api/auth/")
"""Routes that record their refusals themselves, with the name that was tried."""
CALLBACKS = "/_dash-update-component"
"""Where Dash's callbacks are asked for, that of its router among them, which draws a page."""
_SMALL = 65_536
"""Bytes of a callback's request that is still read to learn which callback it was."""


def init_app(server: Flask) -> None:
    """Records refused requests. What comes by an embed link is recorded by its own guard."""

    @server.after_request
    def refused(response: Response) -> Response:
        action = REFUSED.get(response.status_code)
        if action is None or EMBED in request.environ or request.path.startswith(OWN):
            return response
        record(
            action, f"{request.method} {request.path}", result="refused",
            after={"status": response.status_code, **_more()},
        )
        return response


def _more() -> dict[str, str]:
    found = {}
    if wanted := g.get("vigie_wanted"):
        found["permission"] = wanted
    if request.path == CALLBACKS and request.method == "POST" and (request.content_length or _SMALL) < _SMALL:
        body = request.get_json(silent=True)
        if isinstance(body, dict):
            found["callback"] = str(body.get("output"))[:120]
    return found
