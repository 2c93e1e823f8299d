"""The guard of embed links: what comes by ``/embed/<token>/...`` is judged by the token and by nothing else.

`EmbedEdge` moves the token out of the path before any route is looked up; cookies and Authorization then count for
nothing, five routes answer, and everything else is refused, told plainly and recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import structlog
from flask import Flask, Response, g, request
from flask_babel import format_date
from flask_babel import gettext as _
from werkzeug.exceptions import Forbidden, TooManyRequests

from security import audit
from security.audit.refusals import CALLBACKS
from security.context import security
from security.embeds import ANY_SITE, Embed, EmbedRefused
from security.identity import Identity, embed_of
from security.limits import network_of
from security.problems import EMBED, error_answer

if TYPE_CHECKING:
    from security.context import Security

log = structlog.get_logger(__name__)

PREFIX = "/embed/"
RULES = frozenset({"/", "/_dash-layout", "/_dash-dependencies", CALLBACKS, "/ws/metrics"})
"""Routes that answer an embed link; ``/`` is its document."""
REFUSALS = frozenset({403, 404, 405, 410})
CALLS_PER_MINUTE = 6000
"""Per link and address. Generous: a whole intranet may come by one address."""


MOST_BODY = 1024 * 1024
"""Bytes of what a link's page may send: a callback's values are few, and who sends them is unknown."""


class EmbedEdge:
    """WSGI layer: ``/embed/<token>/rest`` becomes ``/rest`` with the token beside it, so that no log, no counter and
    no error page ever has the token in a path."""

    def __init__(self, wsgi_app: Callable[..., Iterable[bytes]]) -> None:
        self._wsgi_app = wsgi_app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        environ.pop(EMBED, None)
        path: str = environ.get("PATH_INFO", "")
        if path.startswith(PREFIX):
            token, _slash, rest = path.removeprefix(PREFIX).partition("/")
            environ[EMBED], environ["PATH_INFO"] = token, "/" + rest
        return self._wsgi_app(environ, start_response)


def embedding() -> bool:
    """True when the request in hand came by an embed link, good or not."""
    return EMBED in request.environ


def token() -> str:
    """The token of the request in hand."""
    return str(request.environ[EMBED])


def check(from_elsewhere: Callable[[], bool]) -> Response | None:
    """Before a request that came by a link: None lets it pass.

    Raises:
        Forbidden, TooManyRequests, StorageError: answered by the error handlers.
    """
    parts, address = security(), network_of(request.remote_addr or "")
    g.vigie_identity = None
    request.max_content_length = MOST_BODY
    try:
        embed = g.vigie_embed_named = parts.embeds.find(token())
    except EmbedRefused as refused:
        g.vigie_embed_named, g.vigie_embed_why = refused.embed, refused.why
        wait = parts.calls.hit(("embed", address))
        if wait:  # somebody tries links: neither an answer nor a line in the log for each
            raise TooManyRequests(retry_after=wait) from None
        return _not_good(refused)
    wait = parts.embed_calls.hit((embed.id, address))
    if wait:
        raise TooManyRequests(retry_after=wait)
    if from_elsewhere():
        raise Forbidden(_("This request came from a page of another site."))
    rule = request.url_rule.rule if request.url_rule else None
    if rule not in RULES or (rule == CALLBACKS and not _callback_allowed(parts, embed)):
        raise Forbidden(_("This link shows one page or one chart; everything else stays closed."))
    g.vigie_identity = Identity(
        "embed", embed.id, f"embed {embed.id}", "", frozenset(), theme=embed.target.theme, embed=embed,
    )
    return None


def _callback_allowed(parts: Security, embed: Embed) -> bool:
    body = request.get_json(silent=True) if request.method == "POST" else None
    output = body.get("output") if isinstance(body, dict) else None
    if isinstance(output, str) and parts.embeddable(output, embed.target.kind):
        return True
    g.vigie_embed_detail = f"callback {output}"[:120]
    return False


def _not_good(refused: EmbedRefused) -> Response:
    """The answer to a link that is tampered with, unknown, revoked or expired."""
    ask = _("Ask whoever runs the page that shows this for a new link.")
    if refused.why == "forged":
        return error_answer(403, _("This link is not valid"), _("It is incomplete, or it was changed."), ask)
    if refused.why == "unknown":
        return error_answer(404, _("This link is not known"), _("It ended long ago, or another Vigie made it."), ask)
    embed = refused.embed
    if refused.why == "revoked":
        at = embed.revoked if embed and embed.revoked else None
        words = _("It was withdrawn on %(day)s.", day=_day(at)) if at else _("It was withdrawn.")
        return error_answer(410, _("This link was withdrawn"), words, ask)
    words = _("It was good until %(day)s.", day=_day(embed.expires)) if embed else ""
    return error_answer(410, _("This link has expired"), words, ask)


def _day(at: float) -> str:
    return str(format_date(datetime.fromtimestamp(at, UTC), "long"))


def refuse(detail: str) -> Forbidden:
    """To be raised by who finds, later than the guard, that the link does not give what is asked: recorded so."""
    g.vigie_embed_detail = detail[:120]
    return Forbidden(_("This link shows one page or one chart; everything else stays closed."))


def record(status: int, why: str = "elsewhere", detail: str = "") -> None:
    """Keeps that a link was refused: in the log, in its row, and as an event at most once a minute."""
    parts, embed = security(), g.get("vigie_embed_named")
    address, path = request.remote_addr or "", quote(request.path)
    log.warning(
        "embed link refused", embed=embed.id if embed else None, why=why, status=status, method=request.method,
        path=path, detail=detail or None, address=address,
    )
    audit.record(
        "embed.refused", f"embed {embed.id}" if embed else "", result="refused",
        after={"why": why, "status": status, "path": path, "detail": detail},
    )
    if embed is not None:
        parts.embeds.note(embed.id, refused=1)
    if not parts.alarms.hit(("embed", embed.id if embed else network_of(address))):
        parts.on_embed("embed_refused", "warning", {
            "embed": embed.title if embed else "", "id": str(embed.id) if embed else "", "why": why,
            "path": detail or path[:120], "address": address,
        })


def _after(response: Response) -> Response:
    """Records refusals, whoever made them, and counts each document as one use."""
    if not embedding():
        return response
    if response.status_code in REFUSALS:
        record(response.status_code, g.get("vigie_embed_why", "elsewhere"), g.get("vigie_embed_detail", ""))
    embed, rule = embed_of(), request.url_rule.rule if request.url_rule else None
    if embed is not None and rule == "/" and request.method == "GET" and response.status_code == 200:
        security().embeds.note(embed.id, uses=1)
    return response


def ancestors(configured: Iterable[str]) -> list[str]:
    """CSP sources that may frame the answer in hand; ``configured`` are the setting's.

    A page that says why a link is refused may stand anywhere: it holds nothing, and who framed it should read it.
    """
    if not embedding():
        return ["'self'", *configured]
    embed = embed_of()
    if embed is None or embed.site == ANY_SITE:
        return ["*"]
    return ["'self'", embed.site] if embed.site else ["'self'", *configured]


def init_app(server: Flask) -> None:
    """Adds the layer and the records. Call it before what changes the path otherwise."""
    server.wsgi_app = EmbedEdge(server.wsgi_app)  # type: ignore[method-assign]
    server.after_request(_after)

