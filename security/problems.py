"""Error answers: a page for people, ``application/problem+json`` (RFC 9457) for programs."""

from __future__ import annotations

import json
import re
import secrets
from urllib.parse import quote

import structlog
from flask import Flask, Response, current_app, g, has_request_context, render_template, request
from flask_babel import gettext as _
from werkzeug.exceptions import HTTPException, InternalServerError
from werkzeug.http import HTTP_STATUS_CODES

from storage.errors import StorageError

log = structlog.get_logger(__name__)

EMBED = "vigie.embed"
"""Key of the WSGI environment: the request came by an embed link (`security.embed_guard`)."""
TRUSTED = "VIGIE_REQUEST_IDS"
"""Key of Flask's configuration: a reverse proxy that is trusted numbers the requests (X-Request-ID)."""
_GIVEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}", re.A)
PROGRAM_PATHS = ("/api/", "/_dash-", "/ws/", "/metrics", "/_reload-hash")


def request_id() -> str:
    """A short name for the request in hand: in its answer, on the error page and in the log."""
    if "vigie_request_id" not in g:
        given = request.headers.get("X-Request-ID", "") if current_app.config.get(TRUSTED) else ""
        g.vigie_request_id = given if _GIVEN.fullmatch(given) else secrets.token_hex(6)
    return str(g.vigie_request_id)


def request_in_hand() -> str:
    """`request_id`, or nothing where there is no request: for log lines."""
    return request_id() if has_request_context() else ""


def for_program() -> bool:
    """True when the request in hand comes from a program or a script and not from a person's navigation."""
    if request.path.startswith(PROGRAM_PATHS) or request.method not in ("GET", "HEAD", "POST"):
        return True
    mode = request.headers.get("Sec-Fetch-Mode", "")
    if mode:
        return mode != "navigate"
    accept = request.accept_mimetypes
    return request.is_json or ("application/json" in accept.values() and not accept.accept_html)


def problem(status: int, title: str, detail: str = "", **more: object) -> Response:
    """A problem+json answer. ``more`` are members of its own, such as the failing ``fields``."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, "request": request_id(), **more}
    text = json.dumps(body, ensure_ascii=False).encode(errors="replace")  # what was given may be no Unicode
    return Response(text, status, content_type="application/problem+json")


def error_answer(
    status: int, title: str, detail: str, advice: str = "", headers: dict[str, str] | None = None
) -> Response:
    """The error as a page or as a problem, as the asker needs it. ``advice`` says what to do, for people."""
    if for_program():
        response = problem(status, title, detail)
    else:
        # By an embed link: words for whoever looks at a page of another site, and no way on into Vigie.
        page = render_template(
            "embed.html" if EMBED in request.environ else "error.html", status=status, title=title, detail=detail,
            advice=advice, request_id=request_id(),
        )
        response = Response(page, status, mimetype="text/html")
    response.headers.update(headers or {})
    return response


def store_away(error: StorageError) -> Response:
    """503: the accounts or another store cannot be reached."""
    return error_answer(
        503, _("Not possible now"), _("The database is away: %(reason)s", reason=str(error)),
        _("Vigie keeps collecting and tries again by itself. Reload this page in a moment."), {"Retry-After": "5"},
    )


def _words(status: int) -> tuple[str, str, str]:
    """Title, what happened, what to do."""
    known = {
        400: (_("Not understood"), _("The request is not complete or not well formed."), _("Go back and try again.")),
        403: (
            _("Not allowed"), _("You are signed in, but your role does not include this."),
            _("Ask an administrator for it, or sign in with another account."),
        ),
        404: (
            _("Not found"), _("There is nothing at this address."),
            _("Check the address, or begin at the overview."),
        ),
        405: (_("Not possible this way"), _("This address does not take such a request."), ""),
        410: (_("No longer there"), _("What was here is gone."), ""),
        413: (_("Too large"), _("What was sent is larger than allowed."), ""),
        429: (_("Too many requests"), _("There were too many requests in a short time."), _("Wait a moment.")),
        500: (
            _("Something went wrong"), _("Vigie made a mistake while answering. It goes on collecting."),
            _("Try again. If it stays, give the request number below to whoever looks after this installation: "
              "the log has the reason."),
        ),
    }
    return known.get(status, (HTTP_STATUS_CODES.get(status, _("Error")), "", ""))


def init_app(server: Flask) -> None:
    """Answers errors on every route that has no handler of its own."""

    @server.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Response | HTTPException:
        status = error.code or 500
        if status < 400 or error.response is not None:
            return error
        if isinstance(error, InternalServerError) and error.original_exception is not None:
            log.error("request failed", request=request_id(), method=request.method, path=quote(request.path))
        title, detail, advice = _words(status)
        # Retry-After, Allow and the like; the type belongs to the default page, which is not sent.
        headers = {key: value for key, value in error.get_headers() if key.lower() != "content-type"}
        own = error.description if error.description != type(error).description else None
        return error_answer(status, title, own or detail or error.description or "", advice, headers)

    @server.errorhandler(StorageError)
    def storage_error(error: StorageError) -> Response:
        log.warning("a store is away", request=request_id(), path=quote(request.path), error=str(error))
        return store_away(error)
